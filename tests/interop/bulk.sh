#!/bin/bash
# 256 MB from levee-nc to Linux and 256 MB back at the same time over one connection, intact by SHA-256, over IPv4 and IPv6;
# levee opens one of the two and Linux the other. Called with the paths of levee and levee-nc, and with how many per cent
# of the TCP packets of each direction vanish in a router between them; without this they are neighbours. With loss, IPv4
# carries 64 MB and IPv6 an eighth of it, unless LEVEE_BULK_MEGABYTES says how much each (nightly: 256).
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/peers.sh"
source "$(dirname "$0")/router.sh"
need ping ss
need_tap
percent=${3:-0}
((percent > 0)) && full=64 || full=256
megabytes=${LEVEE_BULK_MEGABYTES:-${SMALL:+8}}
megabytes=${megabytes:-$full}
random_file "$WORK/ours" $((megabytes << 20))
random_file "$WORK/theirs" $((megabytes << 20))
sum=$(checksum "$WORK/theirs")
mkfifo "$WORK/out"
options=()
if ((percent > 0)); then
  need nft ethtool
  add_client
  PEER_NS=$CLIENT PEERS=(10.8.0.1) options=(--gateway="$GATEWAYS")
  inside nft "table inet loss { chain forward { type filter hook forward priority 0; policy accept;
    iifname tap0 meta l4proto tcp numgen random mod 100 < $percent counter drop
    oifname tap0 meta l4proto tcp numgen random mod 100 < $percent counter drop; }; }" || skip "nftables cannot drop here"
fi

# begin: what levee-nc writes is read as it comes, and only its digest kept.
begin() {
  checksum <"$WORK/out" >"$WORK/sum" &
  reader=$!
  PIDS+=("$reader")
  started=${EPOCHREALTIME/./}
}
lost() { inside nft list ruleset 2>/dev/null | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p' | paste -sd ' '; }
expect_whole() {  # WHAT
  expect_exit 0 "$1" 400
  expect_peer "$WORK/ours" "$1"
  wait "$reader"
  [[ $(cat "$WORK/sum") == "$sum" ]] || fail "$1: what came from Linux is not what was sent"
  log "$1: $megabytes MB each way at once in $(((${EPOCHREALTIME/./} - started) / 1000)) ms"
}

begin
start_peer --listen 9000 --send "$WORK/theirs"
start_nc "$WORK/ours" "$WORK/out" "${options[@]}" "${PEERS[0]}" 9000
expect_whole "levee to ${PEERS[0]}"

host=${HOSTS[-1]}
if [[ ! ${LEVEE_BULK_MEGABYTES-} ]] && ((percent > 0 && ${#HOSTS[@]} > 1)); then
  megabytes=$((megabytes / 8))
  truncate -s $((megabytes << 20)) "$WORK/ours" "$WORK/theirs"
  sum=$(checksum "$WORK/theirs")
fi
begin
start_nc "$WORK/ours" "$WORK/out" "${options[@]}" -l 9001
until_true 20 ip netns exec "$PEER_NS" ping -c 1 -W 1 "$host" || fail "levee-nc does not answer a ping to $host"
start_peer --connect "$host" 9001 --send "$WORK/theirs"
expect_whole "Linux to $host"
if ((percent > 0)); then
  read -r from to <<<"$(lost)"
  ((from > megabytes && to > megabytes)) || fail "only $from and $to packets were dropped"
  log "of levee's packets $from were lost, of Linux's $to"
fi
log "passed"
