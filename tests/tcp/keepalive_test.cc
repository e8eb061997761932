// Keepalive and the bounds on a silent peer (RFC 9293 3.8.3, 3.8.4): two hours, then a probe every 75 s, ten of them.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

ConversationOptions with_keepalive(bool on) {
  ConversationOptions options;
  options.shard.listeners.front().tcp.keepalive = on;
  return options;
}

// MUST-25: off by default. MAY-5 is why it is there.
TEST(Keepalive, IsOffByDefault) {
  EXPECT_FALSE(TcpOptions{}.keepalive);
  Conversation talk;
  talk.peer().opens();
  talk.advance(5h);
  talk.peer().expects_nothing();
  EXPECT_EQ(talk.service().connection.state(), State::Established);
}

// MUST-27, MUST-28: the default idle time is two hours. SHLD-12: the probe carries no text.
TEST(Keepalive, ProbesAnIdlePeerAfterTwoHours) {
  EXPECT_EQ(TcpOptions{}.keepalive_idle, 2h);
  Conversation talk(with_keepalive(true));
  Peer& peer = talk.peer();
  peer.opens();
  talk.advance(2h - 1s);
  peer.expects_nothing();
  talk.advance(2s);
  peer.expects(ack(1).seq(0).data(""));
  peer.sends(ack(1));  // alive: two more hours
  talk.advance(2h - 2s);
  peer.expects_nothing();
  talk.advance(3s);
  peer.expects(ack(1).seq(0).data(""));
}

// MUST-26: not while text is on its way or the peer keeps sending.
TEST(Keepalive, OnlyWhenIdle) {
  Conversation talk(with_keepalive(true));
  Peer& peer = talk.peer();
  peer.opens();
  for (int n = 0; n < 5; ++n) {
    talk.advance(1h);
    peer.sends(data("x"));
    peer.expects(ack());
  }
  EXPECT_EQ(talk.stats()[Counter::TCPKeepAlive], 0U);
}

// MUST-26: text on its way is no idleness, though nothing was heard for longer than the idle time.
TEST(Keepalive, NotWhileTextIsOnItsWay) {
  ConversationOptions options = with_keepalive(true);
  options.shard.listeners.front().tcp.keepalive_idle = 2s;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens();
  talk.run();
  ASSERT_EQ(talk.service().connection.send(to_bytes("x")), 1U);
  talk.advance(30s);
  for (int n = 0; n < 8; ++n) peer.expects(data("x").seq(1));  // after 0, 0.2, 0.6, 1.4, 3, 6.2, 12.6 and 25.4 s
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Counter::TCPKeepAlive], 0U);
  peer.sends(ack(2));
  talk.advance(3s);
  peer.expects(ack(1).seq(1).data(""));  // idle now
  EXPECT_EQ(talk.stats()[Counter::TCPKeepAlive], 1U);
}

// MUST-29: one lost answer is not death; ten unanswered probes, 75 s apart, are.
TEST(Keepalive, TenUnansweredProbesEndTheConnection) {
  Conversation talk(with_keepalive(true));
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().take_events();
  talk.advance(2h + 1s);
  const Seen first = peer.expects(ack().seq(0));
  Instant last = first.at;
  for (int n = 2; n <= 10; ++n) {
    talk.advance(75s);
    const Seen probe = peer.expects(ack().seq(0));
    EXPECT_NEAR(static_cast<double>((probe.at - last).count()), 75e9, 2e6);
    last = probe.at;
    EXPECT_EQ(talk.service().take_events(), "");
  }
  talk.advance(76s);
  peer.expects(rst_ack());  // perhaps only the way back is broken
  EXPECT_EQ(talk.service().take_events(), "closed timed_out");
  EXPECT_EQ(talk.stats()[Counter::TCPKeepAlive], 10U);
  EXPECT_EQ(talk.shard().connections(), 0U);
}

TEST(Keepalive, AnAnswerStartsTheCountAnew) {
  Conversation talk(with_keepalive(true));
  Peer& peer = talk.peer();
  peer.opens();
  talk.ignores_the_rest();
  for (int round = 0; round < 3; ++round) {
    talk.advance(2h + 9 * 75s);
    peer.sends(ack(1));
    EXPECT_EQ(talk.service().connection.state(), State::Established);
  }
}

// MUST-24: per connection.
TEST(Keepalive, IsSwitchedPerConnection) {
  Conversation talk(with_keepalive(false));
  Peer& peer = talk.peer();
  peer.opens();
  talk.run();
  talk.service().connection.set_keepalive(true);
  talk.advance(2h + 1s);
  peer.expects(ack().seq(0));
  talk.service().connection.set_keepalive(false);
  talk.advance(5h);
  peer.expects_nothing();
}

// MUST-47, SHLD-9, SHLD-10: R1 is three retransmissions; the user is told once.
TEST(R1, IsReportedToTheUser) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.run();
  talk.service().take_events();
  ASSERT_EQ(talk.service().connection.send(to_bytes("x")), 1U);
  talk.ignores_the_rest();
  talk.advance(1s);  // retransmitted twice
  EXPECT_EQ(talk.service().take_events(), "");
  talk.advance(1s);
  EXPECT_EQ(talk.service().take_events(), "report retransmitting");
}

class Deaf final : public Service {
 public:
  void on_opened(Connection opened) override { connection = opened; }
  void on_data(Connection from) override { from.consume(from.readable()); }
  Connection connection;
};

// SHLD-20: a service that does not ask for reports has none, and nothing else changes.
TEST(R1, IsNotReportedToAServiceThatDoesNotAsk) {
  ConversationOptions options;
  options.services.push_back(std::make_unique<Deaf>());
  const auto& service = static_cast<const Deaf&>(*options.services.front());
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens();
  talk.run();
  Connection connection = service.connection;
  ASSERT_EQ(connection.send(to_bytes("x")), 1U);
  for (int n = 0; n < 5; ++n) {
    peer.expects(data("x").seq(1));
    talk.advance(n == 4 ? 100ms : 10s);
  }
  EXPECT_EQ(connection.state(), State::Established);
  talk.ignores_the_rest();
}

// 3.9.1.9 (MUST-48, SHLD-21, SHLD-22) and 3.9.2 (MUST-49).
TEST(DifferentiatedServices, FollowOptionsAndCalls) {
  ConversationOptions options;
  options.shard.listeners.front().tcp.dscp = 10;
  options.shard.listeners.front().tcp.ttl = 33;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  EXPECT_EQ(peer.expects(syn_ack().dscp(10)).ttl, 33);
  peer.sends(ack());
  peer.sends(data("x"));
  EXPECT_EQ(peer.expects(ack(2).dscp(10)).ttl, 33);
  talk.service().connection.set_dscp(46);
  peer.sends(data("y"));
  peer.expects(ack(3).dscp(46));
}

}  // namespace
}  // namespace levee::sim
