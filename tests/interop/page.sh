#!/bin/bash
# A user's first minute: ping, the page, the figures, and the answers that HTTP asks for when a request is wrong.
source "$(dirname "$0")/lib.sh"
need curl nc
need_tap
mkdir "$WORK/root"
echo '<p>hello</p>' >"$WORK/root/hello.html"
start_levee --http_root="$WORK/root"
start_capture

inside ping -c 5 -i 0.2 -W 2 $HOST | grep -q ' 5 received' || fail "not every ping was answered"
inside ping -c 2 -i 0.2 -s 1400 -W 2 $HOST | grep -q ' 2 received' || fail "a large ping was not answered"

get() { inside timeout 20 curl -sS --max-time 15 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
expect_code() {
  local found
  found=$(code "${@:2}")
  [[ $found == "$1" ]] || fail "expected $1, got $found for ${*:2}"
}

get -D "$WORK/headers" -o "$WORK/page" "http://$HOST/" || fail "no page"
grep -qi '^HTTP/1.1 200' "$WORK/headers" || fail "the page's status is $(head -n 1 "$WORK/headers")"
grep -qi '^content-type: text/html' "$WORK/headers" || fail "the page is not HTML"
grep -qi '<html' "$WORK/page" || fail "the page has no <html>"
get "http://$HOST/hello.html" | cmp -s - "$WORK/root/hello.html" || fail "the file below --http_root differs"

stats "$WORK/stats" && $PYTHON -m json.tool "$WORK/stats" >/dev/null || fail "/stats.json is not JSON"
at_least "$WORK/stats" counters IcmpOutEchoReps 7
at_least "$WORK/stats" counters PassiveOpens 3
at_least "$WORK/stats" entered ESTABLISHED 3

# HEAD: the headers of GET and no body, so that the connection stays usable.
get -I "http://$HOST/hello.html" "http://$HOST/hello.html" | grep -c '^HTTP/1.1 200' | grep -qx 2 || fail "HEAD"
get -I "http://$HOST/hello.html" | grep -qi "^content-length: $(wc -c <"$WORK/root/hello.html")" || fail "HEAD's length"
expect_code 404 "http://$HOST/nothing-here"
expect_code 405 -X DELETE "http://$HOST/"
[[ $(code --path-as-is "http://$HOST/../../../../etc/passwd") =~ ^(400|404)$ ]] || fail "a path that climbs was served"
[[ $(printf 'nonsense\r\n\r\n' | inside timeout 20 nc -N $HOST 80 | head -n 1) == 'HTTP/1.1 400'* ]] || fail "no 400"
# Nobody listens on this TCP port: refused at once, not silent (RFC 9293 3.10.7.1).
inside timeout 10 curl -sS --max-time 8 "http://$HOST:81/" >/dev/null 2>&1
code=$?  # 7 is curl's "connection refused"; 28 would be its time-out
((code == 7)) || fail "a SYN to a TCP port without a listener was not refused: curl ended with $code"

check_capture 25
stop_clean
log "passed"
