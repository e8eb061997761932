#include "tcp/congestion.h"

#include "tcp/newreno.h"

namespace levee::tcp {
namespace {

// RFC 5681 3.1 and RFC 3465: cwnd grows by the octets acknowledged, and whoever divides his ACKs gains nothing. One
// ACK counts for at most 8 segments (RFC 9406 4.2, without pacing), and for one after a timeout where it may cover
// octets that had arrived long before (RFC 3465 2.3).
void slow_start(Congestion& congestion, Growth& growth, const GrowthInput& input) {
  const std::uint32_t limit = (input.after_timeout && !input.selective ? 1U : 8U) * input.mss;
  std::uint32_t step = std::min(input.delivered, limit);
  // RFC 9406 4.3: only in the first slow start, which does not know where it will end.
  if (congestion.ssthresh == kNoSsthresh) {
    step = hystart_step(growth.hystart, step,
                        {.rtt_us = input.rtt_us, .now_us = input.now_us, .una = input.una, .nxt = input.nxt});
    if (growth.hystart.done) congestion.ssthresh = congestion.cwnd;
  }
  congestion.cwnd = std::min(kLargestWindow, congestion.cwnd + step);
}

}  // namespace

void grow(Congestion& congestion, Growth& growth, const GrowthInput& input, CongestionControl algorithm) {
  if (congestion.cwnd < congestion.ssthresh) {
    slow_start(congestion, growth, input);
    return;
  }
  const std::uint32_t step = algorithm == CongestionControl::Cubic
                                 ? cubic_step(growth.epoch,
                                              {.cwnd = congestion.cwnd,
                                               .delivered = input.delivered,
                                               .mss = input.mss,
                                               .srtt_us = input.srtt_us,
                                               .now_ms = input.now_ms},
                                              congestion.w_max, growth.rest)
                                 : newreno_step(congestion.cwnd, input.delivered, input.mss, growth.rest);
  congestion.cwnd = std::min(kLargestWindow, congestion.cwnd + step);
}

void reduce(Congestion& congestion, Growth& growth, Signal signal, std::uint32_t flight, std::uint32_t mss,
            CongestionControl algorithm) {
  const std::uint32_t window = std::min(flight, congestion.cwnd);
  std::uint32_t ssthresh = 0;
  if (algorithm == CongestionControl::Cubic) {
    congestion.w_max = cubic_w_max(window, congestion.w_max);
    // RFC 8511 3.1: a mark comes from a short queue, so less room need be made than after a loss.
    ssthresh = signal == Signal::EcnEcho ? share(window, kCubicBetaEcn) : share(window, kCubicBeta);
    growth.epoch.begin_after(window);
  } else {
    ssthresh = newreno_ssthresh(window);
  }
  growth.rest = 0;
  congestion.ssthresh = std::max(ssthresh, 2 * mss);
}

}  // namespace levee::tcp
