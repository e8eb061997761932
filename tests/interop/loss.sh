#!/bin/bash
# Loss: 5 % of the TCP packets of each direction vanish in a router between the peers; files arrive intact all the same,
# and both sides have retransmitted.
#
#   client 10.8.0.1/24 <-veth-> router 10.8.0.254, 10.7.0.1 <-tap0-> levee 10.7.0.2/24, gateway 10.7.0.1
#
# The drop has to be in a router's forward hook: in the sender's own namespace it would be a local send error, which TCP
# sees. Segmentation offloads are off, because one drop would otherwise take a packet of 64 KB.
source "$(dirname "$0")/lib.sh"
need curl nc nft ethtool nstat
need_tap
CLIENT=$NS-c
client() { ip netns exec "$CLIENT" "$@"; }
add_namespace "$CLIENT"
ip link add veth0 netns "$CLIENT" type veth peer name veth1 netns "$NS" || fail "no veth pair"
client ip addr add 10.8.0.1/24 dev veth0
client ip link set veth0 up
client ip route add default via 10.8.0.254
inside ip addr add 10.8.0.254/24 dev veth1
inside ip link set veth1 up
client ethtool -K veth0 tso off gso off gro off >/dev/null && inside ethtool -K veth1 tso off gso off gro off >/dev/null ||
  fail "segmentation offloads cannot be switched off"
inside sysctl -qw net.ipv4.ip_forward=1


bytes=${SMALL:+1048576}
bytes=${bytes:-4194304}
mkdir "$WORK/root"
random_file "$WORK/root/file.bin" "$bytes"
sum=$(checksum "$WORK/root/file.bin")
start_levee --http_root="$WORK/root" --gateway=10.7.0.1
until_true 10 client ping -c 1 -W 1 $HOST || fail "the client does not reach levee through the router"
inside nft 'table inet loss { chain forward { type filter hook forward priority 0; policy accept;
  meta l4proto tcp numgen random mod 100 < 5 counter drop; }; }' || skip "nftables cannot drop packets here"

client nstat -n 2>/dev/null
found=$(client timeout 180 curl -sS --fail "http://$HOST/file.bin" | checksum)
[[ $found == "$sum" ]] || fail "http: the file did not arrive intact through loss"
found=$(client timeout 180 nc -N $HOST 7 <"$WORK/root/file.bin" | checksum)
[[ $found == "$sum" ]] || fail "echo: the bytes did not come back intact through loss"

dropped=$(inside nft list ruleset | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')
theirs=$(client nstat -az TcpRetransSegs | awk '/TcpRetransSegs/ { print $2 }')
inside nft delete table inet loss
stats "$WORK/stats" || fail "no stats"
ours=$(figure "$WORK/stats" counters RetransSegs)
log "$dropped packets dropped; retransmissions: levee $ours, Linux $theirs"
((dropped > 0)) || fail "nothing was dropped, so nothing was shown"
((ours > 0)) || fail "levee retransmitted nothing"
((theirs > 0)) || fail "Linux retransmitted nothing"
[[ $(figure "$WORK/stats" counters OutRsts) == 0 ]] || fail "levee sent RSTs"
stop_clean
log "passed"
