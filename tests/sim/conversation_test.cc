// The helper itself: what it lets pass, what it catches, and that it keeps the numbers.
#include "sim/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

TEST(Conversation, HandshakeDataAndClose) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack().seq(0).ack(1).mss(1460));
  peer.sends(ack());
  peer.sends(data("hello"));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
  EXPECT_EQ(talk.service().take_events(), "opened, data 5");
  ASSERT_EQ(talk.service().connection.send(std::as_bytes(std::span("world", 5))), 5u);
  peer.expects(data("world").seq(1));
  peer.sends(ack(6));
  talk.service().connection.close();
  peer.expects(fin().seq(6));
  peer.sends(fin());
  peer.expects(ack(7).seq(7));
  EXPECT_EQ(talk.service().take_events(), "peer_closed, closed normal");
  EXPECT_EQ(talk.shard().time_wait(), 1u);
}

TEST(Conversation, TimersFireAtTheirInstantOnTheWay) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn());
  const Seen first = peer.expects(syn_ack());
  talk.advance(10s);
  const Seen again = peer.expects(syn_ack());
  EXPECT_EQ(again.at - first.at, 1s);
  EXPECT_EQ(peer.expects(syn_ack()).at - again.at, 2s);
  talk.ignores_the_rest();
}

TEST(Conversation, TimestampsFollowOnceNegotiated) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  EXPECT_TRUE(peer.timestamps_on);
  talk.advance(1s);
  peer.sends(data("x"));
  peer.expects(ack(2).ts_echo(peer.timestamp_base + static_cast<std::uint32_t>(to_milliseconds(talk.now()))));
}

TEST(Conversation, PeersAreKeptApart) {
  Conversation talk;
  Peer& one = talk.peer();
  Peer& other =
      talk.add_peer({.address = Ipv4Address{0x0a000003}, .mac = {{2, 0, 0, 0, 0, 3}}, .tcp_port = 50000, .iss = 99});
  other.sends(syn());
  one.sends(syn());
  one.expects(syn_ack());
  other.expects(syn_ack());
}

TEST(Conversation, AnActiveOpenTeachesThePeerOurPort) {
  Conversation talk;
  Peer& server = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  const auto result = talk.shard().connect(talk.now(), SocketAddress{Ipv4Address{0x0a000002}, 8080}, 0);
  ASSERT_EQ(result.error, shard::ConnectError::None);
  server.expects(syn().seq(0));
  EXPECT_EQ(server.options.shard_port, result.connection.local().tcp_port);
  server.sends(syn_ack().mss(1460));
  server.expects(ack(1));
  EXPECT_EQ(talk.service().take_events(), "opened");
}

TEST(Conversation, ArpCanBeDrivenByHand) {
  ConversationOptions options;
  options.arp = false;
  Conversation talk(std::move(options));
  talk.peer().sends(syn());
  talk.peer().expects(syn_ack());  // a SYN-ACK goes back to the MAC that the SYN came from
  ArpMessage request;
  request.source_mac = request.sender_mac = MacAddress{{2, 0, 0, 0, 0, 9}};
  request.destination_mac = MacAddress{{255, 255, 255, 255, 255, 255}};
  request.sender = Ipv4Address{0x0a000009};
  request.target = Ipv4Address{0x0a000001};
  talk.inject(build(request));
  const auto reply = talk.next_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(describe(*reply), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
}

TEST(Conversation, OverIpv6ThePeerAsksForTheShardAndSpeaksToItsAddress) {
  Conversation talk(std::move(ConversationOptions().over_ipv6()));
  Peer& peer = talk.peer();
  EXPECT_NE(talk.transcript().find("< fd00::2 > ff02::1:ff00:1 NDP who-has fd00::1"), std::string::npos);
  const Dissected parts = dissect(peer.frame_of(syn().mss(1440)));
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.tcp);
  EXPECT_EQ(parts.tcp->source, parse_ip("fd00::2"));
  EXPECT_EQ(parts.tcp->destination, parse_ip("fd00::1"));
  Peer& other = talk.add_peer({.tcp_port = 40001});  // IPv4 beside it
  EXPECT_EQ(dissect(other.frame_of(syn())).tcp->destination, IpAddress(Ipv4Address{0x0a000001}));
}

TEST(Conversation, SaysWhatDiffers) {
  EXPECT_NONFATAL_FAILURE(
      {
        Conversation talk;
        talk.peer().sends(syn());
        talk.peer().expects(syn_ack().ack(2));
      },
      "but ack differs");
}

TEST(Conversation, NoticesSilence) {
  EXPECT_NONFATAL_FAILURE(
      {
        Conversation talk;
        talk.peer().expects(syn_ack());
      },
      "got nothing");
}

TEST(Conversation, NoticesUnexpectedWords) {
  EXPECT_NONFATAL_FAILURE(
      {
        Conversation talk;
        talk.peer().sends(syn());
        talk.peer().expects_nothing();
        talk.ignores_the_rest();
      },
      "expected nothing");
  EXPECT_NONFATAL_FAILURE(
      {
        Conversation talk;
        talk.peer().sends(syn());
      },
      "left unexpected");
}

}  // namespace
}  // namespace levee::sim
