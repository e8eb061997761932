#!/bin/bash
# Bulk: a large file by http, and as many bytes through echo and back, arrive as they were sent.
source "$(dirname "$0")/lib.sh"
need curl nc
need_tap
megabytes=${SMALL:+8}
megabytes=${megabytes:-64}
mkdir "$WORK/root"
random_file "$WORK/root/big.bin" $((megabytes << 20))
sum=$(checksum "$WORK/root/big.bin")
start_levee --http_root="$WORK/root"
start_capture

started=$SECONDS
found=$(inside timeout 120 curl -sS --fail "http://$HOST/big.bin" | checksum)
[[ $found == "$sum" ]] || fail "http: the file did not arrive intact"
log "http: $megabytes MB intact in $((SECONDS - started)) s"

# Several at once, over connections that are kept: the ranges must not mix.
inside timeout 180 curl --no-progress-meter --fail --parallel --parallel-max 4 \
  -o "$WORK/one" "http://$HOST/big.bin" -o "$WORK/two" "http://$HOST/big.bin" || fail "two transfers at once"
[[ $(checksum "$WORK/one") == "$sum" && $(checksum "$WORK/two") == "$sum" ]] || fail "two transfers at once differ"
rm "$WORK/one" "$WORK/two"

started=$SECONDS
found=$(inside timeout 180 nc -N $HOST 7 <"$WORK/root/big.bin" | checksum)
[[ $found == "$sum" ]] || fail "echo: the bytes did not come back intact"
log "echo: $megabytes MB there and back intact in $((SECONDS - started)) s"

inside timeout 60 nc -N $HOST 9 <"$WORK/root/big.bin" >"$WORK/silence" || fail "discard did not close"
[[ -s $WORK/silence ]] && fail "discard answered"
inside timeout 60 nc $HOST 19 </dev/null 2>/dev/null | head -c 1000000 >"$WORK/lines"
[[ $(wc -c <"$WORK/lines") == 1000000 ]] || fail "chargen sent too little"
# RFC 864: lines of 72 characters and CR LF.
awk -v RS='\r\n' 'NR < 1000 && length($0) != 72 { exit 1 }' "$WORK/lines" || fail "chargen's lines are not RFC 864's"

stats "$WORK/stats" || fail "no stats"
[[ $(figure "$WORK/stats" drops bad_tcp_checksum) == 0 ]] || fail "levee saw bad checksums"
check_capture 1000
stop_clean
log "passed"
