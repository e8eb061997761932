// Properties of the simulator: a seed replays, the worlds that it draws differ, and broken ones are noticed.
#include "sim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sim/packet.h"

namespace levee::sim {
namespace {

using std::chrono::milliseconds;

TEST(World, TheSameSeedGivesTheSameTrace) {
  for (unsigned seed : {3U, 14U, 15U}) {
    const Outcome first = World(make_scenario(seed)).run();
    const Outcome second = World(make_scenario(seed)).run();
    EXPECT_EQ(first.failure, "") << "seed " << seed;
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.steps, second.steps) << "seed " << seed;
    EXPECT_GT(first.frames, 0u);
  }
}

TEST(World, SeedsDiffer) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 100; seed < 105; ++seed) hashes.insert(World(make_scenario(seed)).run().trace_hash);
  EXPECT_EQ(hashes.size(), 5u);
}

// A link that carries nothing one way: every open gives up by itself (RFC 9293 MUST-23), nothing leaks, nothing hangs.
TEST(World, OverADeadLinkEveryOpenTimesOut) {
  std::uint64_t seed = 1;
  while (make_scenario(seed).small_tables) ++seed;
  Scenario scenario = make_scenario(seed);
  scenario.link[0].loss = 1;
  scenario.faults_stop = scenario.streams_end = kNever;
  const Outcome outcome = World(scenario).run();
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.timed_out, outcome.connections);
  EXPECT_EQ(outcome.bytes, 0u);
}

TEST(World, StreamsThatGoOnTooLongAreNoticed) {
  Scenario scenario = make_scenario(1);
  scenario.link[0].loss = 1;
  scenario.faults_stop = kNever;
  scenario.streams_end = scenario.start + std::chrono::seconds(100);
  EXPECT_THAT(World(scenario).run().failure, testing::HasSubstr("a stream has not ended"));
}

// The loss of a link that is said to lose little may not end a connection.
TEST(World, AbortsWithoutMuchLossAreNoticed) {
  Scenario scenario = make_scenario(2);
  scenario.link[0].loss = scenario.link[1].loss = 0;
  scenario.link[1].corruption = 1;  // no SYN-ACK arrives whole
  scenario.faults_stop = scenario.streams_end = kNever;
  EXPECT_THAT(World(scenario).run().failure, testing::HasSubstr("aborted"));
}

// The same loss, but of what a flipped bit of the server's MAC address in an ARP reply sends astray, is no fault of
// TCP.
TEST(World, AFlippedBitOfAnArpReplyMayEndConnections) {
  std::uint64_t seed = 2;
  while (make_scenario(seed).ipv6 || make_scenario(seed).small_tables) ++seed;
  Scenario scenario = make_scenario(seed);
  scenario.link[0] = {.delay = milliseconds(1)};
  scenario.link[1] = {.corruption = 1, .delay = milliseconds(1)};
  scenario.faults_stop = scenario.streams_end = kNever;
  const Outcome outcome = World(scenario).run();
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.aborted, outcome.connections);
}

// A minute without a word is no sign of death: a half-closed connection that still reads must outlast the peer's RTO.
// In the seeds a burst of losses has backed the peer's retransmissions off beyond it.
TEST(World, HalfClosedConnectionsOutlastThePeersRetransmissions) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Scenario scenario = make_scenario(seed);
    for (const HostScenario& host : scenario.hosts) {
      for (const TcpOptions& tcp : {host.shard.active, host.shard.listeners.front().tcp}) {
        EXPECT_GT(tcp.fin_wait_2_timeout, tcp.max_rto);
        EXPECT_GT(scenario.streams_end - scenario.faults_stop, tcp.max_rto + tcp.fin_wait_2_timeout);
      }
    }
  }
  for (const std::uint64_t seed : {788668U, 822633U}) {
    EXPECT_EQ(World(steered(make_scenario(seed))).run().failure, "") << "seed " << seed;
  }
}

// Late copies of handshakes' ACKs give cookies a second life when the first is over. It ends, by the peer's RST or by a
// bound in time, and counts as nobody's abort; in these seeds the peer's TIME-WAIT acknowledges its FIN.
TEST(World, SecondLivesOfCookiesEnd) {
  for (const std::uint64_t seed : {310U, 2952U}) {
    Scenario scenario = make_scenario(seed);
    scenario.hosts[1].shard.syn.cookies = SynCookies::Always;
    scenario.hosts[1].shard.listeners.front().tcp.keepalive = true;
    scenario.link[0].duplication = 0.2;
    scenario.link[0].reordering = 0.3;
    if (scenario.link[0].reorder_delay < milliseconds(20)) scenario.link[0].reorder_delay = milliseconds(3000);
    World world(steered(scenario));
    world.ask_model();
    EXPECT_EQ(world.run().failure, "") << "seed " << seed;
  }
}

// RFC 9293 3.10.7, segment by segment; only little may be left out.
TEST(World, EverySegmentIsAsTheModelSays) {
  Outcome total;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world(make_scenario(seed));
    world.ask_model();
    const Outcome outcome = world.run();
    EXPECT_EQ(outcome.failure, "") << "seed " << seed;
    total += outcome;
  }
  EXPECT_GT(total.predicted, 5000u);
  EXPECT_LT(total.left_out * 100, total.predicted);
}

TEST(World, WrapMovesTheFirstSequenceNumbersNearTheEnd) {
  int wrapped = 0;
  for (std::uint64_t seed = 1; seed < 100; ++seed) {
    const Scenario scenario = make_scenario(seed);
    if (scenario.wrap != Wrap::ClientSequence && scenario.wrap != Wrap::ServerSequence) continue;
    const std::size_t side = scenario.wrap == Wrap::ClientSequence ? 0 : 1;
    // A cookie is no clock.
    if (side == 1 && scenario.hosts[1].shard.syn.cookies == SynCookies::Always) continue;
    std::optional<std::uint32_t> isn;
    const Outcome outcome = World(steered(scenario), [&](Duration, std::size_t from, std::span<const std::byte> frame,
                                                         const device::Fate&) {
                              const Dissected parts = dissect(frame);
                              if (!isn && from == side && parts.tcp && parts.tcp->has(kSyn)) isn = parts.tcp->sequence;
                            }).run();
    EXPECT_EQ(outcome.failure, "") << "seed " << seed;
    ASSERT_TRUE(isn);
    EXPECT_GT(*isn, 0xffffff00U) << "seed " << seed;
    if (++wrapped == 3) return;
  }
  ADD_FAILURE() << "no seed wraps";
}

}  // namespace
}  // namespace levee::sim
