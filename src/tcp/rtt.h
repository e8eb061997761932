// The retransmission timeout (RFC 6298): smoothed round-trip time, its variation, and the backed-off timeout.
#pragma once

#include <algorithm>
#include <cstdint>

#include "levee/options.h"
#include "levee/time.h"

namespace levee::tcp {

struct RttEstimator {
  std::uint32_t srtt_us = 0;  // 0: no sample yet
  std::uint32_t rttvar_us = 0;
  bool syn_was_lost = false;  // (5.7): before the first sample the RTO is then at least 3 s

  // (2.2) and (2.3), alpha = 1/8 and beta = 1/4; RTTVAR before SRTT.
  void sample(Duration rtt) {
    const auto clamped = std::clamp<Duration>(rtt, std::chrono::microseconds(1), std::chrono::minutes(10));
    const auto r = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(clamped).count());
    if (srtt_us == 0) {
      srtt_us = r;
      rttvar_us = r / 2;
      return;
    }
    const std::uint32_t difference = srtt_us > r ? srtt_us - r : r - srtt_us;
    rttvar_us = rttvar_us - rttvar_us / 4 + difference / 4;
    srtt_us = std::max(1U, srtt_us - srtt_us / 8 + r / 8);
  }

  // RTO = SRTT + max(G, 4 RTTVAR), doubled `shift` times (5.5), within [min_rto, max_rto]. G is the wheel's 1 ms.
  [[nodiscard]] Duration rto(const TcpOptions& options, unsigned shift) const {
    Duration base = options.initial_rto;
    if (syn_was_lost) base = std::max<Duration>(base, std::chrono::seconds(3));
    if (srtt_us != 0) {
      const auto variation = std::max<std::uint64_t>(1000, std::uint64_t{4} * rttvar_us);
      base = std::max<Duration>(std::chrono::microseconds(srtt_us + variation), options.min_rto);
    }
    for (unsigned i = 0; i < shift && base < options.max_rto; ++i) base *= 2;
    return std::min(base, options.max_rto);
  }
};

}  // namespace levee::tcp
