// Retransmission (RFC 6298), congestion control (RFC 5681, 6582) and R2 (RFC 9293 3.8.3), as a peer sees them.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

std::size_t send(Conversation& talk, std::size_t length) {
  const std::string text(length, 'x');
  return talk.service().connection.send(std::as_bytes(std::span(text)));
}

// RFC 9293 3.8.1, MUST-18; RFC 6298 5.1 to 5.5.
TEST(Retransmission, FollowsTheTimeoutAndDoubles) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  ASSERT_EQ(send(talk, 5), 5U);
  const Seen first = peer.expects(data_of(5).seq(1));
  talk.advance(2s);
  const Seen second = peer.expects(data_of(5).seq(1));
  const Seen third = peer.expects(data_of(5).seq(1));
  EXPECT_GE(second.at - first.at, 200ms);  // the minimum, a stated deviation
  EXPECT_GE(third.at - second.at + 2ms, 2 * (second.at - first.at));
  EXPECT_EQ(talk.stats()[Counter::RetransSegs], talk.service().connection.info().retransmits);
  talk.ignores_the_rest();
}

// MUST-19, RFC 5681 3.1: after a timeout one segment, then slow start from there.
TEST(Retransmission, TimeoutStartsAgainWithOneSegment) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 5000), 5000U);
  for (std::uint32_t n = 0; n < 5; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
  talk.advance(250ms);
  peer.expects(data_of(1000).seq(1));
  peer.expects_nothing();
  EXPECT_EQ(talk.service().connection.info().cwnd, 1000U);
  peer.sends(ack(1001));
  peer.expects(data_of(1000).seq(1001));
  peer.expects(data_of(1000).seq(2001));
  peer.expects_nothing();
  peer.sends(ack(5001));  // the rest had arrived
  peer.expects_nothing();
}

// RFC 5681 3.2, RFC 6582 3.2: three duplicates repeat the first segment at once, a partial ACK the next hole.
TEST(Retransmission, FastRetransmitAndPartialAck) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 8000), 8000U);
  for (std::uint32_t n = 0; n < 8; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
  peer.sends(ack(1001));  // segments 2 and 5 were lost
  peer.sends(ack(1001));
  peer.sends(ack(1001));
  peer.expects_nothing();
  peer.sends(ack(1001));
  peer.expects(data_of(1000).seq(1001));
  EXPECT_EQ(talk.stats()[Counter::TCPFastRetrans], 1U);
  peer.sends(ack(4001));  // partial
  peer.expects(data_of(1000).seq(4001));
  peer.sends(ack(8001));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Counter::TCPTimeouts], 0U);
}

TEST(Retransmission, DuplicateAcksNeedFiveConditions) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 3000), 3000U);
  for (std::uint32_t n = 0; n < 3; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
  for (std::uint16_t n = 0; n < 5; ++n)
    peer.sends(ack(1).win(static_cast<std::uint16_t>(30000 + n)));  // window updates
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Counter::TCPFastRetrans], 0U);
}

// MUST-20, SHLD-11: the connection is given up after R2, and the service is told.
TEST(Retransmission, R2EndsTheConnection) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  ASSERT_EQ(send(talk, 5), 5U);
  const Instant start = talk.now();
  talk.ignores_the_rest();
  while (talk.shard().connections() > 0 && talk.now() - start < 3h) talk.advance(10s);
  EXPECT_EQ(talk.service().take_events(), "opened, report retransmitting, closed timed_out");
  EXPECT_GT(talk.now() - start, 100s);
  EXPECT_LT(talk.now() - start, 20min);
}

// MUST-18, RFC 6298 3 (Karn): an ACK of something that was sent twice gives no sample.
TEST(Retransmission, AmbiguousAckIsNoSample) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.timestamps = false;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens();
  const Duration before = talk.service().connection.info().srtt;
  ASSERT_EQ(send(talk, 5), 5U);
  peer.expects(data_of(5));
  talk.advance(250ms);
  peer.expects(data_of(5));
  talk.advance(50ms);
  peer.sends(ack(6));
  talk.run();
  EXPECT_EQ(talk.service().connection.info().srtt, before);
}

// RFC 6298 2.3.
TEST(Retransmission, SampleComesFromTheAck) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  ASSERT_EQ(send(talk, 5), 5U);
  peer.expects(data_of(5));
  talk.advance(80ms);
  peer.sends(ack(6));
  talk.run();
  const ConnectionInfo info = talk.service().connection.info();
  EXPECT_GT(info.srtt, 5ms);
  EXPECT_LE(info.srtt, 81ms);
  EXPECT_GE(info.rto, 200ms);
}

// A window that closes behind outstanding text: the text is repeated and a peer that answers is never given up.
// MUST-34, MUST-35, MAY-7.
TEST(Retransmission, ShrunkWindowIsSurvived) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 3000), 3000U);
  for (std::uint32_t n = 0; n < 3; ++n) peer.expects(data_of(1000));
  peer.sends(ack(1).win(0));  // MUST-34
  talk.advance(300ms);
  peer.expects(data_of(1000).seq(1));
  peer.sends(ack(1001).win(5000));
  peer.expects(data_of(1000).seq(1001));
  talk.ignores_the_rest();
}

// RFC 9293 3.8.6, SHLD-17, MAY-7: what lies behind the right edge is repeated, and who answers is not given up.
TEST(Retransmission, TextBehindAWindowTakenBackIsNotTimedOut) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.max_retransmits = 3;
  Conversation talk(std::move(options));
  talk.ignores_the_rest();
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 3000), 3000U);
  talk.run();
  peer.sends(ack(1).win(0));
  const Instant start = talk.now();
  std::uint64_t repeated = 0;
  while (talk.now() - start < 1h) {
    talk.advance(1s);
    if (talk.stats()[Counter::RetransSegs] == repeated) continue;
    repeated = talk.stats()[Counter::RetransSegs];
    peer.sends(ack(1).win(0));
  }
  EXPECT_GT(repeated, 10U);
  EXPECT_EQ(talk.stats().now_in(State::Established), 1U);
}

// RFC 9293 3.8.6, SHLD-15, SHLD-16: into a window that was taken back goes nothing new, but what was lost inside of it.
TEST(Retransmission, OnlyOldTextGoesIntoAWindowTakenBack) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.window = 6000;
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 8000), 8000U);
  for (std::uint32_t n = 0; n < 6; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
  for (int n = 0; n < 3; ++n) {
    peer.sends(ack(1).win(3000));
    peer.expects_nothing();
  }
  peer.sends(ack(1).win(3000));  // the third that changes nothing
  peer.expects(data_of(1000).seq(1));
  peer.sends(ack(1001).win(2000));
  peer.expects(data_of(1000).seq(1001));
  peer.expects_nothing();
  peer.sends(ack(6001).win(2000));
  peer.expects(data_of(1000).seq(6001));
  peer.expects(data_of(1000).seq(7001));
}

// RFC 5681 4.1: after an idle time of more than one RTO the window is the initial one again.
TEST(Retransmission, IdleTimeRestartsSlowStart) {
  Conversation talk;
  talk.ignores_the_rest();
  Peer& peer = talk.peer();
  peer.opens({.mss = 1000});
  ASSERT_EQ(send(talk, 40'000), 40'000U);
  for (std::uint32_t n = 1; n <= 40; ++n) {
    talk.run();
    peer.sends(ack(1 + 1000 * n));
  }
  talk.run();
  ASSERT_GT(talk.service().connection.info().cwnd, 15'000U);
  talk.advance(10s);
  ASSERT_EQ(send(talk, 40'000), 40'000U);
  talk.run();
  EXPECT_EQ(talk.service().connection.info().in_flight, 10'000U);
}

// Karn's other half: the back-off stays until a valid sample, so that an RTT that grew past the RTO is learnt.
TEST(Retransmission, RttThatGrewPastTheTimeoutIsLearnt) {
  for (const bool timestamps : {false, true}) {
    Conversation talk;
    talk.ignores_the_rest();
    Peer& peer = talk.peer();
    peer.opens({.timestamps = timestamps});
    ASSERT_EQ(send(talk, 5), 5U);
    peer.expects(data_of(5));
    talk.advance(10ms);
    peer.sends(ack(6));
    talk.run();
    std::uint32_t acked = 6;
    for (int round = 0; round < 20; ++round) {
      ASSERT_EQ(send(talk, 5), 5U);
      talk.run();
      const std::uint32_t echo = [&] {
        std::uint32_t first = 0;
        while (const auto frame = talk.next_frame()) {
          const Dissected parts = dissect(*frame);
          if (first == 0 && parts.tcp && parts.tcp->timestamps) first = parts.tcp->timestamps->value;
        }
        return first;
      }();
      talk.advance(500ms);
      acked += 5;
      if (timestamps) {
        peer.sends(ack(acked).ts(peer.timestamp_base + 4'000'000 + static_cast<std::uint32_t>(round), echo));
      } else {
        peer.sends(ack(acked));
      }
      talk.run();
    }
    EXPECT_LE(talk.stats()[Counter::TCPTimeouts], 4U) << timestamps;
    EXPECT_GE(talk.service().connection.info().rto, 500ms);
  }
}

// MUST-37 with a short R2: a peer that answers probes is never given up, however long its window stays shut.
TEST(Retransmission, AnsweredProbesNeverEnd) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.max_retransmits = 3;
  Conversation talk(std::move(options));
  talk.ignores_the_rest();
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(ack().win(0));
  ASSERT_EQ(send(talk, 5), 5U);
  const Instant start = talk.now();
  std::uint64_t answered = 0;
  while (talk.now() - start < 1h) {
    talk.advance(1s);
    if (talk.stats()[Counter::TCPPersistProbes] == answered) continue;
    answered = talk.stats()[Counter::TCPPersistProbes];
    peer.sends(ack().win(0));
  }
  EXPECT_EQ(talk.stats()[Counter::TCPTimeouts], 0U);
  EXPECT_EQ(talk.stats().now_in(State::Established), 1U);
  EXPECT_LT(answered, 120U);  // the interval has grown to a minute
}

}  // namespace
}  // namespace levee::sim
