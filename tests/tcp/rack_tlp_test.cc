// Loss by time (RFC 8985): the reordering window of RACK, and the tail loss probe.
#include <gtest/gtest.h>

#include "tcp/sending.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;
using Sent = Sending::Sent;

// RFC 8985 7.2 and 7.3: two round trips after the last ACK the last segment goes again, before the timeout.
TEST(TailLossProbe, RepeatsTheLastSegment) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(4000);
  ASSERT_EQ(sending.sent().size(), 4U);
  sending.talk.advance(100ms);
  peer.sends(ack(1001));  // the others are lost, and nothing follows that would tell
  sending.talk.advance(190ms);
  EXPECT_EQ(sending.sent(), Sent{});
  sending.talk.advance(20ms);
  EXPECT_EQ(sending.sent(), (Sent{{3001, 1000}}));
  EXPECT_EQ(sending.count(Counter::TCPLossProbes), 1U);
  sending.talk.advance(100ms);
  peer.sends(ack(1001).sack(3001, 4001));  // 7.1: its SACK begins a fast recovery
  sending.talk.advance(50ms);
  EXPECT_EQ(sending.sent().front(), std::pair(1001U, 1000U));
  EXPECT_EQ(sending.count(Counter::TCPTimeouts), 0U);
}

// 7.3: new text is the better probe, beyond the congestion window if need be.
TEST(TailLossProbe, PrefersNewText) {
  Sending sending;
  sending.sends(11'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(210ms);
  EXPECT_EQ(sending.sent(), (Sent{{10'001, 1000}}));
  EXPECT_EQ(sending.count(Counter::RetransSegs), 0U);
}

// 7.4.2: a probe that repaired the only loss is a loss all the same; one that came twice is none.
TEST(TailLossProbe, RepairedLossReducesTheWindow) {
  for (const bool came_twice : {false, true}) {
    Sending sending;
    Peer& peer = sending.peer;
    sending.sends(4000);
    ASSERT_EQ(sending.sent().size(), 4U);
    sending.talk.advance(210ms);
    EXPECT_EQ(sending.sent(), (Sent{{3001, 1000}}));
    const std::uint32_t ssthresh = sending.info().ssthresh;
    if (came_twice) {
      peer.sends(ack(4001).sack(3001, 4001));
    } else {
      peer.sends(ack(4001));
    }
    sending.sends(1000);
    static_cast<void>(sending.sent());
    sending.talk.advance(100ms);
    peer.sends(ack(5001));
    sending.talk.run();
    EXPECT_EQ(sending.info().ssthresh < ssthresh, !came_twice);
    EXPECT_EQ(sending.count(Counter::TCPLossProbeRecovery), came_twice ? 0U : 1U);
  }
}

// 7.2: without SACK there is none.
TEST(TailLossProbe, NeedsSack) {
  Sending sending({.sack = false});
  sending.sends(4000);
  ASSERT_EQ(sending.sent().size(), 4U);
  sending.talk.advance(1s);
  EXPECT_EQ(sending.count(Counter::TCPLossProbes), 0U);
  EXPECT_GE(sending.count(Counter::TCPTimeouts), 1U);
}

// 6.2, step 5: fewer than three segments behind the hole: a quarter of a round trip later it is lost, without a
// timeout.
TEST(Rack, WaitsAQuarterOfARoundTrip) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(3000);
  ASSERT_EQ(sending.sent().size(), 3U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).sack(1001, 2001));
  sending.talk.advance(20ms);
  EXPECT_EQ(sending.sent(), Sent{});
  sending.talk.advance(10ms);
  EXPECT_EQ(sending.sent(), (Sent{{1, 1000}}));
  EXPECT_EQ(sending.count(Counter::TCPTimeouts), 0U);
}

// Once reordering has been seen, three segments behind a hole are no proof of a loss.
TEST(Rack, ReorderingThatWasSeenIsWaitedFor) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(40'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).sack(1001, 2001));
  peer.sends(ack(2001));  // the first was late
  sending.talk.advance(10ms);
  static_cast<void>(sending.sent());
  for (std::uint32_t end = 4001; end <= 9001; end += 1000) peer.sends(ack(2001).sack(3001, end));
  static_cast<void>(sending.sent());
  EXPECT_EQ(sending.count(Counter::RetransSegs), 0U);
  peer.sends(ack(10'001));
  static_cast<void>(sending.sent());
  sending.talk.advance(10ms);
  EXPECT_EQ(sending.count(Counter::RetransSegs), 0U);
  EXPECT_EQ(sending.count(Counter::TCPFastRetrans), 0U);
}

}  // namespace
}  // namespace levee::sim
