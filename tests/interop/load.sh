#!/bin/bash
# Load: wrk keeps 50 connections busy, then ab and wrk open one for each request, so often that the client's ports come
# round and connections in TIME-WAIT are reopened (RFC 6191). No socket error, no RST from levee, and RSTs from the peer
# only where wrk drops its connections at its end.
source "$(dirname "$0")/lib.sh"
need wrk ab curl
need_tap
seconds=${SMALL:+3} requests=${SMALL:+2000}
seconds=${seconds:-10} requests=${requests:-10000}
start_levee
# Enough to see opening, load and closing; a capture of everything would measure the disk.
start_capture 100000

wrk_went_well() {  # NAME
  local rate
  rate=$(awk '/^Requests\/sec/ { print $2 }' "$WORK/wrk")
  [[ ${rate%.*} -gt 0 ]] || fail "$1 got no answers: $(cat "$WORK/wrk")"
  grep -Eq 'Socket errors|Non-2xx' "$WORK/wrk" && fail "$1: $(cat "$WORK/wrk")"
  log "$1: $rate requests a second on 50 connections"
}

stats "$WORK/before" || fail "no stats"
# With the port said: wrk would look "http" up in /etc/services, which a small Debian lacks.
becomes_inside timeout $((seconds + 60)) wrk -t 1 -c 50 -d "${seconds}s" "http://$HOST:80/" >"$WORK/wrk" 2>&1 &
wrk_pid=$! started=$SECONDS
PIDS+=("$wrk_pid")
# The last look while wrk is surely still at work: nobody has reset anything by then.
while ((SECONDS - started < seconds - 1)); do
  stats "$WORK/during" || fail "no stats under load"
  sleep 0.2
done
wait "$wrk_pid" || fail "wrk: $(cat "$WORK/wrk")"
stats "$WORK/after" || fail "no stats after wrk"
wrk_went_well "wrk, keep-alive"
resets=$(($(figure "$WORK/during" counters InRsts) - $(figure "$WORK/before" counters InRsts)))
((resets == 0)) || fail "$resets RSTs arrived before wrk's end"
resets=$(($(figure "$WORK/after" counters InRsts) - $(figure "$WORK/during" counters InRsts)))
((resets <= 50)) || fail "$resets RSTs arrived at wrk's end, at most 50 are expected"
log "RSTs received: 0 during the run, $resets at wrk's end"

inside timeout 180 ab -q -l -n "$requests" -c 50 "http://$HOST/" >"$WORK/ab" 2>&1 || fail "ab: $(cat "$WORK/ab")"
grep -q "^Complete requests: *$requests$" "$WORK/ab" || fail "ab: $(cat "$WORK/ab")"
grep -q '^Failed requests: *0$' "$WORK/ab" || fail "ab: $(cat "$WORK/ab")"
grep -Eq '^(Write errors|Non-2xx responses): *[1-9]' "$WORK/ab" && fail "ab: $(cat "$WORK/ab")"
log "ab, a connection for each of $requests requests: $(awk '/^Requests per second/ { print $4 }' "$WORK/ab") a second"

stats "$WORK/end" || fail "no stats after ab"
at_least "$WORK/end" counters PassiveOpens $((requests + 50))
[[ $(figure "$WORK/end" counters InRsts) == "$(figure "$WORK/after" counters InRsts)" ]] || fail "ab's connections were reset"
inside timeout 60 wrk -t 1 -c 50 -d "$((seconds / 3))s" -H 'Connection: close' "http://$HOST:80/" >"$WORK/wrk" 2>&1 ||
  fail "wrk: $(cat "$WORK/wrk")"
wrk_went_well "wrk, a connection for each request"
stats "$WORK/end" || fail "no stats after wrk"
resets=$(($(figure "$WORK/end" counters InRsts) - $(figure "$WORK/after" counters InRsts)))
((resets <= 50)) || fail "$resets RSTs arrived at wrk's end, at most 50 are expected"
log "TIME-WAIT reopened by a SYN: $(figure "$WORK/end" counters TimeWaitRecycled) times"
[[ $(figure "$WORK/end" counters OutRsts) == 0 ]] || fail "levee sent $(figure "$WORK/end" counters OutRsts) RSTs"
[[ $(figure "$WORK/end" counters ListenOverflows) == 0 ]] || fail "the listener overflowed"

check_capture 1000
stop_clean
log "passed"
