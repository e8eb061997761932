// The three-way handshake from LISTEN (RFC 9293 3.5, 3.10.7.2): what each of the three segments carries.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

// RFC 9293 3.7.1, MUST-14: the option goes both ways. MUST-67: 1500 less both headers.
TEST(Handshake, ThreeSegmentsOpenAConnection) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack().ack(1).mss(1460));
  EXPECT_EQ(talk.stats().now_in(State::SynReceived), 1U);
  EXPECT_EQ(talk.service().take_events(), "");  // the application hears nothing before the ACK
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
  EXPECT_EQ(talk.stats().now_in(State::SynReceived), 0U);
  EXPECT_EQ(talk.stats().now_in(State::Established), 1U);
  peer.expects_nothing();
}

// RFC 7323 2.2, RFC 7323 3.2, RFC 2018 2; but the MSS is told to whoever asks nothing (SHLD-5, MAY-3).
TEST(Handshake, SynAckOffersOnlyWhatTheSynOffered) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn());  // no option at all
  const Seen got = peer.expects(syn_ack().ack(1).no_scale().no_sack().no_ts());
  EXPECT_TRUE(got.mss.has_value());  // RFC 9293 MAY-3: always
}

TEST(Handshake, SynAckAnswersEveryOption) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).sack_permitted().ts(77, 0).scale(7));
  peer.expects(syn_ack().ack(1).mss(1460).sack_permitted().ts_echo(77).scale(3));  // 256 KiB in units of 8
}

// RFC 7323 2.2: the window of a SYN-ACK is never scaled.
TEST(Handshake, WindowOfSynAckIsUnscaled) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 1 << 20;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).scale(2));
  peer.expects(syn_ack().win(65535).scale(5));
  peer.sends(ack());
  peer.sends(data("x"));
  // 65535 were offered; the edge moves on towards 1 MiB, in units of 32 bytes.
  const Seen got = peer.expects(ack(2));
  EXPECT_GT(got.window * 32, 65535);
}

// RFC 9293 MUST-15: without the option the peer takes 536 bytes.
TEST(Handshake, MissingMssMeans536) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn());
  peer.expects(syn_ack());
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().connection.info().effective_mss, 536U);
}

// CVE-2019-11479: a tiny MSS would make every byte cost a packet.
TEST(Handshake, TinyMssIsRaised) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1));
  peer.expects(syn_ack());
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().connection.info().effective_mss, 88U);
}

// RFC 9293 MUST-16: options that go into every segment take their room from the text.
TEST(Handshake, TimestampsTakeTwelveBytesOfEachSegment) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1460, .timestamps = true});
  EXPECT_EQ(talk.service().connection.info().effective_mss, 1448U);
}

TEST(Handshake, RepeatedSynGetsTheSameSynAck) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  const Seen first = peer.expects(syn_ack().ack(1));
  peer.sends(syn().seq(0).mss(1460));
  const Seen second = peer.expects(syn_ack().ack(1));
  EXPECT_EQ(first.sequence, second.sequence);
  EXPECT_EQ(talk.stats().now_in(State::SynReceived), 1U);
}

// Or whoever spoofed the first one could have the victim sent more than it costs him.
TEST(Handshake, RepeatedSynThatOffersLessIsNotAnswered) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).sack_permitted().ts(77, 0).scale(7));
  peer.expects(syn_ack());
  peer.sends(syn());
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::HalfOpenMismatch], 1U);
  peer.sends(syn().mss(1460).sack_permitted().ts(78, 0).scale(7));
  peer.expects(syn_ack().ts_echo(78));
}

TEST(Handshake, AcksFromSynReceivedAreNoLongerThanWhatAskedForThem) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).ts(77, 0));
  peer.expects(syn_ack());
  peer.sends(rst().seq(100).no_ts());  // in the window, not at RCV.NXT
  peer.expects(ack(1).no_ts());
  peer.sends(rst().seq(100).ts(78, 0));
  peer.expects(ack(1).ts_echo(77));
}

TEST(Handshake, SynAckIsRepeatedWithBackoffThenForgotten) {
  ConversationOptions options;
  options.shard.synack_retries = 2;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  const Seen first = peer.expects(syn_ack());
  talk.advance(8s);
  const Seen second = peer.expects(syn_ack().ack(1));
  const Seen third = peer.expects(syn_ack().ack(1));
  EXPECT_NEAR(static_cast<double>((second.at - first.at).count()), 1e9, 2e6);
  EXPECT_NEAR(static_cast<double>((third.at - second.at).count()), 2e9, 2e6);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_EQ(talk.stats()[Counter::HalfOpenTimeouts], 1U);
  peer.expects_nothing();
}

// The ACK was lost and the first data segment follows it: the handshake is completed by that.
TEST(Handshake, DataCompletesTheHandshakeWhenTheAckWasLost) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(data("hello"));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, data 5");
}

TEST(Handshake, FinOnTheHandshakesAckIsProcessed) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(fin().data("bye").seq(1));
  peer.expects(ack(5));
  EXPECT_EQ(talk.service().take_events(), "opened, data 3, peer_closed");
}

// RFC 9293 3.10.7.4, fifth: an ACK of something else resets the peer's half, not ours.
TEST(Handshake, WrongAckIsAnsweredWithReset) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(ack(500));
  peer.expects(rst().seq(500));
  EXPECT_EQ(talk.shard().half_open(), 1U);
  peer.sends(ack(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
}

// RFC 5961 3: in SYN-RECEIVED only an RST at RCV.NXT counts.
TEST(Handshake, ResetEndsAHalfOpenConnectionOnlyAtRcvNxt) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(rst().seq(100));
  peer.expects(ack(1));  // challenged
  EXPECT_EQ(talk.shard().half_open(), 1U);
  peer.sends(rst().seq(1));
  peer.expects_nothing();
  EXPECT_EQ(talk.shard().half_open(), 0U);
}

TEST(Handshake, SynToAClosedTcpPortIsReset) {
  Conversation talk;
  Peer& peer = talk.add_peer({.tcp_port = 40001, .shard_port = 81});
  peer.sends(syn().mss(1460));
  peer.expects(rst_ack().seq(0).ack(1));
  EXPECT_EQ(talk.stats()[Drop::NoListener], 1U);
}

TEST(Handshake, FullSynQueueIsSilent) {
  ConversationOptions options;
  options.shard.limits.half_open = 1;
  options.shard.syn.cookies = SynCookies::Never;
  Conversation talk(std::move(options));
  talk.peer().sends(syn().mss(1460));
  talk.peer().expects(syn_ack());
  Peer& second = talk.add_peer({.tcp_port = 40001});
  second.sends(syn().mss(1460));
  second.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::SynQueueFull], 1U);
}

// A full connection table leaves the ACK unanswered; the client's next segment gets another chance.
TEST(Handshake, FullConnectionTableKeepsTheHalfOpenRecord) {
  ConversationOptions options;
  options.shard.limits.connections = 1;
  options.shard.time_wait = 0s;
  Conversation talk(std::move(options));
  talk.peer().opens();
  Peer& second = talk.add_peer({.tcp_port = 40001});
  second.sends(syn().mss(1460));
  second.expects(syn_ack());
  second.sends(ack());
  second.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::ConnectionsFull], 1U);
  talk.service().connection.abort();
  talk.peer().expects(rst_ack());
  second.sends(data("x"));
  second.expects(ack(2));
}

// RFC 6528 3, MUST-8: M ticks every 4 microseconds, so that a tuple's next ISN is beyond its last one.
TEST(Handshake, InitialSequenceNumberFollowsTheClock) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn());
  const Seen first = peer.expects(syn_ack());
  peer.sends(rst().seq(1));
  talk.advance(1s);
  peer.sends(syn().seq(0));
  const Seen second = peer.expects(syn_ack());
  EXPECT_EQ(second.sequence - first.sequence, 250'000U);
}

// RFC 6528 3, MUST-9, SHLD-1: F depends on a secret, so nobody else can compute it.
TEST(Handshake, InitialSequenceNumberDependsOnTheSecret) {
  const auto iss = [](std::uint64_t key) {
    ConversationOptions options;
    options.secrets.isn_key = {key, 7};
    Conversation talk(std::move(options));
    talk.peer().sends(syn());
    return talk.peer().expects(syn_ack()).sequence;
  };
  EXPECT_EQ(iss(1), iss(1));
  EXPECT_NE(iss(1), iss(2));
}

// MUST-9, SHLD-1: one tuple's ISN does not show another's.
TEST(Handshake, InitialSequenceNumbersDifferBetweenTuples) {
  Conversation talk;
  talk.peer().sends(syn());
  const Seen first = talk.peer().expects(syn_ack());
  Peer& second = talk.add_peer({.tcp_port = 40001});
  second.sends(syn());
  const Seen other = second.expects(syn_ack());
  EXPECT_GT(std::min(first.sequence - other.sequence, other.sequence - first.sequence), 1000U);
}

TEST(Handshake, MalformedFlagsAreDroppedSilently) {
  Conversation talk;
  Peer& peer = talk.peer();
  for (const int flags : {kSyn | kFin, kSyn | kRst, 0, int{kFin}, kFin | kPsh | kUrg, kSyn | kFin | kAck}) {
    peer.sends(segment(static_cast<std::uint8_t>(flags)).seq(0));
  }
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::BadTcpFlags], 6U);
}

}  // namespace
}  // namespace levee::sim
