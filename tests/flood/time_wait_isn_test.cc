// CVE-2026-64024 (Linux): what a SYN into TIME-WAIT left in a per-core variable, before it was dropped, became the ISN
// of the next SYN of somebody else. Fresh SYNs are answered here once by a shard that has seen nothing else, and once
// by one in which each follows a segment that hits TIME-WAIT, in the same burst: the SYN-ACKs are the same byte for
// byte.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "flood/world.h"

namespace levee::flood {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kEntries = 40;
constexpr Ipv4Address kOldClient{0x0a010001}, kFreshClient{0x0a020001};

struct Mode {
  const char* name;
  SynCookies cookies;
  std::uint32_t half_open;  // the SYN queue: with one record all but the first SYN into TIME-WAIT are dropped
};

class TimeWaitIsn : public testing::TestWithParam<Mode> {
 protected:
  using Frames = std::vector<std::vector<std::byte>>;

  static WorldOptions options() {
    WorldOptions options;
    options.server.shard.syn.cookies = GetParam().cookies;
    options.server.shard.limits.half_open = GetParam().half_open;
    return options;
  }

  static peer::Segment hit(const peer::Client& old, unsigned kind) {
    peer::Segment segment;
    segment.source = kOldClient;
    segment.destination = {0x0a000001};
    segment.source_port = old.plan.tcp_port;
    segment.destination_port = 80;
    segment.sequence = old.end();
    segment.acknowledgment = old.irs + 1 + old.received + 1;
    segment.flags = peer::kAck;
    if (old.timestamps) segment.timestamps = peer::Clock{old.last_timestamp + 1, 0};
    switch (kind % 8) {
      case 0:  // may reopen
        segment.flags = peer::kSyn;
        segment.sequence += 100'000;
        break;
      case 1:  // may not
        segment.flags = peer::kSyn;
        segment.sequence -= 100'000;
        if (segment.timestamps) segment.timestamps->value -= 5000;
        break;
      case 2:
        segment.flags = peer::kSyn | peer::kAck;
        break;
      case 3:
        segment.flags = peer::kRst;
        break;
      case 4:  // the FIN again
        segment.flags = peer::kFin | peer::kAck;
        --segment.sequence;
        break;
      case 5:  // a cookie's ACK that is none
        segment.sequence += 100'000;
        break;
      case 6:
        segment.acknowledgment += 5000;
        break;
      default:
        break;
    }
    return segment;
  }

  // The answers to fresh SYNs at a given instant.
  static Frames answers(bool into_time_wait) {
    World world(options());
    const Instant later = world.now() + 10s;
    for (std::uint16_t i = 0; into_time_wait && i < kEntries; ++i) {
      peer::Plan plan;
      plan.address = kOldClient;
      plan.tcp_port = static_cast<std::uint16_t>(1000 + i);
      plan.timestamps = i % 2 == 0;
      world.call_at(world.now() + i * 10ms, [&world, plan] { static_cast<void>(world.start(plan)); });
    }
    world.run_until(later);
    EXPECT_EQ(world.server().shard().time_wait(), into_time_wait ? kEntries : 0U);
    Frames seen;
    world.loses_to_client = [&seen](World::Frame frame) {
      const auto segment = peer::read(frame);
      if (segment && segment->destination == kFreshClient) seen.emplace_back(frame.begin(), frame.end());
      return true;
    };
    peer::FrameBuffer buffer;
    for (std::uint16_t i = 0; i < kEntries; ++i) {
      if (into_time_wait) {
        world.inject(0s, peer::write(hit(world.clients()[i], i / 2U), peer::ClientsOptions{}.link, buffer));
      }
      peer::Segment fresh;
      fresh.source = kFreshClient;
      fresh.destination = {0x0a000001};
      fresh.source_port = static_cast<std::uint16_t>(2000 + i);
      fresh.destination_port = 80;
      fresh.sequence = 77U * i;
      fresh.flags = peer::kSyn;
      fresh.mss = std::uint16_t{1460};
      fresh.timestamps = peer::Clock{i, 0};
      world.inject(0s, peer::write(fresh, peer::ClientsOptions{}.link, buffer));
    }
    world.run_for(1ms);
    if (into_time_wait && GetParam().half_open == 1) {
      EXPECT_GT(world.server().stats()[Drop::SynQueueFull], 0U);  // the case of the CVE
    }
    return seen;
  }
};

TEST_P(TimeWaitIsn, NothingIsCarriedOverToAnotherFlow) {
  const Frames alone = answers(false);
  const Frames among = answers(true);
  ASSERT_EQ(alone.size(), kEntries);
  EXPECT_EQ(among, alone);
}

INSTANTIATE_TEST_SUITE_P(Modes, TimeWaitIsn,
                         testing::Values(Mode{"Always", SynCookies::Always, 256},
                                         Mode{"AlwaysWithoutRecords", SynCookies::Always, 1},
                                         Mode{"Kept", SynCookies::Never, 256}, Mode{"Auto", SynCookies::Auto, 256}),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

}  // namespace
}  // namespace levee::flood
