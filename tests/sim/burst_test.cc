// DESIGN.md, "Batches": the result does not depend on how frames were cut into bursts, except for aggregated ACKs.
//
// The same is: the shard's digest after each tenth of the traffic and at the end; the bytes that the services got;
// every drop by reason, every state entered, every cause of closing, every counter but those of ACKs and of the frames
// and buffers that carry them; and per connection every segment sent that is more than an ACK (its flags, sequence
// numbers and payload, the time, the order), as well as every ARP and ICMP reply. What may differ: how many pure ACKs
// went out, and the acknowledgment number, window and options of the others.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "sim/mixed_traffic.h"
#include "sim/packet.h"

namespace levee::sim {
namespace {

constexpr std::size_t kFrames = MIXED_FRAMES;

constexpr Counter kOfAcks[] = {Counter::FramesSent, Counter::BytesSent, Counter::BuffersIn,
                               Counter::BuffersOut, Counter::OutSegs,   Counter::DelayedACKs};

struct Result {
  StatsSnapshot stats;
  std::vector<std::uint64_t> digests;
  std::uint64_t delivered = 0;  // a hash of what the services got
  std::uint64_t bytes = 0;
  std::map<std::uint64_t, std::uint64_t> replies;  // hashes of what was sent, by peer
  std::uint64_t replies_count = 0, acks = 0;
  std::size_t buffers_lost = 0;
  std::string invariants;
};

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
  return hash ^ hash >> 29;
}

void note(Result& result, Instant now, std::span<const std::byte> frame) {
  const Dissected parts = dissect(frame);
  EXPECT_EQ(parts.error, "") << describe(frame);
  std::uint64_t peer = 0;
  std::uint64_t hash = static_cast<std::uint64_t>(to_nanoseconds(now));
  if (parts.tcp) {
    const TcpPacket& got = *parts.tcp;
    if (got.flags == kAck && got.payload.empty()) {
      ++result.acks;
      return;
    }
    peer = std::uint64_t{got.destination.value} << 16 | got.destination_port;
    hash = mix(mix(hash, got.flags & (kSyn | kFin | kRst)), got.sequence);
    for (const std::byte value : got.payload) hash = mix(hash, std::to_integer<std::uint64_t>(value));
  } else {
    for (const std::byte value : frame) hash = mix(hash, std::to_integer<std::uint64_t>(value));
  }
  ++result.replies_count;
  std::uint64_t& chain = result.replies[peer];
  chain = mix(chain, hash);
}

Result feed(const Recording& recording, std::size_t burst) {
  Result result;
  FedShard fed;
  const auto sent = [&result](Instant now, std::span<const std::byte> frame) { note(result, now, frame); };
  const std::size_t groups = recording.frames() / kGroup;
  const auto look = [&] {
    result.digests.push_back(fed.shard().digest());
    if (result.invariants.empty()) result.invariants = fed.shard().check_invariants();
  };
  for (std::size_t group = 0; group < groups; ++group) {
    const Instant now = Recording::time_of_group(group);
    fed.pass_time(now, sent);
    const std::size_t end = (group + 1) * kGroup;
    for (std::size_t begin = group * kGroup; begin < end; begin += burst) {
      fed.burst(now, recording, begin, std::min(begin + burst, end), sent);
    }
    if (group % (groups / 10 + 1) == 0) look();
  }
  // ACKs that are still owed go out before the counters are compared.
  fed.pass_time(Recording::time_of_group(groups) + std::chrono::milliseconds(500), sent);
  look();
  result.stats = fed.shard().stats().snapshot();
  result.delivered = fed.service().digest();
  result.bytes = fed.service().bytes();
  result.buffers_lost = fed.buffers_lost();
  return result;
}

class Bursts : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    recording_ = new Recording(record_mixed_traffic(1, kFrames));
    whole_ = new Result(feed(*recording_, kGroup));
  }
  static void TearDownTestSuite() {
    delete recording_;
    delete whole_;
  }
  static void expect_same_as_whole(const Result& cut) {
    for (std::size_t i = 0; i < kDropCount; ++i) {
      EXPECT_EQ(cut.stats.drops[i], whole_->stats.drops[i]) << name(static_cast<Drop>(i));
    }
    for (std::size_t i = 0; i < kCounterCount; ++i) {
      const auto counter = static_cast<Counter>(i);
      if (std::find(std::begin(kOfAcks), std::end(kOfAcks), counter) != std::end(kOfAcks)) continue;
      EXPECT_EQ(cut.stats.counters[i], whole_->stats.counters[i]) << name(counter);
    }
    EXPECT_EQ(cut.stats.entered, whole_->stats.entered);
    EXPECT_EQ(cut.stats.in_state, whole_->stats.in_state);
    EXPECT_EQ(cut.stats.closed_by, whole_->stats.closed_by);
    EXPECT_EQ(cut.digests, whole_->digests);
    EXPECT_EQ(cut.delivered, whole_->delivered);
    EXPECT_EQ(cut.replies_count, whole_->replies_count);
    EXPECT_TRUE(cut.replies == whole_->replies) << "some connection was answered differently";
    EXPECT_GE(cut.acks, whole_->acks);
    EXPECT_EQ(cut.buffers_lost, 0u);
    EXPECT_EQ(cut.invariants, "");
  }

  static Recording* recording_;
  static Result* whole_;
};
Recording* Bursts::recording_ = nullptr;
Result* Bursts::whole_ = nullptr;

// What the comparison is worth: the traffic reaches what it is meant to reach.
TEST_F(Bursts, TheTrafficIsMixed) {
  EXPECT_GE(recording_->frames(), kFrames);
  const StatsSnapshot& stats = whole_->stats;
  EXPECT_GT(stats[Counter::Accepted], kFrames / 1000);
  EXPECT_GT(whole_->bytes, kFrames);
  EXPECT_GT(whole_->replies_count, kFrames / 100);
  EXPECT_GT(whole_->acks, kFrames / 100);
  for (State state : {State::SynReceived, State::Established, State::CloseWait, State::LastAck, State::FinWait1,
                      State::FinWait2, State::TimeWait}) {
    EXPECT_GT(stats.entered_state(state), 0u) << name(state);
  }
  for (Drop reason : {Drop::BadIpHeader, Drop::BadIpChecksum, Drop::BadTcpChecksum, Drop::BadIcmpChecksum,
                      Drop::NoConnection, Drop::NoListener, Drop::OutOfWindow, Drop::Paws, Drop::TooShort}) {
    EXPECT_GT(stats[reason], 0u) << name(reason);
  }
  for (Counter counter : {Counter::TCPOFOQueue, Counter::ArpRepliesSent, Counter::IcmpOutEchoReps, Counter::OutRsts,
                          Counter::InRsts, Counter::SynAckRetrans}) {
    EXPECT_GT(stats[counter], 0u) << name(counter);
  }
  EXPECT_EQ(stats[Counter::FramesReceived], recording_->frames());
  EXPECT_EQ(stats[Counter::FramesReceived], stats[Counter::FramesDelivered] + stats.total_drops());
  EXPECT_EQ(stats[Counter::BlanksExhausted], 0u);
}

TEST_F(Bursts, OfOneFrame) { expect_same_as_whole(feed(*recording_, 1)); }
TEST_F(Bursts, OfTwoFrames) { expect_same_as_whole(feed(*recording_, 2)); }
TEST_F(Bursts, OfSevenFrames) { expect_same_as_whole(feed(*recording_, 7)); }
TEST_F(Bursts, OfThirtyTwoFrames) { expect_same_as_whole(feed(*recording_, 32)); }
TEST_F(Bursts, OfSixtyFourFramesTwice) { expect_same_as_whole(feed(*recording_, 64)); }

}  // namespace
}  // namespace levee::sim
