// Bounds for what chance may do.
#pragma once

#include <cmath>
#include <cstdint>

namespace levee::proof {

struct Interval {
  std::uint64_t low, high;
  [[nodiscard]] bool contains(std::uint64_t count) const { return low <= count && count <= high; }
};

// The counts within which a Poisson variable of this mean stays with at least this probability.
[[nodiscard]] inline Interval poisson_interval(double mean, double probability) {
  const double tail = (1 - probability) / 2;
  Interval interval{0, 0};
  double below = 0;
  bool low_found = false;
  for (std::uint64_t n = 0;; ++n) {
    const auto real = static_cast<double>(n);
    below += std::exp(real * std::log(mean) - mean - std::lgamma(real + 1));
    if (!low_found && below > tail) {
      interval.low = n;
      low_found = true;
    }
    if (below >= 1 - tail) {
      interval.high = n;
      return interval;
    }
  }
}

}  // namespace levee::proof
