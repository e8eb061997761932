// Time as levee knows it: an argument, never something that is read. `Instant` is a 64-bit count of nanoseconds since
// an origin that the caller chooses (the TSC's zero, a capture's first frame, a simulation's start); `Duration` is a
// difference of two. There is no `now()`: whoever drives a shard passes the time in.
#pragma once

#include <chrono>
#include <cstdint>

namespace levee {

using Duration = std::chrono::nanoseconds;

// Satisfies what std::chrono::time_point asks of a clock, except that it cannot be read.
struct ShardClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<ShardClock, Duration>;
  static constexpr bool is_steady = true;
};

using Instant = ShardClock::time_point;

// Later than every deadline; "no deadline" in comparisons.
inline constexpr Instant kNever = Instant::max();

[[nodiscard]] constexpr std::int64_t to_nanoseconds(Instant when) { return when.time_since_epoch().count(); }
[[nodiscard]] constexpr std::int64_t to_milliseconds(Instant when) {
  return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

}  // namespace levee
