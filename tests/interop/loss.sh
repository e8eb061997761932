#!/bin/bash
# Loss: 5 % of the TCP packets of each direction vanish in a router between the peers; files arrive intact all the same,
# and both sides have retransmitted.
#
# The drop has to be in a router's forward hook: in the sender's own namespace it would be a local send error, which TCP
# sees.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/router.sh"
need curl nc nft ethtool nstat
need_tap
add_client

bytes=${SMALL:+1048576}
bytes=${bytes:-4194304}
mkdir "$WORK/root"
random_file "$WORK/root/file.bin" "$bytes"
sum=$(checksum "$WORK/root/file.bin")
start_levee --http_root="$WORK/root" --gateway="$GATEWAYS"
expect_way
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
