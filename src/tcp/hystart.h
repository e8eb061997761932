// HyStart++ (RFC 9406): leaves the first slow start when round trips grow, before the queue on the path overflows. A
// suspicion leads to conservative slow start, a quarter as fast; if round trips shrink again it was wrong.
//
// A queue of one round trip is full before its delay shows in that way. So, as Linux does with the first HyStart, slow
// start also ends when ACKs have come without a gap for half a round trip: then the path is full.
#pragma once

#include <cstdint>

#include "tcp/seq.h"

namespace levee::tcp {

struct HyStart {
  Seq round_end;                      // the round is over once this is acknowledged
  std::uint32_t last_min_us = 0;      // least round-trip time of the last round; 0: none
  std::uint32_t current_min_us = 0;   // and of this one
  std::uint32_t baseline_min_us = 0;  // when conservative slow start began
  std::uint32_t round_start_us = 0;   // of the train of ACKs
  std::uint32_t last_ack_us = 0;
  std::uint8_t samples = 0;  // of this round, as far as they matter
  std::uint8_t rounds = 0;   // of conservative slow start
  bool in_round = false;
  bool train = false;  // no gap yet in this round
  bool conservative = false;
  bool done = false;  // congestion avoidance is next
};

struct HyStartInput {
  std::uint32_t rtt_us = 0;  // 0: none
  std::uint32_t now_us = 0;
  Seq una{}, nxt{};
};

// The share of `step` by which cwnd is to grow.
[[nodiscard]] std::uint32_t hystart_step(HyStart& state, std::uint32_t step, const HyStartInput& input);

}  // namespace levee::tcp
