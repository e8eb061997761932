// Explicit congestion notification (RFC 3168; RFC 9293 SHLD-8): the handshake, and the receiver's echo.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

constexpr std::uint8_t kAsks = kSyn | kEce | kCwr;
constexpr std::uint8_t kMarked = 3;  // CE

TestSegment asking_syn() { return std::move(segment(kAsks).mss(1460)); }

// SHLD-8; RFC 3168 6.1.1: both flags ask, ECE alone agrees; neither SYN nor SYN-ACK is ECN-capable itself.
TEST(EcnHandshake, IsAcceptedWhenAskedFor) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(asking_syn());
  peer.expects(syn_ack().flag(kEce).ecn(0));
  peer.sends(ack());
  talk.run();
  EXPECT_TRUE(talk.service().connection.info().ecn);
}

TEST(EcnHandshake, IsNotOfferedUnasked) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().flag(kEce).mss(1460));  // one flag alone is no offer
  peer.expects(syn_ack().ecn(0));
  peer.sends(ack());
  talk.run();
  EXPECT_FALSE(talk.service().connection.info().ecn);
}

TEST(EcnHandshake, CanBeSwitchedOff) {
  ConversationOptions options;
  options.shard.listeners.front().tcp.ecn = Ecn::Off;
  Conversation talk(std::move(options));
  talk.peer().sends(asking_syn());
  talk.peer().expects(syn_ack());
}

// 6.1.1.1: the repeated SYN of a peer that suspects ECN asks no more.
TEST(EcnHandshake, RepeatedSynWithoutItGetsNone) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(asking_syn());
  peer.expects(syn_ack().flag(kEce));
  peer.sends(syn().seq(0).mss(1460));
  peer.expects(syn_ack());
  peer.sends(ack());
  talk.run();
  EXPECT_FALSE(talk.service().connection.info().ecn);
}

// The cookie's TSval carries it.
TEST(EcnHandshake, SurvivesACookie) {
  for (const bool timestamps : {true, false}) {
    ConversationOptions options;
    options.shard.syn.cookies = SynCookies::Always;
    Conversation talk(std::move(options));
    Peer& peer = talk.peer();
    TestSegment first = asking_syn();
    if (timestamps) first.ts(1000, 0);
    peer.sends(first);
    peer.expects(timestamps ? syn_ack().flag(kEce) : syn_ack());  // without timestamps there is no room for it
    peer.sends(ack());
    talk.run();
    EXPECT_EQ(talk.service().connection.info().ecn, timestamps);
  }
}

class ActiveEcn : public testing::Test {
 protected:
  static ConversationOptions requesting() {
    ConversationOptions options;
    options.shard.active.ecn = Ecn::Request;
    return options;
  }
  Conversation talk{requesting()};
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  Connection connection = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0).connection;
};

TEST_F(ActiveEcn, IsAskedForAndAgreed) {
  peer.expects(segment(kAsks).ecn(0));
  peer.sends(syn_ack().flag(kEce).ack(1).mss(1460));
  peer.expects(ack(1));
  EXPECT_TRUE(connection.info().ecn);
}

// A peer that reflects both flags does not know ECN (6.1.1).
TEST_F(ActiveEcn, ReflectedFlagsAreNoAgreement) {
  peer.expects(segment(kAsks));
  peer.sends(syn_ack().flag(kEce | kCwr).ack(1).mss(1460));
  peer.expects(ack(1));
  EXPECT_FALSE(connection.info().ecn);
}

TEST_F(ActiveEcn, RepeatedSynAsksNoMore) {
  peer.expects(segment(kAsks));
  talk.advance(std::chrono::milliseconds(1100));
  peer.expects(syn());
}

class EcnEcho : public testing::Test {
 protected:
  EcnEcho() {
    peer.sends(asking_syn());
    peer.expects(syn_ack().flag(kEce));
    peer.sends(ack());
  }
  Conversation talk;
  Peer& peer = talk.peer();
};

// SHLD-8; RFC 3168 6.1.3: ECE on every ACK from the mark on until CWR.
TEST_F(EcnEcho, LastsUntilCwr) {
  peer.sends(data("a").ecn(2));
  peer.expects(ack(2));
  peer.sends(data("b").ecn(kMarked));
  peer.expects(ack(3).flag(kEce));
  peer.sends(data("c").ecn(2));
  peer.expects(ack(4).flag(kEce));
  peer.sends(data("d").ecn(2).flag(kCwr));
  peer.expects(ack(5));
}

// The mark on the segment that carries CWR is a new one.
TEST_F(EcnEcho, MarkedCwrStartsAnew) {
  peer.sends(data("a").ecn(kMarked));
  peer.expects(ack(2).flag(kEce));
  peer.sends(data("b").ecn(kMarked).flag(kCwr));
  peer.expects(ack(3).flag(kEce));
}

// 6.1.4, 6.1.5: pure ACKs are never ECN-capable, and their marks say nothing.
TEST_F(EcnEcho, PureAcksAreOutsideOfIt) {
  peer.sends(ack().ecn(kMarked));
  peer.sends(data("a"));
  peer.expects(ack(2).ecn(0));
}

TEST(Ecn, MarksSayNothingWithoutTheHandshake) {
  Conversation talk;
  talk.peer().opens();
  talk.peer().sends(data("a").ecn(kMarked));
  talk.peer().expects(ack(2).ecn(0));
}

}  // namespace
}  // namespace levee::sim
