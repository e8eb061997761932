// Segments that do not belong: RFC 5961's three attacks, ghost ACKs, what lies outside the window, strays.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

// RFC 5961 3.2: RST-1, RST-2, RST-3. RFC 9293 3.6, MUST-12: the service hears that it was reset.
TEST(Injection, ResetCountsOnlyAtRcvNxt) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(rst().seq(100));
  peer.expects(ack(1).seq(1));  // in the window: challenged
  peer.sends(rst().seq(200'000'000));
  peer.expects_nothing();  // outside: silent
  EXPECT_EQ(talk.stats().now_in(State::Established), 1U);
  peer.sends(rst().seq(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, closed reset");
  EXPECT_EQ(talk.stats()[Drop::InexactRst], 1U);
  EXPECT_EQ(talk.stats()[Counter::EstabResets], 1U);
}

// RFC 5961 3.2, RST-1: an RST whose SEG.SEQ is outside the window is dropped silently, also where its text reaches into
// it.
TEST(Injection, ResetOutsideTheWindowIsNotAnswered) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  const std::uint32_t edge = 1 + talk.service().connection.info().rcv_wnd;
  peer.sends(rst().seq(edge));
  peer.sends(rst().seq(0).data("tail"));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::OutOfWindow], 2U);
  peer.sends(rst().seq(edge - 1));
  peer.expects(ack(1));  // inside: challenged
}

// RFC 9293 3.5.3, SHLD-2: an RST may say why.
TEST(Injection, ResetMayCarryText) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(rst().seq(1).data("out of memory"));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, closed reset");
}

// RFC 5961 4.2, SYN-1.
TEST(Injection, SynIsChallengedWhateverItsNumber) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(syn().seq(5));
  peer.expects(ack(1).seq(1));
  peer.sends(syn().seq(1'000'000'000));
  peer.expects(ack(1).seq(1));
  EXPECT_EQ(talk.stats().now_in(State::Established), 1U);
}

// RFC 5961 7, THR-1, but per connection: a limit that all share is a side channel (CVE-2016-5696).
TEST(Injection, ChallengesAreLimitedPerConnection) {
  Conversation talk;
  Peer& peer = talk.peer();
  Peer& other = talk.add_peer({.tcp_port = 40001});
  peer.opens();
  other.opens();
  for (int n = 0; n < 20; ++n) {
    peer.sends(rst().seq(100));
    talk.run();
  }
  for (int n = 0; n < 5; ++n) peer.expects(ack(1));
  peer.expects_nothing();
  other.sends(rst().seq(100));
  other.expects(ack(1));
  talk.advance(1s);
  peer.sends(rst().seq(100));
  peer.expects(ack(1));
}

// RFC 5961 5.2, DATA-1, MAY-12.
TEST(Injection, AckOfWhatWasNeverSentIsChallenged) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("evil").ack(50000));
  peer.expects(ack(1).seq(1));
  EXPECT_EQ(talk.service().received, "");
  EXPECT_EQ(talk.stats()[Drop::BadAck], 1U);
}

// CVE-2023-52881: an ACK below the ISS is of another incarnation, however large the window.
TEST(Injection, GhostAckIsRefused) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("evil").ack(static_cast<std::uint32_t>(-1000)));
  peer.expects(ack(1));
  EXPECT_EQ(talk.service().received, "");
}

TEST(Injection, TextOutsideTheWindowIsAcknowledgedOnly) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("x").seq(5'000'000));
  peer.expects(ack(1));
  EXPECT_EQ(talk.stats()[Drop::OutOfWindow], 1U);
}

TEST(Injection, StrayAckIsReset) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(ack(77).seq(5));
  peer.expects(rst().seq(77));
  peer.sends(data("abc").seq(5).ack(99));
  peer.expects(rst().seq(99));
  peer.sends(rst().seq(5));
  peer.expects_nothing();  // never a reset for a reset
  EXPECT_EQ(talk.stats()[Drop::NoConnection], 3U);
}

TEST(Injection, ResetsToStraysAreLimitedPerDestination) {
  Conversation talk;
  Peer& peer = talk.peer();
  for (std::uint32_t n = 0; n < 300; ++n) peer.sends(ack(n).seq(5));
  talk.run();
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 100U);
  EXPECT_EQ(talk.stats()[Counter::RstLimited], 200U);
  talk.ignores_the_rest();
}

// A connection that is challenged for zero-length segments must still answer text and probes at full rate.
TEST(Injection, RepeatedTextIsNeverLimited) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("abc"));
  peer.expects(ack(4));
  for (int n = 0; n < 50; ++n) {
    peer.sends(data("abc").seq(1));
    peer.expects(ack(4));
  }
}

}  // namespace
}  // namespace levee::sim
