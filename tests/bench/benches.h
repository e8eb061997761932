// The benchmarks, one file each. They throw VoidRun.
#pragma once

#include <string>
#include <vector>

#include "bench/options.h"
#include "bench/report.h"

namespace levee::bench {

struct Bench {
  const char* name;
  std::vector<std::string> (*variants)();
  void (*run)(const Options& options, Report& report);
};

extern const Bench kSyn, kAck, kRecycle, kHostility;

}  // namespace levee::bench
