#include "tcp/rack.h"

#include <algorithm>

namespace levee::tcp {
namespace {

constexpr std::uint8_t kRecoveriesToForget = 16, kLargestMultiplier = 64;
constexpr std::uint32_t kMinRttLifetimeMs = 300'000;

void advance(Rack& rack, const LatestSent& sent, std::uint32_t rtt_us) {
  rack.rtt_us = rtt_us;
  const auto later_by = static_cast<std::int32_t>(sent.sent_us - rack.latest.sent_us);
  if (!rack.latest.any || later_by > 0 || (later_by == 0 && sent.end > rack.latest.end)) rack.latest = sent;
}

}  // namespace

void rack_delivered(Rack& rack, const Delivery& delivery, bool echo_is_old, RackClock clock) {
  if (delivery.reordered) rack.reordering_seen = true;
  if (delivery.original.any) {
    const std::uint32_t rtt_us = std::max(1U, clock.now_us - delivery.original.sent_us);
    const bool expired = clock.now_ms - rack.min_rtt_at_ms > kMinRttLifetimeMs;
    if (rack.min_rtt_us == 0 || expired || rtt_us <= rack.min_rtt_us) {
      rack.min_rtt_us = rtt_us;
      rack.min_rtt_at_ms = clock.now_ms;
    }
    advance(rack, delivery.original, rtt_us);
  }
  // A retransmission that seems to have arrived faster than anything ever did was not what arrived.
  if (delivery.resent.any && !echo_is_old) {
    const std::uint32_t rtt_us = clock.now_us - delivery.resent.sent_us;
    if (rtt_us >= rack.min_rtt_us) advance(rack, delivery.resent, rtt_us);
  }
}

void rack_duplicate(Rack& rack, Seq una, Seq nxt) {
  if (rack.in_dsack_round && una < rack.dsack_round) return;
  rack.in_dsack_round = true;
  rack.dsack_round = nxt;
  rack.multiplier = static_cast<std::uint8_t>(std::min<int>(rack.multiplier + 1, kLargestMultiplier));
  rack.persist = kRecoveriesToForget;
}

void rack_recovered(Rack& rack) {
  if (rack.persist > 0 && --rack.persist == 0) rack.multiplier = 1;
}

std::uint32_t reordering_window_us(const Rack& rack, bool hurry, std::uint32_t srtt_us) {
  if (!rack.reordering_seen && hurry) return 0;
  return std::min(rack.multiplier * (rack.min_rtt_us / 4), srtt_us);
}

std::uint32_t rack_detect(const Rack& rack, Scoreboard& scoreboard, std::uint32_t now_us, std::uint32_t window_us) {
  if (!rack.latest.any) return 0;
  std::uint32_t wait_us = 0;
  bool lost = false;
  for (std::uint32_t i = 0; i < scoreboard.runs(); ++i) {
    const Run& run = scoreboard.run(i);
    if (run.fate != Fate::Sent) continue;
    const auto before_us = static_cast<std::int32_t>(rack.latest.sent_us - run.sent_us);
    if (before_us < 0 || (before_us == 0 && scoreboard.end_of(i) >= rack.latest.end)) continue;
    const auto remaining = static_cast<std::int32_t>(run.sent_us + rack.rtt_us + window_us - now_us);
    if (remaining > 0) {
      wait_us = std::max(wait_us, static_cast<std::uint32_t>(remaining));
    } else {
      scoreboard.lose(i);
      lost = true;
    }
  }
  if (lost) scoreboard.join_lost();
  return wait_us;
}

}  // namespace levee::tcp
