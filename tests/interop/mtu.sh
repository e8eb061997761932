#!/bin/bash
# A link of 1300 bytes on the way (RFC 1191, RFC 8201), over both families and in both directions: first its routers say
# so by ICMP, then all their ICMP is lost (a black hole, RFC 2923). Nothing stalls.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/router.sh"
need curl nc nft ethtool ping
need_tap
add_client_behind_narrow_link 1300
bytes=${SMALL:+1048576}
bytes=${bytes:-8388608}
mkdir "$WORK/root"
random_file "$WORK/root/file.bin" "$bytes"
sum=$(checksum "$WORK/root/file.bin")
start_levee --http_root="$WORK/root" --gateway="$GATEWAYS"
expect_way

# transfer HOST WHAT: the file from levee, then to echo and back.
transfer() {
  local found began
  began=${EPOCHREALTIME/./}
  found=$(client curl -sS --fail --max-time 30 "http://$(in_url "$1")/file.bin" | checksum)
  [[ $found == "$sum" ]] || fail "$1, $2: the file did not arrive"
  down=$(((${EPOCHREALTIME/./} - began) / 1000))
  began=${EPOCHREALTIME/./}
  found=$(client timeout 60 nc -N "$1" 7 <"$WORK/root/file.bin" | checksum)
  [[ $found == "$sum" ]] || fail "$1, $2: echo's bytes did not come back"
  log "$1, $2: $((bytes >> 10)) KB from levee in $down ms, there and back in $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}
look() { stats "$1" || fail "no stats"; }
grew() { echo $(($(figure "$WORK/after" "$1" "$2") - $(figure "$WORK/before" "$1" "$2"))); }

for host in "${HOSTS[@]}"; do
  look "$WORK/before"
  transfer "$host" "ICMP"
  look "$WORK/after"
  # Each of the two connections was told; a guess would have taken two timeouts.
  (($(grew counters IcmpErrorsTaken) >= 2)) || fail "$host: levee heeded $(grew counters IcmpErrorsTaken) ICMP errors"
  (($(grew counters PathMtuLowered) == 2)) || fail "$host: the MSS was lowered $(grew counters PathMtuLowered) times"
  (($(grew counters TCPTimeouts) < 2)) || fail "$host: $(grew counters TCPTimeouts) timeouts though ICMP told"
done
[[ $(figure "$WORK/after" drops bad_icmp_checksum) == 0 ]] || fail "levee saw bad ICMP checksums"

# The black hole. Linux looks for itself as levee always does (tcp_mtu_probing=1), and has forgotten what it was told.
for namespace in "$NS" "$MIDDLE"; do
  ip netns exec "$namespace" nft 'table inet hole { chain output { type filter hook output priority 0; policy accept;
    icmp type destination-unreachable counter drop; icmpv6 type packet-too-big counter drop; }; }' ||
    skip "nftables cannot drop packets here"
done
client sysctl -qw net.ipv4.tcp_mtu_probing=1
client ip route flush cache
client ip -6 route flush cache 2>/dev/null

for host in "${HOSTS[@]}"; do
  look "$WORK/before"
  transfer "$host" "black hole"
  look "$WORK/after"
  ((down < 10000)) || fail "$host: levee was stalled for $down ms by a black hole"
  (($(grew counters PathMtuLowered) >= 2)) || fail "$host: the MSS was lowered $(grew counters PathMtuLowered) times"
  (($(grew counters IcmpErrorsTaken) == 0)) || fail "$host: ICMP came through"
done
lost=$(inside nft list ruleset | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p' | paste -sd ' ')
log "ICMP lost on levee's way, IPv4 and IPv6: $lost"
[[ $(figure "$WORK/after" counters OutRsts) == 0 ]] || fail "levee sent RSTs"
stop_clean
log "passed"
