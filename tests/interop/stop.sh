#!/bin/bash
# Stopping: SIGTERM under load drains, balances its buffers, prints the totals and exits 0; a second signal ends it at once;
# either way nothing is left behind.
source "$(dirname "$0")/lib.sh"
need wrk curl
need_tap
no_tap() { ! inside ip link show tap0; }
# EAL's run directory carries the pid, so that others that run at the same time do not matter.
expect_nothing_left() {  # PID
  [[ -e /var/run/dpdk/levee-$1 ]] && fail "EAL's run directory is left: /var/run/dpdk/levee-$1"
  until_true 5 no_tap || fail "the TAP is still there"
}

load() {  # SECONDS: wrk in the background, returns when requests are being answered
  stats "$WORK/before" || fail "no stats"
  # With the port said: wrk would look "http" up in /etc/services, which a small Debian lacks.
  becomes_inside timeout 60 wrk -t 1 -c 50 -d "$1s" "http://$HOST:80/" >"$WORK/wrk" 2>&1 &
  PIDS+=("$!")
  wrk_pid=$!
  until_true 20 busy || fail "no load"
}
busy() {
  stats "$WORK/look" &&
    (($(figure "$WORK/look" counters BytesAcked) > $(figure "$WORK/before" counters BytesAcked) + 200000))
}
end_load() {
  kill "$wrk_pid" 2>/dev/null
  wait "$wrk_pid" 2>/dev/null
}

start_levee --drain=1s
pid=$LEVEE_PID
[[ -d /var/run/dpdk/levee-$pid ]] || fail "EAL's run directory is not where this test looks for it"
load 20
began=$SECONDS
stop_clean
((SECONDS - began <= 10)) || fail "the drain took $((SECONDS - began)) s with --drain=1s"
end_load
grep -qi 'opened' "$WORK/levee.log" && grep -qi 'closed' "$WORK/levee.log" || fail "no totals were printed"
expect_nothing_left "$pid"
log "SIGTERM under load: exit 0, nothing left"

# A drain that would take a minute, cut short by the second signal. A client that never closes keeps the drain waiting.
start_levee --drain=60s
pid=$LEVEE_PID
mkfifo "$WORK/input"
becomes_inside timeout 60 nc $HOST 7 <"$WORK/input" >/dev/null &
PIDS+=("$!")
exec 8>"$WORK/input"
echo hello >&8
established() { stats "$WORK/look" && (($(figure "$WORK/look" now ESTABLISHED) >= 2)); }
until_true 10 established || fail "nc is not connected"
kill -TERM "$LEVEE_PID"
refuses() { ! inside timeout 2 curl -s --connect-timeout 1 -o /dev/null "http://$HOST/"; }
until_true 10 refuses || fail "levee still accepts after SIGTERM"
gone "$LEVEE_PID" && fail "levee did not wait for the connection"
unset STATUS
began=$SECONDS
stop_levee INT
((SECONDS - began <= 2)) || fail "the second signal took $((SECONDS - began)) s"
[[ $STATUS == 0 ]] && fail "a stop that was cut short reports success"
exec 8>&-
expect_nothing_left "$pid"
log "second signal: exit $STATUS at once"
log "passed"
