// DESIGN.md, "Batches": the result does not depend on how frames were cut into bursts, except for aggregated ACKs.
//
// The same is: the shard's digest after each tenth of the traffic and at the end; the bytes that the services got;
// every drop by reason, every state entered, every cause of closing, every counter but those of ACKs and of the frames
// and buffers that carry them; and per connection every segment sent that is more than an ACK (its flags, sequence
// numbers and payload, the time, the order; of SYN-ACKs everything), as well as every ARP and ICMP reply. What may
// differ: how many pure ACKs went out, and the acknowledgment number, window and options of the others.
//
// So it is where state is kept for SYNs, where cookies answer them, and where SYN floods drive the shard from the one
// into the other and back. LEVEE_PROOF_SIZE=full compares 10^7 frames of each.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "proof/size.h"
#include "sim/mixed_traffic.h"
#include "sim/packet.h"

namespace levee::sim {
namespace {

constexpr std::size_t kFrames = MIXED_FRAMES;  // from one seed
constexpr std::size_t kCuts[] = {1, 2, 7, 32, 64};

constexpr Counter kOfAcks[] = {Counter::FramesSent, Counter::BytesSent,   Counter::BuffersIn,      Counter::BuffersOut,
                               Counter::OutSegs,    Counter::DelayedACKs, Counter::TCPDSACKOldSent};

struct Result {
  StatsSnapshot stats;
  std::vector<std::uint64_t> digests;
  std::uint64_t delivered = 0;  // a hash of what the services got
  std::uint64_t bytes = 0;
  std::map<std::uint64_t, std::uint64_t> replies;  // hashes of what was sent, by tuple
  std::uint64_t replies_count = 0, acks = 0;
  std::size_t changes = 0;  // from keeping state to cookies or back
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
    peer =
        std::uint64_t{got.destination.v4().value} << 32 | std::uint64_t{got.destination_port} << 16 | got.source_port;
    hash = mix(mix(hash, got.flags & (kSyn | kFin | kRst)), got.sequence);
    if (got.has(kSyn)) {
      hash = mix(mix(hash, got.acknowledgment), got.window);
      for (const std::byte value : got.raw_options) hash = mix(hash, std::to_integer<std::uint64_t>(value));
    }
    for (const std::byte value : got.payload) hash = mix(hash, std::to_integer<std::uint64_t>(value));
  } else {
    // A question of our own waits for the loop's transmit, an answer does not.
    peer = parts.arp && parts.arp->operation == 1 ? 1 : 0;
    for (const std::byte value : frame) hash = mix(hash, std::to_integer<std::uint64_t>(value));
  }
  ++result.replies_count;
  std::uint64_t& chain = result.replies[peer];
  chain = mix(chain, hash);
}

// Notices when SYNs begin to be answered the other way.
class ModeWatch {
 public:
  explicit ModeWatch(const Stats& stats) : stats_(stats) {}
  void look(std::size_t& changes) {
    const std::uint64_t cookies = stats_.value(Counter::SyncookiesSent);
    const std::uint64_t kept = stats_.value(Counter::SynAcksSent) - cookies;
    const bool kept_some = kept != kept_;
    const bool by_cookie = cookies != cookies_;
    if (kept_some != by_cookie) {
      if (by_cookie != by_cookie_) ++changes;
      by_cookie_ = by_cookie;
    }
    kept_ = kept;
    cookies_ = cookies;
  }

 private:
  const Stats& stats_;
  std::uint64_t kept_ = 0, cookies_ = 0;
  bool by_cookie_ = false;
};

Result feed(const Recording& recording, std::size_t burst) {
  Result result;
  FedShard fed(recording.mix);
  ModeWatch mode(fed.shard().stats());
  const auto sent = [&result](Instant now, std::span<const std::byte> frame) { note(result, now, frame); };
  const std::size_t groups = recording.frames() / kGroup;
  const auto look = [&] {
    result.digests.push_back(fed.shard().digest());
    if (result.invariants.empty()) result.invariants = fed.shard().check_invariants();
  };
  for (std::size_t group = 0; group < groups; ++group) {
    const Instant now = Recording::time_of_group(group);
    fed.begin_group(group, sent);
    const std::size_t end = (group + 1) * kGroup;
    for (std::size_t begin = group * kGroup; begin < end; begin += burst) {
      fed.burst(now, recording, begin, std::min(begin + burst, end), sent);
    }
    mode.look(result.changes);
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

void expect_same(const Result& cut, const Result& whole) {
  for (std::size_t i = 0; i < kDropCount; ++i) {
    EXPECT_EQ(cut.stats.drops[i], whole.stats.drops[i]) << name(static_cast<Drop>(i));
  }
  for (std::size_t i = 0; i < kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (std::find(std::begin(kOfAcks), std::end(kOfAcks), counter) != std::end(kOfAcks)) continue;
    EXPECT_EQ(cut.stats.counters[i], whole.stats.counters[i]) << name(counter);
  }
  EXPECT_EQ(cut.stats.entered, whole.stats.entered);
  EXPECT_EQ(cut.stats.in_state, whole.stats.in_state);
  EXPECT_EQ(cut.stats.closed_by, whole.stats.closed_by);
  EXPECT_EQ(cut.digests, whole.digests);
  EXPECT_EQ(cut.delivered, whole.delivered);
  EXPECT_EQ(cut.replies_count, whole.replies_count);
  EXPECT_TRUE(cut.replies == whole.replies) << "some connection was answered differently";
  EXPECT_GE(cut.acks, whole.acks);
  EXPECT_EQ(cut.changes, whole.changes);
  EXPECT_EQ(cut.buffers_lost, 0u);
  EXPECT_EQ(cut.invariants, "");
}

// What the comparison is worth: the traffic reaches what it is meant to reach.
void expect_mixed(const Recording& recording, const Result& whole) {
  const StatsSnapshot& stats = whole.stats;
  const std::size_t frames = recording.frames();
  EXPECT_GT(stats[Counter::Accepted], frames / 1000);
  EXPECT_GT(whole.bytes, frames);
  EXPECT_GT(whole.replies_count, frames / 100);
  EXPECT_GT(whole.acks, frames / 100);
  for (State state :
       {State::Established, State::CloseWait, State::LastAck, State::FinWait1, State::FinWait2, State::TimeWait}) {
    EXPECT_GT(stats.entered_state(state), 0u) << name(state);
  }
  for (Drop reason : {Drop::BadIpHeader, Drop::BadIpChecksum, Drop::BadTcpChecksum, Drop::BadIcmpChecksum,
                      Drop::NoListener, Drop::OutOfWindow, Drop::Paws, Drop::TooShort}) {
    EXPECT_GT(stats[reason], 0u) << name(reason);
  }
  for (Counter counter :
       {Counter::TCPOFOQueue, Counter::ArpRepliesSent, Counter::IcmpOutEchoReps, Counter::OutRsts, Counter::InRsts}) {
    EXPECT_GT(stats[counter], 0u) << name(counter);
  }
  EXPECT_EQ(stats[Counter::FramesReceived], frames);
  EXPECT_EQ(stats[Counter::FramesReceived], stats[Counter::FramesDelivered] + stats.total_drops());
  EXPECT_EQ(stats[Counter::BlanksExhausted], 0u);
}

// And what it reaches only where state is kept, or only by cookie.
void expect_kept(const Result& whole) {
  EXPECT_GT(whole.stats.entered_state(State::SynReceived), 0u);
  EXPECT_GT(whole.stats[Drop::NoConnection], 0u);
  EXPECT_GT(whole.stats[Counter::SynAckRetrans], 0u);
}
void expect_cookies(const Result& whole) {
  EXPECT_GT(whole.stats[Counter::SyncookiesRecv], 0u);
  EXPECT_GT(whole.stats[Drop::CookieFailed], 0u);
}

// Of this many frames from one seed; at full size of 10^6 frames from each of ten seeds.
template <typename Expect>
void expect_bursts_make_no_difference(const Mix& mix, std::size_t frames, Expect&& expect_reached) {
  const bool full = proof::environment_says("LEVEE_PROOF_SIZE", "full");
  for (std::uint64_t seed = 1; seed <= (full ? 10 : 1); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Recording recording = record_mixed_traffic(seed, full ? 1'000'000 : frames, mix);
    const Result whole = feed(recording, kGroup);
    expect_mixed(recording, whole);
    expect_reached(whole);
    for (const std::size_t burst : kCuts) {
      SCOPED_TRACE(testing::Message() << "bursts of " << burst);
      expect_same(feed(recording, burst), whole);
    }
  }
}

TEST(Bursts, MakeNoDifferenceWhereStateIsKept) {
  expect_bursts_make_no_difference({}, kFrames, [](const Result& whole) {
    expect_kept(whole);
    EXPECT_EQ(whole.stats[Counter::SyncookiesSent], 0u);
  });
}

TEST(Bursts, MakeNoDifferenceInAFloodAnsweredByCookie) {
  const Mix mix{.cookies = SynCookies::Always, .floods = true};
  expect_bursts_make_no_difference(mix, kFrames / 2, [](const Result& whole) {
    expect_cookies(whole);
    EXPECT_EQ(whole.stats[Counter::SynAcksSent], whole.stats[Counter::SyncookiesSent]);
  });
}

// A short queue whose records do not live long: each flood fills it, and it drains before the next.
TEST(Bursts, MakeNoDifferenceOnTheWayIntoCookiesAndOut) {
  const Mix mix{.half_open = 256, .synack_timeout = std::chrono::milliseconds(60), .floods = true};
  expect_bursts_make_no_difference(mix, kFrames / 2, [](const Result& whole) {
    expect_kept(whole);
    expect_cookies(whole);
    EXPECT_GE(whole.changes, 4u);
  });
}

}  // namespace
}  // namespace levee::sim
