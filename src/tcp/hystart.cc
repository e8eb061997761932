#include "tcp/hystart.h"

#include <algorithm>

namespace levee::tcp {
namespace {

// RFC 9406 4.3.
constexpr std::uint32_t kLeastThresholdUs = 4000, kMostThresholdUs = 16000, kThresholdDivisor = 8;
constexpr std::uint8_t kSamples = 8, kRounds = 5;
constexpr std::uint32_t kGrowthDivisor = 4;

// As in Linux (tcp_cubic.c).
constexpr std::uint32_t kLargestGapUs = 2000;

void begin_round(HyStart& state, const HyStartInput& input) {
  state.round_end = input.nxt;
  state.round_start_us = state.last_ack_us = input.now_us;
  state.train = true;
  state.last_min_us = state.current_min_us;
  state.current_min_us = 0;
  state.samples = 0;
}

// Whether the ACKs of this round have come one close behind the other for half a round trip.
bool path_is_full(HyStart& state, std::uint32_t now_us) {
  if (now_us - state.last_ack_us > kLargestGapUs) state.train = false;
  state.last_ack_us = now_us;
  return state.train && state.last_min_us != 0 && now_us - state.round_start_us > state.last_min_us / 2;
}

}  // namespace

std::uint32_t hystart_step(HyStart& state, std::uint32_t step, const HyStartInput& input) {
  if (!state.in_round) {
    state.in_round = true;
    begin_round(state, input);
  }
  if (input.rtt_us != 0) {
    if (state.samples < kSamples) ++state.samples;
    state.current_min_us = state.current_min_us == 0 ? input.rtt_us : std::min(state.current_min_us, input.rtt_us);
  }
  if (state.samples >= kSamples) {
    if (state.conservative) {
      // The round trips are shorter than when it began: slow start was left for nothing.
      if (state.current_min_us < state.baseline_min_us) state.conservative = false;
    } else if (state.last_min_us != 0) {
      const std::uint32_t threshold =
          std::clamp(state.last_min_us / kThresholdDivisor, kLeastThresholdUs, kMostThresholdUs);
      if (state.current_min_us >= state.last_min_us + threshold) {
        state.baseline_min_us = state.current_min_us;
        state.conservative = true;
        state.rounds = 0;
      }
    }
  }
  if (path_is_full(state, input.now_us)) state.done = true;
  const std::uint32_t share = state.conservative ? step / kGrowthDivisor : step;
  if (input.una > state.round_end) {  // the first ACK of what was sent in the new round
    if (state.conservative && ++state.rounds >= kRounds) state.done = true;
    begin_round(state, input);
  }
  return share;
}

}  // namespace levee::tcp
