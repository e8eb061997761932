// Loss recovery with SACK (RFC 2018, RFC 6675, RFC 6937), and taking back what was no loss (RFC 2883, RFC 3522).
#include <gtest/gtest.h>

#include "tcp/sending.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;
using Sent = Sending::Sent;

Sent segments(std::uint32_t from, std::uint32_t count) {
  Sent all;
  for (std::uint32_t n = 0; n < count; ++n) all.emplace_back(from + 1000 * n, 1000);
  return all;
}

// RFC 6675 4 and 5: each SACK lets one segment go (limited transmit, RFC 3042), then what is missing goes, and only
// that.
TEST(SackRecovery, OnlyTheHolesAreRepeated) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(20'000);
  ASSERT_EQ(sending.sent(), segments(1, 10));
  EXPECT_EQ(sending.info().in_flight, 10'000U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).sack(1001, 2001));  // the first and the fifth are lost
  EXPECT_EQ(sending.sent(), segments(10'001, 1));
  peer.sends(ack(1).sack(1001, 3001));
  EXPECT_EQ(sending.sent(), segments(11'001, 1));
  EXPECT_EQ(sending.info().in_flight, 10'000U);  // two are SACKed, two more have gone
  peer.sends(ack(1).sack(1001, 4001));
  EXPECT_EQ(sending.sent(), segments(1, 1));
  EXPECT_EQ(sending.count(Counter::TCPFastRetrans), 1U);
  Sent later;
  for (std::uint32_t end = 6001; end <= 10'001; end += 1000) {
    peer.sends(ack(1).sack(5001, end).sack(1001, 4001));
    for (const auto& each : sending.sent()) later.push_back(each);
  }
  ASSERT_FALSE(later.empty());
  EXPECT_EQ(later.front(), std::pair(4001U, 1000U));
  for (std::size_t n = 1; n < later.size(); ++n) EXPECT_GE(later[n].first, 12'001U);
  EXPECT_EQ(sending.count(Counter::RetransSegs), 2U);
  sending.talk.advance(100ms);
  peer.sends(ack(12'001));
  static_cast<void>(sending.sent());
  EXPECT_EQ(sending.count(Counter::RetransSegs), 2U);
  EXPECT_EQ(sending.count(Counter::TCPTimeouts), 0U);
}

// RFC 6937 (PRR) with RFC 9438's beta: a window of ten becomes seven, by less than one segment per ACK and without a
// pause; and the recovery ends with ssthresh.
TEST(SackRecovery, TheWindowShrinksEvenly) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(60'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  std::size_t sent = 0, most = 0;
  for (std::uint32_t end = 2001; end <= 10'001; end += 1000) {
    peer.sends(ack(1).sack(1001, end));
    const std::size_t now = sending.sent().size();
    sent += now;
    most = std::max(most, now);
  }
  EXPECT_EQ(most, 1U);
  EXPECT_GE(sent, 6U);
  EXPECT_LE(sent, 8U);
  sending.talk.advance(100ms);
  peer.sends(ack(10'001));
  EXPECT_NEAR(sending.info().ssthresh, 7000, 1000);
  EXPECT_LE(sending.info().cwnd, sending.info().ssthresh + 1000);
}

// RFC 2018 2: "MUST NOT" use the option unless SACK-permitted was received.
TEST(SackRecovery, BlocksWithoutPermissionSayNothing) {
  Sending sending({.sack = false});
  Peer& peer = sending.peer;
  sending.sends(10'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).win(512).sack(1001, 10'001));
  sending.talk.advance(400ms);
  EXPECT_EQ(sending.sent(), segments(1, 1));
  peer.sends(ack(1001));
  EXPECT_EQ(sending.sent(), segments(1001, 2));
}

// RFC 6675 5.1, RFC 5681 3.1, MUST-19: after a timeout one segment, and what was SACKed is not sent again.
TEST(SackRecovery, ATimeoutRepeatsOnlyWhatIsMissing) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(10'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).sack(3001, 8001));
  EXPECT_EQ(sending.sent(), segments(1, 3));  // in vain
  sending.talk.advance(500ms);
  Sent sent = sending.sent();
  ASSERT_GE(sent.size(), 1U);
  EXPECT_EQ(sending.count(Counter::TCPTimeouts), 1U);
  EXPECT_EQ(sent.back(), std::pair(1U, 1000U));
  EXPECT_EQ(sending.info().cwnd, 1000U);
  peer.sends(ack(1001).sack(3001, 8001));
  EXPECT_EQ(sending.sent(), (Sent{{1001, 1000}, {2001, 1000}}));
  peer.sends(ack(8001));
  EXPECT_EQ(sending.sent(), segments(8001, 2));
}

// RFC 2018 8: the peer may throw away what it has SACKed; that it has shows when it acknowledges up to there.
TEST(SackRecovery, RenegedTextIsSentAgain) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(10'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).sack(1001, 10'001));
  EXPECT_EQ(sending.sent(), segments(1, 1));
  sending.talk.advance(100ms);
  peer.sends(ack(1001));  // and no block
  EXPECT_EQ(sending.count(Counter::TCPSACKReneging), 1U);
  std::vector<bool> again(10);
  for (int round = 0; round < 8; ++round) {
    std::uint32_t end = 0;
    for (const auto& [seq, length] : sending.sent()) {
      again[seq / 1000] = true;
      end = std::max(end, seq + length);
    }
    sending.talk.advance(100ms);
    if (end != 0) peer.sends(ack(end));
  }
  for (std::size_t n = 1; n < again.size(); ++n) EXPECT_TRUE(again[n]) << n;
  EXPECT_EQ(sending.info().snd_una, sending.info().snd_nxt);
  EXPECT_EQ(sending.count(Counter::TCPTimeouts), 0U);
}

// A peer that tells lies, or an octet changed on the way: what cannot be true is not believed.
TEST(SackRecovery, ImpossibleBlocksAreIgnored) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(20'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  peer.sends(ack(1).sack(1001, 10'002));            // beyond SND.NXT
  peer.sends(ack(1).sack(3001, 2001));              // ends before it begins
  peer.sends(ack(1).sack(1, 4001));                 // begins at the octet that it says is missing
  peer.sends(ack(1).sack(0x40000001, 0x40000401));  // far away
  peer.sends(ack(1).sack(0xf0000000, 0xf0000400));  // of long ago: no duplicate either
  EXPECT_EQ(sending.sent(), Sent{});
  // Each of its ends is on the right side of what it is compared with, modulo 2^32, and yet it is nowhere.
  peer.sends(ack(1).sack(0x72000000, 0xa7000000));
  EXPECT_EQ(sending.count(Counter::TCPSACKDiscard), 6U);
  EXPECT_EQ(sending.count(Counter::TCPDSACKRecv), 0U);
  EXPECT_EQ(sending.count(Counter::RetransSegs), 0U);
}

// RFC 8985 1: the loss of a retransmission shows by what was sent after it, without a timeout.
TEST(SackRecovery, LostRetransmissionIsFound) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(30'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  std::vector<std::uint32_t> fresh;
  for (std::uint32_t end = 2001; end <= 10'001; end += 1000) {
    peer.sends(ack(1).sack(1001, end));
    for (const auto& each : sending.sent()) {
      if (each.first > 10'000) fresh.push_back(each.first);
    }
    sending.talk.advance(1ms);
  }
  ASSERT_GE(fresh.size(), 3U);
  EXPECT_EQ(sending.count(Counter::RetransSegs), 1U);
  sending.talk.advance(100ms);  // the retransmission is lost, the new text behind it arrives
  Sent sent;
  for (const std::uint32_t seq : fresh) {
    peer.sends(ack(1).sack(1001, seq + 1000));
    for (const auto& each : sending.sent()) sent.push_back(each);
    sending.talk.advance(1ms);
  }
  EXPECT_EQ(std::count(sent.begin(), sent.end(), std::pair(1U, 1000U)), 1);
  EXPECT_EQ(sending.count(Counter::TCPTimeouts), 0U);
}

// RFC 2883, RFC 3708: the only retransmission came twice, so nothing was lost, and the window is as it was.
TEST(SackRecovery, DuplicateReportTakesTheReductionBack) {
  Sending sending;
  Peer& peer = sending.peer;
  sending.sends(30'000);
  ASSERT_EQ(sending.sent().size(), 10U);
  sending.talk.advance(100ms);
  const std::uint32_t before = sending.info().cwnd;
  for (std::uint32_t end = 2001; end <= 5001; end += 1000) peer.sends(ack(1).sack(1001, end));
  static_cast<void>(sending.sent());
  EXPECT_LT(sending.info().ssthresh, before);
  sending.talk.advance(20ms);
  peer.sends(ack(10'001));  // it was late, not lost
  static_cast<void>(sending.sent());
  sending.talk.advance(80ms);
  peer.sends(ack(12'001).sack(1, 1001));
  sending.talk.run();
  EXPECT_EQ(sending.count(Counter::TCPDSACKUndo), 1U);
  EXPECT_GE(sending.info().cwnd, before);
  EXPECT_GT(sending.info().ssthresh, before);
}

// RFC 3522: the ACK after a timeout echoes a time before the retransmission. RFC 4015 3.
TEST(SackRecovery, TimestampTakesATimeoutBack) {
  Sending sending({.timestamps = true});
  Peer& peer = sending.peer;
  sending.sends(30'000);
  const std::size_t first = sending.sent().size();
  const std::uint32_t stamp = sending.last_stamp;
  const std::uint32_t before = sending.info().cwnd;
  sending.talk.advance(1s);  // the path stands still
  static_cast<void>(sending.sent());
  ASSERT_GE(sending.count(Counter::TCPTimeouts), 1U);
  ASSERT_LT(sending.info().cwnd, before);
  const std::uint64_t repeated = sending.count(Counter::RetransSegs);
  peer.sends(ack(1 + 2 * 988).ts(peer.timestamp_base + 4'000'000, stamp));
  EXPECT_EQ(sending.count(Counter::TCPFullUndo), 1U);
  EXPECT_GE(sending.info().cwnd, before);
  for (const auto& [seq, length] : sending.sent()) EXPECT_GT(seq, (first - 1) * 988);  // no go-back-N
  EXPECT_EQ(sending.count(Counter::RetransSegs), repeated);
}

}  // namespace
}  // namespace levee::sim
