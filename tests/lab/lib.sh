# shellcheck shell=bash
# What the lab's scripts share: levee behind a memif on one core, the sender on another, and figures taken while a flood
# lasts. A script is called with LEVEE, SENDER and perhaps the word "smoke": then it is short, measures nothing, and
# only shows that everything works. Without it, it wants an idle machine, and says so where the machine was not.
#
# LEVEE_ROUNDS and LEVEE_SECONDS set how many rounds there are and how long a flood lasts.
source "$(dirname "${BASH_SOURCE[0]}")/../interop/lib.sh"

SENDER=${2:?usage: SCRIPT LEVEE_BINARY SENDER_BINARY [smoke]}
SMOKE=$([[ ${3-} == smoke ]] && echo yes)
LAB=$(dirname "${BASH_SOURCE[0]}")
SECONDS_EACH=${LEVEE_SECONDS:-$([[ $SMOKE ]] && echo 2 || echo 3)}
SENDER_CPU=0 SERVER_CPU=1
SENDER_NS=()  # `ip netns exec NAME` where the sender's device is in a namespace
MAC=02:00:00:00:00:02
SOCKET=$WORK/memif.sock

need_two_cpus() {
  taskset -c $SENDER_CPU,$SERVER_CPU true 2>/dev/null || skip "needs CPUs $SENDER_CPU and $SERVER_CPU"
}

# levee as the memif's server on its core, all SYNs by cookie, its counters as JSON lines in levee.log.
start_levee_memif() {
  rm -f "$WORK/levee.log"
  taskset -c $SERVER_CPU "$LEVEE" --dev="memif:$SOCKET,server" --mac=$MAC --address=$HOST/24 --listen=80/http \
    --syn_cookies=always --poll=busy --stats=250ms --json >"$WORK/levee.log" 2>&1 &
  LEVEE_PID=$!
  # With its first figures its port is started: a client that comes earlier is turned away.
  until_true 30 said_or_gone "$WORK/levee.log" "$LEVEE_PID"
  gone "$LEVEE_PID" && fail "levee did not start"
}
said_or_gone() { [[ -s $1 ]] || gone "$2"; }

# flood SERVER_PID DEVICE OPTION...: the sender on its core, until the flood is over; its JSON object in sender.json,
# and in WAITED how many nanoseconds the server (0: the kernel) meanwhile waited for its core. The sender stays
# connected until let_go: the server is to end first, because DPDK 22.11's memif unmaps the rings under a poll when its
# peer goes.
flood() {
  local before
  rm -f "$WORK/sender.json"
  before=$(wait_for_cpu "$1")  # of pid 0: nothing
  "${SENDER_NS[@]}" taskset -c $SENDER_CPU "$SENDER" "$2" --to=$HOST --to_mac=$MAC --seconds="$SECONDS_EACH" \
    --linger=60 "${@:3}" >"$WORK/sender.json" &
  SENDER_PID=$!
  PIDS+=("$SENDER_PID")
  until_true $((SECONDS_EACH + 40)) said_or_gone "$WORK/sender.json" "$SENDER_PID" || fail "the sender does not end"
  [[ -s $WORK/sender.json ]] || fail "the sender said nothing"
  WAITED=$(($(wait_for_cpu "$1") - before))
}
let_go() {
  kill -TERM "$SENDER_PID"
  wait "$SENDER_PID" || fail "the sender ended with $?: $(cat "$WORK/sender.json")"
}

# wait_for_cpu PID: nanoseconds that the busiest thread of a process has waited for its core: others were on it.
wait_for_cpu() {
  cat /proc/"$1"/task/*/schedstat 2>/dev/null |
    awk '$1 >= most { most = $1; wait = $2 } END { printf "%d\n", wait }'
}
