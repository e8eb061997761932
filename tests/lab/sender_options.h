// The sender's command line.
#pragma once

#include <cstdint>
#include <string>

#include "lab/syn_source.h"

namespace levee::lab {

struct SenderOptions {
  std::string device;  // memif:SOCKET, as its client, or af_packet:INTERFACE
  SynTarget target;
  std::uint64_t seconds = 3;
  std::uint64_t count = 100'000'000;  // SYNs, at most
  std::uint64_t rate = 0;             // SYNs a second; 0: as many as the device takes
  std::uint64_t tuples = 1U << 20;
  std::uint64_t check = 1000;  // one reply in so many is checked; 0: none
  std::uint64_t wait = 20;     // seconds for the other side to be there
  std::uint64_t linger = 0;    // seconds to stay connected after the last word, at most; SIGTERM ends it
};

inline constexpr char kSenderUsage[] =
    "syn-sender memif:SOCKET|af_packet:INTERFACE --to=ADDRESS [--to_mac=MAC] [--from_mac=MAC] [--port=80] "
    "[--seconds=3] [--count=100000000] [--rate=0] [--tuples=1048576] [--check=1000] [--wait=20] [--linger=0]";

// Throws device::StartupError (exit code 2).
[[nodiscard]] SenderOptions read_sender_options(int argc, char** argv);

}  // namespace levee::lab
