#!/bin/bash
# pcap files: the same capture twice gives the same frames, a whole conversation is held with a recorded peer, and a capture
# of garbage is counted by reason and answered only where an RFC says so. What comes out is also compared, byte for byte,
# with golden/: a change of behaviour shows as a diff there (`GOLDEN_WRITE=1 pcap.sh LEVEE` writes it anew; look at it with
# tshark before committing). Needs no TAP and no network.
source "$(dirname "$0")/lib.sh"
captures="$(dirname "$0")/captures.py"
golden="$(dirname "$0")/golden"

# run NAME: levee over $WORK/NAME.pcap; frames to NAME.out (by the driver) and NAME.stamped (virtual time).
run() {
  timeout 120 "$LEVEE" "--dev=pcap:$WORK/$1.pcap,$WORK/$1.out" --pcap_out="$WORK/$1.stamped" --seed=7 --mac=02:00:00:00:00:02 \
    --address=10.0.0.2/24 --listen=80/http,7/echo --json >"$WORK/$1.log" 2>"$WORK/levee.log" ||
    fail "levee over $1.pcap ended with $?"
}

$PYTHON "$captures" write-syn "$WORK/syn.pcap" || fail "no capture"
run syn
$PYTHON "$captures" write-conversation "$WORK/syn.stamped" "$WORK/talk.pcap" || fail "no SYN-ACK for the recorded SYN"
run talk
$PYTHON "$captures" check-conversation "$WORK/talk.stamped" || fail "the recorded peer was not served"
log "a recorded conversation is answered: handshake, data, teardown"

cp "$WORK/talk.stamped" "$WORK/first.stamped"
cp "$WORK/talk.out" "$WORK/first.out"
run talk
cmp "$WORK/first.stamped" "$WORK/talk.stamped" || fail "the same capture gave another --pcap_out"
$PYTHON "$captures" same-frames "$WORK/first.out" "$WORK/talk.out" || fail "the same capture gave other frames"
log "twice the same: $(wc -c <"$WORK/talk.stamped") bytes identical"

$PYTHON "$captures" write-garbage "$WORK/garbage.pcap" || fail "no capture"
run garbage
$PYTHON "$captures" check-garbage "$WORK/garbage.stamped" "$WORK/garbage.log" || fail "garbage: $(tail -n 5 "$WORK/garbage.log")"
for name in talk garbage; do
  if [[ -n ${GOLDEN_WRITE:-} ]]; then
    cp "$WORK/$name.stamped" "$golden/$name.out.pcap"
  fi
  cmp "$WORK/$name.stamped" "$golden/$name.out.pcap" || fail "$name.pcap is answered otherwise than golden/$name.out.pcap says"
done
if [[ -n ${GOLDEN_WRITE:-} ]]; then
  cp "$WORK/talk.pcap" "$golden/talk.in.pcap"
fi
cmp "$WORK/talk.pcap" "$golden/talk.in.pcap" || fail "the recorded peer is not golden/talk.in.pcap"
log "passed"
