// Mail between shards about IPv6 flows: frames and ICMP errors that reached the wrong one, and neighbours.
#include <gtest/gtest.h>

#include "shard/ipv6_frames.h"
#include "shard/shard_pair.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::kAck;
using sim::kRst;
using sim::kSyn;
using sim::TcpPacket;

// A SYN from a TCP port of the peer whose flow this shard owns.
TcpPacket syn_for(const ShardPair& pair, std::size_t owner) {
  TcpPacket packet = tcp6_from_peer(kSyn);
  while (pair.owner(packet) != owner) ++packet.source_port;
  return packet;
}

TEST(Ipv6Mail, AMisdirectedConnectionLivesAtItsOwner) {
  for (std::size_t owner = 0; owner < 2; ++owner) {
    SCOPED_TRACE(owner);
    ShardPair pair;
    TcpPacket packet = pair.opens(1 - owner, syn_for(pair, owner));
    EXPECT_EQ(pair.shard(owner).connections(), 1U);
    EXPECT_EQ(pair.shard(1 - owner).connections() + pair.shard(1 - owner).half_open(), 0U);
    packet.payload = sim::to_bytes("hello");
    pair.arrives(1 - owner, build(packet));
    EXPECT_EQ(pair.service(owner).received, "hello");
    EXPECT_EQ(pair.next_tcp(owner).acknowledgment, packet.sequence + 5);
    EXPECT_EQ(pair.stats(owner)[Counter::MailReceived], 3U);
  }
}

TEST(Ipv6Mail, AMisdirectedStrayIsResetByItsOwner) {
  ShardPair pair;
  TcpPacket stray = syn_for(pair, 1);
  stray.flags = kAck;
  pair.arrives(0, build(stray));
  EXPECT_EQ(pair.next_tcp(1).flags, kRst);
}

// RFC 6056 3.3.2, DESIGN.md: the replies to an active open hash to the shard that made it.
TEST(Ipv6Mail, AnActiveOpenBelongsToItsShard) {
  for (std::size_t shard = 0; shard < 2; ++shard) {
    ShardPair pair;
    pair.opens(shard, syn_for(pair, shard));  // teaches the peer's MAC
    ASSERT_EQ(pair.shard(shard).connect(pair.now, {kPeerAddress6, 8080}, 0).error, ConnectError::None);
    pair.run();
    TcpPacket answer = pair.next_tcp(shard);
    std::swap(answer.source, answer.destination);
    std::swap(answer.source_port, answer.destination_port);
    EXPECT_EQ(pair.owner(answer), shard);
  }
}

TEST(Ipv6Mail, ANeighbourThatOneLearntIsKnownToTheOther) {
  ShardPair pair;
  pair.opens(0, syn_for(pair, 0));
  ASSERT_EQ(pair.shard(1).connect(pair.now, {kPeerAddress6, 8080}, 0).error, ConnectError::None);
  pair.run();
  EXPECT_EQ(pair.next_tcp(1).destination_mac, kPeerMac);
  EXPECT_EQ(pair.stats(1)[Counter::NdpSolicitsSent], 0U);
}

TEST(Ipv6Mail, AnAdvertisementMayReachTheShardThatDidNotAsk) {
  ShardPair pair;
  ASSERT_EQ(pair.shard(1).connect(pair.now, {kPeerAddress6, 8080}, 0).error, ConnectError::None);
  pair.run();
  const auto question = pair.next();
  ASSERT_TRUE(question && question->parts.ndp);
  EXPECT_EQ(question->from, 1U);
  pair.arrives(0, build(advertisement(kPeerAddress6, kOtherMac)));
  EXPECT_EQ(pair.next_tcp(1).destination_mac, kOtherMac);
}

// A router's message has a flow of its own, so the NIC brings it to any queue: it belongs to the flow that it quotes.
TEST(IcmpErrorMail, AnErrorGoesToTheOwnerOfTheFlowThatItQuotes) {
  for (const bool v6 : {false, true}) {
    SCOPED_TRACE(v6);
    ShardPair pair;
    pair.opens(0, v6 ? syn_for(pair, 0) : tcp_from_peer(kSyn, pair.port_of(0)));
    Connection connection = pair.service(0).connection;
    ASSERT_EQ(connection.send(std::as_bytes(std::span("hello", 5))), 5U);
    pair.run();
    const auto sent = pair.next();
    ASSERT_TRUE(sent && sent->parts.tcp);
    sim::IcmpError error;
    error.source_mac = kPeerMac;
    error.destination_mac = kOurMac;
    error.source = v6 ? IpAddress(kStranger6) : IpAddress(Ipv4Address{0x0a000063});
    error.destination = v6 ? IpAddress(kOurAddress6) : IpAddress(kOurAddress);
    error.type = v6 ? 1 : 3;
    error.quoted.assign(sent->bytes.begin() + 14, sent->bytes.end());
    pair.arrives(1, build(error));
    EXPECT_EQ(pair.stats(0)[Counter::IcmpErrorsTaken], 1U);
    EXPECT_EQ(pair.stats(1).total_drops(), 0U);
    // The owner does not send it on if it knows nothing of the flow.
    error.quoted[v6 ? 40 : 20] ^= std::byte{1};
    pair.arrives(1, build(error));
    EXPECT_EQ(pair.stats(0)[Drop::IcmpNoConnection] + pair.stats(1)[Drop::IcmpNoConnection], 1U);
  }
}

}  // namespace
}  // namespace levee::shard
