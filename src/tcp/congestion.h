// Congestion control (RFC 5681, MAY-18): what every algorithm has in common, and the choice between CUBIC (cubic.h) and
// NewReno (newreno.h). Knows windows and octets; which octets are lost is tcp/recovery's.
//
// What must outlive a pause of the sender is in Congestion, a part of the Tcb; what describes the flight that is on the
// road is in Growth, a part of the Transfer, and begins anew with the next flight.
#pragma once

#include <algorithm>
#include <cstdint>

#include "levee/options.h"
#include "tcp/cubic.h"
#include "tcp/hystart.h"
#include "tcp/seq.h"

namespace levee::tcp {

inline constexpr std::uint32_t kLargestWindow = 0x3fffffff;  // the largest that can be advertised (RFC 7323 2.3)
inline constexpr std::uint32_t kNoSsthresh = 0x7fffffff;     // "arbitrarily high" (RFC 5681 3.1)

struct Congestion {
  std::uint32_t cwnd = 0;                // bytes
  std::uint32_t ssthresh = kNoSsthresh;  // bytes
  std::uint32_t w_max = 0;               // CUBIC's: bytes in flight at the last reduction; 0: none yet

  // RFC 6928 2: min(10 MSS, max(2 MSS, 14600)), with the segment count as an option.
  void open(std::uint32_t mss, std::uint32_t segments) { cwnd = initial_window(mss, segments); }
  // RFC 5681 4.1: what was learnt about the path is stale after an idle time of more than one RTO.
  void restart(std::uint32_t mss, std::uint32_t segments) { cwnd = std::min(cwnd, initial_window(mss, segments)); }

  [[nodiscard]] static std::uint32_t initial_window(std::uint32_t mss, std::uint32_t segments) {
    return std::min(segments * mss, std::max(2 * mss, segments * 1460U));
  }
};

struct Growth {
  Epoch epoch;             // of CUBIC
  HyStart hystart;         // of slow start
  std::uint32_t rest = 0;  // octets acknowledged in congestion avoidance that have not moved the window yet
};

// One ACK that has delivered something, outside of fast recovery.
struct GrowthInput {
  std::uint32_t delivered = 0;  // octets
  std::uint32_t mss = 0;
  std::uint32_t srtt_us = 0;
  std::uint32_t rtt_us = 0;  // of this ACK; 0: it gives none
  std::uint32_t now_us = 0, now_ms = 0;
  Seq una{}, nxt{};
  bool after_timeout = false;  // what was lost by a timeout is still being repaired
  bool selective = false;      // `delivered` counts no octet twice (SACK)
};
void grow(Congestion& congestion, Growth& growth, const GrowthInput& input, CongestionControl algorithm);
// The sender, and not the network, is what limits the flight (RFC 7661, RFC 9438 5.8): no growth, and no growth of
// time.
inline void pause_growth(Growth& growth) { growth.epoch.active = false; }

enum class Signal : std::uint8_t {
  Loss,
  EcnEcho,  // RFC 3168 6.1.2
  Timeout,
};
// Lowers ssthresh for `signal`; `flight` octets were outstanding. What that means for cwnd is the caller's.
void reduce(Congestion& congestion, Growth& growth, Signal signal, std::uint32_t flight, std::uint32_t mss,
            CongestionControl algorithm);

}  // namespace levee::tcp
