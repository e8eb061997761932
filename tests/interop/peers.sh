# shellcheck shell=bash
# levee-nc and the Linux peers that it talks to. For tests that are called with the paths of levee and levee-nc; sourced
# after lib.sh.

LEVEE_NC=${2:?usage: TEST LEVEE_BINARY LEVEE_NC_BINARY}
PEER_NS=$NS  # where start_peer starts it

# start_nc INPUT OUTPUT OPTION...: levee-nc in the background between two files, until its TAP is there and up.
start_nc() {
  local input=$1 output=$2
  shift 2
  becomes_inside "$LEVEE_NC" --dev=tap:tap0 --address="$ADDRESSES" "$@" <"$input" >"$output" 2>"$WORK/levee.log" 8>&- 9>&- &
  LEVEE_PID=$!
  until_true 30 levee_or_link || fail "levee-nc made no tap0"
  gone "$LEVEE_PID" && fail "levee-nc did not start"
  configure_tap
}
# expect_exit CODE WHAT [SECONDS]: levee-nc ends by itself with this code.
expect_exit() {
  until_true "${3:-60}" gone "$LEVEE_PID" || fail "$2: levee-nc does not end"
  wait "$LEVEE_PID"
  local code=$?
  LEVEE_PID=''
  ((code == $1)) || fail "$2: levee-nc ended with $code, expected $1"
  until_true 10 link_is_gone || fail "$2: tap0 stays"
}
link_is_gone() { ! inside ip link show tap0 >/dev/null 2>&1; }

# start_peer OPTION...: peer.py in the background; returns when a listener listens.
start_peer() {
  NS=$PEER_NS becomes_inside timeout 420 $PYTHON "$(dirname "$0")/peer.py" "$@" >"$WORK/received" 2>"$WORK/peer.log" 8>&- 9>&- &
  PEER_PID=$!
  PIDS+=("$PEER_PID")
  [[ $1 != --listen ]] || until_true 20 listens "$2" || fail "the peer does not listen: $(cat "$WORK/peer.log")"
}
listens() { ip netns exec "$PEER_NS" ss -Hltn "sport = :$1" | grep -q .; }
# expect_peer FILE WHAT: the peer has ended well, and received exactly this.
expect_peer() {
  until_true 150 gone "$PEER_PID" || fail "$2: the Linux peer does not end"
  wait "$PEER_PID" || fail "$2: the Linux peer ended badly: $(cat "$WORK/peer.log")"
  [[ $(cat "$WORK/received") == "$(wc -c <"$1") $(checksum "$1")" ]] ||
    fail "$2: $(wc -c <"$1") bytes were sent to Linux, it received other ones: $(cat "$WORK/received")"
}
# nstat_of NAME: one of the namespace's own counters, which began at 0 with it.
nstat_of() { inside nstat -asz "$1" 2>/dev/null | awk -v name="$1" '$1 == name { print $2 }'; }
