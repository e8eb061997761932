#!/bin/bash
# Instructions per SYN answered by cookie, inclusive under the shard's receive and transmit: what makes the frames and
# what checks the replies is not collected. valgrind 3.19 has no AVX-512, so run-time dispatch takes its AVX2 path.
#
#   bash tests/bench/callgrind.sh [LEVEE_BENCH [FRAMES [VARIANT]]]      the last line is a JSON object
#
# Exit code: 0, or 1 if there is no figure, or 77 if valgrind is not installed.
set -euo pipefail
bench=${1:-$(dirname "${BASH_SOURCE[0]}")/../../build/tests/bench/levee-bench}
frames=${2:-16384}
variant=${3:-v4-mixed}
command -v valgrind >/dev/null || { echo "valgrind is not installed: apt-get install valgrind"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
  --toggle-collect='levee::shard::Shard::receive(*' --toggle-collect='levee::shard::Shard::transmit(*' \
  "$bench" syn --callgrind --variants="$variant" --buffers="$frames" >"$work/log" 2>&1; then
  cat "$work/log" >&2
  exit 1
fi
# With every toggle a switch, nothing nested: the total is what was executed below the two.
total=$(sed -n 's/^\(summary\|totals\): *//p' "$work/out" | tail -n 1)
[[ $total =~ ^[0-9]+$ ]] && ((total > 0)) || { echo "callgrind collected nothing" >&2; cat "$work/log" >&2; exit 1; }
callgrind_annotate "$work/out" 2>/dev/null | sed -n '/file:function/,+13p' || true
awk -v total="$total" -v frames="$frames" -v variant="$variant" 'BEGIN {
  each = total / frames
  printf "{\"bench\":\"syn\",\"variant\":\"%s\",\"metric\":\"instructions\",\"min\":%.1f,\"median\":%.1f,\"max\":%.1f,\"samples\":1}\n", variant, each, each, each
}'
