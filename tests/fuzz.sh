#!/bin/bash
# Runs the fuzz targets of tests/fuzz with libFuzzer, each for SECONDS of CPU time, from the corpus in tests/fuzz/corpus
# and from what earlier runs left in build-fuzz/corpus. Needs clang.
#
#   bash tests/fuzz.sh SECONDS [TARGET...]            all targets, or these
#   bash tests/fuzz.sh --merge [SECONDS] [TARGET...]  afterwards, what reaches new code goes into tests/fuzz/corpus,
#                                                     which is made as small as it can be
#   LEVEE_FUZZ_JOBS=2                                 how many targets run at a time; default 2
#
# Prints a line for each target: executions, executions a second, coverage (edges reached, and features) and findings.
# Findings are kept in build-fuzz/findings/TARGET and can be run by `replay` in any build. Exit code 1 if there was one.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
source tests/packages.sh

refuse() {
  echo "tests/fuzz.sh: $1; say bash tests/fuzz.sh [--merge] SECONDS [TARGET...]" >&2
  exit 2
}
merge=''
[[ ${1-} == --merge ]] && merge=yes && shift
seconds=${1-}
[[ $seconds =~ ^[0-9]+$ ]] && shift
[[ $seconds =~ ^[0-9]+$ ]] || seconds=0
[[ $merge || $seconds -gt 0 ]] || refuse "how many seconds?"
jobs=${LEVEE_FUZZ_JOBS:-2}

mapfile -t known < <(cd tests/fuzz && ls -- *_fuzz.cc | sed 's/_fuzz\.cc$//')
targets=("$@")
((${#targets[@]} > 0)) || targets=("${known[@]}")
for target in "${targets[@]}"; do
  [[ " ${known[*]} " == *" $target "* ]] || refuse "there is no target $target, but ${known[*]}"
done

install_missing "${levee_packages[@]}" "${test_packages[@]}" || exit 2
build=build-fuzz
options=(-Dtests=true -Dfuzz=true -Dbuildtype=debugoptimized -Doptimization=2 -Db_sanitize=address,undefined
  -Db_lundef=false)
export CC=${CC:-clang} CXX=${CXX:-clang++}
if [[ -f $build/build.ninja ]]; then setup=configure; else setup=setup; fi
programs=("${targets[@]/#/tests/fuzz/}")
log=$(mktemp)
if ! meson "$setup" "$build" "${options[@]}" >"$log" 2>&1 ||
  ! nice -n 5 ninja -C "$build" --quiet "${programs[@]/%/_fuzz}" >>"$log" 2>&1; then
  tail -n 40 "$log" >&2
  rm -f "$log"
  refuse "the targets cannot be built"
fi
rm -f "$log"

symbolizer=$(command -v llvm-symbolizer llvm-symbolizer-14 | head -n 1)
[[ $symbolizer ]] && export ASAN_SYMBOLIZER_PATH=$symbolizer
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=8:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1

# Inputs beyond these lengths bring time and no news.
longest() {
  case $1 in
    options | syn_offer | words) echo 64 ;;
    cookie) echo 96 ;;
    http | command_line | nc_command_line) echo 512 ;;
    *) echo 400 ;;
  esac
}

# The CPU time that a process has used, in seconds; fails when it has ended.
cpu_seconds() {
  local fields
  read -r -a fields <"/proc/$1/stat" && [[ ${fields[2]} != Z ]] || return 1
  echo $(((fields[13] + fields[14]) / $(getconf CLK_TCK)))
} 2>/dev/null

fuzz() {  # TARGET: its log goes to build-fuzz/logs, its findings to build-fuzz/findings
  local target=$1 found=$build/findings/$1 process used
  mkdir -p "$build/logs" "$build/corpus/$target" "$found" "tests/fuzz/corpus/$target"
  nice -n 5 "$build/tests/fuzz/${target}_fuzz" -max_len="$(longest "$target")" -len_control=0 -entropic=0 \
    -timeout=20 -report_slow_units=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found/" \
    "$build/corpus/$target" "tests/fuzz/corpus/$target" >"$build/logs/$target" 2>&1 &
  process=$!
  while sleep 1 && used=$(cpu_seconds "$process"); do
    ((used < seconds)) && continue
    kill -USR1 "$process"  # libFuzzer then ends as it should
    break
  done
  wait "$process"
}

# What libFuzzer says at its end; of coverage the last line that tells it.
report() {
  local target=$1 log=$build/logs/$1 executions rate coverage findings
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  coverage=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
  findings=$(find "$build/findings/$target" -type f -newer "$build/started" | wc -l)
  printf '%-14s %12s executions %8s/s  %s  %s findings\n' "$target" "${executions:-?}" "${rate:-?}" "${coverage:-cov: ?}" \
    "$findings"
  [[ $findings == 0 && $executions ]] && return 0
  grep -E -m 3 '^finding:|ERROR:|runtime error:|does not hold' "$log" | sed 's/^/    /'
  find "$build/findings/$target" -type f -newer "$build/started" -printf '    %p\n'
  return 1
}

# The smallest inputs that together reach all edges that any input reaches, named by their hashes.
merge_corpus() {
  local target=$1 old=tests/fuzz/corpus/$1 new
  new=$(mktemp -d)
  mkdir -p "$old" "$build/corpus/$target"
  if "$build/tests/fuzz/${target}_fuzz" -set_cover_merge=1 -use_counters=0 -max_len="$(longest "$target")" "$new" "$old" \
    "$build/corpus/$target" >"$build/logs/$target.merge" 2>&1; then
    find "$old" -type f ! -name 'finding-*' ! -name 'kept-*' -delete
    cp -- "$new"/* "$old"/
    echo "$target: $(find "$old" -type f | wc -l) inputs, $(du -cb "$old"/* | tail -n 1 | cut -f 1) bytes"
  else
    echo "$target cannot be merged: $build/logs/$target.merge"
    status=1
  fi
  rm -rf "$new"
}

status=0
mkdir -p "$build/logs"
if ((seconds > 0)); then
  touch "$build/started"
  for target in "${targets[@]}"; do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
    fuzz "$target" &
  done
  wait
  for target in "${targets[@]}"; do report "$target" || status=1; done
fi
if [[ $merge ]]; then
  for target in "${targets[@]}"; do merge_corpus "$target"; done
fi
exit "$status"
