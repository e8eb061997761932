// NewReno's window (RFC 5681 3.1): one segment more per round trip, half of what was outstanding after a loss.
// (NewReno's fast recovery, RFC 6582, is in tcp/recovery.)
#pragma once

#include <algorithm>
#include <cstdint>

namespace levee::tcp {

// Octets by which cwnd grows in congestion avoidance: one segment for every window that was acknowledged, counted in
// octets (RFC 3465 2.1). `rest` keeps those that have not made a full window yet.
[[nodiscard]] inline std::uint32_t newreno_step(std::uint32_t cwnd, std::uint32_t delivered, std::uint32_t mss,
                                                std::uint32_t& rest) {
  rest += std::min(delivered, cwnd);
  if (rest < cwnd) return 0;
  rest -= cwnd;
  return mss;
}

// RFC 5681 (4); the caller adds the lower bound of two segments.
[[nodiscard]] inline std::uint32_t newreno_ssthresh(std::uint32_t flight) { return flight / 2; }

}  // namespace levee::tcp
