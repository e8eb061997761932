// How long an idle worker sleeps between two looks at its queues, with --poll=adaptive. Pure functions.
#pragma once

#include <algorithm>

#include "levee/time.h"

namespace levee::runtime {

// The longest sleep: what it adds to the latency of the first frame after a pause.
inline constexpr Duration kLongestNap = std::chrono::microseconds(50);
// Rounds that find nothing before the first sleep: a reply that is on its way finds the worker awake.
inline constexpr unsigned kRoundsAwake = 64;

// 0 while awake, then 1, 2, 4, ... us up to the longest.
[[nodiscard]] constexpr Duration nap_after(unsigned idle_rounds) {
  if (idle_rounds < kRoundsAwake) return Duration::zero();
  const unsigned doublings = std::min(idle_rounds - kRoundsAwake, 6U);
  return std::min<Duration>(std::chrono::microseconds(1U << doublings), kLongestNap);
}

// The same, but never past the next timer.
[[nodiscard]] constexpr Duration nap_until(Instant now, Instant deadline, unsigned idle_rounds) {
  const Duration nap = nap_after(idle_rounds);
  if (deadline <= now) return Duration::zero();
  return deadline == kNever ? nap : std::min(nap, deadline - now);
}

}  // namespace levee::runtime
