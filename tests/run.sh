#!/bin/bash
# Builds levee with its tests and runs them all, on a machine with nothing but Debian 12, as root.
#
#   bash tests/run.sh                    gcc, release, in build/: what a user runs and what is measured
#   bash tests/run.sh --sanitize         clang, ASan + UBSan, in build-asan/; the interop tests at reduced sizes
#   bash tests/run.sh --compiler clang   the other compiler, in a build directory of its own
#   bash tests/run.sh --suite guards     one suite: unit, sim, guards, dpdk, app or interop; may be repeated
#
# The last line is `N passed, N failed, N skipped`: GoogleTest cases, and programs that are one test each.
# Exit code: 0 if nothing failed, 1 if something did, 2 for a wrong option.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source tests/packages.sh

compiler='' sanitize='' suites=()
refuse() {
  echo "tests/run.sh: $1; the options are --sanitize, --compiler gcc|clang and --suite NAME" >&2
  exit 2
}
while (($# > 0)); do
  case $1 in
    --sanitize) sanitize=yes ;;
    --compiler=*) compiler=${1#*=} ;;
    --compiler) compiler=${2-} && shift ;;
    --suite=*) suites+=("${1#*=}") ;;
    --suite) suites+=("${2-}") && shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) refuse "unknown option $1" ;;
  esac
  shift
done
# Bugs are hunted with clang here because it builds that three times as fast as gcc, which tests/nightly.sh adds.
compiler=${compiler:-${sanitize:+clang}}
compiler=${compiler:-gcc}
case $compiler in
  gcc) export CC=gcc CXX=g++ ;;
  clang) export CC=clang CXX=clang++ ;;
  *) refuse "unknown compiler $compiler" ;;
esac
for suite in "${suites[@]}"; do
  [[ $suite =~ ^(unit|sim|guards|dpdk|app|interop)$ ]] || refuse "unknown suite $suite"
done

options=(-Dtests=true -Dbuildtype=release)
build=build
test_options=(--print-errorlogs)
if [[ $sanitize ]]; then
  # -O1 keeps reports readable; b_lundef is what clang's sanitizers ask for.
  options=(-Dtests=true -Dbuildtype=debugoptimized -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false)
  build=build-asan
  test_options+=(--timeout-multiplier=4)
  export LEVEE_TEST_SIZE=${LEVEE_TEST_SIZE:-small}
  # gcc 12 puts locals of 64-byte alignment anywhere on the stack that this check fakes (GCC bug 110027).
  fake_stack=$([[ $compiler == clang ]] && echo 1 || echo 0)
  export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=$fake_stack:strict_string_checks=1
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  symbolizer=$(command -v llvm-symbolizer llvm-symbolizer-14 | head -n 1)
  [[ $symbolizer ]] && export ASAN_SYMBOLIZER_PATH=$symbolizer
fi
[[ $compiler == clang && ! $sanitize ]] && build=build-clang
[[ $compiler == gcc && $sanitize ]] && build=build-asan-gcc

stop_here() {
  echo "tests/run.sh: $1" >&2
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

started=$SECONDS
install_missing "${levee_packages[@]}" "${demo_packages[@]}" "${test_packages[@]}" ||
  stop_here "the packages are not there"
echo "== $compiler${sanitize:+ with ASan and UBSan}, in $build/"
if [[ -f $build/build.ninja ]]; then
  meson configure "$build" "${options[@]}" >/dev/null || stop_here "$build cannot be configured; remove it and try again"
else
  meson setup "$build" "${options[@]}" || stop_here "meson setup failed"
fi
ninja -C "$build" --quiet || stop_here "the build failed"
echo "== built in $((SECONDS - started)) s"

rm -f "$build/meson-logs/testlog.json"
meson test -C "$build" --no-rebuild "${test_options[@]}" "${suites[@]/#/--suite=}"
status=$?
echo "== done in $((SECONDS - started)) s; every test's output is in $build/meson-logs/testlog.txt"
/usr/bin/python3 tests/summary.py "$build/meson-logs/testlog.json" "$status"
