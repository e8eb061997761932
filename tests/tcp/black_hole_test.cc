// Large segments vanish and no router says why (RFC 2923 2.1, RFC 4821 7.7): they become smaller.
#include <gtest/gtest.h>

#include "tcp/sending.h"

namespace levee::sim {
namespace {

ConversationOptions over_ipv6() {
  ConversationOptions options;
  options.over_ipv6();
  return options;
}

using namespace std::chrono_literals;
using Sent = Sending::Sent;

TEST(BlackHole, EverySecondTimeoutTriesSmallerSegments) {
  Sending sending({.sack = false, .mss = 1460});
  sending.sends(3000);
  EXPECT_EQ(sending.sent().front(), std::pair(1U, 1460U));
  std::vector<std::uint32_t> lengths;
  while (lengths.size() < 5) {
    sending.talk.advance(100ms);
    for (const auto& [seq, length] : sending.sent()) {
      EXPECT_EQ(seq, 1U);
      lengths.push_back(length);
    }
  }
  EXPECT_EQ(lengths, (std::vector<std::uint32_t>{1460, 1024, 1024, 512, 512}));
  // What gets through is cut to the new size; nothing is missing and nothing stalls.
  sending.peer.sends(ack(513));
  for (const auto& each : sending.sent()) EXPECT_LE(each.second, 512U);
  EXPECT_EQ(sending.info().effective_mss, 512U);
  sending.peer.sends(ack(3001));
  EXPECT_EQ(sending.sent(), Sent{});
  EXPECT_EQ(sending.count(Counter::PathMtuLowered), 2U);
}

// Plain loss hits a segment and its repetition now and then: a size that has arrived is given up after four timeouts.
TEST(BlackHole, AProvenSizeTakesFourTimeouts) {
  Sending sending({.sack = false, .mss = 1460});
  sending.sends(1460);
  static_cast<void>(sending.sent());
  sending.peer.sends(ack(1461));
  sending.sends(1460);
  EXPECT_EQ(sending.sent(), (Sent{{1461, 1460}}));
  std::vector<std::uint32_t> lengths;
  while (lengths.size() < 7) {
    sending.talk.advance(100ms);
    for (const auto& each : sending.sent()) lengths.push_back(each.second);
  }
  EXPECT_EQ(lengths, (std::vector<std::uint32_t>{1460, 1460, 1460, 1024, 1024, 512, 512}));
}

// RFC 8200 5: no IPv6 path carries less than 1280 octets.
TEST(BlackHole, Ipv6StopsAtItsLeastMtu) {
  Sending sending({.sack = false, .mss = 1440}, over_ipv6());
  sending.sends(3000);
  static_cast<void>(sending.sent());
  sending.talk.advance(20s);
  ASSERT_GE(sending.count(Counter::TCPTimeouts), 4U);
  EXPECT_EQ(sending.info().effective_mss, 1220U);
}

// A peer that is only slow, or small segments: no reason.
TEST(BlackHole, SmallSegmentsAreNotSuspected) {
  Sending sending({.sack = false, .mss = 1460});
  sending.sends(500);
  sending.talk.advance(20s);
  ASSERT_GE(sending.count(Counter::TCPTimeouts), 4U);
  EXPECT_EQ(sending.info().effective_mss, 1460U);
}

// RFC 1191 6.3: ten minutes later the full size is tried again.
TEST(BlackHole, TheFullSizeComesBack) {
  Sending sending({.sack = false, .mss = 1460});
  sending.sends(2920);
  sending.talk.advance(2s);
  ASSERT_EQ(sending.info().effective_mss, 1024U);
  sending.peer.sends(ack(2921));
  sending.talk.advance(9min);
  sending.peer.sends(data("a").ack(2921));
  static_cast<void>(sending.sent());
  EXPECT_EQ(sending.info().effective_mss, 1024U);
  sending.talk.advance(2min);
  sending.peer.sends(data("b").ack(2921));
  static_cast<void>(sending.sent());
  EXPECT_EQ(sending.info().effective_mss, 1460U);
  sending.sends(1460);
  EXPECT_EQ(sending.sent(), (Sent{{2921, 1460}}));
}

// What went out before the size was raised says nothing of the new one.
TEST(BlackHole, SmallerSegmentsDoNotProveTheFullSize) {
  Sending sending({.sack = false, .mss = 1460});
  sending.sends(2920);
  sending.talk.advance(2s);
  ASSERT_EQ(sending.info().effective_mss, 1024U);
  sending.peer.sends(ack(2921));
  sending.talk.advance(11min);
  static_cast<void>(sending.sent());
  sending.sends(3 * 1024);
  ASSERT_EQ(sending.sent(), (Sent{{2921, 1024}, {3945, 1024}, {4969, 1024}}));
  sending.peer.sends(ack(3945));
  ASSERT_EQ(sending.info().effective_mss, 1460U);
  sending.peer.sends(ack(5993));  // two at once: more octets than the full size
  sending.sends(1460);
  ASSERT_EQ(sending.sent(), (Sent{{5993, 1460}}));
  std::vector<std::uint32_t> lengths;
  while (lengths.size() < 3) {
    sending.talk.advance(100ms);
    for (const auto& each : sending.sent()) lengths.push_back(each.second);
  }
  EXPECT_EQ(lengths, (std::vector<std::uint32_t>{1460, 1024, 1024}));
}

// Nor do small ones that are acknowledged together.
TEST(BlackHole, SmallSegmentsDoNotProveTheFullSize) {
  Sending sending({.sack = false, .mss = 1460});
  sending.talk.service().connection.set_nagle(false);
  sending.sends(1000);
  ASSERT_EQ(sending.sent(), (Sent{{1, 1000}}));
  sending.sends(1000);
  ASSERT_EQ(sending.sent(), (Sent{{1001, 1000}}));
  sending.peer.sends(ack(2001));
  sending.sends(1460);
  EXPECT_EQ(sending.sent(), (Sent{{2001, 1460}}));
  std::vector<std::uint32_t> lengths;
  while (lengths.size() < 2) {
    sending.talk.advance(100ms);
    for (const auto& each : sending.sent()) lengths.push_back(each.second);
  }
  EXPECT_EQ(lengths, (std::vector<std::uint32_t>{1460, 1024}));
}

}  // namespace
}  // namespace levee::sim
