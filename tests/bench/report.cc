#include "bench/report.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace levee::bench {

Report::Report(std::string bench, bool json, std::string conditions) : bench_(std::move(bench)), json_(json) {
  say(conditions);
  say("TSC cycles per frame of the whole loop; \"over_io\" is each round's less the io of the same round.");
  say(fmt::format("{:<22} {:<26} {:>9} {:>9} {:>9} {:>8}", "variant", "metric", "min", "median", "max", "samples"));
}

void Report::say(const std::string& text) {
  if (!json_) fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Report::add(const std::string& variant, const std::string& metric, const std::vector<double>& values) {
  const Spread spread = spread_of(values);
  if (json_) {
    fmt::print(R"({{"bench":"{}","variant":"{}","metric":"{}","min":{:.2f},"median":{:.2f},"max":{:.2f},"samples":{}}})"
               "\n",
               bench_, variant, metric, spread.min, spread.median, spread.max, spread.samples);
  } else {
    fmt::print("{:<22} {:<26} {:>9.2f} {:>9.2f} {:>9.2f} {:>8}\n", variant, metric, spread.min, spread.median,
               spread.max, spread.samples);
  }
  std::fflush(stdout);
}

void Report::add(const std::string& variant, const Measured& measured) {
  const std::vector<double>* io = measured.of("io");
  for (const std::string& mode : measured.modes) add(variant, "cycles_" + mode, *measured.of(mode));
  for (const std::string& mode : measured.modes) {
    if (io == nullptr || mode == "io") continue;
    // levee is what it is all about: its figures have the plain names.
    const std::string suffix = mode == "levee" ? "" : "_" + mode;
    add(variant, "cycles_over_io" + suffix, less(*measured.of(mode), *io));
    add(variant, "ratio_to_io" + suffix, ratio(*measured.of(mode), *io));
  }
  if (measured.dropped > 0)
    say(fmt::format("{:<22} {} disturbed passes dropped and made up for", variant, measured.dropped));
}

}  // namespace levee::bench
