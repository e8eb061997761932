#!/bin/bash
# SYN-ACKs a second over memif between two processes, one core each: levee with SYN cookies, and in its place
# `testpmd --forward-mode=5tswap`, which swaps addresses and sends the frame back. Rounds alternate; memif_rate.py says
# what they mean.
source "$(dirname "$0")/lib.sh"
need dpdk-testpmd taskset
need_two_cpus
rounds=${LEVEE_ROUNDS:-$([[ $SMOKE ]] && echo 1 || echo 11)}
prefix=levee-lab-$$
LEFTOVERS+=("/var/run/dpdk/$prefix")
mkfifo "$WORK/stdin"

levee_round() {
  start_levee_memif
  flood "$LEVEE_PID" "memif:$SOCKET"
  stop_clean
  let_go
  add levee levee.log
}

testpmd_round() {
  # testpmd quits at the end of its input: the FIFO is kept open. Its two lcores share the core, one only reads words.
  taskset -c $SERVER_CPU stdbuf -oL dpdk-testpmd --lcores 0@$SERVER_CPU,1@$SERVER_CPU --no-huge -m 256 --no-pci \
    --no-telemetry --no-shconf --file-prefix=$prefix --vdev="net_memif0,socket=$SOCKET,role=server,socket-abstract=no" \
    -- --total-num-mbufs=32768 -i --burst=64 --forward-mode=5tswap --rxd=1024 --txd=1024 <"$WORK/stdin" \
    >"$WORK/testpmd.log" 2>&1 &
  local pid=$!
  PIDS+=("$pid")
  exec 9>"$WORK/stdin"
  printf 'set record-core-cycles on\nstart\n' >&9
  until_true 30 grep -q 'packet forwarding - ports=1' "$WORK/testpmd.log" ||
    fail "testpmd did not start: $(tail -n 5 "$WORK/testpmd.log")"
  flood "$pid" "memif:$SOCKET" --check=0
  echo quit >&9
  exec 9>&-
  until_true 20 gone "$pid" || fail "testpmd does not quit"
  let_go
  add 5tswap testpmd.log
}

add() {
  $PYTHON "$LAB/memif_rate.py" add "$1" "$WORK/rounds" "$WORK/sender.json" "$WAITED" "$WORK/$2" || fail "no figures"
}

if [[ $SMOKE ]]; then
  # A second server at the same socket is refused and does the first one no harm. Killed, that leaves its socket behind,
  # and the next one takes its place.
  start_levee_memif
  taskset -c $SENDER_CPU timeout 30 "$LEVEE" --dev="memif:$SOCKET,server" --address=$HOST/24 >"$WORK/second" 2>&1
  status=$?
  [[ $status == 3 ]] || fail "a second server at the same socket ended with $status: $(cat "$WORK/second")"
  grep -q 'in use' "$WORK/second" || fail "a second server does not say why it is refused: $(cat "$WORK/second")"
  gone "$LEVEE_PID" && fail "a second server at the same socket ended the first one"
  [[ -S $SOCKET ]] || fail "levee made no socket"
  LEFTOVERS+=("/var/run/dpdk/levee-$LEVEE_PID")
  kill -KILL "$LEVEE_PID"
  wait "$LEVEE_PID" 2>/dev/null
  [[ -S $SOCKET ]] || fail "a killed levee took its socket along"
fi
for ((round = 1; round <= rounds; ++round)); do
  # Who goes first takes turns, too.
  if ((round % 2)); then levee_round && testpmd_round; else testpmd_round && levee_round; fi
  log "round $round: $(tail -n 2 "$WORK/rounds" | tr '\n' ' ')"
done
[[ ! -e $SOCKET ]] || fail "a socket stays behind"
$PYTHON "$LAB/memif_rate.py" report "$WORK/rounds" ${SMOKE:+--smoke} || fail "see above"
log "passed"
