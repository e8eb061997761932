// Frames that come in several buffers: headers are pulled together inside the first one where it is ours alone and has
// the room, payload stays where it is, and every buffer comes back.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::ConversationOptions;
using sim::data;
using sim::kSyn;
using sim::Peer;
using sim::syn_ack;

std::vector<std::size_t> every(std::size_t step, std::size_t length) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = step; at < length; at += step) cuts.push_back(at);
  return cuts;
}

// The conversation checks after each step that no buffer is lost.
TEST(ChainedFrames, HeadersMaySplitAnywhere) {
  for (const bool vlan_tag : {false, true}) {
    Conversation talk;
    Peer& peer = talk.peer();
    peer.opens({.timestamps = true});
    std::string wanted;
    const std::size_t length = (vlan_tag ? 4U : 0U) + peer.frame_of(data("hello")).size();
    for (std::size_t cut = 1; cut < length; ++cut) {
      SCOPED_TRACE(cut);
      Bytes frame = peer.frame_of(data("hello"));
      peer.snd_nxt += 5;
      if (vlan_tag) frame = tagged(frame, 0x6000);  // a priority tag: the untagged interface
      arrives(talk, frame, {.cuts = {cut}});
      wanted += "hello";
      ASSERT_EQ(talk.service().received, wanted);
    }
    EXPECT_EQ(talk.stats().total_drops(), 0U);
    talk.ignores_the_rest();
  }
}

TEST(ChainedFrames, HeadersInPiecesOfOneByte) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  const Bytes frame = peer.frame_of(data("hello"));
  std::vector<std::size_t> cuts = every(1, kMaxPieces);  // 31 single bytes, then the rest
  arrives(talk, frame, {.cuts = cuts});
  EXPECT_EQ(talk.service().received, "hello");
  talk.ignores_the_rest();
}

TEST(ChainedFrames, SharedHeadersAreNeverWrittenTo) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  const Bytes frame = peer.frame_of(data("hello"));
  const std::size_t headers = frame.size() - 5;
  for (std::size_t cut = 1; cut < headers; ++cut) {
    SCOPED_TRACE(cut);
    const LaidOutFrame split(talk.pool(), frame, {.cuts = {cut}, .exclusive = false});
    const std::byte behind = split.data()[cut] = std::byte{0xa5};
    receive(talk, split);
    EXPECT_EQ(split.data()[cut], behind);
    talk.run();
    ASSERT_EQ(talk.stats()[Drop::HeaderSplit], cut);
  }
  EXPECT_EQ(talk.service().received, "");
  arrives(talk, frame, {.cuts = {headers}, .exclusive = false});  // headers whole: nothing to pull
  EXPECT_EQ(talk.service().received, "hello");
  talk.ignores_the_rest();
}

TEST(ChainedFrames, HeadersWithoutRoomAreDropped) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  const Bytes frame = peer.frame_of(data("hello"));
  const auto headers = static_cast<std::uint32_t>(frame.size() - 5);
  for (std::uint32_t cut = 1; cut < headers; ++cut) {
    SCOPED_TRACE(cut);
    arrives(talk, frame, {.cuts = {cut}, .tailroom = headers - cut - 1});
    ASSERT_EQ(talk.stats()[Drop::HeaderSplit], cut);
  }
  arrives(talk, frame, {.cuts = {20}, .tailroom = headers - 20});
  EXPECT_EQ(talk.service().received, "hello");
  talk.ignores_the_rest();
}

TEST(ChainedFrames, AFrameShorterThanItsHeadersIsTooShortHoweverItIsCut) {
  Conversation talk;
  Bytes frame = build(tcp_from_peer(kSyn));
  frame.resize(30);
  arrives(talk, frame, {.cuts = {9, 20}});
  frame.resize(12);
  arrives(talk, frame, {.cuts = {3, 5}});
  EXPECT_EQ(talk.stats()[Drop::TooShort], 2U);
}

std::string long_text() {
  std::string text;
  for (int n = 0; n < 1400; ++n) text.push_back(static_cast<char>('a' + n * 7 % 26));
  return text;
}

TEST(ChainedFrames, PayloadStaysInItsPieces) {
  Conversation talk;
  Peer& peer = talk.peer();
  talk.service().consumes = false;
  peer.opens();
  const Bytes frame = peer.frame_of(sim::data(long_text()));
  const std::size_t out = talk.pool().out();
  arrives(talk, frame, {.cuts = {501, 1001}});  // odd lengths, so that the sum must swap halves
  EXPECT_EQ(talk.pool().out(), out + 3);
  EXPECT_EQ(talk.stats()[Counter::RcvCollapsed], 0U);
  std::array<std::span<const std::byte>, 4> pieces;
  EXPECT_EQ(talk.service().connection.peek(pieces), 3U);
  talk.service().read(talk.service().connection);
  EXPECT_EQ(talk.service().received, long_text());
  talk.run();
  EXPECT_EQ(talk.pool().out(), out);
  talk.ignores_the_rest();
}

// A sender whose device cuts small, or an attacker, must not pin thirty buffers for one segment.
TEST(ChainedFrames, PayloadInManySmallPiecesIsCopiedTogether) {
  Conversation talk;
  Peer& peer = talk.peer();
  talk.service().consumes = false;
  peer.opens();
  const Bytes frame = peer.frame_of(sim::data(long_text()));
  const std::size_t out = talk.pool().out();
  arrives(talk, frame, {.cuts = every(47, frame.size())});
  EXPECT_LE(talk.pool().out(), out + 1);
  EXPECT_EQ(talk.stats()[Counter::RcvCollapsed], 1U);
  talk.service().read(talk.service().connection);
  EXPECT_EQ(talk.service().received, long_text());
  talk.ignores_the_rest();
}

TEST(ChainedFrames, EmptyPiecesAreSteppedOver) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  const Bytes frame = peer.frame_of(data("hello"));
  arrives(talk, frame, {.cuts = {0, 54, 54, 56, 56, frame.size()}});
  EXPECT_EQ(talk.service().received, "hello");
  talk.ignores_the_rest();
}

TEST(ChainedFrames, MorePiecesThanAllowedAreDropped) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  const std::string text(200, 'x');
  const Bytes frame = peer.frame_of(sim::data(text));
  std::vector<std::size_t> cuts;
  for (std::size_t n = 0; n < kMaxPieces; ++n) cuts.push_back(60 + n);
  arrives(talk, frame, {.cuts = cuts});
  EXPECT_EQ(talk.stats()[Drop::HeaderSplit], 1U);
  EXPECT_EQ(talk.service().received, "");
  cuts.pop_back();
  arrives(talk, frame, {.cuts = cuts});
  EXPECT_EQ(talk.service().received, text);
  talk.ignores_the_rest();
}

TEST(ChainedFrames, DamageInALaterPieceIsNoticed) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  Bytes frame = peer.frame_of(data("hello"));
  frame.back() ^= std::byte{1};
  arrives(talk, frame, {.cuts = {20, 57}});
  EXPECT_EQ(talk.stats()[Drop::BadTcpChecksum], 1U);
  EXPECT_EQ(talk.service().received, "");
}

TEST(ChainedFrames, AReplyInPlaceDropsTrailingPieces) {
  Conversation talk;
  Peer& peer = talk.peer();
  const std::size_t out = talk.pool().out();
  const LaidOutFrame frame(talk.pool(), build(tcp_from_peer(kSyn)), {.cuts = {20, 40, 50}});
  receive(talk, frame);
  ASSERT_EQ(talk.shard().outgoing().size(), 1U);
  const OutFrame& sent = talk.shard().outgoing().front();
  EXPECT_EQ(sent.head, frame.block());
  EXPECT_EQ(sent.slices.size(), 0U);
  EXPECT_EQ(sent.length, 14U + 20 + 24);  // from its own headers
  peer.expects(syn_ack().mss(1460));
  EXPECT_EQ(talk.pool().out(), out);
}

TEST(ChainedFrames, ArpIsPulledTogetherAndAnsweredInPlace) {
  Conversation talk;
  const Bytes request = build(arp_request(kPeerAddress, kOurAddress));
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    SCOPED_TRACE(cut);
    arrives(talk, request, {.cuts = {cut}});
    const auto reply = talk.next_frame();
    ASSERT_TRUE(reply);
    EXPECT_EQ(sim::describe(*reply), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
    EXPECT_EQ(reply->size(), request.size());
  }
}

TEST(ChainedFrames, AnEchoInPiecesIsMoreThanAPingNeeds) {
  Conversation talk;
  const Bytes echo = build(echo_request());
  for (const std::size_t cut : {10U, 30U, 38U, 90U}) {
    arrives(talk, echo, {.cuts = {cut}});
    EXPECT_FALSE(talk.next_frame());
  }
  EXPECT_EQ(talk.stats()[Drop::UnhandledIcmp], 4U);
}

}  // namespace
}  // namespace levee::shard
