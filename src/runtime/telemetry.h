// Counters as text: one line per interval and the totals at the end, for people or as one JSON object a line.
#pragma once

#include <string>

#include "levee/stats.h"
#include "levee/time.h"

namespace levee::runtime {

class Telemetry {
 public:
  explicit Telemetry(bool json) : json_(json) {}

  // What happened since the last call, as a rate per second, and what is there now. `elapsed` counts from the start.
  [[nodiscard]] std::string line(Duration elapsed, const StatsSnapshot& now);
  // Everything since the start: states, counters that are not 0, drops by reason.
  [[nodiscard]] std::string totals(Duration elapsed, const StatsSnapshot& now) const;

 private:
  bool json_;
  Duration last_{};
  StatsSnapshot before_{};
};

}  // namespace levee::runtime
