// Text both ways (RFC 9293 3.8, 3.10.7.4 seventh): delivery, out-of-order queue, SACK, windows, delayed ACK, Nagle.
#include <gtest/gtest.h>

#include "sim/conversation.h"
#include "tcp/reassembly.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Transfer, TextIsDeliveredInOrder) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("abc"));
  peer.expects(ack(4));
  peer.sends({data("def"), data("ghi")});
  peer.expects(ack(10));  // MUST-58, MUST-59: one ACK for the burst
  EXPECT_EQ(talk.service().received, "abcdefghi");
}

// RFC 9293 3.10.7.4, SHLD-31, MAY-13; RFC 5681 4.2, RFC 2018 4.
TEST(Transfer, HoleIsFilledAndAcknowledgedAtOnce) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.sack = true});
  peer.sends(data("def").seq(4));
  peer.expects(ack(1).sack(4, 7));  // RFC 5681 4.2
  peer.sends(data("jkl").seq(10));
  peer.expects(ack(1).sack(10, 13).sack(4, 7));  // RFC 2018 4: the most recent first
  peer.sends(data("abc").seq(1));
  peer.expects(ack(7).sack(10, 13));
  peer.sends(data("ghi").seq(7));
  peer.expects(ack(13).no_sack());
  EXPECT_EQ(talk.service().received, "abcdefghijkl");
}

// RFC 2018 2.
TEST(Transfer, NoSackWithoutPermission) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("def").seq(4));
  peer.expects(ack(1).no_sack());
}

TEST(Transfer, FirstByteWinsInOverlaps) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("DEF").seq(4));
  peer.expects(ack(1));
  peer.sends(data("abcdefghi").seq(1));
  peer.expects(ack(10));
  EXPECT_EQ(talk.service().received, "abcDEFghi");
  EXPECT_EQ(talk.stats()[Counter::TCPOFOMerge], 1U);
}

TEST(Transfer, DuplicateIsAcknowledgedNotDelivered) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("abc"));
  peer.expects(ack(4));
  peer.sends(data("abc").seq(1));
  peer.expects(ack(4));
  peer.sends(data("bcde").seq(2));  // half old, half new
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().received, "abcde");
}

TEST(Transfer, TextBeyondTheWindowIsTrimmed) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 1000;
  Conversation talk(std::move(options));
  talk.service().consumes = false;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(sim::data(std::string(1200, 'x')));
  peer.expects(ack(1001).win(0));
  EXPECT_EQ(talk.service().connection.readable(), 1000U);
  peer.sends(data("y").seq(1001));  // into the closed window
  peer.expects(ack(1001).win(0));
  EXPECT_EQ(talk.stats()[Drop::ReceiveQueueFull], 1U);
}

TEST(Transfer, ReadingOpensTheWindow) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 4000;
  Conversation talk(std::move(options));
  talk.service().consumes = false;
  Peer& peer = talk.peer();
  peer.opens();
  for (std::uint32_t at : {1U, 1001U, 2001U, 3001U}) peer.sends(sim::data(std::string(1000, 'x')).seq(at));
  talk.run();
  while (talk.next_frame()) {
  }
  talk.service().connection.consume(100);  // not worth a word (MUST-39)
  peer.expects_nothing();
  talk.service().connection.consume(3900);
  peer.expects(ack(4001).win(4000));
}

// RFC 9293 MUST-40, SHLD-18, SHLD-19.
TEST(Transfer, AcksAreDelayedButEverySecondSegmentIsAcknowledged) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.quick_acks = 0;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("a"));
  peer.expects_nothing();
  const Instant sent = talk.now();
  talk.advance(50ms);
  const Seen late = peer.expects(ack(2));
  EXPECT_LE(late.at - sent, 41ms);
  peer.sends(data("b"));
  peer.expects_nothing();
  peer.sends(data("c"));
  peer.expects(ack(4));
}

TEST(Transfer, AckRidesOnText) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("ping"));
  peer.expects(ack(5));
  EXPECT_EQ(talk.service().connection.send(bytes("pong")), 4U);
  peer.expects(data("pong").seq(1).ack(5));
}

// RFC 9293 3.9.1.2: SHLD-28, MUST-61.
TEST(Transfer, SegmentsHoldTheMssAndThePushComesLast) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  const std::string text(2500, 'x');
  EXPECT_EQ(talk.service().connection.send(bytes(text)), 2500U);
  EXPECT_EQ(peer.expects(data_of(1000).seq(1)).flags & kPsh, 0);
  EXPECT_EQ(peer.expects(data_of(1000).seq(1001)).flags & kPsh, 0);
  talk.service().connection.set_nagle(false);
  talk.run();
  EXPECT_NE(peer.expects(data_of(500).seq(2001)).flags & kPsh, 0);
}

// RFC 9293 3.7.4, SHLD-7: while something is outstanding a short segment waits, but not for ever (MUST-60). What
// gathers goes as one, with one PSH (SHLD-27, MAY-16).
TEST(Transfer, NagleHoldsBackShortSegments) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  EXPECT_EQ(talk.service().connection.send(bytes("a")), 1U);
  peer.expects(data("a"));
  EXPECT_EQ(talk.service().connection.send(bytes("b")), 1U);
  EXPECT_EQ(talk.service().connection.send(bytes("c")), 1U);
  peer.expects_nothing();
  peer.sends(ack(2));
  EXPECT_NE(peer.expects(data("bc")).flags & kPsh, 0);
}

// RFC 9293 3.7.4, MUST-17: it is switched off for one connection, the other one has it.
TEST(Transfer, NagleIsSwitchedPerConnection) {
  Conversation talk;
  Peer& held = talk.peer();
  Peer& prompt = talk.add_peer({.tcp_port = 40001});
  held.opens();
  talk.run();
  Connection with = talk.service().connection;
  prompt.opens();
  talk.run();
  Connection without = talk.service().connection;
  without.set_nagle(false);
  for (Connection connection : {with, without}) {
    EXPECT_EQ(connection.send(bytes("a")), 1U);
    talk.run();
    EXPECT_EQ(connection.send(bytes("b")), 1U);
  }
  held.expects(data("a"));
  prompt.expects(data("a"));
  prompt.expects(data("b"));
  held.expects_nothing();
}

// RFC 6928 2: ten segments may go before the first ACK.
TEST(Transfer, InitialWindowIsTenSegments) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  const std::string text(20000, 'x');
  EXPECT_EQ(talk.service().connection.send(bytes(text)), 20000U);
  for (std::uint32_t n = 0; n < 10; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
  peer.expects_nothing();
  peer.sends(ack(1001));
  peer.expects(data_of(1000).seq(10001));  // slow start: one acknowledged, two more
  peer.expects(data_of(1000).seq(11001));
  peer.expects_nothing();
}

TEST(Transfer, PeersWindowIsRespected) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.window = 1500;
  peer.opens({.mss = 1000});
  const std::string text(5000, 'x');
  EXPECT_EQ(talk.service().connection.send(bytes(text)), 5000U);
  peer.expects(data_of(1000).seq(1));
  peer.expects_nothing();  // 500 more would be silly (MUST-38)
  peer.sends(ack(1001).win(3000));
  peer.expects(data_of(1000).seq(1001));
  peer.expects(data_of(1000).seq(2001));
  peer.expects(data_of(1000).seq(3001));
  peer.expects_nothing();
}

// MUST-35, MUST-36, SHLD-29, SHLD-30: the window that was offered is taken back to nothing; the window update was lost
// and the probe's answer tells.
TEST(Transfer, ClosedWindowIsProbedWithBackoff) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(ack().win(0));
  EXPECT_EQ(talk.service().connection.send(bytes("hello")), 5U);
  peer.expects_nothing();
  talk.advance(4s);
  const Seen first = peer.expects(ack(1));  // an old sequence number, so that it must be answered
  const Seen second = peer.expects(ack(1));
  const Seen third = peer.expects(ack(1));
  EXPECT_GE(third.at - second.at + 2ms, 2 * (second.at - first.at));
  peer.expects(ack(1));
  peer.sends(ack().win(0));  // still shut, still alive (MUST-37)
  peer.sends(ack().win(1000));
  peer.expects(data("hello").seq(1));
  talk.ignores_the_rest();
}

// RFC 7323 2.2 and 2.3: both directions are scaled once both sides said so.
TEST(Transfer, PeersWindowIsScaled) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.window = 100;
  peer.opens({.mss = 1000, .scale = 4});
  talk.run();
  EXPECT_EQ(talk.service().connection.info().snd_wnd, 1600U);
}

// RFC 9293 3.8.6, SHLD-14: the right edge never moves back; MAY-8: a window may stay shut.
TEST(Transfer, WindowThatWasOfferedIsNotTakenBack) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 4000;
  Conversation talk(std::move(options));
  talk.service().consumes = false;
  Peer& peer = talk.peer();
  peer.opens();
  std::uint32_t edge = 0;
  for (std::uint32_t at = 1; at < 4001; at += 500) {
    peer.sends(sim::data(std::string(500, 'x')).seq(at));
    const Seen got = peer.expects(ack(at + 500));
    const std::uint32_t offered = got.acknowledgment - peer.iss + got.window;
    EXPECT_GE(offered, edge);
    edge = offered;
  }
  EXPECT_EQ(edge, 4001U);
  for (int n = 0; n < 10; ++n) {
    talk.advance(1h);
    peer.sends(data("y").seq(4001));
    peer.expects(ack(4001).win(0));
  }
  EXPECT_EQ(talk.service().connection.state(), State::Established);
}

// RFC 7323 2.4: a window that was offered is honoured, though the next one is smaller because it was rounded down.
TEST(Transfer, WindowBeforeRoundingIsHonoured) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 65536;
  Conversation talk(std::move(options));
  talk.service().consumes = false;
  talk.ignores_the_rest();
  Peer& peer = talk.peer();
  peer.opens({.scale = 0});  // 65535 bytes were offered, in units of one
  peer.sends(data("xx"));
  peer.expects(ack(3).win(32766));  // in units of two: one byte less
  for (std::uint32_t at = 3; at < 65536; at += 1400) {
    peer.sends(sim::data(std::string(std::min(1400U, 65536 - at), 'x')).seq(at));
  }
  talk.run();
  EXPECT_EQ(talk.service().connection.readable(), 65535U);
}

// Tiny segments may not pin a buffer each.
TEST(Transfer, TinySegmentsAreCompacted) {
  Conversation talk;
  talk.service().consumes = false;
  Peer& peer = talk.peer();
  peer.opens();
  for (std::uint32_t n = 0; n < 500; ++n) peer.sends(data("x").seq(1 + n));
  talk.run();
  EXPECT_EQ(talk.service().connection.readable(), 500U);
  EXPECT_GT(talk.stats()[Counter::RcvCollapsed], 400U);
  talk.ignores_the_rest();
}

TEST(Transfer, EveryOtherByteIsBounded) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.sack = true});
  for (std::uint32_t n = 0; n < 100; ++n) peer.sends(data("x").seq(3 + 2 * n));
  talk.run();
  EXPECT_EQ(talk.stats()[Drop::OutOfOrderFull], 100 - tcp::kMaxRanges);
  talk.ignores_the_rest();
}

TEST(Transfer, WritableFollowsAFullSendBuffer) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.send_buffer = 4000;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  const std::string text(6000, 'x');
  EXPECT_EQ(talk.service().connection.send(bytes(text)), 4000U);
  for (std::uint32_t n = 0; n < 4; ++n) peer.expects(data_of(1000));
  talk.service().take_events();
  peer.sends(ack(1001));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "");
  peer.sends(ack(2001));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "writable");
}

TEST(Transfer, ForwardMovesTextWithoutCopying) {
  Conversation talk;
  talk.service().consumes = false;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("echo me"));
  peer.expects(ack(8));
  Connection connection = talk.service().connection;
  EXPECT_EQ(connection.forward(connection, 100), 7U);
  EXPECT_EQ(connection.readable(), 0U);
  peer.expects(data("echo me").ack(8));
}

TEST(Transfer, ReserveAndCommitSendInPlace) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  Connection connection = talk.service().connection;
  std::span<std::byte> room = connection.reserve(3);
  ASSERT_EQ(room.size(), 3U);
  std::copy_n(bytes("abc").data(), 3, room.data());
  connection.commit(3);
  room = connection.reserve(2);
  ASSERT_EQ(room.size(), 2U);
  std::copy_n(bytes("de").data(), 2, room.data());
  connection.commit(2);
  peer.expects(data("abcde"));
}

}  // namespace
}  // namespace levee::sim
