#!/bin/bash
# A SYN flood with spoofed sources through the TAP, while honest clients fetch the page: every one of them is served, by
# cookie once the SYN queue is full, and the flood leaves no connection, no half-open record and no ARP request behind.
source "$(dirname "$0")/lib.sh"
need curl
need_tap
clients=${LEVEE_FLOOD_CLIENTS:-$([[ $SMALL ]] && echo 60 || echo 200)}
start_levee --syn_queue=256 --syn_cookies=auto
inside curl -sS --fail -o /dev/null --max-time 10 "http://$HOST/" || fail "no page before the flood"
ours=$(inside cat /sys/class/net/tap0/address)
levees=$(inside ip neigh show $HOST | awk '{print $5}')
[[ $levees == *:*:*:*:*:* ]] || fail "levee's MAC is not known"

# Bounded by time and number; it ends with the clients, which take a few seconds.
becomes_inside $PYTHON "$(dirname "$0")/syn_flood.py" tap0 "$ours" "$levees" $HOST 80 200 30000000 >"$WORK/flood" 2>&1 &
flood_pid=$!
PIDS+=("$flood_pid")
under_way() { stats "$WORK/before" && (($(figure "$WORK/before" counters SyncookiesSent) > 1000)); }
until_true 20 under_way || fail "no cookie was sent: $(cat "$WORK/flood")"

served=0
for ((i = 0; i < clients; ++i)); do
  inside curl -sS --fail -o /dev/null --max-time 10 "http://$HOST/" 2>"$WORK/curl" && ((++served))
done
gone "$flood_pid" && flood_over=yes
stats "$WORK/after" || fail "no stats"
sent=$(($(figure "$WORK/after" counters SyncookiesSent) - $(figure "$WORK/before" counters SyncookiesSent)))
((served == clients)) || fail "$served of $clients clients were served; the last error: $(cat "$WORK/curl")"
[[ ${flood_over-} ]] && fail "the flood ended before the clients did: $(cat "$WORK/flood")"
((sent > clients)) || fail "only $sent SYNs were answered by cookie meanwhile"
kill -TERM "$flood_pid" 2>/dev/null
until_true 10 gone "$flood_pid" || fail "the flood does not stop"
[[ $(figure "$WORK/after" counters ArpRequestsSent) == 0 ]] || fail "a SYN caused an ARP request"
log "$served of $clients clients served, each within 10 s, while $sent SYNs were answered by cookie"

no_half_open() { stats "$WORK/end" && [[ $(figure "$WORK/end" now SYN-RECEIVED) == 0 ]]; }
until_true 60 no_half_open || fail "half-open records stay behind"
stop_clean
log "passed"
