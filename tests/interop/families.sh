#!/bin/bash
# Over IPv4 and over IPv6: ping, curl, a file each way and wrk; tshark finds every checksum right.
source "$(dirname "$0")/lib.sh"
need curl nc wrk ping
need_tap
bytes=${SMALL:+2097152}
bytes=${bytes:-16777216}
mkdir "$WORK/root"
random_file "$WORK/root/file.bin" "$bytes"
sum=$(checksum "$WORK/root/file.bin")
start_levee --http_root="$WORK/root"

for host in "${HOSTS[@]}"; do
  start_capture 5000
  inside ping -c 3 -i 0.2 -s 1400 -W 2 "$host" | grep -q ' 3 received' || fail "$host: not every ping was answered"
  url=http://$(in_url "$host")
  inside curl -sS --fail --max-time 15 -o "$WORK/page" "$url/" && grep -qi '<html' "$WORK/page" || fail "$host: no page"
  # Refused, not silent (RFC 9293 3.10.7.1); 7 is curl's "connection refused".
  inside curl -sS --max-time 8 "$url:81/" >/dev/null 2>&1
  code=$?
  ((code == 7)) || fail "$host: curl to a closed TCP port ended with $code"
  found=$(inside curl -sS --fail --max-time 60 "$url/file.bin" | checksum)
  [[ $found == "$sum" ]] || fail "$host: the file did not arrive intact"
  found=$(inside timeout 60 nc -N "$host" 7 <"$WORK/root/file.bin" | checksum)
  [[ $found == "$sum" ]] || fail "$host: echo's bytes did not come back intact"
  # With the port said: wrk would look "http" up in /etc/services, which a small Debian lacks.
  inside timeout 60 wrk -t 1 -c 20 -d 2s "$url:80/" >"$WORK/wrk" 2>&1 || fail "$host: wrk: $(cat "$WORK/wrk")"
  grep -Eq 'Socket errors|Non-2xx' "$WORK/wrk" && fail "$host: wrk: $(cat "$WORK/wrk")"
  rate=$(awk '/^Requests\/sec/ { print $2 }' "$WORK/wrk")
  [[ ${rate%.*} -gt 0 ]] || fail "$host: wrk got no answers: $(cat "$WORK/wrk")"
  log "$host: $((bytes >> 20)) MB each way, wrk $rate requests a second"
  check_capture 1000
done

stats "$WORK/stats" || fail "no stats"
[[ $(figure "$WORK/stats" drops bad_tcp_checksum) == 0 ]] || fail "levee saw bad checksums"
[[ $(figure "$WORK/stats" drops bad_icmp_checksum) == 0 ]] || fail "levee saw bad ICMP checksums"
((${#HOSTS[@]} == 1)) || at_least "$WORK/stats" counters NdpAdvertsSent 1
stop_clean
log "passed"
