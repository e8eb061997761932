// Closing (RFC 9293 3.6): why four segments close, half-close, both orders, CLOSING, the repeated FIN, 2MSL.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

// RFC 9293 3.6, MUST-12: the service hears that it was closed.
TEST(Teardown, PeerClosesFirst) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(fin());
  peer.expects(ack(2));
  EXPECT_EQ(talk.service().take_events(), "opened, peer_closed");
  EXPECT_EQ(talk.stats().now_in(State::CloseWait), 1U);
  talk.service().connection.close();
  peer.expects(fin().ack(2).seq(1));
  EXPECT_EQ(talk.stats().now_in(State::LastAck), 1U);
  peer.sends(ack(2));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "closed normal");
  EXPECT_EQ(talk.shard().connections(), 0U);
  EXPECT_EQ(talk.shard().time_wait(), 0U);  // the one who closes first lingers, not this side
}

// RFC 9293 3.6.1, MUST-13.
TEST(Teardown, WeCloseFirstAndLingerFor2Msl) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin().seq(1).ack(1));
  EXPECT_EQ(talk.stats().now_in(State::FinWait1), 1U);
  peer.sends(ack(2));
  talk.run();
  EXPECT_EQ(talk.stats().now_in(State::FinWait2), 1U);
  peer.sends(fin());
  peer.expects(ack(2));
  EXPECT_EQ(talk.service().take_events(), "opened, peer_closed, closed normal");
  EXPECT_EQ(talk.shard().connections(), 0U);  // only the compact entry is left
  EXPECT_EQ(talk.stats().now_in(State::TimeWait), 1U);
  talk.advance(talk.options().time_wait - 10ms);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.advance(20ms);
  EXPECT_EQ(talk.shard().time_wait(), 0U);  // MUST-13
  EXPECT_EQ(talk.stats()[Counter::TimeWaitExpired], 1U);
}

// A FIN closes one direction only.
TEST(Teardown, HalfCloseByThePeerLeavesOurDirectionOpen) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(fin());
  peer.expects(ack(2));
  EXPECT_EQ(talk.service().connection.send(std::as_bytes(std::span("late", 4))), 4U);
  peer.expects(data("late").ack(2));
  peer.sends(ack(5));
  talk.service().connection.close();
  peer.expects(fin().seq(5));
  peer.sends(ack(6));
}

TEST(Teardown, HalfCloseByUsLeavesThePeersDirectionOpen) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(ack(2));
  peer.sends(data("still talking"));
  peer.expects(ack(14));
  EXPECT_EQ(talk.service().received, "still talking");
  EXPECT_EQ(talk.service().connection.send(std::as_bytes(std::span("no", 2))), 0U);  // after close
  peer.sends(fin());
  peer.expects(ack(15));
}

// RFC 9293 3.6, Figure 13: simultaneous close passes CLOSING.
TEST(Teardown, SimultaneousClosePassesClosing) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin().seq(1).ack(1));
  peer.sends(fin().ack(1));  // crossed ours
  peer.expects(ack(2).seq(2));
  EXPECT_EQ(talk.stats().now_in(State::Closing), 1U);
  peer.sends(ack(2));
  talk.run();
  EXPECT_EQ(talk.stats().now_in(State::TimeWait), 1U);
  EXPECT_EQ(talk.service().take_events(), "opened, peer_closed, closed normal");
}

TEST(Teardown, FinAndItsAckTogetherGoStraightToTimeWait) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().ack(2));
  peer.expects(ack(2));
  EXPECT_EQ(talk.stats().now_in(State::TimeWait), 1U);
  EXPECT_EQ(talk.stats().entered_state(State::Closing), 0U);
}

TEST(Teardown, FinGoesAfterEverythingThatWasSent) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 100});
  const std::string text(250, 'x');
  EXPECT_EQ(talk.service().connection.send(std::as_bytes(std::span(text))), 250U);
  talk.service().connection.close();
  peer.expects(data_of(100).seq(1));
  peer.expects(data_of(100).seq(101));
  const Seen last = peer.expects(data_of(50).seq(201).flag(kFin));
  EXPECT_NE(last.flags & kPsh, 0);  // MUST-61
}

TEST(Teardown, LastAckRepeatsItsFin) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(fin());
  peer.expects(ack(2));
  talk.service().connection.close();
  const Seen first = peer.expects(fin().seq(1));
  talk.advance(10s);
  const Seen second = peer.expects(fin().seq(1).ack(2));
  const Seen third = peer.expects(fin().seq(1).ack(2));
  EXPECT_GE((third.at - second.at) + 2ms, 2 * (second.at - first.at));  // RFC 6298 5.5
  peer.sends(ack(2));
  talk.run();
  EXPECT_EQ(talk.shard().connections(), 0U);
  talk.ignores_the_rest();
}

TEST(Teardown, RepeatedFinIsAcknowledgedAndRestarts2Msl) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(ack(2));
  peer.sends(fin());
  peer.expects(ack(2));
  talk.advance(talk.options().time_wait - 1s);
  peer.sends(fin().seq(1));  // our last ACK was lost
  peer.expects(ack(2).seq(2));
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRestarted], 1U);
  talk.advance(talk.options().time_wait - 1s);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.advance(2s);
  EXPECT_EQ(talk.shard().time_wait(), 0U);
}

// RFC 1337: an RST must not assassinate TIME-WAIT.
TEST(Teardown, ResetInTimeWaitIsIgnored) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().ack(2));
  peer.expects(ack(2));
  peer.sends(rst().seq(2));
  peer.expects_nothing();
  EXPECT_EQ(talk.shard().time_wait(), 1U);
}

TEST(Teardown, OldDuplicateInTimeWaitIsAcknowledgedOnly) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("abc"));
  peer.expects(ack(4));
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().ack(2));
  peer.expects(ack(5));
  peer.sends(data("abc").seq(1));
  peer.expects(ack(5).seq(2));
  EXPECT_EQ(talk.service().received, "abc");  // kept out of everything later
}

TEST(Teardown, FinBeforeItsTextWaitsForIt) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(fin().seq(4));
  peer.expects(ack(1));
  EXPECT_EQ(talk.service().take_events(), "opened");
  peer.sends(data("abc").seq(1));
  peer.expects(ack(5));
  EXPECT_EQ(talk.service().take_events(), "data 3, peer_closed");
}

// RFC 5681 4.2: what is out of order is acknowledged at once, its repetition, too.
TEST(Teardown, FinRepeatedBeforeItsTurnIsAcknowledgedAgain) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(fin().seq(4));
  peer.expects(ack(1));
  peer.sends(fin().seq(4));
  peer.expects(ack(1));
  peer.sends(data("abc").seq(1));
  peer.expects(ack(5));
}

TEST(Teardown, SilentPeerInFinWait2IsForgotten) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(ack(2));
  talk.advance(61s);
  EXPECT_EQ(talk.service().take_events(), "opened, closed timed_out");
  EXPECT_EQ(talk.shard().connections(), 0U);
}

// RFC 9293 3.6, case 1: after CLOSE the user goes on receiving until the peer has closed, without a bound if none is
// set.
TEST(Teardown, HalfCloseWaitsForALateAnswer) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.fin_wait_2_timeout = {};
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(ack(2));
  for (const std::uint32_t after : {1U, 4U, 7U}) {
    talk.advance(10min);
    peer.sends(ack().seq(after - 1).ack(2));  // a keepalive of the peer's, which sets no bound either
    peer.expects(ack(after));
    talk.advance(10min);
    peer.sends(data("abc").seq(after).ack(2));
    peer.expects(ack(after + 3));
  }
  EXPECT_EQ(talk.service().received, "abcabcabc");
  EXPECT_EQ(talk.stats().now_in(State::FinWait2), 1U);
}

TEST(Teardown, UnreadTextIsToldBeforeTheClose) {
  Conversation talk;
  Peer& peer = talk.peer();
  talk.service().consumes = false;
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().data("rest").ack(2));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, data 4, peer_closed");
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.service().read(talk.service().connection);
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "closed normal");
  EXPECT_EQ(talk.service().received, "rest");
}

TEST(Teardown, AbortAfterTheEndDropsWhatIsUnread) {
  Conversation talk;
  Peer& peer = talk.peer();
  talk.service().consumes = false;
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().data("rest").ack(2));
  peer.expects(ack(6));
  talk.service().take_events();
  talk.service().connection.abort();
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "closed normal");
  EXPECT_EQ(talk.shard().connections(), 0U);
}

// FIN-WAIT-2 waits for a word of the peer, and a probe of the window that we closed is one.
TEST(Teardown, ProbesKeepFinWait2Alive) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 1000;
  Conversation talk(std::move(options));
  talk.ignores_the_rest();
  Peer& peer = talk.peer();
  talk.service().consumes = false;
  peer.opens();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(sim::data(std::string(1000, 'x')).ack(2));
  for (int n = 0; n < 10; ++n) {
    talk.advance(30s);
    peer.sends(ack().seq(1000).ack(2));
  }
  talk.run();
  EXPECT_EQ(talk.stats().now_in(State::FinWait2), 1U);
  EXPECT_EQ(talk.service().connection.readable(), 1000U);
}

TEST(Teardown, FinBelowQueuedTextIsNotTheEnd) {
  Conversation talk;
  talk.ignores_the_rest();
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("ghi").seq(7));
  peer.sends(fin().seq(8));
  peer.sends(data("abcdef").seq(1));
  peer.sends(fin().data("j").seq(10));
  talk.run();
  EXPECT_EQ(talk.service().received, "abcdefghij");
  EXPECT_EQ(talk.stats().now_in(State::CloseWait), 1U);
}

TEST(Teardown, AbortSendsReset) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.abort();
  peer.expects(rst_ack().seq(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, closed aborted");
  EXPECT_EQ(talk.shard().connections(), 0U);
  EXPECT_FALSE(talk.service().connection.live());
  talk.service().connection.close();  // a dead handle does nothing
  peer.expects_nothing();
}

}  // namespace
}  // namespace levee::sim
