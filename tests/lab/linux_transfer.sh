#!/bin/bash
# Linux's goodput over the bad links on which the simulator measures levee's (levee-sim --transfer): two namespaces, and
# the relay between them with the same model of loss, delay, rate and queue, in real time.
#
#   namespace A: 10.7.1.1, sends   <->   namespace R: relay, two TAPs   <->   namespace B: 10.7.1.2, receives
#
#   bash tests/lab/linux_transfer.sh build/tests/lab/relay [smoke]
#
# It wants an otherwise idle machine. LEVEE_SECONDS (default 6) are counted in each cell behind LEVEE_WARM_UP (3);
# LEVEE_RATE is the link's (default 20000000 bits per second), LEVEE_ROUNDS how often each cell is measured (1), with
# the seeds 1, 2, ...; LEVEE_CONTROLS, LEVEE_LOSSES and LEVEE_RTTS (ms) leave out what is not asked for.
source "$(dirname "$0")/../interop/lib.sh"
RELAY=$1
SMOKE=$([[ ${2-} == smoke ]] && echo yes)
LAB=$(dirname "$0")
need ip "$PYTHON"
((EUID == 0)) || skip "making a TAP and a network namespace needs root"
[[ -c /dev/net/tun ]] || skip "/dev/net/tun is missing"
ip netns add "$NS" 2>/dev/null || skip "network namespaces cannot be made here"
NAMESPACES+=("$NS")
seconds=${LEVEE_SECONDS:-$([[ $SMOKE ]] && echo 1 || echo 6)}
warm_up=${LEVEE_WARM_UP:-$([[ $SMOKE ]] && echo 1 || echo 3)}
rate=${LEVEE_RATE:-20000000}
rounds=${LEVEE_ROUNDS:-1}
read -ra controls <<<"${LEVEE_CONTROLS:-cubic reno}"
read -ra losses <<<"${LEVEE_LOSSES:-$([[ $SMOKE ]] && echo 0.001 || echo 0 0.001 0.01 0.03)}"
read -ra rtts <<<"${LEVEE_RTTS:-$([[ $SMOKE ]] && echo 20 || echo 1 20 100)}"
a=$NS-a b=$NS-b port=5001

for name in "$a" "$b"; do
  add_namespace "$name"
  # Windows that the link's product of bandwidth and delay never fills, and nothing remembered from cell to cell.
  ip netns exec "$name" sysctl -qw net.ipv4.tcp_rmem='4096 131072 16777216' net.ipv4.tcp_wmem='4096 65536 16777216' \
    net.ipv4.tcp_no_metrics_save=1 || fail "the kernel's TCP cannot be set up"
done
available=$(ip netns exec "$a" sysctl -n net.ipv4.tcp_available_congestion_control)

becomes_relay() { exec ip netns exec "$NS" "$RELAY" "$@"; }
becomes_receiver() { exec ip netns exec "$b" "$PYTHON" "$LAB/linux_transfer.py" receive $port "$warm_up" "$seconds"; }
taps_there() { ip -n "$NS" link show relay0 && ip -n "$NS" link show relay1; }
listening() { [[ $(ip netns exec "$b" ss -Hltn "sport = :$port") ]]; }

start_relay() {  # LOSS RTT_MS SEED
  local queue=$((rate / 1000 * $2 / 8 / 1514))
  becomes_relay relay0 relay1 --rtt_us=$(($2 * 1000)) --rate="$rate" --queue=$((queue > 64 ? queue : 64)) --loss="$1" \
    --seed="$3" --seconds=$((seconds + warm_up + 60)) 2>"$WORK/relay.log" &
  RELAY_PID=$!
  PIDS+=("$RELAY_PID")
  until_true 10 taps_there || fail "the relay made no TAPs: $(cat "$WORK/relay.log")"
  ip -n "$NS" link set relay0 netns "$a" && ip -n "$NS" link set relay1 netns "$b" || fail "a TAP cannot be moved"
  ip -n "$a" addr add 10.7.1.1/24 dev relay0 && ip -n "$a" link set relay0 up || fail "relay0 cannot be configured"
  ip -n "$b" addr add 10.7.1.2/24 dev relay1 && ip -n "$b" link set relay1 up || fail "relay1 cannot be configured"
  until_true 20 ip netns exec "$a" ping -c 1 -W 1 10.7.1.2 || fail "nothing comes through the relay"
}
stop_relay() {
  kill -TERM "$RELAY_PID" && wait "$RELAY_PID" || fail "the relay ended badly: $(cat "$WORK/relay.log")"
}

# measure CONTROL LOSS RTT_MS SEED: the share of the link, in SHARE.
measure() {
  local receiver
  start_relay "$2" "$3" "$4"
  becomes_receiver >"$WORK/bits" &
  receiver=$!
  PIDS+=("$receiver")
  until_true 10 listening || fail "nobody listens"
  ip netns exec "$a" "$PYTHON" "$LAB/linux_transfer.py" send 10.7.1.2 $port "$1" $((seconds + warm_up + 1)) ||
    fail "the sender failed"
  wait "$receiver" || fail "the receiver failed"
  stop_relay
  SHARE=$(awk -v rate="$rate" '{ printf "%.3f", $1 / rate }' "$WORK/bits")
}

echo "Linux $(uname -r): goodput as a share of $((rate / 1000000)) Mbit/s; $seconds s after $warm_up s, queue of one" \
  "BDP, rounds: $rounds (min, median, max)"
printf '%-8s %6s' '' loss
for rtt in "${rtts[@]}"; do printf '   %17s' "RTT $rtt ms"; done
echo
for control in "${controls[@]}"; do
  [[ " $available " == *" $control "* ]] || { log "$control is not available here"; continue; }
  for loss in "${losses[@]}"; do
    printf '%-8s %5s%%' "$control" "$(awk "BEGIN { print $loss * 100 }")"
    for rtt in "${rtts[@]}"; do
      shares=()
      for ((round = 1; round <= rounds; ++round)); do
        measure "$control" "$loss" "$rtt" "$round"
        shares+=("$SHARE")
      done
      mapfile -t shares < <(printf '%s\n' "${shares[@]}" | sort -n)
      printf '   %5s %5s %5s' "${shares[0]}" "${shares[rounds / 2]}" "${shares[rounds - 1]}"
    done
    echo
  done
done
# A link of a smoke loses little: something must have come through.
[[ ! $SMOKE ]] || awk -v share="$SHARE" 'BEGIN { exit !(share > 0.001) }' || fail "nothing was delivered"
exit 0
