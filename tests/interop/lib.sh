# shellcheck shell=bash
# What the interop tests share: a network namespace of their own, levee on a TAP in it, a Linux peer that talks to it, a
# capture of everything levee sends, and the clean-up that happens however a test ends. A test is called with the path of
# the levee binary and exits with 0, 1, or 77 for "skipped".
#
#   namespace NS:   tap0, the kernel's end, 10.7.0.1/24 and fd00:7::1/64    <->    levee, 10.7.0.2/24 and fd00:7::2/64
#
# Where the kernel has no IPv6, HOSTS holds the IPv4 address alone, and a test that goes through it shows IPv4 alone.
#
# Waiting is polling with a bound, never a sleep that hopes. LEVEE_TEST_SIZE=small shrinks what is sent, for sanitizers.

set -uo pipefail

LEVEE=${1:?usage: TEST LEVEE_BINARY}
NS=levee-$$
HOST=10.7.0.2 HOST6=fd00:7::2
HOSTS=("$HOST") PEERS=(10.7.0.1)
[[ -d /proc/sys/net/ipv6 ]] && HOSTS+=("$HOST6") PEERS+=(fd00:7::1)
ADDRESSES=$HOST/24$( ((${#HOSTS[@]} > 1)) && echo ",$HOST6/64")
WORK=$(mktemp -d /tmp/levee-interop-XXXXXX)
PYTHON=/usr/bin/python3
SMALL=$([[ ${LEVEE_TEST_SIZE-} == small ]] && echo yes)
LEVEE_PID=''
declare -a PIDS=() NAMESPACES=() LEFTOVERS=()

log() { echo "-- $*"; }

fail() {
  echo "FAILED: $*" >&2
  [[ -s $WORK/levee.log ]] && tail -n 40 "$WORK/levee.log" | sed 's/^/levee: /' >&2
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# Ends what this test started, by process id, and takes down what it made. Never changes the verdict.
clean_up() {
  local pid
  trap - EXIT INT TERM
  for pid in "${PIDS[@]}" $LEVEE_PID; do kill -TERM "$pid" 2>/dev/null; done
  for pid in "${PIDS[@]}" $LEVEE_PID; do
    for _ in {1..50}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  for ns in "${NAMESPACES[@]}"; do ip netns del "$ns" 2>/dev/null; done
  rm -rf "$WORK" "${LEFTOVERS[@]}"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# --- what a test needs ---
need_tap() {
  ((EUID == 0)) || skip "making a TAP and a network namespace needs root"
  [[ -c /dev/net/tun ]] || skip "/dev/net/tun is missing"
  ip netns add "$NS" 2>/dev/null || skip "network namespaces cannot be made here"
  NAMESPACES+=("$NS")
  settle_namespace "$NS"
}
need() {
  local tool
  for tool in "$@"; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
}

add_namespace() {  # NAME
  ip netns add "$1" || fail "namespace $1 cannot be made"
  NAMESPACES+=("$1")
  settle_namespace "$1"
}
# IPv6 has the addresses that it is given, at once, and asks no router for more.
settle_namespace() {
  local interface
  ((${#HOSTS[@]} > 1)) && for interface in all default; do
    ip netns exec "$1" sysctl -qw net.ipv6.conf.$interface.{accept_ra=0,accept_dad=0,addr_gen_mode=1,router_solicitations=0}
  done
  ip -n "$1" link set lo up
}

inside() { ip netns exec "$NS" "$@"; }
# For `becomes_inside COMMAND &`: the background process is the command itself, so that $! is the pid to signal.
becomes_inside() { exec ip netns exec "$NS" "$@"; }

# until_true SECONDS COMMAND...: polls the command until it succeeds; fails when the time is over.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# --- levee ---
# start_levee OPTION...: levee on tap0 with the usual listeners; returns when it answers a ping.
start_levee() {
  launch_levee --dev=tap:tap0 --address="$ADDRESSES" --listen=80/http,7/echo,9/discard,19/chargen "$@"
  until_true 30 levee_or_link || true
  gone "$LEVEE_PID" && fail "levee did not start"
  inside ip link show tap0 >/dev/null 2>&1 || fail "levee made no tap0"
  configure_tap
  local host
  for host in "${HOSTS[@]}"; do
    until_true 20 inside ping -c 1 -W 1 "$host" || fail "levee does not answer a ping to $host"
  done
}
# The kernel's end. The link-local address is for neighbour discovery on behalf of others, as a router.
configure_tap() {
  inside ip addr add 10.7.0.1/24 dev tap0 && inside ip link set tap0 up || fail "tap0 cannot be configured"
  ((${#HOSTS[@]} == 1)) || { inside ip addr add fd00:7::1/64 dev tap0 && inside ip addr add fe80::1/64 dev tap0; } ||
    fail "tap0 cannot be configured for IPv6"
}
levee_or_link() { gone "$LEVEE_PID" || inside ip link show tap0; }

# launch_levee OPTION...: levee in the namespace, in the background.
launch_levee() {
  becomes_inside "$LEVEE" "$@" >"$WORK/levee.log" 2>&1 &
  LEVEE_PID=$!
}

# stop_levee [SIGNAL]: a signal (TERM), then the exit code in STATUS.
stop_levee() {
  local pid=$LEVEE_PID
  kill -"${1:-TERM}" "$pid" 2>/dev/null
  until_true 30 gone "$pid" || { kill -KILL "$pid"; STATUS=killed; }
  wait "$pid"
  STATUS=${STATUS-$?}
  LEVEE_PID=''
}
stop_clean() {
  unset STATUS
  stop_levee
  [[ $STATUS == 0 ]] || fail "levee ended with $STATUS; 0 says that every buffer came back and every connection closed"
}

# An address as it stands in a URL.
in_url() { [[ $1 == *:* ]] && echo "[$1]" || echo "$1"; }

# --- levee's figures ---
# stats FILE: one look at all of them. Is a connection itself: look twice and compare what it does not touch.
stats() { inside timeout 20 curl -sS --fail --max-time 15 -o "$1" "http://$HOST/stats.json"; }

# figure FILE counters|drops|now|entered NAME: one figure; `now` and `entered` are those of a state.
figure() {
  $PYTHON - "$@" <<'PY'
import json, sys
path, group, name = sys.argv[1:4]
stats = json.load(open(path, encoding="utf-8"))
if group in ("now", "entered"):
    print(stats["states"][name][group])
else:
    print((stats["drops"]["by_reason"] if group == "drops" else stats[group])[name])
PY
}

# at_least FILE GROUP NAME MINIMUM
at_least() {
  local value
  value=$(figure "$1" "$2" "$3")
  ((value >= $4)) || fail "$2.$3 is $value, expected at least $4"
}

# --- the capture of what levee sends, on the kernel's end ---
# start_capture [PACKETS]: at most so many packets, so that a load test stays bounded. The MAC of levee is its neighbour entry.
start_capture() {
  need tshark dumpcap
  rm -f "$WORK/dumpcap.log" "$WORK/sent.pcap"  # of an earlier capture
  becomes_inside dumpcap -q -i tap0 -s 0 -B 64 -c "${1:-400000}" -f "src host $HOST or src host $HOST6 or arp" -w "$WORK/sent.pcap" \
    >"$WORK/dumpcap.log" 2>&1 &
  CAPTURE_PID=$!
  PIDS+=("$CAPTURE_PID")
  until_true 15 grep -q '^File:' "$WORK/dumpcap.log" || fail "dumpcap did not start: $(cat "$WORK/dumpcap.log")"
}

# check_capture MINIMUM: stops it; tshark, with its checksum checks on, must find nothing wrong in levee's frames.
check_capture() {
  # The kernel hands frames over in blocks that are retired when full or some milliseconds old: what is on its way has to
  # reach the file first.
  until_true 10 capture_is_quiet || fail "frames keep coming"
  kill -TERM "$CAPTURE_PID" 2>/dev/null
  until_true 20 gone "$CAPTURE_PID" || fail "dumpcap does not stop"
  wait "$CAPTURE_PID" 2>/dev/null
  local bad total
  total=$(packets_matching "ip.src == $HOST || ipv6.src == $HOST6") || fail "tshark cannot read the capture"
  ((total >= $1)) || fail "only $total frames of levee were captured, expected at least $1"
  # Where there is TCP payload the headers are whole; random bytes, taken for HTTP, may well be malformed HTTP.
  bad=$(packets_matching "(ip.src == $HOST || ipv6.src == $HOST6 || arp) && ((_ws.malformed && !tcp.payload) ||
    tcp.checksum.status == 0 || ip.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0)") || fail "tshark refused the filter"
  if ((bad > 0)); then
    cp "$WORK/sent.pcap" "/tmp/levee-bad-$$.pcap"
    fail "$bad of $total frames are malformed or have a bad checksum; kept in /tmp/levee-bad-$$.pcap"
  fi
  log "tshark: $total frames from levee, none malformed, no bad checksum"
}
capture_is_quiet() {
  local size
  size=$(wc -c <"$WORK/sent.pcap")
  sleep 0.5
  [[ $(wc -c <"$WORK/sent.pcap") == "$size" ]]
}
packets_matching() {
  timeout 240 tshark -n -r "$WORK/sent.pcap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
    -o tcp.desegment_tcp_streams:FALSE -o tcp.analyze_sequence_numbers:FALSE -Y "$1" -T fields -e frame.number \
    2>"$WORK/tshark.log" >"$WORK/matching" || { head -n 5 "$WORK/tshark.log" >&2; return 1; }
  wc -l <"$WORK/matching"
}

# --- data ---
# random_file FILE BYTES
random_file() { head -c "$2" /dev/urandom >"$1"; }
checksum() { sha256sum "$@" | cut -d ' ' -f 1; }
same() { cmp -s "$1" "$2" || fail "$3: $(wc -c <"$2") of $(wc -c <"$1") bytes arrived, or others than were sent"; }
