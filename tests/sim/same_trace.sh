#!/bin/bash
# The simulator is the same run with every compiler: builds levee-sim with gcc and clang, without and with optimisation,
# and compares the hash of all frames on all links, with their times, of the same seeds.
#
#   bash tests/sim/same_trace.sh [SEEDS]      300 by default; the build directories build-gcc-O0, ... stay
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
seeds=${1:-300}
declare -A traces=()
for compiler in gcc clang; do
  for level in 0 2; do
    build=build-$compiler-O$level
    if [[ ! -f $build/build.ninja ]]; then
      cxx=$([[ $compiler == gcc ]] && echo g++ || echo clang++)
      CC=$compiler CXX=$cxx meson setup "$build" -Dtests=true -Dbuildtype=debug -Doptimization=$level >/dev/null || exit 1
    fi
    ninja -C "$build" --quiet tests/levee-sim || exit 1
    summary=$("$build/tests/levee-sim" --seed=1 --seeds="$seeds") || { echo "$summary" && exit 1; }
    trace=${summary##*trace }
    echo "$compiler -O$level: trace $trace"
    traces[$trace]=1
  done
done
((${#traces[@]} == 1)) || { echo "FAILED: they differ" >&2 && exit 1; }
