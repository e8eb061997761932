#!/bin/bash
# Honest clients during hping3's flood through a TAP: every curl is served within 10 s. 100 of them by default;
# LEVEE_CURLS=1000 is the full number. The flood has one spoofed source of 198.18.0.0/15 (RFC 2544) and all its ports; it
# comes from the clients' own namespace and is bounded in time; LEVEE_FLOOD_NICE=0 gives it their priority instead of the
# lowest. What it amounts to is said.
source "$(dirname "$0")/lib.sh"
need curl hping3
need_tap
clients=${LEVEE_CURLS:-$([[ $SMALL ]] && echo 40 || echo 100)}
at_once=4
start_levee --syn_queue=256 --syn_cookies=auto
inside curl -sS --fail -o /dev/null --max-time 10 "http://$HOST/" || fail "no page before the flood"

becomes_inside timeout -s INT 240 nice -n "${LEVEE_FLOOD_NICE:-19}" hping3 --flood -q -n -S -p 80 -a 198.18.0.1 $HOST >"$WORK/flood" 2>&1 &
flood_pid=$!
PIDS+=("$flood_pid")
under_way() { stats "$WORK/before" && (($(figure "$WORK/before" counters SyncookiesSent) > 1000)); }
until_true 20 under_way || fail "no cookie was sent: $(cat "$WORK/flood")"

begun=${EPOCHREALTIME/./}
seq "$clients" | inside xargs -P $at_once -I NUMBER curl -sS --fail -o "$WORK/page-NUMBER" --max-time 10 \
  -w '%{time_total}\n' "http://$HOST/" >"$WORK/times" 2>"$WORK/errors"
ended=${EPOCHREALTIME/./}
stats "$WORK/after" || fail "no stats"
gone "$flood_pid" && fail "the flood ended before the clients did: $(cat "$WORK/flood")"
kill -INT "$flood_pid" 2>/dev/null
until_true 10 gone "$flood_pid" || fail "the flood does not stop"

served=$(grep -l '</html>' "$WORK"/page-* 2>/dev/null | wc -l)
((served == clients)) || fail "$served of $clients clients were served; $(sort "$WORK/errors" | uniq -c | head -n 5)"
rate=$((($(figure "$WORK/after" counters SynsReceived) - $(figure "$WORK/before" counters SynsReceived)) * 1000000 /
  (ended - begun)))
cookies=$(($(figure "$WORK/after" counters SyncookiesSent) - $(figure "$WORK/before" counters SyncookiesSent)))
((cookies > clients)) || fail "only $cookies SYNs were answered by cookie meanwhile"
[[ $(figure "$WORK/after" counters ArpRequestsSent) == 0 ]] || fail "a SYN caused an ARP request"
log "$served of $clients clients served in $(((ended - begun) / 1000)) ms, the slowest in $(sort -g "$WORK/times" | tail -n 1) s"
log "the flood: $rate SYNs a second reached levee, $cookies of them were answered by cookie; hping3: $(grep -i transmitted "$WORK/flood")"
stop_clean
log "passed"
