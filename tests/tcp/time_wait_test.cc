// Reopening a tuple in TIME-WAIT: RFC 6191's five cases, and that an old duplicate SYN changes nothing (MAY-2).
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

// Opens and closes a connection, this side first, so that the tuple is in TIME-WAIT; the peer's FIN was its byte 1.
void into_time_wait(Conversation& talk, Peer& peer, bool timestamps) {
  peer.opens({.timestamps = timestamps});
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().ack(2));
  peer.expects(ack(2));
  ASSERT_EQ(talk.shard().time_wait(), 1U);
  talk.service().take_events();
}

ConversationOptions few_retries() {
  ConversationOptions options;
  options.shard.synack_retries = 3;  // a half-open record ends before 2MSL does
  return options;
}

class Reopening : public testing::Test {
 protected:
  Conversation talk{few_retries()};
  Peer& peer = talk.peer();
};

// RFC 6191 2, SHLD-4, MAY-2.
TEST_F(Reopening, NewerTimestampReopens) {
  into_time_wait(talk, peer, true);
  const std::uint32_t old_next = peer.rcv_nxt;
  peer.sends(syn().seq(static_cast<std::uint32_t>(-5000)).ts(peer.timestamp_base + 4'000'000, 0));
  const Seen answer = peer.expects(syn_ack());
  EXPECT_GT(static_cast<std::int32_t>(answer.sequence - old_next), 0);  // RFC 6191: beyond the old incarnation
  EXPECT_EQ(talk.shard().time_wait(), 1U);                              // until the ACK is valid
}

// RFC 6191 2, SHLD-4, MAY-2.
TEST_F(Reopening, OlderTimestampDoesNot) {
  into_time_wait(talk, peer, true);
  peer.sends(syn().seq(100000).ts(1, 0));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::TimeWaitIgnored], 1U);
}

TEST_F(Reopening, MissingTimestampNeedsANewerSequenceNumber) {
  into_time_wait(talk, peer, true);
  peer.sends(syn().seq(1).no_ts());
  peer.expects_nothing();
  peer.sends(syn().seq(100000).no_ts());
  peer.expects(syn_ack().ack(100001));
}

TEST_F(Reopening, TimestampWhereThereWasNoneReopens) {
  into_time_wait(talk, peer, false);
  peer.sends(syn().seq(static_cast<std::uint32_t>(-7)).ts(1, 0));
  peer.expects(syn_ack());
}

// RFC 6191 2, SHLD-4, MAY-2.
TEST_F(Reopening, WithoutTimestampsTheSequenceNumberDecides) {
  into_time_wait(talk, peer, false);
  peer.sends(syn().seq(1));  // the FIN's own number
  peer.expects_nothing();
  peer.sends(syn().seq(2));
  peer.expects(syn_ack().ack(3));
}

TEST_F(Reopening, ValidAckReplacesTheEntry) {
  into_time_wait(talk, peer, false);
  Peer& again = talk.add_peer({.iss = 900'000});
  again.sends(syn());
  again.expects(syn_ack().ack(1));
  again.sends(data("second life"));
  again.expects(ack(12));
  EXPECT_EQ(talk.shard().time_wait(), 0U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRecycled], 1U);
  EXPECT_EQ(talk.service().received, "second life");
}

TEST_F(Reopening, SpoofedSynLeavesTheEntryAsItWas) {
  into_time_wait(talk, peer, false);
  Peer& spoofed = talk.add_peer({.iss = 900'000});
  spoofed.sends(syn());
  spoofed.expects(syn_ack());
  peer.sends(fin().seq(1));  // the old incarnation's FIN again
  peer.expects(ack(2).seq(2));
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRestarted], 1U);
  talk.ignores_the_rest();
  talk.advance(40s);  // the half-open record is gone, the entry is not
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.advance(30s);
  EXPECT_EQ(talk.shard().time_wait(), 0U);
}

// RFC 5961 4.2: who answers an old duplicate of our SYN is told what the numbers are, and ends it by RST. A SYN-ACK
// without timestamps gets no more bytes than it brought.
TEST(TimeWait, SynAckIsChallenged) {
  for (const bool timestamps : {false, true}) {
    Conversation talk;
    Peer& peer = talk.peer();
    into_time_wait(talk, peer, timestamps);
    peer.sends(syn_ack().seq(70'000).ack(1).no_ts());
    peer.expects(ack(2).seq(2).no_ts());
    EXPECT_EQ(talk.shard().time_wait(), 1U);
  }
}

// RFC 7323 3.2: once timestamps are agreed upon, a segment without them is dropped silently. It restarts nothing.
TEST(TimeWait, FinWithoutTimestampsIsIgnored) {
  Conversation talk;
  Peer& peer = talk.peer();
  into_time_wait(talk, peer, true);
  peer.sends(fin().seq(1).ack(2).no_ts());
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRestarted], 0U);
  peer.sends(fin().seq(1).ack(2));
  peer.expects(ack(2));
}

TEST(TimeWaitBudget, OldestMakesRoom) {
  ConversationOptions options;
  options.shard.limits.time_wait = 2;
  Conversation talk(std::move(options));
  for (const std::uint16_t port : {std::uint16_t{40000}, std::uint16_t{40001}, std::uint16_t{40002}}) {
    Peer& peer = talk.add_peer({.tcp_port = port});
    peer.opens();
    talk.service().connection.close();
    peer.expects(fin());
    peer.sends(fin().ack(2));
    peer.expects(ack(2));
    talk.advance(10ms);
  }
  EXPECT_EQ(talk.shard().time_wait(), 2U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitEvicted], 1U);
  EXPECT_EQ(talk.shard().check_invariants(), "");
}

// RFC 6191 2: the new number is beyond the old incarnation's by more than any window; and by less than 2^31, or it
// would count as smaller. After a cookie, which may be anything, it can be anywhere, so a client is chosen whose
// cookie leads to the edge within 2MSL.
class ReopeningNumber : public testing::Test {
 protected:
  static constexpr std::uint32_t kHalf = 1U << 31;

  static ConversationOptions mode(SynCookies cookies) {
    ConversationOptions options;
    options.shard.syn.cookies = cookies;
    options.checks_invariants = false;  // thousands of SYNs
    return options;
  }

  // The first number of the tuple's next connection as the ISN clock has it (RFC 6528), relative to the last one of the
  // previous connection, and the one that it gets.
  struct Outcome {
    std::uint32_t drawn = 0, sent = 0;
  };
  static Outcome reopen_when(std::uint32_t distance) {
    Conversation kept(mode(SynCookies::Never)), talk(mode(SynCookies::Always));
    kept.ignores_the_rest();
    kept.peer().sends(syn());
    const std::uint32_t now = kept.peer().expects(syn_ack()).sequence;
    for (std::uint32_t iss = 1000; iss < 20'000; ++iss) {
      Peer peer(talk, {.iss = iss});
      peer.sends(syn());
      const std::uint32_t last = peer.expects(syn_ack()).sequence + 2;  // SYN and FIN
      const Duration wait = (distance - (now - last)) * std::chrono::microseconds(4);
      if (wait > 50s) continue;
      peer.sends(ack());
      talk.run();
      talk.service().connection.close();
      peer.expects(fin());
      peer.sends(fin().ack(2));
      peer.expects(ack(2));
      talk.advance(wait);
      Peer again(talk, {.iss = iss + 100'000});
      again.sends(syn());
      return {now + static_cast<std::uint32_t>(wait / std::chrono::microseconds(4)) - last,
              again.expects(syn_ack()).sequence - last};
    }
    ADD_FAILURE() << "no client found";
    return {};
  }
};

TEST_F(ReopeningNumber, IsTheClocksUpToTheEdge) {
  for (const std::uint32_t distance : {65536U, 1'000'000U, kHalf - 1}) {
    const Outcome outcome = reopen_when(distance);
    EXPECT_EQ(outcome.drawn, distance);
    EXPECT_EQ(outcome.sent, distance);
  }
}

TEST_F(ReopeningNumber, IsNeverTooCloseNorTooFarAhead) {
  for (const std::uint32_t distance : {0U, 1U, 65535U, kHalf, kHalf + 1, kHalf + 65535, kHalf + 65536, ~0U}) {
    const Outcome outcome = reopen_when(distance);
    EXPECT_EQ(outcome.drawn, distance);
    EXPECT_EQ(outcome.sent, 65536U) << distance;
  }
}

}  // namespace
}  // namespace levee::sim
