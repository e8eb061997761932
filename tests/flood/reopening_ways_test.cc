// SYNs that hit TIME-WAIT are answered a burst at a time, each in its own frame. Where that may not be written into,
// and for whatever is not so simple, there is the long way: both give the same answers byte for byte and leave the same
// state, whatever else is in the burst: repeated SYNs, resets, the ACKs that end an entry and SYNs right behind them.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "flood/world.h"

namespace levee::flood {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kEntries = 48;
constexpr std::uint16_t kFirstPort = 1000;
constexpr std::size_t kHits = 512, kRounds = 4;
constexpr Ipv4Address kClient{0x0a010001};

struct Mode {
  const char* name;
  SynCookies cookies;
  std::uint32_t half_open;
};

struct Result {
  std::vector<std::vector<std::byte>> frames;
  std::vector<std::uint64_t> digests;
  StatsSnapshot stats;
  std::string invariants;
};

class ReopeningWays : public testing::TestWithParam<Mode> {
 protected:
  static Result run(bool exclusive, std::size_t burst) {
    WorldOptions options;
    options.server.shard.syn.cookies = GetParam().cookies;
    options.server.shard.limits.half_open = GetParam().half_open;
    options.server.exclusive = exclusive;
    options.server.burst = burst;
    World world(options);
    for (std::uint16_t i = 0; i < kEntries; ++i) {
      peer::Plan plan;
      plan.address = kClient;
      plan.tcp_port = static_cast<std::uint16_t>(kFirstPort + i);
      plan.timestamps = i % 2 == 0;
      world.call_at(world.now() + i * 10ms, [&world, plan] { static_cast<void>(world.start(plan)); });
    }
    world.run_for(10s);
    EXPECT_EQ(world.server().shard().time_wait(), kEntries);

    Result result;
    std::map<std::uint16_t, peer::Segment> answers;  // SYN-ACKs by the client's port
    world.loses_to_client = [&](World::Frame frame) {
      result.frames.emplace_back(frame.begin(), frame.end());
      const auto segment = peer::read(frame);
      if (segment && segment->flags == (peer::kSyn | peer::kAck)) answers[segment->destination_port] = *segment;
      return true;
    };
    Random random(7);
    peer::FrameBuffer buffer;
    for (std::size_t round = 0; round < kRounds; ++round) {
      // What the answers were is known from the round before: all hits of a round are there before any is served.
      for (std::size_t n = 0; n < kHits; ++n) {
        const auto which = static_cast<std::uint16_t>(random.below(kEntries));
        world.inject(0s,
                     peer::write(hit(world.clients()[which], random, answers), peer::ClientsOptions{}.link, buffer));
      }
      world.run_for(1ms);
      result.digests.push_back(world.server().shard().digest());
      if (result.invariants.empty()) result.invariants = world.server().shard().check_invariants();
    }
    result.stats = world.server().stats();
    return result;
  }

  static peer::Segment hit(const peer::Client& old, Random& random,
                           const std::map<std::uint16_t, peer::Segment>& answers) {
    peer::Segment segment;
    segment.source = kClient;
    segment.destination = {0x0a000001};
    segment.source_port = old.plan.tcp_port;
    segment.destination_port = 80;
    segment.flags = peer::kSyn;
    segment.sequence = old.end() + 100'000;
    segment.mss = std::uint16_t{1460};
    const bool has_timestamps = random.chance(0.1) ? !old.timestamps : old.timestamps;
    if (has_timestamps) segment.timestamps = peer::Clock{old.last_timestamp + 1000, 0};
    const auto answer = answers.find(segment.source_port);
    switch (random.below(10)) {
      case 0:  // may not reopen
        segment.sequence -= 200'000;
        if (segment.timestamps) segment.timestamps->value -= 5000;
        break;
      case 1:
        segment.sequence -= 200'000;  // by its timestamp only
        break;
      case 2:  // takes a new handshake back
        segment.flags = peer::kRst;
        ++segment.sequence;
        break;
      case 3:  // the old FIN again
        segment.flags = peer::kFin | peer::kAck;
        segment.sequence = old.end() - 1;
        segment.acknowledgment = old.irs + 1 + old.received + 1;
        break;
      case 4:  // a handshake completed, which ends the entry
      case 5:
        if (answer == answers.end()) break;
        segment.flags = peer::kAck;
        segment.sequence = answer->second.acknowledgment;
        segment.acknowledgment = answer->second.sequence + 1;
        if (segment.timestamps && answer->second.timestamps)
          segment.timestamps->echo = answer->second.timestamps->value;
        break;
      default:
        break;
    }
    return segment;
  }
};

TEST_P(ReopeningWays, AgreeOnAnswersAndState) {
  const Result quick = run(true, 64);
  const Result slow = run(false, 64);
  EXPECT_EQ(quick.frames, slow.frames);
  EXPECT_EQ(quick.digests, slow.digests);
  EXPECT_EQ(quick.stats.drops, slow.stats.drops);
  EXPECT_EQ(quick.stats.entered, slow.stats.entered);
  EXPECT_EQ(quick.stats.in_state, slow.stats.in_state);
  EXPECT_EQ(quick.invariants, "");
  EXPECT_EQ(slow.invariants, "");
  for (const Counter counter :
       {Counter::SynsReceived, Counter::SynAcksSent, Counter::SynAckRetrans, Counter::OutSegs, Counter::FramesSent,
        Counter::BytesSent, Counter::FramesDelivered, Counter::TimeWaitRecycled, Counter::SyncookiesSent}) {
    EXPECT_EQ(quick.stats[counter], slow.stats[counter]) << name(counter);
  }
  // What this is worth: all of it happened.
  EXPECT_GT(quick.stats[Counter::TimeWaitRecycled], 10U);
  EXPECT_GT(quick.stats[Counter::SynAckRetrans], 10U);
  EXPECT_GT(quick.stats[Counter::AttemptFails], 10U);
  EXPECT_GT(quick.stats[Drop::TimeWaitIgnored], 10U);
  if (GetParam().half_open < kEntries) {
    EXPECT_GT(quick.stats[Drop::SynQueueFull], 0U);
  }
}

// One at a time there is nothing in the burst that could have been looked at too early.
TEST_P(ReopeningWays, AgreeWhateverTheBurst) {
  const Result together = run(true, 64);
  const Result alone = run(true, 1);
  EXPECT_EQ(together.digests, alone.digests);
  EXPECT_EQ(together.stats.drops, alone.stats.drops);
  EXPECT_EQ(together.stats.entered, alone.stats.entered);
  EXPECT_EQ(together.stats[Counter::SynAcksSent], alone.stats[Counter::SynAcksSent]);
  EXPECT_EQ(together.stats[Counter::TimeWaitRecycled], alone.stats[Counter::TimeWaitRecycled]);
}

INSTANTIATE_TEST_SUITE_P(Modes, ReopeningWays,
                         testing::Values(Mode{"Always", SynCookies::Always, 256},
                                         Mode{"AlwaysWithFewRecords", SynCookies::Always, 16},
                                         Mode{"Kept", SynCookies::Never, 256},
                                         Mode{"KeptWithFewRecords", SynCookies::Never, 16}),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

}  // namespace
}  // namespace levee::flood
