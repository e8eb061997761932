// A service that does not hear of its connections in time: beyond the accept backlog a handshake's ACK is left
// unanswered. The peer counts itself as connected, so nothing resets it and nothing forgets it; its next try succeeds.
#include <gtest/gtest.h>

#include <vector>

#include "shard/limited.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Conversation;
using sim::ConversationOptions;
using sim::data;
using sim::fin;
using sim::Peer;
using sim::rst;
using sim::syn;
using sim::syn_ack;
using namespace std::chrono_literals;

ConversationOptions backlog_of(std::uint32_t connections, SynCookies cookies = SynCookies::Auto) {
  ConversationOptions options;
  options.shard.listeners.front().accept_backlog = connections;
  options.shard.syn.cookies = cookies;
  options.secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
  return options;
}

class AcceptBacklog : public testing::TestWithParam<SynCookies> {};
INSTANTIATE_TEST_SUITE_P(Kept, AcceptBacklog, testing::Values(SynCookies::Never));
INSTANTIATE_TEST_SUITE_P(ByCookie, AcceptBacklog, testing::Values(SynCookies::Always));

TEST_P(AcceptBacklog, BeyondItTheAckIsLeftUnansweredAndTheNextTrySucceeds) {
  Conversation talk(backlog_of(2, GetParam()));
  talk.service_is_busy(true);
  add(talk, 0).opens();
  add(talk, 1).opens();
  EXPECT_EQ(talk.stats()[Counter::ListenOverflows], 0U);
  Peer& third = add(talk, 2);
  third.opens();
  third.expects_nothing();
  EXPECT_EQ(talk.shard().connections(), 2U);
  EXPECT_EQ(talk.shard().half_open(), GetParam() == SynCookies::Never ? 1U : 0U);
  third.sends(data("hello"));
  third.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::AcceptQueueFull], 2U);
  EXPECT_EQ(talk.stats()[Counter::ListenOverflows], 2U);
  EXPECT_EQ(talk.stats()[Counter::ListenDrops], 2U);
  EXPECT_EQ(talk.stats()[Counter::Accepted], 2U);

  talk.service_is_busy(false);
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, opened");
  talk.advance(200ms);
  third.sends(data("hello").seq(1));  // its retransmission
  third.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, data 5");
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
  EXPECT_EQ(talk.shard().half_open(), 0U);
}

// The ACK and the request behind it in one burst.
TEST_P(AcceptBacklog, ARequestOfSeveralSegmentsIsRefusedAndTakenAsAWhole) {
  Conversation talk(backlog_of(1, GetParam()));
  talk.service_is_busy(true);
  add(talk, 0).opens();
  Peer& peer = add(talk, 1);
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends({ack(), data("GET "), data("/ HT").seq(5), data("TP/1").seq(9)});
  peer.expects_nothing();
  talk.service_is_busy(false);
  talk.run();
  peer.sends({data("GET ").seq(1), data("/ HT").seq(5), data("TP/1").seq(9)});
  peer.expects(ack(13));
  EXPECT_EQ(talk.service().received, "GET / HTTP/1");
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
}

TEST_P(AcceptBacklog, OneBurstOfAcksFillsIt) {
  Conversation talk(backlog_of(3, GetParam()));
  std::vector<sim::Bytes> burst;
  for (unsigned n = 0; n < 8; ++n) {
    Peer& peer = add(talk, n);
    peer.sends(syn().mss(1460));
    peer.expects(syn_ack());
    burst.push_back(peer.frame_of(ack()));
  }
  for (const std::size_t opened : {3U, 6U, 8U}) {
    talk.inject(burst);
    EXPECT_EQ(talk.service().events.size(), opened);
  }
  EXPECT_EQ(talk.stats()[Drop::AcceptQueueFull], 5U + 2U);
}

// A TIME-WAIT entry goes only when the new connection is there.
TEST_P(AcceptBacklog, ReopeningATupleWaitsToo) {
  Conversation talk(backlog_of(1, GetParam()));
  Peer& peer = add(talk, 0);
  peer.opens({.timestamps = true});
  closes(peer, talk.service().connection);
  talk.advance(1s);
  talk.service().take_events();
  talk.service_is_busy(true);
  add(talk, 1).opens();
  peer.iss += 100'000;
  peer.snd_nxt = peer.iss;
  peer.opens({.timestamps = true});
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::AcceptQueueFull], 1U);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.service_is_busy(false);
  talk.run();
  peer.sends(data("hello"));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, opened, data 5");
  EXPECT_EQ(talk.shard().time_wait(), 0U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRecycled], 1U);
}

// The peer went away before the service heard of it: it hears of both, and the place is free again.
TEST_P(AcceptBacklog, AConnectionThatEndedUnheardGivesItsPlaceBack) {
  Conversation talk(backlog_of(1, GetParam()));
  talk.service_is_busy(true);
  Peer& peer = add(talk, 0);
  peer.opens();
  peer.sends(rst());
  talk.run();
  talk.service_is_busy(false);
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, closed reset");
  talk.service_is_busy(true);
  add(talk, 1).opens();
  EXPECT_EQ(talk.shard().connections(), 1U);
  EXPECT_EQ(talk.stats()[Drop::AcceptQueueFull], 0U);
}

// Linux answers the SYN-ACK of a connection that it has with an ACK; so a client that waits for us to speak gets in.
TEST(AcceptBacklogKept, TheRepeatedSynAckFetchesTheAckOfAPeerThatSaysNothing) {
  Conversation talk(backlog_of(1));
  talk.service_is_busy(true);
  add(talk, 0).opens();
  Peer& silent = add(talk, 1);
  silent.opens();
  talk.service_is_busy(false);
  talk.advance(1s);
  silent.expects(syn_ack().seq(0).ack(1));
  silent.sends(ack(1).seq(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, opened");
}

TEST(AcceptBacklogKept, ARefusedPeerIsRememberedForThreeMinutes) {
  for (const std::uint8_t retries : {std::uint8_t{0}, std::uint8_t{3}}) {
    ConversationOptions options = backlog_of(1);
    options.shard.synack_retries = retries;
    Conversation talk(std::move(options));
    talk.service_is_busy(true);
    add(talk, 0).opens();
    Peer& peer = add(talk, 1);
    peer.opens();
    Peer& never_acknowledges = add(talk, 2);
    never_acknowledges.sends(syn());
    talk.advance(179s);
    EXPECT_EQ(talk.shard().half_open(), 1U);               // the other one was given up
    for (int n = 0; n < 24; ++n) peer.expects(syn_ack());  // 1, 3, 7, 15, 23, ... s
    talk.service_is_busy(false);
    talk.run();
    peer.sends(data("late").seq(1));
    peer.expects(ack(5));
    EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
    talk.ignores_the_rest();
  }
}

TEST(AcceptBacklogKept, AServiceThatNeverDrainsLosesNothingButTheOnesThatGaveUp) {
  Conversation talk(backlog_of(1));
  talk.service_is_busy(true);
  add(talk, 0).opens();
  Peer& peer = add(talk, 1);
  peer.opens();
  for (int n = 0; n < 10; ++n) {
    peer.sends(data("hello").seq(1));
    talk.advance(15s);
  }
  EXPECT_EQ(talk.shard().half_open(), 1U);
  talk.advance(60s);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_EQ(talk.stats()[Counter::HalfOpenTimeouts], 1U);
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
  EXPECT_EQ(talk.shard().connections(), 1U);
  talk.ignores_the_rest();
}

// In cookie mode no SYN-ACK is repeated unasked, but these peers have proven themselves and may be waiting.
TEST(AcceptBacklogKept, ARefusedPeersSynAckIsRepeatedInCookieModeToo) {
  Conversation talk(backlog_of(1));
  talk.service_is_busy(true);
  add(talk, 0).opens();
  Peer& peer = add(talk, 1);
  peer.opens();
  for (unsigned n = 2; n < 15; ++n) add(talk, n).sends(syn());
  talk.run();
  EXPECT_GT(talk.stats()[Counter::SyncookiesSent], 0U);
  talk.advance(1s);
  peer.expects(syn_ack().seq(0));
  talk.ignores_the_rest();
}

TEST(AcceptBacklogKept, AResetFreesTheRecordOfARefusedPeer) {
  Conversation talk(backlog_of(1));
  talk.service_is_busy(true);
  add(talk, 0).opens();
  Peer& peer = add(talk, 1);
  peer.opens();
  peer.sends(rst().seq(1));
  peer.expects_nothing();
  EXPECT_EQ(talk.shard().half_open(), 0U);
}

// Its first ACK came at once; the one that got in says nothing about the round trip.
TEST(AcceptBacklogKept, TheWaitIsNoRoundTripTime) {
  for (const bool timestamps : {false, true}) {
    Conversation talk(backlog_of(1));
    talk.service_is_busy(true);
    add(talk, 0).opens();
    Peer& peer = add(talk, 1);
    peer.opens({.timestamps = timestamps});
    talk.advance(800ms);
    talk.service_is_busy(false);
    talk.run();
    peer.sends(data("hello"));
    peer.expects(ack(6));
    EXPECT_EQ(talk.service().connection.info().srtt, Duration{});
  }
}

TEST(AcceptBacklogKept, EachListenerHasItsOwn) {
  ConversationOptions options = backlog_of(1);
  options.shard.listeners.push_back({.tcp_port = 81, .accept_backlog = 2});
  Conversation talk(std::move(options));
  talk.service_is_busy(true);
  for (unsigned n = 0; n < 3; ++n) {
    add(talk, n).opens();
    talk.add_peer({.tcp_port = static_cast<std::uint16_t>(42000 + n), .shard_port = 81}).opens();
  }
  EXPECT_EQ(talk.shard().connections(), 3U);
  EXPECT_EQ(talk.stats()[Drop::AcceptQueueFull], 3U);
}

}  // namespace
}  // namespace levee::shard
