// Honest handshakes by cookie among a flood: who sent a SYN, and the cookie that came back for it.
#pragma once

#include <optional>
#include <vector>

#include "proof/flood_frames.h"
#include "proof/flooded_shard.h"

namespace levee::proof {

// The ACK that completes the handshake is in here: its numbers, its cookie as the acknowledgment number.
using Cookie = Numbers;

// Sends a SYN and returns the handshake's ACK; nothing if it was not answered.
[[nodiscard]] inline std::optional<Cookie> fetch_cookie(FloodedShard& flooded, Numbers numbers) {
  numbers.acknowledgment = 0;
  flooded.add(syn_templates()[0].write(flooded.room(), numbers));
  std::optional<Cookie> cookie;
  flooded.run([&](std::span<const std::byte> frame) {
    const Reply reply(frame);
    if (!reply.whole || reply.flags != (sim::kSyn | sim::kAck) || reply.acknowledgment != numbers.sequence + 1) return;
    cookie = numbers;
    cookie->sequence = reply.acknowledgment;
    cookie->acknowledgment = reply.sequence + 1;
  });
  return cookie;
}

// Without timestamps, as whoever forges one has it.
inline void add_ack(FloodedShard& flooded, const Cookie& cookie) {
  static const FrameTemplate ack(flood_packet(sim::kAck));
  flooded.add(ack.write(flooded.room(), cookie));
}

inline void ignore(std::span<const std::byte> /*frame*/) {}

}  // namespace levee::proof
