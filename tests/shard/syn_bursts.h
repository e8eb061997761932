// SYNs with the options of one system or another, and a burst of frames served in two ways that must come to the same:
// together, and one after the other the long way.
#pragma once

#include <memory>

#include "base/random.h"
#include "shard/frames.h"

namespace levee::shard {

// Or with those of no system that is known.
inline void add_random_options(sim::TcpPacket& packet, std::uint32_t stamp, Random& random) {
  const std::uint64_t mss = random.below(2) == 0 ? 1440 : random.below(9001), scale = random.below(18);
  const auto set = [&packet](std::initializer_list<std::uint64_t> bytes) {
    for (const std::uint64_t byte : bytes) packet.raw_options.push_back(static_cast<std::byte>(byte));
  };
  switch (random.below(7)) {
    case 0:  // Linux
      set({2, 4, mss >> 8, mss, 4, 2, 8, 10, stamp >> 24, stamp >> 16, stamp >> 8, stamp, 0, 0, 0, 0, 1, 3, 3, scale});
      break;
    case 1:  // Windows
      set({2, 4, mss >> 8, mss, 1, 3, 3, scale, 1, 1, 4, 2});
      break;
    case 2:  // Apple
      set({2,           4,           mss >> 8,   mss,   1, 3, 3, scale, 1, 1, 8, 10,
           stamp >> 24, stamp >> 16, stamp >> 8, stamp, 0, 0, 0, 0,     4, 2, 0, 0});
      break;
    case 3:
      packet.mss = static_cast<std::uint16_t>(mss);
      break;
    case 4:
      break;
    case 5:  // in an order that nobody uses
      packet.timestamps = sim::Timestamps{stamp, 0};
      packet.mss = static_cast<std::uint16_t>(mss);
      break;
    default:
      packet.flags |= 0xc0;  // asks for ECN
      packet.window_scale = static_cast<std::uint8_t>(scale);
      packet.timestamps = sim::Timestamps{stamp, 0};
      break;
  }
}

inline std::vector<sim::Bytes> answers_of(sim::Conversation& talk) {
  std::vector<sim::Bytes> answers;
  while (auto frame = talk.next_frame()) answers.push_back(std::move(*frame));
  return answers;
}

inline std::vector<sim::Bytes> in_one_burst(sim::Conversation& talk, const std::vector<sim::Bytes>& frames) {
  std::vector<std::unique_ptr<LaidOutFrame>> laid_out;
  std::vector<Frame> burst;
  for (const sim::Bytes& frame : frames) {
    burst.push_back(laid_out.emplace_back(std::make_unique<LaidOutFrame>(talk.pool(), frame))->frame().front());
  }
  talk.shard().receive(talk.now(), burst);
  talk.run();
  return answers_of(talk);
}

// A frame that others read is answered in a blank, by the functions that write every other segment.
inline std::vector<sim::Bytes> one_by_one(sim::Conversation& talk, const std::vector<sim::Bytes>& frames) {
  for (const sim::Bytes& frame : frames) arrives(talk, frame, {.exclusive = false});
  return answers_of(talk);
}

}  // namespace levee::shard
