#!/bin/bash
# levee-nc against Linux: both sides open, both families, a megabyte each way at once, half-close both ways, and what its
# exit code says. Called with the paths of levee and levee-nc.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/peers.sh"
need nc ss ping
need_tap
random_file "$WORK/ours" 1048576
random_file "$WORK/theirs" 1048576

# Linux listens before levee's SYN can reach it: tap0 is configured after levee-nc has begun, so the SYN waits for its
# neighbour (RFC 9293 3.9.1.1; RFC 1122 2.3.2.2).
for peer in "${PEERS[@]}"; do
  start_peer --listen 9000 --send "$WORK/theirs"
  start_nc "$WORK/ours" "$WORK/out" "$peer" 9000
  expect_exit 0 "connecting to $peer"
  expect_peer "$WORK/ours" "connecting to $peer"
  same "$WORK/theirs" "$WORK/out" "connecting to $peer"
done
log "connecting: a megabyte each way"

# levee listens; the probe is a ping, as a connection would be the one that it takes.
for host in "${HOSTS[@]}"; do
  start_nc "$WORK/ours" "$WORK/out" -l 9001
  until_true 20 inside ping -c 1 -W 1 "$host" || fail "levee-nc does not answer a ping"
  start_peer --connect "$host" 9001 --send "$WORK/theirs"
  expect_exit 0 "listening on $host"
  expect_peer "$WORK/ours" "listening on $host"
  same "$WORK/theirs" "$WORK/out" "listening on $host"
done
log "listening: a megabyte each way"

# Half-close from our side: an empty stdin ends at once, and what Linux sends only after our FIN still arrives.
for peer in "${PEERS[@]}"; do
  start_peer --listen 9002 --send "$WORK/theirs" --send-after eof
  start_nc /dev/null "$WORK/out" "$peer" 9002
  expect_exit 0 "our half-close"
  expect_peer /dev/null "our half-close"
  same "$WORK/theirs" "$WORK/out" "after our half-close"
done
log "half-close from levee-nc: what Linux sends afterwards arrives"

# And from Linux's side: its FIN ends only what it sends.
mkfifo "$WORK/later"
in_fin_wait_2() { inside ss -Htn state fin-wait-2 "sport = :9003" | grep -q .; }
for peer in "${PEERS[@]}"; do
  exec 9<>"$WORK/later"
  start_peer --listen 9003
  start_nc "$WORK/later" "$WORK/out" "$peer" 9003
  until_true 20 in_fin_wait_2 || fail "Linux's FIN was not acknowledged"
  cat "$WORK/ours" >&9
  exec 9>&-
  expect_exit 0 "Linux's half-close"
  expect_peer "$WORK/ours" "after Linux's half-close"
done
log "half-close from Linux: what levee-nc sends afterwards arrives"

# A stdout whose reader has gone.
mkfifo "$WORK/slow"
exec 9<>"$WORK/slow"
start_peer --listen 9007 --send "$WORK/theirs"
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

# A signal before anybody has connected.
start_nc /dev/null "$WORK/out" -l 9006
until_true 20 inside ping -c 1 -W 1 "$HOST" || fail "levee-nc does not answer a ping"
kill -TERM "$LEVEE_PID"
expect_exit 1 "a signal while it listens"
grep -qx 'levee-nc: interrupted before a connection ended' "$WORK/levee.log" || fail "who listened in vain does not say so"
log "interrupted: exit code 1 and a sentence"
log "passed"
