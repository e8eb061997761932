// OPEN from this side (RFC 9293 3.10.1, 3.10.7.3).
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

class ActiveOpen : public testing::Test {
 protected:
  Conversation talk;
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});

  Connection open() {
    const shard::ConnectResult result = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0);
    EXPECT_EQ(result.error, shard::ConnectError::None);
    return result.connection;
  }
};

TEST_F(ActiveOpen, SynCarriesEverythingWeCan) {
  open();
  peer.expects(syn().seq(0).mss(1460).sack_permitted());
  peer.sends(syn_ack().ack(1).mss(1460).no_ts());
  peer.expects(ack(1).seq(1).no_ts());
  EXPECT_EQ(talk.service().take_events(), "opened");
}

TEST_F(ActiveOpen, RefusalIsTold) {
  open();
  peer.expects(syn());
  peer.sends(rst_ack().seq(0).ack(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "closed refused");
  EXPECT_EQ(talk.shard().connections(), 0U);
}

// RFC 5961 3.2, RST-4: an RST that does not acknowledge our SYN is somebody else's.
TEST_F(ActiveOpen, BlindResetIsIgnored) {
  open();
  peer.expects(syn());
  peer.sends(rst().seq(0));
  peer.sends(rst_ack().seq(0).ack(700));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats().now_in(State::SynSent), 1U);
}

// RFC 9293 3.5.1, Figure 9: a half-open peer acknowledges something old, our RST clears it.
TEST_F(ActiveOpen, WrongAckIsReset) {
  open();
  peer.expects(syn());
  peer.sends(ack(700).seq(300));
  peer.expects(rst().seq(700));
  EXPECT_EQ(talk.stats().now_in(State::SynSent), 1U);
}

// RFC 9293 3.8.3, MUST-22: as text is, with a bound of its own, and the service is told.
TEST_F(ActiveOpen, SynIsRepeatedUntilR2) {
  open();
  const Seen first = peer.expects(syn());
  talk.advance(1100ms);
  const Seen second = peer.expects(syn());
  EXPECT_EQ(first.sequence, second.sequence);
  talk.ignores_the_rest();
  const Instant start = first.at;
  while (talk.shard().connections() > 0 && talk.now() - start < 1h) talk.advance(5s);
  EXPECT_GE(talk.now() - start, 3min);  // MUST-23
  EXPECT_EQ(talk.service().take_events(), "report retransmitting, closed timed_out");
}

// RFC 9293 3.8.3, MUST-22, SHLD-9: R1 counts for a SYN, too: the service is told once, and IP advised (MUST-20).
TEST_F(ActiveOpen, SynReachesR1) {
  open();
  talk.ignores_the_rest();
  talk.advance(4s);  // repeated after 1 and 3 s
  EXPECT_EQ(talk.service().take_events(), "");
  talk.advance(4s);  // and after 7 s
  EXPECT_EQ(talk.service().take_events(), "report retransmitting");
  talk.advance(9s);
  EXPECT_EQ(talk.service().take_events(), "");
  EXPECT_EQ(talk.stats().now_in(State::SynSent), 1U);
}

// RFC 9293 3.9.1.1, MUST-41, MUST-42: listener and connections of one TCP port leave each other alone.
TEST_F(ActiveOpen, FromAListenersTcpPortLeavesItListening) {
  Connection connection = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0, 80).connection;
  EXPECT_EQ(peer.expects(syn()).source_port, 80);
  Peer& client = talk.add_peer({.tcp_port = 40000});
  client.sends(syn().mss(1460));
  client.expects(syn_ack().ack(1));  // one is in SYN-SENT
  Peer& other = talk.add_peer({.tcp_port = 40001});
  other.sends(syn().mss(1460));
  other.expects(syn_ack().ack(1));  // and one in SYN-RECEIVED
  EXPECT_EQ(connection.state(), State::SynSent);
  EXPECT_EQ(talk.stats().now_in(State::SynReceived), 2U);
  peer.sends(syn_ack().ack(1).mss(1460));
  peer.expects(ack(1));
  client.sends(ack());
  talk.run();
  EXPECT_EQ(connection.state(), State::Established);
  EXPECT_EQ(talk.stats().now_in(State::Established), 2U);
}

// RFC 9293 3.9.1.1, MUST-43, MUST-45: from the address that was asked for, for the connection's life.
TEST(ActiveOpenFrom, AnAddressThatWasAskedFor) {
  constexpr Ipv4Address kSecond{0x0a000009}, kNotOurs{0x0a000055}, kPeer{0x0a000002};
  ConversationOptions options;
  options.shard.addresses.push_back({.address = kSecond});
  Conversation talk(std::move(options));
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  for (const IpAddress& local : {IpAddress(kNotOurs), IpAddress(Ipv6Address{{0xfd}})}) {
    EXPECT_EQ(talk.shard().connect(talk.now(), {kPeer, 8080}, 0, 0, local).error, shard::ConnectError::NoSourceAddress);
  }
  Connection connection = talk.shard().connect(talk.now(), {kPeer, 8080}, 0, 0, kSecond).connection;
  EXPECT_EQ(connection.local().address, IpAddress(kSecond));
  EXPECT_EQ(peer.expects(syn()).source, IpAddress(kSecond));
  const auto answers = [&](const TestSegment& segment) {
    TcpPacket packet = *dissect(peer.frame_of(segment)).tcp;
    packet.destination = kSecond;
    talk.inject(build(packet));
  };
  answers(syn_ack().seq(0).ack(1).mss(1460));
  EXPECT_EQ(peer.expects(ack(1)).source, IpAddress(kSecond));
  answers(data("x").seq(1).ack(1));
  EXPECT_EQ(peer.expects(ack(2)).source, IpAddress(kSecond));
}

TEST_F(ActiveOpen, DestinationsThatCannotBeAreRefused) {
  for (const std::uint32_t to : {0xffffffffU, 0xe0000001U, 0x0a0000ffU, 0x0a000001U, 0U}) {
    EXPECT_EQ(talk.shard().connect(talk.now(), {Ipv4Address{to}, 80}, 0).error,
              shard::ConnectError::BadAddress);  // MUST-46
  }
  EXPECT_EQ(talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 0}, 0).error, shard::ConnectError::BadAddress);
  EXPECT_EQ(talk.shard().connect(talk.now(), {Ipv4Address{0x08080808}, 80}, 0).error,
            shard::ConnectError::NoSourceAddress);  // no route
}

}  // namespace
}  // namespace levee::sim
