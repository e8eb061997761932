#!/bin/bash
# Instructions per segment. `syn`: inclusive under the shard's receive and transmit; `hostility`: of the worker's whole
# loops under the attack. What makes the frames and what checks the replies is not collected. valgrind 3.19 has no
# AVX-512, so run-time dispatch takes its AVX2 path.
#
#   bash tests/bench/callgrind.sh [LEVEE_BENCH [FRAMES [VARIANT [BENCH]]]]  the last line is a JSON object
#
# FRAMES: of hostility it is the number of peers. Exit code: 0, or 1 if there is no figure, or 77 if valgrind is not
# installed.
set -euo pipefail
binary=${1:-$(dirname "${BASH_SOURCE[0]}")/../../build/tests/bench/levee-bench}
frames=${2:-16384}
variant=${3:-v4-mixed}
bench=${4:-syn}
command -v valgrind >/dev/null || { echo "valgrind is not installed: apt-get install valgrind"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $bench in
  syn) what=(--buffers="$frames")
       toggles=(--toggle-collect='levee::shard::Shard::receive(*' --toggle-collect='levee::shard::Shard::transmit(*') ;;
  hostility) what=(--buffers=4096 --records="$frames")
       toggles=(--toggle-collect='*Battle::fight()') ;;
  *) echo "callgrind.sh: syn or hostility, not $bench" >&2; exit 1 ;;
esac
if ! valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no "${toggles[@]}" \
  "$binary" "$bench" --callgrind --variants="$variant" "${what[@]}" >"$work/log" 2>&1; then
  cat "$work/log" >&2
  exit 1
fi
# With every toggle a switch, nothing nested: the total is what was executed below.
total=$(sed -n 's/^\(summary\|totals\): *//p' "$work/out" | tail -n 1)
[[ $total =~ ^[0-9]+$ ]] && ((total > 0)) || { echo "callgrind collected nothing" >&2; cat "$work/log" >&2; exit 1; }
segments=$(sed -n 's/^\([0-9]*\) \(SYNs\|segments\)$/\1/p' "$work/log")
callgrind_annotate "$work/out" 2>/dev/null | sed -n '/file:function/,+13p' || true
awk -v total="$total" -v segments="$segments" -v bench="$bench" -v variant="$variant" 'BEGIN {
  each = total / segments
  printf "{\"bench\":\"%s\",\"variant\":\"%s\",\"metric\":\"instructions\",\"min\":%.1f,\"median\":%.1f,\"max\":%.1f,\"samples\":1}\n", bench, variant, each, each, each
}'
