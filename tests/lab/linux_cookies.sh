#!/bin/bash
# What a SYN-ACK by cookie costs: levee over a memif, its I/O included, against Linux with tcp_syncookies=2 over a veth,
# in turns on the same core. Linux's cost is the softirq time of that core, ksoftirqd's included, from /proc/stat.
#
#   namespace TX: veth lab0, AF_PACKET, the sender, CPU 0   <->   namespace RX: veth lab1, 10.7.0.2, Linux's TCP, CPU 1
#
# RPS moves what arrives on lab1 to CPU 1, and the replies back to CPU 0, so that CPU 1 pays for what a server pays for
# and no more. What the veth itself costs is measured twice: with everything dropped at lab1's ingress hook (receiving),
# and with everything sent back from there (receiving and sending). linux_cookies.py says what it comes to.
source "$(dirname "$0")/lib.sh"
need ip nft taskset
need_two_cpus
((EUID == 0)) || skip "making a network namespace needs root"
rounds=${LEVEE_ROUNDS:-$([[ $SMOKE ]] && echo 1 || echo 5)}
# SYNs a second for Linux; 0 is as many as the sender can. Linux's best counts.
read -ra rates <<<"${LEVEE_RATES:-$([[ $SMOKE ]] && echo 20000 || echo 100000 200000 300000 0)}"
tx=$NS-tx rx=$NS-rx

make_link() {
  add_namespace "$tx"
  add_namespace "$rx"
  ip -n "$tx" link add lab0 address 02:00:00:00:00:01 type veth peer name lab1 address $MAC netns "$rx" ||
    skip "no veth can be made here"
  ip -n "$rx" addr add $HOST/24 dev lab1
  ip -n "$tx" link set lab0 up
  ip -n "$rx" link set lab1 up
  # The replies' way: a gateway that needs no ARP.
  ip -n "$rx" neigh add 10.7.0.1 lladdr 02:00:00:00:00:01 nud permanent dev lab1
  ip -n "$rx" route add default via 10.7.0.1 dev lab1
  in_rx sysctl -qw net.ipv4.tcp_syncookies=2 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lab1.rp_filter=0 ||
    fail "Linux's SYN cookies cannot be switched on"
  in_rx sh -c "echo $((1 << SERVER_CPU)) >/sys/class/net/lab1/queues/rx-0/rps_cpus" || skip "no RPS here"
  ip netns exec "$tx" sh -c "echo $((1 << SENDER_CPU)) >/sys/class/net/lab0/queues/rx-0/rps_cpus" || skip "no RPS here"
  # What the packet socket has seen is of no use to TX's own stack.
  ip netns exec "$tx" nft 'table netdev lab { chain in { type filter hook ingress device lab0 priority 0; drop; }; }' ||
    skip "nftables has no ingress hook here"
  becomes_in_rx taskset -c $SENDER_CPU $PYTHON -c '
import signal, socket
listener = socket.create_server(("", 80), backlog=4096)
signal.pause()' &
  PIDS+=("$!")
  until_true 20 listening || fail "nobody listens"
}
in_rx() { ip netns exec "$rx" "$@"; }
becomes_in_rx() { exec ip netns exec "$rx" "$@"; }
listening() { [[ $(in_rx ss -Hltn 'sport = :80') ]]; }

# at_ingress WORDS: what lab1 does with every frame, before IP sees it; nothing without words.
at_ingress() {
  in_rx nft flush ruleset
  [[ -z $* ]] && return
  in_rx nft "table netdev lab { chain in { type filter hook ingress device lab1 priority 0; counter $*; }; }" ||
    skip "nftables cannot do this at the ingress hook: $*"
}
# Frames answered, dropped or sent back so far.
handled() {
  if [[ $1 == tcp ]]; then
    in_rx awk '/^TcpExt:/ { if (!names) names = split($0, name); else for (i = 2; i <= names; ++i) value[name[i]] = $i }
      END { print value["SyncookiesSent"] }' /proc/net/netstat
  else
    in_rx nft list ruleset | awk '{ for (i = 1; i < NF; ++i) if ($i == "packets") { print $(i + 1); exit } }'
  fi
}

linux_round() {  # tcp|drop|back RATE
  local before after
  before="$(handled "$1") $(grep "^cpu$SERVER_CPU " /proc/stat)"
  SENDER_NS=(ip netns exec "$tx")
  flood 0 af_packet:lab0 --rate="$2" --check="$([[ $1 == tcp ]] && echo 1000 || echo 0)"
  after="$(handled "$1") $(grep "^cpu$SERVER_CPU " /proc/stat)"
  let_go
  $PYTHON "$LAB/linux_cookies.py" add-linux "$WORK/rounds" "$WORK/sender.json" "$1" "$2" "$before" "$after" ||
    fail "no figures"
}

levee_round() {
  SENDER_NS=()
  start_levee_memif
  flood "$LEVEE_PID" "memif:$SOCKET"
  stop_clean
  let_go
  $PYTHON "$LAB/linux_cookies.py" add-levee "$WORK/rounds" "$WORK/sender.json" "$WAITED" "$WORK/levee.log" ||
    fail "no figures"
}

make_link
for ((round = 1; round <= rounds; ++round)); do
  for rate in "${rates[@]}"; do
    at_ingress
    linux_round tcp "$rate"
    at_ingress drop
    linux_round drop "$rate"
    at_ingress fwd to lab1
    linux_round back "$rate"
  done
  levee_round
  log "round $round of $rounds"
done
$PYTHON "$LAB/linux_cookies.py" report "$WORK/rounds" ${SMOKE:+--smoke} || fail "see above"
log "passed"
