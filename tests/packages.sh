# shellcheck shell=bash disable=SC2034
# Debian 12's packages that levee needs, in one place, and a function that installs what is missing of them. Sourced by
# apps/quickstart.sh, tests/run.sh and tests/nightly.sh. README.md gives the reason for each.

# To build and run levee.
levee_packages=(g++ meson ninja-build pkg-config python3 libdpdk-dev libgflags-dev libfmt-dev libpcap-dev libboost-dev)
# To show it to a Linux peer over a TAP.
demo_packages=(curl iproute2 iputils-ping netcat-openbsd procps)
# To test it: GoogleTest, the other compiler with its sanitizers, and the peers and observers of the interop tests.
# clang's run-time libraries are a dependency only of the versioned package.
test_packages=(libgtest-dev libgmock-dev clang llvm-14 libclang-rt-14-dev dpdk-dev wrk apache2-utils nftables nginx-light ethtool
  tshark hping3)
# What only tests/nightly.sh runs: valgrind counts instructions.
nightly_packages=(clang-tidy valgrind)

# Prints the packages among its arguments that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

# Runs a command in which no package starts its service: nginx is wanted as a program that the tests run by hand.
starts_no_service() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  "$@"
)

# Installs those of its arguments that are missing. Asks the network for nothing when all are there.
install_missing() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return 0
  if ((EUID != 0)); then
    echo "These packages are missing: ${missing[*]}. Run this as root, or install them with apt-get." >&2
    return 1
  fi
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  # tshark asks whether users may capture; root captures here, so the default "no" is right and must not be asked for.
  if apt-get -q update >"$log" 2>&1 && starts_no_service \
    apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}" >>"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  echo "apt-get could not install the packages above; its output is in $log." >&2
  return 1
}
