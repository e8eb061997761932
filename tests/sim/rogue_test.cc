// Each misbehaving peer over a few seeds, and what a world with one holds against levee.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/rogue_world.h"

namespace levee::sim {
namespace {

using std::chrono::seconds;

class Rogues : public testing::TestWithParam<RogueKind> {};

// RFC 9293 3.8.6.1 (MUST-37), 3.8.6 (MUST-34), 3.10.7.4; RFC 2018 8; RFC 3465; RFC 5961 3 to 5, 7; RFC 6191; RFC 6528:
// whatever the peer does, levee delivers the stream or ends the connection, within bounds.
TEST_P(Rogues, DoNoHarm) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    RogueWorld world(seed, GetParam());
    world.walk_every(1);
    const Outcome outcome = world.run();
    EXPECT_EQ(outcome.failure, "") << world.describe() << "levee-sim --rogue=" << GetParam().name << " --seed=" << seed;
    EXPECT_GT(outcome.steps, 1u);
  }
}

// RFC 9293 3.10.7, segment by segment, whatever is sent; only little may be left out. What an on-path attacker or a
// blind one hits are states that no honest peer shows.
TEST_P(Rogues, MeetWhatTheModelSays) {
  Outcome total;
  for (std::uint64_t seed = 1; seed <= 14; ++seed) {
    RogueWorld world(seed, GetParam());
    world.ask_model();
    const Outcome outcome = world.run();
    EXPECT_EQ(outcome.failure, "") << world.describe() << "levee-sim --model --rogue=" << GetParam().name
                                   << " --seed=" << seed;
    total += outcome;
  }
  EXPECT_GT(total.predicted, 100u);
}
INSTANTIATE_TEST_SUITE_P(All, Rogues, testing::ValuesIn(rogue_kinds().begin(), rogue_kinds().end()),
                         [](const auto& kind) {
                           std::string name(kind.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(RogueWorld, ReplaysFromItsSeed) {
  const RogueKind& kind = *find_rogue("sack-flood");
  EXPECT_EQ(RogueWorld(5, kind).run().trace_hash, RogueWorld(5, kind).run().trace_hash);
  EXPECT_NE(RogueWorld(5, kind).run().trace_hash, RogueWorld(6, kind).run().trace_hash);
}

TEST(RogueWorld, ALongRunDrawsEachKind) {
  std::set<std::string_view> drawn;
  std::size_t without = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    if (const RogueKind* kind = rogue_of(seed)) {
      drawn.insert(kind->name);
    } else {
      ++without;
    }
  }
  EXPECT_EQ(drawn.size(), rogue_kinds().size());
  EXPECT_NEAR(static_cast<double>(without), 750, 60);
}

// --- the watch that every peer keeps, shown on what no levee sends ---

class Watch : public testing::Test {
 protected:
  Watch() {
    plan_.client.bytes = 1000;
    plan_.server.bytes = 50'000;
    plan_.seed = 7;
    setup_.plan = &plan_;
    setup_.own = Ipv4Address{0x0a000001};
    setup_.levee = Ipv4Address{0x0a000002};
    setup_.own_port = 40000;
    setup_.levee_port = 80;
    setup_.scaling = setup_.timestamps = false;
    peer_ = find_rogue("urgent")->make(setup_);
    peer_->attach([this](Instant, const Bytes& frame) { sent_.push_back(*dissect(frame).tcp); });
    peer_->wake(now_);
    TcpPacket syn_ack = from_levee(kSyn | kAck);
    syn_ack.sequence = 99;
    syn_ack.acknowledgment = sent_.front().sequence + 1;
    syn_ack.mss = 1460;
    peer_->arrive(now_, syn_ack);
  }

  TcpPacket from_levee(std::uint8_t flags) const {
    TcpPacket packet;
    packet.source_port = 80;
    packet.destination_port = 40000;
    packet.flags = flags;
    packet.sequence = 100;
    packet.acknowledgment = sent_.front().sequence + 1;
    packet.window = 65535;
    return packet;
  }
  TcpPacket text(std::uint32_t offset, std::size_t length) const {
    TcpPacket packet = from_levee(kAck);
    packet.sequence += offset;
    packet.payload.resize(length);
    StreamOracle(8).fill(offset, packet.payload);
    return packet;
  }

  ConnectionPlan plan_;
  RogueSetup setup_;
  Instant now_{seconds(100)};
  std::vector<TcpPacket> sent_;
  std::unique_ptr<RoguePeer> peer_;
};

TEST_F(Watch, TakesTheStream) {
  peer_->arrive(now_, text(0, 1000));
  EXPECT_EQ(peer_->failure(), "");
  EXPECT_EQ(sent_.back().acknowledgment, 1100u);
}

TEST_F(Watch, SeesAWrongByte) {
  TcpPacket packet = text(0, 1000);
  packet.payload[500] ^= std::byte{1};
  peer_->arrive(now_, packet);
  EXPECT_EQ(peer_->failure(), "levee sends a wrong byte at offset 500");
}

TEST_F(Watch, SeesAnAcknowledgmentOfWhatWasNeverSent) {
  TcpPacket packet = from_levee(kAck);
  packet.acknowledgment += 5000;
  peer_->arrive(now_, packet);
  EXPECT_EQ(peer_->failure(), "levee acknowledges what was never sent");
}

// RFC 6928: ten segments at first, here of 1460 bytes, two for a lost tail's probes, one for the handshake's ACK.
TEST_F(Watch, SeesAFlightThatNoAcknowledgmentAllows) {
  for (std::uint32_t i = 0; i < 13; ++i) peer_->overhear(text(i * 1460, 1460));
  EXPECT_EQ(peer_->failure(), "");
  peer_->overhear(text(13 * 1460, 1460));
  EXPECT_EQ(peer_->failure(), "levee has 20440 bytes in flight, 18980 are the most that 0 acknowledged ones allow");
}

// RFC 3465: as many more as were acknowledged, whatever number of ACKs said so.
TEST_F(Watch, AllowsAsMuchMoreAsWasAcknowledged) {
  peer_->arrive(now_, text(0, 1460));
  peer_->overhear(text(1460 + 13 * 1460, 1460));
  EXPECT_EQ(peer_->failure(), "");
}

TEST_F(Watch, SeesTextBeyondTheWindow) {
  plan_.server.bytes = 100'000;
  peer_ = find_rogue("urgent")->make(setup_);
  peer_->attach([this](Instant, const Bytes& frame) { sent_.push_back(*dissect(frame).tcp); });
  sent_.clear();
  peer_->wake(now_);
  TcpPacket syn_ack = from_levee(kSyn | kAck);
  syn_ack.sequence = 99;
  peer_->arrive(now_, syn_ack);
  peer_->overhear(text(70'000, 100));
  EXPECT_EQ(peer_->failure(), "levee sends 4565 bytes beyond any window offered");
}

TEST_F(Watch, SeesAFinBeforeTheEnd) {
  TcpPacket packet = text(0, 100);
  packet.flags |= kFin;
  peer_->arrive(now_, packet);
  EXPECT_EQ(peer_->failure(), "levee's FIN is not at the end of its stream");
}

// After its RST, text with the handshake's numbers would carry the cookie, and levee open another conversation.
TEST_F(Watch, OnPathOpensNoConversationWithWrongText) {
  plan_.server.bytes = 0;
  setup_.honest_from = now_ + seconds(100);
  int resets = 0, changed = 0;
  for (setup_.seed = 1; setup_.seed <= 40; ++setup_.seed) {
    peer_ = find_rogue("on-path")->make(setup_);
    sent_.clear();
    peer_->attach([this](Instant, const Bytes& frame) { sent_.push_back(*dissect(frame).tcp); });
    Instant now = now_;
    peer_->wake(now);
    const std::uint32_t first = sent_.front().sequence + 1;
    TcpPacket syn_ack = from_levee(kSyn | kAck);
    syn_ack.sequence = 99;
    peer_->arrive(now, syn_ack);
    TcpPacket ack = from_levee(kAck);
    ack.acknowledgment = first + 300;
    peer_->arrive(now, ack);
    while (peer_->next_wake() < now_ + seconds(60)) peer_->wake(now = peer_->next_wake());
    bool was_reset = false;
    for (const TcpPacket& packet : sent_) {
      was_reset |= packet.has(kRst) && packet.sequence == first + 300;
      if (!was_reset || packet.payload.empty() || packet.sequence - first >= 300) continue;
      EXPECT_NE(packet.sequence, first) << "seed " << setup_.seed;
      ++changed;
    }
    resets += was_reset;
  }
  EXPECT_GT(resets, 5);
  EXPECT_GT(changed, 100);
}

// What levee repeats of one life may arrive in the next one, where it is outside of the window.
TEST_F(Watch, LeavesALateCopyFromTheLifeBeforeAlone) {
  plan_.server.bytes = 1000;
  plan_.close = CloseOrder::Both;
  setup_.honest_from = now_ + seconds(100);
  peer_ = find_rogue("old-duplicates")->make(setup_);
  peer_->attach([this](Instant, const Bytes& frame) { sent_.push_back(*dissect(frame).tcp); });
  sent_.clear();
  peer_->wake(now_);
  TcpPacket syn_ack = from_levee(kSyn | kAck);
  syn_ack.sequence = 99;
  peer_->arrive(now_, syn_ack);
  TcpPacket last = text(0, 1000);
  last.flags |= kFin;
  last.acknowledgment += 1000 + 1;
  peer_->arrive(now_, last);
  ASSERT_TRUE(peer_->finished());
  for (int n = 0; n < 10 && !sent_.back().has(kSyn); ++n) peer_->wake(now_ = peer_->next_wake());
  ASSERT_TRUE(sent_.back().has(kSyn));
  syn_ack.sequence = 5'000'000;
  syn_ack.acknowledgment = sent_.back().sequence + 1;
  peer_->arrive(now_, syn_ack);
  peer_->arrive(now_, last);
  EXPECT_EQ(peer_->failure(), "");
  EXPECT_EQ(sent_.back().acknowledgment, 5'000'001u);
  last.sequence = 6'000'000;
  peer_->arrive(now_, last);
  EXPECT_EQ(peer_->failure(), "levee sends beyond the end of its stream");
}

}  // namespace
}  // namespace levee::sim
