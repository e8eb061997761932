// levee-bench: what levee costs, in cycles per frame of the whole loop, measured against passing the frame on.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>

#include "bench/benches.h"
#include "bench/endpoint.h"
#include "bench/harness.h"

namespace {

using namespace levee::bench;

constexpr int kVoid = 1, kUsage = 2;

constexpr const Bench* kBenches[] = {&kSyn, &kAck, &kRecycle, &kHostility};

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (!options) {
    print_usage();
    return kUsage;
  }
  for (const Bench* bench : kBenches) {
    if (options->bench != bench->name) continue;
    if (const std::string variant = options->unknown_variant(bench->variants()); !variant.empty()) {
      fmt::print(stderr, "levee-bench: {} has no variant \"{}\"\n", bench->name, variant);
      return kUsage;
    }
    try {
      const int core = pin(options->core);
      Report report(
          bench->name, options->json,
          fmt::format("core {}, {} rounds, bursts of {}, {} buffers (hot: {}), seed {}", core, options->rounds,
                      options->burst, options->buffers, options->hot_buffers, options->seed));
      bench->run(*options, report);
      return 0;
    } catch (const std::exception& fault) {
      fmt::print(stderr, "levee-bench: the run is void: {}\n", fault.what());
      return kVoid;
    }
  }
  fmt::print(stderr, "levee-bench: there is no benchmark \"{}\"\n", options->bench);
  print_usage();
  return kUsage;
}
