// Stateless replies: in the frame that asked if it is ours alone and large enough, else in a blank, else not at all;
// with its VLAN tag, and back to where it came from.
#include <gtest/gtest.h>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::ConversationOptions;
using sim::kAck;
using sim::kSyn;
using sim::Peer;
using sim::syn;
using sim::syn_ack;
using sim::TcpPacket;
using namespace std::chrono_literals;

struct Question {
  const char* what;
  Bytes frame;
};

// One frame for each kind of stateless reply.
std::vector<Question> questions() {
  TcpPacket elsewhere = tcp_from_peer(kSyn, 40001);
  elsewhere.destination_port = 81;
  return {{"SYN", build(tcp_from_peer(kSyn))},
          {"stray SYN", build(elsewhere)},
          {"stray ACK", build(tcp_from_peer(kAck, 40002))},
          {"ARP request", build(arp_request(kPeerAddress, kOurAddress))},
          {"echo request", build(echo_request())}};
}

TEST(InPlaceReply, AnExclusiveFrameIsReused) {
  for (const Question& question : questions()) {
    SCOPED_TRACE(question.what);
    Conversation talk;
    const std::size_t wanted = talk.shard().blanks_wanted();
    const LaidOutFrame frame(talk.pool(), question.frame);
    receive(talk, frame);
    ASSERT_EQ(talk.shard().outgoing().size(), 1U);
    EXPECT_EQ(talk.shard().outgoing().front().head, frame.block());
    EXPECT_EQ(talk.shard().outgoing().front().data, frame.data());
    EXPECT_EQ(talk.shard().blanks_wanted(), wanted);
    talk.ignores_the_rest();
  }
}

TEST(InPlaceReply, AFrameThatOthersReadIsLeftAlone) {
  for (const Question& question : questions()) {
    SCOPED_TRACE(question.what);
    Conversation talk;
    const std::size_t wanted = talk.shard().blanks_wanted();
    const LaidOutFrame frame(talk.pool(), question.frame, {.exclusive = false});
    receive(talk, frame);
    ASSERT_EQ(talk.shard().outgoing().size(), 1U);
    EXPECT_NE(talk.shard().outgoing().front().head, frame.block());
    EXPECT_EQ(talk.shard().blanks_wanted(), wanted + 1);
    EXPECT_EQ(std::memcmp(frame.data(), question.frame.data(), question.frame.size()), 0);
    talk.ignores_the_rest();
  }
}

// kMaxHeader bytes of room are asked for, whatever the reply needs.
TEST(InPlaceReply, AFrameWithoutRoomIsLeftAlone) {
  for (const Question& question : questions()) {
    SCOPED_TRACE(question.what);
    const auto length = static_cast<std::uint32_t>(question.frame.size());
    for (const std::uint32_t missing : {0U, 1U}) {
      Conversation talk;
      const auto tailroom = static_cast<std::uint32_t>(kMaxHeader) - length - missing;
      const LaidOutFrame frame(talk.pool(), question.frame, {.tailroom = tailroom});
      receive(talk, frame);
      ASSERT_EQ(talk.shard().outgoing().size(), 1U);
      EXPECT_EQ(talk.shard().outgoing().front().head == frame.block(), missing == 0);
      talk.ignores_the_rest();
    }
  }
}

TEST(InPlaceReply, WithoutABlankNothingIsSentAndItIsCounted) {
  for (const Question& question : questions()) {
    SCOPED_TRACE(question.what);
    Conversation talk;
    take_blanks_away(talk);
    const LaidOutFrame frame(talk.pool(), question.frame, {.exclusive = false});
    receive(talk, frame);
    EXPECT_TRUE(talk.shard().outgoing().empty());
    EXPECT_EQ(talk.stats()[Counter::BlanksExhausted], 1U);
    EXPECT_EQ(talk.stats()[Counter::FramesSent], 0U);
    talk.run();
    EXPECT_FALSE(talk.next_frame());
  }
}

// The peer asks again and is answered: nothing was lost but the frame.
TEST(InPlaceReply, ASynThatFoundNoBlankIsAnsweredAtItsRetransmission) {
  Conversation talk;
  Peer& peer = talk.peer();
  take_blanks_away(talk);
  const LaidOutFrame frame(talk.pool(), peer.frame_of(syn()), {.exclusive = false});
  receive(talk, frame);
  talk.run();
  peer.expects_nothing();
  peer.sends(syn());
  peer.expects(syn_ack().ack(1));
}

TEST(InPlaceReply, KeepsTheVlanTagWithItsPriority) {
  ConversationOptions options;
  options.shard.interfaces.front().vlan = 5;
  for (const Question& question : questions()) {
    for (const bool exclusive : {true, false}) {
      SCOPED_TRACE(question.what);
      ConversationOptions same;
      same.shard = options.shard;
      Conversation talk(std::move(same));
      arrives(talk, tagged(question.frame, 0xb005), {.exclusive = exclusive});
      const auto reply = talk.next_frame();
      ASSERT_TRUE(reply);
      const Bytes tag(reply->begin() + 12, reply->begin() + 16);
      EXPECT_EQ(tag, (Bytes{std::byte{0x81}, std::byte{0}, std::byte{0xb0}, std::byte{5}}));
    }
  }
}

TEST(InPlaceReply, GoesBackToTheMacItCameFrom) {
  for (const Question& question : questions()) {
    SCOPED_TRACE(question.what);
    Conversation talk;
    talk.add_peer({.tcp_port = 50000}).opens();  // the table now knows 10.0.0.2 by its MAC
    ASSERT_EQ(talk.stats()[Counter::NeighboursLearnt], 1U);
    talk.inject(patched(question.frame, {{11, 0x55}}));
    const auto reply = talk.next_frame();
    ASSERT_TRUE(reply);
    const Bytes to(reply->begin(), reply->begin() + 6), from(reply->begin() + 6, reply->begin() + 12);
    EXPECT_EQ(to, (Bytes{std::byte{2}, std::byte{}, std::byte{}, std::byte{}, std::byte{}, std::byte{0x55}}));
    EXPECT_EQ(from, (Bytes{std::byte{2}, std::byte{}, std::byte{}, std::byte{}, std::byte{}, std::byte{1}}));
  }
}

TEST(InPlaceReply, ARetransmittedSynAckGoesWhereTheSynCameFrom) {
  Conversation talk;
  talk.add_peer({.tcp_port = 50000}).opens();
  Peer& other = talk.add_peer({.mac = kOtherMac});
  other.sends(syn());
  EXPECT_EQ(other.expects(syn_ack()).destination_mac, kOtherMac);
  talk.advance(1s);
  EXPECT_EQ(other.expects(syn_ack()).destination_mac, kOtherMac);
}

}  // namespace
}  // namespace levee::shard
