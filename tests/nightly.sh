#!/bin/bash
# What takes too long for every change: gcc's sanitizers, TSan, clang-tidy, a compile with clang as released, and many
# simulator seeds that no run before has seen. Every step runs even if one fails; the last line sums them up.
#
#   bash tests/nightly.sh            LEVEE_SEEDS=200000 sets the number of seeds, LEVEE_SEED the first one
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source tests/packages.sh
install_missing "${levee_packages[@]}" "${demo_packages[@]}" "${test_packages[@]}" "${nightly_packages[@]}" || exit 1

passed=0 failed=0
step() {
  echo "==== $1"
  shift
  local started=$SECONDS
  if "$@"; then
    ((++passed))
    echo "==== passed after $((SECONDS - started)) s"
  else
    ((++failed))
    echo "==== FAILED after $((SECONDS - started)) s: $*"
  fi
}

configured() {  # DIRECTORY OPTION...: a build directory with these options, made if it is not there
  local build=$1
  shift
  if [[ -f $build/build.ninja ]]; then meson configure "$build" "$@"; else meson setup "$build" "$@"; fi >/dev/null
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
  [[ -x build/tests/levee-sim ]] || { configured build -Dtests=true && ninja -C build --quiet; } || return 1
  echo "seeds $first to $((first + count - 1))"
  build/tests/levee-sim --seed="$first" --seeds="$count"
}

step "gcc, ASan and UBSan" bash tests/run.sh --sanitize --compiler gcc
step "clang as released" bash tests/run.sh --compiler clang
step "clang, TSan" eval '(thread_sanitizer)'
step "clang-tidy" tidy
step "all 2^32 ACK numbers" env LEVEE_COOKIE_STRIDE=1 build/tests/shard/shard_test --gtest_filter=SynCookie.Exactly*
step "simulator" seeds
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
