// Explicit congestion notification, the sender's side (RFC 3168 6.1.2 and 6.1.5, SHLD-8; RFC 8511).
#include <gtest/gtest.h>

#include "tcp/sending.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kCapable = 2;  // ECT(0)

// 6.1.5 and 6.1.4: new text is capable; retransmissions and pure ACKs are not.
TEST(EcnSender, OnlyNewTextIsCapable) {
  Sending sending({.ecn = true});
  Peer& peer = sending.peer;
  sending.sends(1000);
  peer.expects(data_of(1000).seq(1).ecn(kCapable));
  sending.talk.advance(310ms);
  peer.expects(data_of(1000).seq(1).ecn(0));
  peer.sends(data("a").ack(1001));
  peer.expects(ack(2).ecn(0));
}

TEST(EcnSender, NothingIsCapableUnlessAgreed) {
  Sending sending;
  sending.sends(1000);
  sending.peer.expects(data_of(1000).ecn(0));
}

// SHLD-8; RFC 3168 6.1.2: the window is reduced at most once per window of data, and CWR says so on the first new text.
TEST(EcnSender, EchoReducesOncePerWindow) {
  Sending sending({.ecn = true});
  Peer& peer = sending.peer;
  sending.sends(40'000);
  for (std::uint32_t n = 0; n < 10; ++n) peer.expects(data_of(1000).seq(1 + 1000 * n));
  sending.talk.advance(100ms);
  peer.sends(segment(kAck | kEce).data("").ack(2001));
  sending.talk.run();
  const std::uint32_t reduced = sending.info().cwnd;
  EXPECT_NEAR(reduced, 8500, 20);  // RFC 8511
  EXPECT_EQ(sending.count(Counter::TCPECNReductions), 1U);
  peer.expects_nothing();  // eight are on the road
  peer.sends(segment(kAck | kEce).data("").ack(3001));
  peer.expects(data_of(1000).seq(10'001).flag(kCwr).ecn(kCapable));
  EXPECT_EQ(sending.info().cwnd, reduced);
  peer.sends(ack(5001));
  EXPECT_EQ(peer.expects(data_of(1000).seq(11'001)).flags & kCwr, 0);
  static_cast<void>(sending.sent());
  // A mark behind the window in which it was reduced counts again.
  sending.talk.advance(100ms);
  peer.sends(segment(kAck | kEce).data("").ack(11'001));
  sending.talk.run();
  EXPECT_EQ(sending.count(Counter::TCPECNReductions), 2U);
  EXPECT_LT(sending.info().cwnd, reduced);
  EXPECT_EQ(sending.count(Counter::RetransSegs), 0U);
}

// 6.1.2: "the TCP source also ... in response to a loss" says CWR; a mark of the same window costs nothing more.
TEST(EcnSender, LossAndMarkOfOneWindowCountOnce) {
  Sending sending({.ecn = true});
  Peer& peer = sending.peer;
  sending.sends(40'000);
  static_cast<void>(sending.sent());
  sending.talk.advance(100ms);
  for (std::uint32_t end = 2001; end <= 5001; end += 1000) peer.sends(ack(1).sack(1001, end));
  static_cast<void>(sending.sent());
  const std::uint32_t ssthresh = sending.info().ssthresh;
  peer.sends(segment(kAck | kEce).data("").ack(1).sack(1001, 6001));
  static_cast<void>(sending.sent());
  EXPECT_EQ(sending.info().ssthresh, ssthresh);
  EXPECT_EQ(sending.count(Counter::TCPECNReductions), 0U);
}

}  // namespace
}  // namespace levee::sim
