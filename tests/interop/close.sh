#!/bin/bash
# Both orders of the four-way teardown with a Linux peer, and half-close both ways, as levee's own states show them.
source "$(dirname "$0")/lib.sh"
need curl nc
need_tap
mkdir "$WORK/root"
random_file "$WORK/root/some.bin" 300000
start_levee --http_root="$WORK/root" --time_wait=3s
start_capture

entered() { figure "$1" entered "$2"; }
# grew BEFORE AFTER STATE: how often it was entered meanwhile.
grew() { echo $(($(entered "$2" "$3") - $(entered "$1" "$3"))); }
expect_growth() {
  local found
  found=$(grew "$1" "$2" "$3")
  ((found >= $4)) || fail "$3 was entered $found times, expected at least $4"
}
settled() {
  stats "$WORK/look" && (($(figure "$WORK/look" now LAST-ACK) == 0 && $(figure "$WORK/look" now FIN-WAIT-1) == 0 &&
    $(figure "$WORK/look" now FIN-WAIT-2) == 0 && $(figure "$WORK/look" now CLOSE-WAIT) == 0))
}

# The client closes first (nc -N sends its FIN at the end of its input), and what it sent comes back after its FIN.
# The figures are read over keep-alive connections that curl closes first as well: those pass CLOSE-WAIT, too.
stats "$WORK/a" || fail "no stats"
random_file "$WORK/words" 100000
inside timeout 30 nc -N $HOST 7 <"$WORK/words" >"$WORK/back" || fail "nc -N ended badly"
same "$WORK/words" "$WORK/back" "half-closed echo"
until_true 10 settled || fail "connections hang after the client's close: $(cat "$WORK/look")"
expect_growth "$WORK/a" "$WORK/look" CLOSE-WAIT 2
expect_growth "$WORK/a" "$WORK/look" LAST-ACK 2
[[ $(grew "$WORK/a" "$WORK/look" TIME-WAIT) == 0 ]] || fail "levee is in TIME-WAIT although the client closed first"
log "client first: CLOSE-WAIT, LAST-ACK"

# levee closes first: HTTP/1.0, and HTTP/1.1 with Connection: close.
cp "$WORK/look" "$WORK/b"
inside timeout 20 curl -sS --http1.0 -o /dev/null "http://$HOST/" || fail "HTTP/1.0"
inside timeout 20 curl -sS -H 'Connection: close' -o /dev/null "http://$HOST/" || fail "Connection: close"
until_true 10 settled || fail "connections hang after levee's close: $(cat "$WORK/look")"
expect_growth "$WORK/b" "$WORK/look" FIN-WAIT-1 2
expect_growth "$WORK/b" "$WORK/look" TIME-WAIT 2
log "levee first: FIN-WAIT-1, FIN-WAIT-2 or CLOSING, TIME-WAIT"

# levee closes first and the client keeps its side open for a while (nc without -N and with an input that goes on):
# FIN-WAIT-2 lasts, then the client's FIN ends it.
cp "$WORK/look" "$WORK/c"
mkfifo "$WORK/input"
becomes_inside timeout 30 nc $HOST 80 <"$WORK/input" >"$WORK/answer" &
nc_pid=$!
PIDS+=("$nc_pid")
exec 8>"$WORK/input"
printf 'GET /some.bin HTTP/1.0\r\n\r\n' >&8
in_fin_wait_2() { stats "$WORK/look" && (($(figure "$WORK/look" now FIN-WAIT-2) >= 1)); }
until_true 10 in_fin_wait_2 || fail "levee's half-close does not show as FIN-WAIT-2: $(cat "$WORK/look")"
exec 8>&-
kill "$nc_pid" 2>/dev/null
wait "$nc_pid" 2>/dev/null
[[ $(tail -c 300000 "$WORK/answer" | checksum) == $(checksum "$WORK/root/some.bin") ]] || fail "half-closed file differs"
until_true 10 settled || fail "FIN-WAIT-2 does not end with the client's FIN: $(cat "$WORK/look")"
expect_growth "$WORK/c" "$WORK/look" FIN-WAIT-2 1
expect_growth "$WORK/c" "$WORK/look" TIME-WAIT 1
log "half-close from levee: FIN-WAIT-2 until the client closes, TIME-WAIT"

# 2MSL ends: --time_wait=3s.
no_time_wait() { stats "$WORK/look" && (($(figure "$WORK/look" now TIME-WAIT) == 0)); }
until_true 15 no_time_wait || fail "TIME-WAIT does not end: $(cat "$WORK/look")"
[[ $(figure "$WORK/look" counters OutRsts) == 0 ]] || fail "levee sent RSTs"
at_least "$WORK/look" counters TimeWaitExpired 3

check_capture 50
stop_clean
log "passed"
