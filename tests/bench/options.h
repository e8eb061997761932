// The command line of levee-bench.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace levee::bench {

struct Options {
  std::string bench;
  bool json = false;
  unsigned rounds = 31;
  int core = -1;                      // -1: the last one that this process may run on
  std::vector<std::string> modes;     // empty: all
  std::vector<std::string> variants;  // empty: all
  std::size_t burst = 64;
  std::size_t buffers = 16384;      // of a cold table, and frames of a round
  std::size_t hot_buffers = 128;    // of a hot one
  std::uint32_t records = 1000000;  // connections or TIME-WAIT entries that are there
  std::uint64_t seed = 1;
  std::uint64_t break_reply = 0;  // a test of the oracle: that reply is damaged before it is looked at
  bool callgrind = false;         // levee alone, once, for a profiler

  [[nodiscard]] bool wants_mode(const std::string& name) const;
  [[nodiscard]] bool wants_variant(const std::string& name) const;
  // The first chosen variant that is not among these, or an empty string.
  [[nodiscard]] std::string unknown_variant(const std::vector<std::string>& known) const;
};

// Prints what is wrong to stderr and returns nothing if the arguments are.
[[nodiscard]] std::optional<Options> parse(int argc, char** argv);
void print_usage();

}  // namespace levee::bench
