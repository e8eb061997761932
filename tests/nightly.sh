#!/bin/bash
# What takes too long for every change: gcc's sanitizers, TSan, clang-tidy, a compile with clang as released, floods and
# proofs at the sizes that figures are stated for, many simulator seeds that no run before has seen, a quarter of them
# again beside the model, the simulator from each compiler, a while of every fuzz target, and the benchmarks, whose
# figures are printed. Every step runs even if one fails; the last line sums them up.
#
#   bash tests/nightly.sh            LEVEE_SEEDS=200000 sets the number of seeds, LEVEE_SEED the first one,
#                                    LEVEE_FUZZ_SECONDS=600 how long each fuzz target runs
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source tests/packages.sh
install_missing "${levee_packages[@]}" "${demo_packages[@]}" "${test_packages[@]}" "${nightly_packages[@]}" || exit 1

passed=0 failed=0 skipped=0
step() {
  echo "==== $1"
  shift
  local started=$SECONDS status
  "$@"
  status=$?
  case $status in
    0) ((++passed)) && echo "==== passed after $((SECONDS - started)) s" ;;
    77) ((++skipped)) && echo "==== skipped" ;;
    *) ((++failed)) && echo "==== FAILED after $((SECONDS - started)) s: $*" ;;
  esac
}

configured() {  # DIRECTORY OPTION...: a build directory with these options, made if it is not there
  local build=$1
  shift
  if [[ -f $build/build.ninja ]]; then meson configure "$build" "$@"; else meson setup "$build" "$@"; fi >/dev/null
}

released() {  # what is measured and what runs at full size: gcc's release build, as tests/run.sh makes it
  CC=gcc CXX=g++ configured build -Dtests=true -Dbuildtype=release && ninja -C build --quiet
}

thread_sanitizer() {
  # Floors with threads of their own are small, and DPDK itself is not instrumented: the tests without a device suffice.
  export CC=clang CXX=clang++ TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 LEVEE_TEST_SIZE=small
  configured build-tsan -Dtests=true -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false &&
    ninja -C build-tsan --quiet &&
    meson test -C build-tsan --no-rebuild --print-errorlogs --timeout-multiplier=10 --suite unit
}

tidy() {
  CC=clang CXX=clang++ configured build-clang -Dtests=true -Dbuildtype=release &&
    run-clang-tidy -quiet -p build-clang "^$PWD/(src|apps)/.*"
}

seeds() {
  local first=${LEVEE_SEED:-$((RANDOM << 15 | RANDOM))} count=${LEVEE_SEEDS:-20000}
  echo "seeds $first to $((first + count - 1))"
  build/tests/levee-sim --seed="$first" --seeds="$count" &&
    build/tests/levee-sim --model --seed="$first" --seeds=$((count / 4))
}

instructions() {  # of one SYN answered by cookie: not more than the goal
  local figures status
  figures=$(bash tests/bench/callgrind.sh)
  status=$?
  echo "$figures"
  ((status == 0)) || return "$status"
  tail -n 1 <<<"$figures" |
    python3 -c 'import json, sys; sys.exit("more than 320" if json.load(sys.stdin)["max"] > 320 else 0)'
}

step "gcc as released" released
step "gcc, ASan and UBSan" bash tests/run.sh --sanitize --compiler gcc
step "clang as released" bash tests/run.sh --compiler clang
step "clang, TSan" eval '(thread_sanitizer)'
step "clang-tidy" tidy
step "all 2^32 ACK numbers" env LEVEE_COOKIE_STRIDE=1 build/tests/shard/shard_test --gtest_filter='*EveryAck.*'
step "proofs" env LEVEE_PROOF_SIZE=full build/tests/proof/proof_test
step "floods" env LEVEE_FLOOD_SIZE=full build/tests/flood/flood_test
step "bursts" env LEVEE_PROOF_SIZE=full build/tests/sim/sim_test --gtest_filter='Bursts.*'
step "simulator" seeds
step "the same trace from each compiler" bash tests/sim/same_trace.sh
step "fuzzing" bash tests/fuzz.sh "${LEVEE_FUZZ_SECONDS:-60}"
step "256 MB each way at 3 % loss" env LEVEE_BULK_MEGABYTES=256 bash tests/interop/bulk.sh build/apps/levee \
  build/apps/levee-nc 3
step "1,000 curls in a flood" env LEVEE_CURLS=1000 bash tests/interop/curls_in_flood.sh build/apps/levee
step "instructions" instructions
for bench in syn ack recycle; do
  step "cycles: $bench" build/tests/bench/levee-bench $bench --rounds=31
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
