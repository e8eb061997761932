#!/bin/bash
# Closed windows (RFC 9293 3.8.6): a Linux reader that stops, so that levee probes; a levee-nc whose stdout nobody reads,
# so that Linux does; and echo, which closes its window because its peer has closed his. Once there is a reader all of it
# arrives. Over both families. Called with the paths of levee and levee-nc.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/peers.sh"
need ss nstat ping
need_tap
random_file "$WORK/ours" 2097152
random_file "$WORK/theirs" 2097152
mkfifo "$WORK/slow"

# MUST-34 to MUST-37: a window that is shut, and shrinks, is probed for as long as it is answered.
start_levee
probes() { stats "$WORK/look" && figure "$WORK/look" counters TCPPersistProbes; }
for host in "${HOSTS[@]}"; do
  rm -f "$WORK/go"
  before=$(probes) || fail "no stats"
  start_peer --connect "$host" 7 --send "$WORK/theirs" --read-after "$WORK/go" --receive-buffer 16384
  levee_probes() { (($(probes) >= before + 2)); }
  until_true 20 levee_probes || fail "$host: levee does not probe a closed window: $(inside ss -Htnio)"
  # Echo has no room for more, so levee's own window is closed as well.
  at_least "$WORK/look" counters ZeroWindowSent 1
  at_least "$WORK/look" counters ZeroWindowReceived 1
  touch "$WORK/go"
  expect_peer "$WORK/theirs" "$host: echo to a reader that stopped"
done
stats "$WORK/look" && [[ $(figure "$WORK/look" counters OutRsts) == 0 ]] || fail "levee sent RSTs"
stop_clean
log "echo to a Linux that did not read: both windows closed, probes, then 2 MB each way"

for peer in "${PEERS[@]}"; do
  rm -f "$WORK/go"
  exec 8<>"$WORK/slow"
  start_peer --listen 9000 --send "$WORK/theirs" --read-after "$WORK/go" --receive-buffer 16384
  start_nc "$WORK/ours" "$WORK/slow" "$peer" 9000
  before=$(nstat_of TcpExtTCPWinProbe)
  linux_probes() { (($(nstat_of TcpExtTCPWinProbe) >= before + 2)); }
  until_true 20 linux_probes || fail "$peer: Linux does not probe: $(inside ss -Htnio 'sport = :9000')"
  # 2 MB are more than 16 KB, so Linux's window is closed, too: what it has read so far is nothing.
  gone "$LEVEE_PID" && fail "$peer: levee-nc ended before anybody read"
  # The reader has the FIFO open before this end of it is closed: it is never without a reader, and ends when levee-nc does.
  exec 7<"$WORK/slow"
  cat <&7 >"$WORK/out" 8>&- &
  reader=$!
  PIDS+=("$reader")
  exec 7<&- 8>&-
  touch "$WORK/go"
  expect_exit 0 "$peer: slow readers"
  wait "$reader"
  expect_peer "$WORK/ours" "$peer: slow readers"
  same "$WORK/theirs" "$WORK/out" "$peer: slow readers"
done
log "levee-nc and Linux, neither of which read: Linux probes, then 2 MB each way"
log "passed"
