#!/bin/bash
# Keepalive on the wire (RFC 9293 3.8.4), over both families: levee probes an idle Linux, which answers, so the connection
# lives; then Linux falls silent, and it ends. And Linux probes an idle levee. Called with the paths of levee and levee-nc.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/peers.sh"
need nft ss nstat
need_tap
echo hello >"$WORK/words"
mkfifo "$WORK/open"
exec 9<>"$WORK/open"  # a stdin that does not end

# wire FILTER: captured segments. A probe has SEQ = SND.NXT - 1; tshark tells it by the numbers it has seen before.
wire() {
  timeout 60 tshark -n -r "$WORK/wire.pcap" -o tcp.analyze_sequence_numbers:TRUE -Y "$1" -T fields -e tcp.seq 2>/dev/null | wc -l
}
start_wire() {
  need tshark dumpcap
  rm -f "$WORK/dumpcap.log" "$WORK/wire.pcap"  # of the other family
  becomes_inside dumpcap -q -i tap0 -c 10000 -f tcp -w "$WORK/wire.pcap" >"$WORK/dumpcap.log" 2>&1 9>&- &
  wire_pid=$!
  PIDS+=("$wire_pid")
  until_true 15 grep -q '^File:' "$WORK/dumpcap.log" || fail "dumpcap did not start: $(cat "$WORK/dumpcap.log")"
}
answered() { (($(wire "tcp.analysis.keep_alive_ack && tcp.srcport == 9000") >= 4)); }

# Linux probes levee every second, and sends after two of them.
start_levee
for host in "${HOSTS[@]}"; do
  rm -f "$WORK/go"
  before=$(nstat_of TcpExtTCPKeepAlive)
  start_peer --connect "$host" 7 --keepalive 1 --send "$WORK/words" --send-after "$WORK/go"
  linux_probed() { (($(nstat_of TcpExtTCPKeepAlive) >= before + 2)); }
  until_true 20 linux_probed || fail "$host: Linux does not probe"
  # An unanswered probe is counted in the socket until an answer comes.
  inside ss -Htno dst "$(in_url "$host")" | grep -q 'timer:(keepalive,[^,]*,[1-9]' && fail "$host: levee does not answer Linux's probes"
  touch "$WORK/go"
  expect_peer "$WORK/words" "$host: text after probes"
done
stats "$WORK/stats" || fail "no stats"
[[ $(figure "$WORK/stats" counters TCPKeepAlive) == 0 ]] || fail "levee probes though nobody asked for it (MUST-25)"
[[ $(figure "$WORK/stats" counters OutRsts) == 0 ]] || fail "levee sent RSTs"
stop_clean
log "Linux probes an idle levee: answered, over each family"

for peer in "${PEERS[@]}"; do
  start_peer --listen 9000 --send-after "$WORK/never"
  start_nc "$WORK/open" "$WORK/out" --keepalive --keepalive_idle=500ms --keepalive_interval=500ms --keepalive_probes=2 "$peer" 9000
  start_wire
  # Two unanswered probes would have ended it.
  until_true 20 answered || fail "$peer: levee does not probe an idle connection, or Linux does not answer"
  gone "$LEVEE_PID" && fail "$peer: the connection ended though Linux answered"
  probes=$(wire "tcp.analysis.keep_alive && tcp.dstport == 9000")
  # Linux falls silent: it sees none of the probes.
  inside nft 'table inet silence { chain input { type filter hook input priority 0; policy accept;
    meta l4proto tcp tcp dport 9000 counter drop; }; }' || skip "nftables cannot drop packets here"
  expect_exit 1 "$peer: a silent Linux" 20
  grep -q 'connection timed out' "$WORK/levee.log" || fail "$peer: the end is not told: $(cat "$WORK/levee.log")"
  # Linux does not hear the RST either.
  unheard=$(inside nft list ruleset | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')
  ((unheard == 3)) || fail "$peer: $unheard segments went to a silent Linux, expected two probes and an RST"
  inside nft delete table inet silence
  kill "$PEER_PID" "$wire_pid" 2>/dev/null
  wait "$PEER_PID" "$wire_pid" 2>/dev/null
  log "$peer: $probes probes, answered, kept the connection; two unanswered ones ended it"
done
log "passed"
