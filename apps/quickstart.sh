#!/bin/bash
# levee in one command, on a machine with nothing but Debian 12, as root: installs what is missing, builds a release into
# build/, starts levee on a TAP in a network namespace of its own, and talks to it with curl, ping and nc.
#
#   bash apps/quickstart.sh           shows it and cleans up
#   bash apps/quickstart.sh --keep    leaves it running and says how to reach it
#   bash apps/quickstart.sh --stop    stops what --keep left
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source tests/packages.sh

keep='' stop=''
for option in "$@"; do
  case $option in
    --keep) keep=yes ;;
    --stop) stop=yes ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) echo "quickstart.sh: unknown option $option; there are --keep and --stop" >&2 && exit 2 ;;
  esac
done

# One kept demonstration at a time, so that --stop finds it; any number of short ones beside it.
KEPT=/run/levee-quickstart
ns=levee-demo-$$ pid='' work=$(mktemp -d)
log=$work/levee.log

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
inside() { ip netns exec "$ns" "$@"; }
alive() { kill -0 "$1" 2>/dev/null; }

fail() {
  echo "quickstart.sh: $*" >&2
  [[ -s $log ]] && tail -n 20 "$log" >&2
  exit 1
}

wait_until() {  # SECONDS COMMAND...
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
ended() { ! alive "$1"; }

clean_up() {
  trap - EXIT INT TERM
  if [[ $pid ]] && alive "$pid"; then
    kill -TERM "$pid"
    wait_until 15 ended "$pid" || kill -KILL "$pid"
  fi
  ip netns del "$ns" 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

((EUID == 0)) || fail "run this as root: it makes a TAP and a network namespace"

if [[ $stop ]]; then
  [[ -f $KEPT/pid ]] || fail "nothing was left running by --keep"
  read -r pid ns <"$KEPT/pid"
  # A process id may have been reused since: it is ours only if it still runs this binary.
  [[ $(readlink "/proc/$pid/exe") == "$PWD/build/apps/levee"* ]] || pid=''
  rm -rf "$KEPT"
  clean_up
  echo "stopped"
  exit 0
fi
[[ $keep && -f $KEPT/pid ]] && fail "a demonstration is still up; end it with: bash apps/quickstart.sh --stop"
[[ $keep ]] && mkdir -p "$KEPT" && log=$KEPT/levee.log

# --- 1. build ---
install_missing "${levee_packages[@]}" "${demo_packages[@]}" || exit 1
title "Building into build/"
if [[ ! -f build/build.ninja ]]; then
  # The tests need more packages; tests/run.sh switches them on when it is called.
  meson setup build -Dbuildtype=release -Dtests=false >"$work/setup.log" || { cat "$work/setup.log"; fail "meson failed"; }
fi
# On a terminal ninja shows its progress on one line; elsewhere only what goes wrong is worth reading.
quiet=(--quiet)
[[ -t 1 ]] && quiet=()
ninja -C build "${quiet[@]}" apps/levee || fail "the build failed"
[[ -c /dev/net/tun ]] || fail "/dev/net/tun is missing: levee is built, but a TAP cannot be made (try: modprobe tun)"

# --- 2. start ---
title "Starting levee on a TAP in the network namespace $ns"
ip netns add "$ns" || fail "network namespaces cannot be made here"
inside ip link set lo up
command=(build/apps/levee --dev=tap:tap0 --address=10.7.0.2/24 --listen=80/http,7/echo,9/discard,19/chargen)
echo "${command[*]}"
ip netns exec "$ns" setsid "${command[@]}" >"$log" 2>&1 &
pid=$!
up_or_over() { ended "$pid" || inside ip link show tap0; }
wait_until 20 up_or_over
alive "$pid" || fail "levee did not start"
inside ip addr add 10.7.0.1/24 dev tap0 && inside ip link set tap0 up || fail "tap0 cannot be configured"
wait_until 20 inside ping -c 1 -W 1 10.7.0.2 || fail "levee does not answer a ping"
inside ping -c 3 -i 0.2 10.7.0.2 | grep 'bytes from'

# --- 3. look ---
title "Its page"
inside curl -sS --fail --max-time 10 -o "$work/page" -w '%{http_code}, %{size_download} bytes in %{time_total} s\n' \
  http://10.7.0.2/ || fail "no page"
sed -e '/<style>/,/<\/style>/d; s/<[^>]*>//g' "$work/page" | grep '[a-z]' | sed -n '2,3p'

figures() { inside curl -sS --fail --max-time 10 http://10.7.0.2/stats.json; }
# Reads the figures before and after a step, and prints which states were entered meanwhile.
states() {
  /usr/bin/python3 -c '
import json, sys
before, after = (json.load(open(p))["states"] for p in sys.argv[1:])
steps = {name: after[name]["entered"] - before[name]["entered"] for name in after}
print("   ".join(f"{name} +{n}" for name, n in steps.items() if n))' "$1" "$2"
}

title "A conversation with echo; the client closes first"
figures >"$work/a" || fail "no figures"
printf 'hello, levee\nstill there?\n' | inside timeout 10 nc -N 10.7.0.2 7 | sed 's/^/echo says: /' || fail "no echo"
figures >"$work/b" || fail "no figures"
states "$work/a" "$work/b"

title "A request with Connection: close; levee closes first"
inside curl -sS --fail --max-time 10 -H 'Connection: close' -o /dev/null http://10.7.0.2/ || fail "no page"
figures >"$work/c" || fail "no figures"
states "$work/b" "$work/c"
echo "(the figures are fetched over connections of their own, which are in them)"

title "The counters"
/usr/bin/python3 -c '
import json, sys
stats = json.load(open(sys.argv[1]))
rows = [(n, v) for n, v in stats["counters"].items() if v] + [("drop: " + n, v) for n, v in stats["drops"]["by_reason"].items() if v]
half = (len(rows) + 1) // 2
for left, right in zip(rows[:half], rows[half:] + [("", "")]):
    print(f"{left[0]:<24}{left[1]:>10}    {right[0]:<28}{right[1]:>10}")' "$work/c"
echo "docs/counters.md says what each of them means."

# --- 4. stop, or not ---
if [[ $keep ]]; then
  echo "$pid $ns" >"$KEPT/pid"
  title "levee stays up"
  cat <<TEXT
reach it:  ip netns exec $ns curl http://10.7.0.2/
           ip netns exec $ns nc -N 10.7.0.2 7
its log:   $log
stop it:   bash apps/quickstart.sh --stop
TEXT
  trap - EXIT INT TERM
  rm -rf "$work"
  exit 0
fi

title "Stopping it"
kill -TERM "$pid"
wait_until 15 ended "$pid" || fail "levee does not stop"
wait "$pid"
code=$?
pid=''
grep -m 1 '^totals' "$log"
((code == 0)) || fail "levee ended with $code; 0 says that every packet buffer came back"
echo "exit code 0: every packet buffer came back, every connection was closed"
