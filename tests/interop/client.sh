#!/bin/bash
# levee-nc against Linux servers over both families: Linux's nc, nginx, and a server that answers every SYN by cookie.
# Called with the paths of levee and levee-nc.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/peers.sh"
need nc nginx ss nstat
need_tap
random_file "$WORK/ours" 2097152
random_file "$WORK/theirs" 1048576

# nginx of our own: nothing of the system's configuration, files or service.
mkdir -p "$WORK/nginx/root"
cp "$WORK/theirs" "$WORK/nginx/root/file.bin"
cat >"$WORK/nginx/conf" <<CONF
user root;
daemon off;
worker_processes 1;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path $WORK/nginx/body; proxy_temp_path $WORK/nginx/proxy; fastcgi_temp_path $WORK/nginx/fastcgi;
  scgi_temp_path $WORK/nginx/scgi; uwsgi_temp_path $WORK/nginx/uwsgi;
  server { listen 8080; $( ((${#HOSTS[@]} > 1)) && echo 'listen [::]:8080 ipv6only=on;') root $WORK/nginx/root; }
}
CONF
becomes_inside nginx -p "$WORK/nginx" -c "$WORK/nginx/conf" -e "$WORK/nginx/error.log" &
PIDS+=("$!")
until_true 20 listens 8080 || fail "nginx does not listen: $(cat "$WORK/nginx/error.log")"

printf 'GET /file.bin HTTP/1.1\r\nHost: levee\r\n\r\nGET /file.bin HTTP/1.1\r\nHost: levee\r\nConnection: close\r\n\r\n' \
  >"$WORK/requests"
# What is between the two bodies are nginx's headers.
cat >"$WORK/split.py" <<'PY'
import sys
answers, body = (open(path, "rb").read() for path in sys.argv[1:])
for _ in range(2):
    head, _, answers = answers.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK") and b"Server: nginx" in head, head
    assert answers[: len(body)] == body, "the body differs"
    answers = answers[len(body) :]
assert not answers, "more than two answers"
PY
mkfifo "$WORK/input"
nginx_has_closed() { inside ss -Htn state fin-wait-2 "sport = :8080" | grep -q .; }
for peer in "${PEERS[@]}"; do
  exec 9<>"$WORK/input"
  # nginx leaves a client that half-closes before all of the answer is in its send buffer: stdin stays open until its FIN.
  start_nc "$WORK/input" "$WORK/out" "$peer" 8080
  cat "$WORK/requests" >&9
  until_true 20 nginx_has_closed || fail "nginx at $peer does not close: $(inside ss -Htn)"
  exec 9>&-
  expect_exit 0 "nginx at $peer"
  $PYTHON "$WORK/split.py" "$WORK/out" "$WORK/theirs" || fail "nginx at $peer: not the two files that were asked for"
  log "nginx at $peer: two requests, two files of a megabyte"
done

for peer in "${PEERS[@]}"; do
  [[ $peer == *:* ]] && family=-6 || family=-4
  becomes_inside timeout 60 nc $family -l 9000 >"$WORK/got" &
  server=$!
  PIDS+=("$server")
  until_true 10 listens 9000 || fail "nc does not listen"
  start_nc "$WORK/ours" "$WORK/out" "$peer" 9000
  expect_exit 0 "nc at $peer"
  wait "$server" || fail "nc at $peer ended badly"
  same "$WORK/ours" "$WORK/got" "nc at $peer"
done
log "nc: two megabytes arrived over each family"

# What a cookie cannot carry (RFC 4987 3.6) must not be missed: the timestamps carry scale and SACK.
inside sysctl -qw net.ipv4.tcp_syncookies=2 || fail "SYN cookies cannot be forced"
for peer in "${PEERS[@]}"; do
  sent=$(nstat_of TcpExtSyncookiesSent) received=$(nstat_of TcpExtSyncookiesRecv)
  start_peer --listen 9001 --send "$WORK/theirs"
  start_nc "$WORK/ours" "$WORK/out" "$peer" 9001
  expect_exit 0 "cookies at $peer"
  expect_peer "$WORK/ours" "cookies at $peer"
  same "$WORK/theirs" "$WORK/out" "cookies at $peer"
  sent=$(($(nstat_of TcpExtSyncookiesSent) - sent)) received=$(($(nstat_of TcpExtSyncookiesRecv) - received))
  ((sent == 1 && received == 1)) || fail "Linux sent $sent SYN cookies at $peer and took $received"
done
log "tcp_syncookies=2: Linux's cookie came back, one over each family, and megabytes behind it"
log "passed"
