// Both ends open at once (RFC 9293 3.5, Figure 8; MUST-10): SYN-SENT, SYN-RECEIVED, ESTABLISHED.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

class SimultaneousOpen : public testing::Test {
 protected:
  Conversation talk;
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  Connection connection = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0).connection;

  // Our SYN is on its way when the peer's arrives.
  void crosses(const TestSegment& its_syn) {
    peer.expects(syn().seq(0));
    peer.sends(its_syn);
  }
};

// MUST-10, Figure 8: each side answers the other's SYN by SYN,ACK; that SYN,ACK opens the connection though it stands
// before RCV.NXT.
TEST_F(SimultaneousOpen, OpensByTheOthersSynAck) {
  crosses(syn().mss(1460).sack_permitted());
  peer.expects(syn_ack().seq(0).ack(1).mss(1460).sack_permitted().no_scale());
  EXPECT_EQ(connection.state(), State::SynReceived);
  EXPECT_EQ(talk.service().take_events(), "");
  peer.sends(syn_ack().seq(0).ack(1).mss(1460));
  peer.expects(ack(1).seq(1));
  EXPECT_EQ(connection.state(), State::Established);
  EXPECT_EQ(talk.service().take_events(), "opened");
  peer.sends(data("hello").seq(1));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
}

// The peer's SYN,ACK was lost; a plain ACK of ours opens as well.
TEST_F(SimultaneousOpen, OpensByAnAck) {
  crosses(syn().mss(1460));
  peer.expects(syn_ack().ack(1));
  peer.sends(data("first").seq(1).ack(1));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, data 5");
}

TEST_F(SimultaneousOpen, AnswerIsRepeatedForARepeatedSynAndByTimer) {
  crosses(syn().mss(1460));
  peer.expects(syn_ack().seq(0).ack(1));
  peer.sends(syn().seq(0).mss(1460));
  peer.expects(syn_ack().seq(0).ack(1));
  talk.advance(1500ms);
  peer.expects(syn_ack().seq(0).ack(1));
  peer.expects_nothing();
}

// MUST-23: the SYN of an open has its own R2; nothing stays.
TEST_F(SimultaneousOpen, GivesUpOnASilentPeer) {
  crosses(syn().mss(1460));
  talk.ignores_the_rest();
  const Instant start = talk.now();
  while (talk.shard().connections() > 0 && talk.now() - start < 1h) talk.advance(5s);
  EXPECT_GE(talk.now() - start, 3min);
  EXPECT_EQ(talk.service().take_events(), "report retransmitting, closed timed_out");
}

// MUST-11: the open was active, so an RST means "connection refused", not a return to LISTEN.
TEST_F(SimultaneousOpen, ResetIsARefusal) {
  crosses(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(rst().seq(900));  // in the window, not at RCV.NXT: challenged (RFC 5961 3)
  peer.expects(ack(1).seq(1));
  EXPECT_EQ(connection.state(), State::SynReceived);
  peer.sends(rst().seq(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "closed refused");
  EXPECT_EQ(talk.shard().connections(), 0U);
}

// 3.10.7.4, fifth check: an ACK of anything but our SYN is reset.
TEST_F(SimultaneousOpen, WrongAckIsReset) {
  crosses(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(ack(700).seq(1));
  peer.expects(rst().seq(700));
  EXPECT_EQ(connection.state(), State::SynReceived);
}

// 3.10.4: a close before the connection is synchronized waits for it; 3.10.2: so does text.
TEST_F(SimultaneousOpen, TextAndCloseWaitForIt) {
  EXPECT_EQ(connection.send(to_bytes("early")), 5U);
  crosses(syn().mss(1460));
  peer.expects(syn_ack());
  connection.close();
  EXPECT_EQ(connection.state(), State::SynReceived);
  peer.sends(ack(1).seq(1));
  peer.expects(fin().seq(1).ack(1).data("early"));
  EXPECT_EQ(connection.state(), State::FinWait1);
}

// RFC 7323 2.2 and 3.2, RFC 2018 2: the answer carries what the peer's SYN offered.
TEST_F(SimultaneousOpen, AnswersWhatWasOffered) {
  crosses(syn().mss(1460).scale(7).sack_permitted().ts(77, 0));
  peer.expects(syn_ack().ack(1).sack_permitted().ts_echo(77));
  peer.sends(ack(1).seq(1).ts(78, peer.last_timestamp).win(100));
  talk.run();
  EXPECT_TRUE(connection.info().timestamps && connection.info().sack && connection.info().window_scaling);
  EXPECT_EQ(connection.info().snd_wnd, 12800U);
}

// RFC 9293 3.10.7.3: text and FIN on a SYN,ACK are processed behind it.
TEST(ActiveOpenWithText, TextOnTheSynAckIsDelivered) {
  Conversation talk;
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  const Connection connection = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0).connection;
  peer.expects(syn());
  peer.sends(segment(kSyn | kAck | kFin).ack(1).mss(1460).data("hi"));
  // SYN+FIN is dropped before TCP sees it (THREATS 2a), so the FIN comes by itself.
  EXPECT_EQ(connection.state(), State::SynSent);
  peer.sends(syn_ack().seq(0).ack(1).mss(1460).data("hi"));
  peer.expects(ack(3).seq(1));
  EXPECT_EQ(talk.service().take_events(), "opened, data 2");
  EXPECT_EQ(talk.service().received, "hi");
}

// 3.10.2: text of a user who does not wait for the handshake goes out with its last step.
TEST(ActiveOpenWithText, QueuedTextFollowsTheHandshake) {
  Conversation talk;
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  Connection connection = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0).connection;
  EXPECT_EQ(connection.send(to_bytes("GET /")), 5U);
  peer.expects(syn());
  peer.sends(syn_ack().ack(1).mss(1460));
  peer.expects(data("GET /").seq(1).ack(1));
}

}  // namespace
}  // namespace levee::sim
