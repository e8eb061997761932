// A flood of SYNs with random sources from behind the router, in Linux's layout: single frames (Poisson) or bursts of
// random length at exponential intervals, from a seed.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "base/random.h"
#include "levee/time.h"
#include "peer/segment.h"

namespace levee::flood {

struct SynSourceOptions {
  double per_second = 0;  // SYNs; 0: none
  double mean_burst = 1;  // SYNs at one instant, geometrically distributed; 1: always one
  std::uint64_t seed = 1;
  Instant begin{}, end = kNever;
};

class SynSource {
 public:
  explicit SynSource(const SynSourceOptions& options) : options_(options), random_(options.seed), next_(options.begin) {
    if (options_.per_second <= 0) next_ = kNever;
  }

  [[nodiscard]] Instant next() const { return next_ < options_.end ? next_ : kNever; }
  // Moves on to the SYN after the one that `next` told of.
  void pass() {
    if (random_.uniform() >= 1 / options_.mean_burst) return;
    const double interval = -std::log1p(-random_.uniform()) * options_.mean_burst / options_.per_second;
    next_ += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(interval));
  }

  // A random SYN to `destination`: any unicast address outside 10/8, where the honest are.
  [[nodiscard]] std::span<const std::byte> write(Ipv4Address destination, std::uint16_t tcp_port,
                                                 const peer::Link& link) {
    const std::uint64_t word = random_.next(), other = random_.next();
    peer::Segment syn;
    syn.source = {(11U + static_cast<std::uint32_t>(word >> 40) % 100U) << 24 |
                  static_cast<std::uint32_t>(word & 0xffffff)};
    syn.destination = destination;
    syn.source_port = static_cast<std::uint16_t>(1024 + (word >> 24 & 0xffff) % 64512);
    syn.destination_port = tcp_port;
    syn.sequence = static_cast<std::uint32_t>(other);
    syn.flags = peer::kSyn;
    syn.window = 64240;
    syn.mss = std::uint16_t{1460};
    syn.sack_permitted = true;
    syn.timestamps = peer::Clock{static_cast<std::uint32_t>(other >> 32), 0};
    syn.window_scale = std::uint8_t{7};
    return peer::write(syn, link, buffer_);
  }

 private:
  SynSourceOptions options_;
  Random random_;
  Instant next_;
  peer::FrameBuffer buffer_{};
};

}  // namespace levee::flood
