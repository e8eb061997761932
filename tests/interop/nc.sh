#!/bin/bash
# levee-nc against Linux's nc: both sides open, both families, a megabyte each way at once, half-close both ways, and what
# its exit code says. Called with the path of levee-nc.
source "$(dirname "$0")/lib.sh"
need nc ping
need_tap
HOST6=fd07::2
random_file "$WORK/ours" 1048576
random_file "$WORK/theirs" 1048576

# start_nc INPUT OUTPUT OPTION...: levee-nc in the background between two files, until its TAP is there and up.
start_nc() {
  local input=$1 output=$2
  shift 2
  becomes_inside "$LEVEE" --dev=tap:tap0 --address=$HOST/24,$HOST6/64 "$@" <"$input" >"$output" 2>"$WORK/levee.log" 9>&- &
  LEVEE_PID=$!
  until_true 30 levee_or_link || fail "levee-nc made no tap0"
  gone "$LEVEE_PID" && fail "levee-nc did not start"
  inside sysctl -qw net.ipv6.conf.tap0.disable_ipv6=0 || fail "the kernel has no IPv6"
  inside ip addr add 10.7.0.1/24 dev tap0 && inside ip addr add fd07::1/64 dev tap0 nodad && inside ip link set tap0 up ||
    fail "tap0 cannot be configured"
}
# expect_exit CODE WHAT: levee-nc ends by itself with this code.
expect_exit() {
  until_true 60 gone "$LEVEE_PID" || fail "$2: levee-nc does not end"
  wait "$LEVEE_PID"
  local code=$?
  LEVEE_PID=''
  ((code == $1)) || fail "$2: levee-nc ended with $code, expected $1"
  until_true 10 link_is_gone || fail "$2: tap0 stays"
}
link_is_gone() { ! inside ip link show tap0 >/dev/null 2>&1; }
# start_peer NC_ARGUMENT...: Linux's nc from `theirs` to `got`.
start_peer() {
  becomes_inside timeout 60 nc -N "$@" <"$WORK/theirs" >"$WORK/got" 2>"$WORK/nc.log" 9>&- &
  PEER_PID=$!
  PIDS+=("$PEER_PID")
}
listens() { inside ss -Hltn "sport = :$1" | grep -q .; }

expect_both_whole() {
  wait "$PEER_PID" || fail "$1: Linux's nc ended badly: $(cat "$WORK/nc.log")"
  same "$WORK/theirs" "$WORK/out" "$1, from Linux"
  same "$WORK/ours" "$WORK/got" "$1, to Linux"
  [[ -s $WORK/levee.log ]] && fail "$1: levee-nc complained"
  log "$1: a megabyte each way"
}

# Linux listens before levee's SYN can reach it: on any address, and tap0 is configured after levee-nc has begun, so the
# SYN waits for its neighbour (RFC 9293 3.9.1.1; RFC 1122 2.3.2.2).
# A listening nc whose buffers happen to be empty ends at our FIN, whatever its stdin still has: ours waits for the end of
# theirs.
mkfifo "$WORK/later"
theirs_is_here() { (($(wc -c <"$WORK/out") >= 1048576)); }
for to in 10.7.0.1 fd07::1; do
  [[ $to == *:* ]] && family=-6 || family=-4
  exec 9<>"$WORK/later"
  start_peer $family -l 9000
  until_true 10 listens 9000 || fail "Linux's nc does not listen"
  start_nc "$WORK/later" "$WORK/out" $to 9000
  cat "$WORK/ours" >&9
  until_true 60 theirs_is_here || fail "connecting to $to: only $(wc -c <"$WORK/out") bytes arrived"
  exec 9>&-
  expect_exit 0 "connecting to $to"
  expect_both_whole "connecting to $to"
done

# levee listens; the probe is a ping, as a connection would be the one that it takes.
for to in $HOST $HOST6; do
  start_nc "$WORK/ours" "$WORK/out" -l 9001
  until_true 20 inside ping -c 1 -W 1 $to || fail "levee-nc does not answer a ping"
  start_peer $to 9001
  expect_exit 0 "listening on $to"
  expect_both_whole "listening on $to"
done

# Half-close from our side: an empty stdin ends at once, and what Linux sends only after our FIN still arrives. (nc would
# close at our FIN.)
becomes_inside timeout 60 $PYTHON - "$WORK/theirs" <<'PY' &
import socket, sys
listener = socket.create_server(("", 9002))
connection, _ = listener.accept()
assert connection.recv(1) == b""
with open(sys.argv[1], "rb") as file:
    connection.sendfile(file)
connection.close()
PY
PEER_PID=$!
PIDS+=("$PEER_PID")
start_nc /dev/null "$WORK/out" 10.7.0.1 9002
expect_exit 0 "our half-close"
wait "$PEER_PID" || fail "the peer that waits for our FIN ended badly"
same "$WORK/theirs" "$WORK/out" "after our half-close"
log "half-close from levee-nc: what Linux sends afterwards arrives"

# And from Linux's side: its FIN ends only what it sends.
becomes_inside timeout 60 nc -N -l 9003 </dev/null >"$WORK/got" &
PEER_PID=$!
PIDS+=("$PEER_PID")
exec 9<>"$WORK/later"
until_true 10 listens 9003 || fail "Linux's nc does not listen"
start_nc "$WORK/later" "$WORK/out" 10.7.0.1 9003
in_fin_wait_2() { inside ss -Htn state fin-wait-2 "sport = :9003" | grep -q .; }
until_true 20 in_fin_wait_2 || fail "Linux's FIN was not acknowledged"
cat "$WORK/ours" >&9
exec 9>&-
expect_exit 0 "Linux's half-close"
wait "$PEER_PID"
same "$WORK/ours" "$WORK/got" "after Linux's half-close"
log "half-close from Linux: what levee-nc sends afterwards arrives"

# A stdout that nobody reads: a megabyte is more than a pipe and our receive buffer hold, so the window closes and the rest
# waits with Linux until somebody does (RFC 9293 3.8.6).
mkfifo "$WORK/slow"
exec 9<>"$WORK/slow"
start_peer -4 -l 9006
until_true 10 listens 9006 || fail "Linux's nc does not listen"
start_nc "$WORK/ours" "$WORK/slow" 10.7.0.1 9006
window_is_closed() { inside ss -Htino "sport = :9006" | grep -q 'timer:(persist'; }
until_true 20 window_is_closed || fail "the window does not close: $(inside ss -Htino 'sport = :9006')"
exec 8<"$WORK/slow" 9>&-  # the reader's end is open before ours is closed: the pipe always has one
cat <&8 >"$WORK/out" 8<&- &
reader=$!
PIDS+=("$reader")
exec 8<&-
expect_exit 0 "a slow reader"
wait "$reader"
expect_both_whole "a slow reader"

# A stdout whose reader has gone.
exec 9<>"$WORK/slow"
start_peer -4 -l 9007
until_true 10 listens 9007 || fail "Linux's nc does not listen"
start_nc "$WORK/ours" "$WORK/slow" 10.7.0.1 9007
head -c 1000 <&9 >"$WORK/out"
exec 9>&-
expect_exit 1 "a reader that has gone"
grep -qx 'levee-nc: stdout: Broken pipe' "$WORK/levee.log" || fail "the broken pipe is not told in one sentence"
log "a reader that has gone: exit code 1 and a sentence"

# Nobody listens.
start_nc /dev/null "$WORK/out" 10.7.0.1 9004
expect_exit 1 "a refused port"
grep -qx 'levee-nc: 10.7.0.1:9004: connection refused' "$WORK/levee.log" || fail "the refusal is not told in one sentence"
log "refused: exit code 1 and a sentence"

# A signal while it waits for a neighbour that is not there.
start_nc /dev/null "$WORK/out" 10.7.0.99 9005
kill -TERM "$LEVEE_PID"
expect_exit 1 "a signal"
grep -qx 'levee-nc: 10.7.0.99:9005: connection aborted.*' "$WORK/levee.log" || fail "the signal is not told in one sentence"
log "passed"
