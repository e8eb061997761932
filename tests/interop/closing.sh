#!/bin/bash
# Simultaneous close (RFC 9293 3.6 case 3, figure 13) with a Linux peer, over both families: a wire between the two holds
# the first FIN of each until the other's is there, so both cross. Each side passes CLOSING and ends in TIME-WAIT.
# Called with the paths of levee and levee-nc.
#
#   client, 10.7.0.1/24, fd00:7::1/64 <-veth-> hold.py <-tap0-> levee
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/peers.sh"
source "$(dirname "$0")/router.sh"
need curl ss ethtool ping
need_tap
add_namespace "$CLIENT"
join "$CLIENT" veth0 "$NS" veth1 1500
# What leaves the client has its checksums in it: hold.py passes bytes on.
client ethtool -K veth0 tx off >/dev/null || fail "checksum offload cannot be switched off"
give "$CLIENT" veth0 10.7.0.1/24 fd00:7::1/64
mkdir "$WORK/root"
random_file "$WORK/root/small.bin" 3000
printf 'GET /small.bin HTTP/1.0\r\n\r\n' >"$WORK/request"

launch_levee --dev=tap:tap0 --address="$ADDRESSES" --listen=80/http,8080/http --http_root="$WORK/root"
until_true 30 levee_or_link || true
gone "$LEVEE_PID" && fail "levee did not start"
inside ip link set tap0 up || fail "tap0 cannot be brought up"
WIRE=$NS
NS=$CLIENT PEER_NS=$CLIENT  # `inside` is where Linux's end of the wire is

start_wire() {  # for one pair of FINs
  rm -f "$WORK/wire"  # of the pair before
  NS=$WIRE becomes_inside $PYTHON "$(dirname "$0")/hold.py" veth1 tap0 8080 >"$WORK/wire" 2>&1 &
  wire_pid=$!
  PIDS+=("$wire_pid")
  until_true 10 grep -q ready "$WORK/wire" || fail "the wire does not work: $(cat "$WORK/wire")"
}
stop_wire() {
  kill "$wire_pid"
  wait "$wire_pid" 2>/dev/null
}
count=0
for host in "${HOSTS[@]}"; do
  start_wire
  until_true 20 inside ping -c 1 -W 1 "$host" || fail "levee does not answer a ping to $host"
  # levee closes behind its answer, Linux behind its request.
  start_peer --connect "$host" 8080 --send "$WORK/request" --receive "$WORK/answer"
  until_true 30 gone "$PEER_PID" || fail "$host: the connection does not end: $(inside ss -Htan)"
  wait "$PEER_PID" || fail "$host: the peer ended badly: $(cat "$WORK/peer.log")"
  tail -c 3000 "$WORK/answer" | cmp -s - "$WORK/root/small.bin" || fail "$host: the answer differs"
  in_time_wait() { inside ss -Htan state time-wait "dport = :8080" | grep -qF "$(in_url "$host")"; }
  until_true 10 in_time_wait || fail "$host: Linux is not in TIME-WAIT: $(inside ss -Htan)"
  stop_wire
  count=$((count + 1))
done
start_wire
stats "$WORK/stats" || fail "no stats"
for state in FIN-WAIT-1 CLOSING TIME-WAIT; do
  found=$(figure "$WORK/stats" entered $state)
  ((found == count)) || fail "levee entered $state $found times, expected $count"
done
[[ $(figure "$WORK/stats" entered FIN-WAIT-2) == 0 ]] || fail "levee entered FIN-WAIT-2"
[[ $(figure "$WORK/stats" now TIME-WAIT) == "$count" ]] || fail "levee is not in TIME-WAIT"
[[ $(figure "$WORK/stats" counters OutRsts) == 0 ]] || fail "levee sent RSTs"
log "simultaneous close over $count families: CLOSING and TIME-WAIT on both sides"
stop_clean
log "passed"
