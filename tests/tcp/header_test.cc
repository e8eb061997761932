// The TCP header and its options (RFC 9293 3.1, 3.2), as a peer sees them: what is sent, and what must not matter.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

Bytes octets(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::size_t send(Conversation& talk, std::size_t length) {
  const std::string text(length, 'x');
  return talk.service().connection.send(std::as_bytes(std::span(text)));
}

// MUST-1: half of its values would be negative if the field were signed.
TEST(Header, WindowIsUnsigned) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.initial_window_segments = 50;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  talk.run();
  EXPECT_EQ(talk.service().connection.info().snd_wnd, 65535U);
  ASSERT_EQ(send(talk, 40'000), 40'000U);
  for (std::uint32_t n = 0; n < 40; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
}

// REC-1: with the largest scale, 30 bits are needed.
TEST(Header, WindowsHave32Bits) {
  Conversation talk;
  talk.peer().opens({.mss = 1000, .scale = 14});
  talk.run();
  EXPECT_EQ(talk.service().connection.info().snd_wnd, 65535U << 14);
}

// MUST-2: of text of any length; dissect() computes it in its own way.
TEST(Header, ChecksumIsThatOfTheSegment) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  talk.run();
  talk.service().connection.set_nagle(false);
  for (const std::size_t length : {1U, 2U, 3U, 500U, 999U, 1000U}) {
    ASSERT_EQ(send(talk, length), length);
    talk.run();
    auto frame = talk.next_frame();
    ASSERT_TRUE(frame) << length;
    EXPECT_EQ(dissect(*frame).error, "") << length;
    frame->back() ^= std::byte{1};
    EXPECT_NE(dissect(*frame).error, "") << length;
  }
}

// RFC 9293 3.8.1, MAY-4: a repeated packet has the same identification, and may: it is never fragmented (RFC 6864 4).
TEST(Header, RepeatedPacketHasTheSameIdentification) {
  Conversation talk;
  talk.ignores_the_rest();
  talk.peer().opens();
  talk.run();
  ASSERT_EQ(send(talk, 5), 5U);
  talk.run();
  const auto first = talk.next_frame();
  talk.advance(std::chrono::milliseconds(500));
  const auto second = talk.next_frame();
  ASSERT_TRUE(first && second);
  constexpr std::size_t kIdentification = 14 + 4, kFlags = 14 + 6;
  EXPECT_EQ(dissect(*first).tcp->sequence, dissect(*second).tcp->sequence);
  for (std::size_t i = kIdentification; i < kFlags; ++i) EXPECT_EQ((*first)[i], (*second)[i]);
  EXPECT_EQ((*second)[kFlags] & std::byte{0x40}, std::byte{0x40});
}

// MUST-5, MUST-6, MUST-7: options may come with any segment, and none that is unknown or cannot be does any harm.
TEST(Header, OptionsMayComeWithAnySegment) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().raw_options(octets({253, 4, 1, 2, 2, 4, 3, 0xe8})));
  peer.expects(syn_ack().ack(1));
  peer.sends(ack().raw_options(octets({253, 4, 1, 2})));
  talk.run();
  EXPECT_EQ(talk.service().connection.info().effective_mss, 1000U);
  peer.sends(data("abc").raw_options(octets({253, 4, 1, 2})));
  peer.expects(ack(4));
  peer.sends(data("def").raw_options(octets({1, 253, 0, 9})));  // a length of 0
  peer.expects(ack(7));
  peer.sends(data("ghi").raw_options(octets({1, 1, 1, 253})));  // none
  peer.expects(ack(10));
  peer.sends(data("jkl").raw_options(octets({1, 1, 253, 40})));  // more than there is
  peer.expects(ack(13));
  peer.sends(fin().raw_options(octets({253, 4, 1, 2})));
  peer.expects(ack(14));
  EXPECT_EQ(talk.service().received, "abcdefghijkl");
}

// MUST-64: the option begins at an odd octet.
TEST(Header, OptionsNeedNotBeAligned) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().raw_options(octets({1, 2, 4, 3, 0xe8, 0, 0, 0})));
  peer.expects(syn_ack());
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().connection.info().effective_mss, 1000U);
}

// 3.2, MUST-65: levee sends no MSS option but with a SYN, and believes none.
TEST(Header, MssOptionIsForSynsOnly) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1000));
  EXPECT_TRUE(peer.expects(syn_ack()).mss);
  peer.sends(ack());
  peer.sends(data("x").raw_options(octets({2, 4, 2, 0})));
  EXPECT_FALSE(peer.expects(ack(2)).mss);
  EXPECT_EQ(talk.service().connection.info().effective_mss, 1000U);
  ASSERT_EQ(send(talk, 5), 5U);
  EXPECT_FALSE(peer.expects(data_of(5)).mss);
  peer.sends(ack(6));
  talk.service().connection.close();
  EXPECT_FALSE(peer.expects(fin()).mss);
  talk.service().connection.abort();
  EXPECT_FALSE(peer.expects(rst_ack()).mss);
}

}  // namespace
}  // namespace levee::sim
