// Several interfaces: an untagged one and a VLAN on the same port, with addresses of their own, a routed address, and
// routes through gateways. Which listener answers, and where connections are sent to.
#include <gtest/gtest.h>

#include <memory>

#include "shard/frames.h"
#include "shard/topology.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::ConversationOptions;
using sim::kAck;
using sim::kSyn;
using sim::RecordingService;
using sim::TcpPacket;

constexpr MacAddress kVlanMac{{2, 0, 0, 0, 5, 1}};
constexpr Ipv4Address kVlanAddress{0x0a050001}, kRouted{0xc0000201};  // 10.5.0.1, 192.0.2.1
constexpr Ipv4Address kVlanPeer{0x0a050002};

ShardOptions two_interfaces() {
  ShardOptions options = ConversationOptions().shard;
  options.interfaces = {{.mac = kOurMac}, {.vlan = 5, .mac = kVlanMac, .mtu = 1400}};
  options.addresses = {{.address = kOurAddress},
                       {.address = kVlanAddress, .prefix_length = 16, .interface = 1},
                       {.address = kRouted, .prefix_length = 32}};
  options.routes = {
      {.prefix = {}, .prefix_length = 0, .next_hop = Ipv4Address{0x0a0000fe}},
      {.prefix = Ipv4Address{0xac100000}, .prefix_length = 12, .next_hop = Ipv4Address{0x0a0500fe}, .interface = 1},
      {.prefix = Ipv4Address{0xac100900}, .prefix_length = 24, .next_hop = Ipv4Address{0x0a0000fd}}};
  ListenerOptions any, exact;
  any.tcp_port = exact.tcp_port = 80;
  exact.address = kVlanAddress;
  exact.service = 1;
  ListenerOptions only_there = exact;
  only_there.tcp_port = 81;
  options.listeners = {any, exact, only_there};
  return options;
}

// The shard with a service behind each kind of listener.
struct Station {
  explicit Station(const ShardOptions& shard) {
    ConversationOptions options;
    options.shard = shard;
    options.arp = false;
    for (RecordingService*& service : services) {
      auto owned = std::make_unique<RecordingService>();
      service = owned.get();
      options.services.push_back(std::move(owned));
    }
    talk = std::make_unique<Conversation>(std::move(options));
    talk->ignores_the_rest();
  }

  // The shard's next frame, taken apart.
  [[nodiscard]] sim::Dissected next() const {
    const auto frame = talk->next_frame();
    return frame ? sim::dissect(*frame) : sim::Dissected{};
  }

  RecordingService* services[2] = {};
  std::unique_ptr<Conversation> talk;
};

TcpPacket on_vlan(std::uint8_t flags, Ipv4Address destination = kVlanAddress) {
  TcpPacket packet = tcp_from_peer(flags);
  packet.destination_mac = kVlanMac;
  packet.vlan = 5;
  packet.source = kVlanPeer;
  packet.destination = destination;
  return packet;
}

TEST(Interfaces, AFrameBelongsToTheInterfaceOfItsTag) {
  Station station(two_interfaces());
  TcpPacket first = on_vlan(kSyn);
  first.mss = 1460;
  station.talk->inject(build(first));
  const auto reply = station.next().tcp;
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->vlan, 5);
  EXPECT_EQ(reply->source_mac, kVlanMac);
  EXPECT_EQ(reply->source, kVlanAddress);
  EXPECT_EQ(reply->mss, 1360);  // of this interface's MTU
  TcpPacket untagged = on_vlan(kSyn);
  untagged.vlan = 0;
  station.talk->inject(build(untagged));  // the VLAN's MAC is not the untagged interface's
  EXPECT_EQ(station.talk->stats()[Drop::NotForUs], 1U);
  TcpPacket other = on_vlan(kSyn);
  other.vlan = 6;
  station.talk->inject(build(other));
  EXPECT_EQ(station.talk->stats()[Drop::UnknownVlan], 1U);
  EXPECT_FALSE(station.talk->next_frame());
}

TEST(Interfaces, AFrameOfAnotherPortIsNobodys) {
  Station station(two_interfaces());
  LaidOutFrame laid_out(station.talk->pool(), build(tcp_from_peer(kSyn)));
  Frame frame = laid_out.frame().front();
  frame.port = 1;
  station.talk->shard().receive(station.talk->now(), std::span(&frame, 1));
  EXPECT_EQ(station.talk->stats()[Drop::UnknownVlan], 1U);
}

TEST(Interfaces, APriorityTagIsTheUntaggedInterface) {
  Station station(two_interfaces());
  station.talk->inject(tagged(build(tcp_from_peer(kSyn)), 0xe000));
  const auto frame = station.talk->next_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(std::to_integer<int>((*frame)[14]), 0xe0);
}

TEST(Interfaces, ArpIsAnsweredWithTheInterfacesMac) {
  Station station(two_interfaces());
  station.talk->inject(tagged(build(arp_request(kVlanPeer, kVlanAddress)), 5));
  const auto frame = station.talk->next_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(sim::describe(*frame), "ARP reply 10.5.0.1 is-at 02:00:00:00:05:01");
  EXPECT_EQ(std::to_integer<int>((*frame)[15]), 5);
}

// A connection on the VLAN: handshake, then text by way of the neighbour table, which kept the two links apart.
// Another link may have a host of its own with our address here.
TEST(Interfaces, ArpIsAnsweredForTheInterfacesOwnAddressOnly) {
  const Station station(two_interfaces());
  station.talk->inject(build(arp_request(kPeerAddress, kVlanAddress)));  // untagged
  EXPECT_FALSE(station.talk->next_frame());
  EXPECT_EQ(station.talk->stats()[Drop::ArpNotForUs], 1U);
}

TEST(Interfaces, AConnectionStaysOnItsInterface) {
  Station station(two_interfaces());
  station.talk->inject(build(on_vlan(kSyn)));
  const auto syn_ack = station.next().tcp;
  ASSERT_TRUE(syn_ack);
  TcpPacket ack = on_vlan(kAck);
  ack.sequence += 1;
  ack.acknowledgment = syn_ack->sequence + 1;
  station.talk->inject(build(ack));
  ASSERT_TRUE(station.services[1]->connection.live());
  EXPECT_EQ(station.services[1]->connection.info().effective_mss, 536U);  // none was offered
  ASSERT_EQ(station.services[1]->connection.send(std::as_bytes(std::span("hello", 5))), 5U);
  const auto text = station.next().tcp;
  ASSERT_TRUE(text);
  EXPECT_EQ(text->vlan, 5);
  EXPECT_EQ(text->destination_mac, kPeerMac);
  EXPECT_EQ(text->source_mac, kVlanMac);
  EXPECT_EQ(sim::to_text(text->payload), "hello");
}

// RFC 9293 3.9.1.1, MUST-43: a listener for one address, or for any.
TEST(Interfaces, TheExactAddressIsListenedToBeforeTheWildcard) {
  Station station(two_interfaces());
  const auto opens = [&](TcpPacket packet) {
    station.talk->inject(build(packet));
    const auto syn_ack = station.next().tcp;
    if (!syn_ack || syn_ack->flags != (kSyn | kAck)) return false;
    packet.flags = kAck;
    packet.sequence += 1;
    packet.acknowledgment = syn_ack->sequence + 1;
    station.talk->inject(build(packet));
    return true;
  };
  EXPECT_TRUE(opens(on_vlan(kSyn)));
  EXPECT_EQ(station.services[1]->take_events(), "opened");
  EXPECT_TRUE(opens(on_vlan(kSyn, kRouted)));
  EXPECT_TRUE(opens(tcp_from_peer(kSyn)));
  EXPECT_EQ(station.services[0]->take_events(), "opened, opened");
  TcpPacket only_there = on_vlan(kSyn);
  only_there.destination_port = 81;
  EXPECT_TRUE(opens(only_there));
  EXPECT_EQ(station.services[1]->take_events(), "opened");
  TcpPacket not_here = tcp_from_peer(kSyn);
  not_here.destination_port = 81;
  EXPECT_FALSE(opens(not_here));
  EXPECT_EQ(station.talk->stats()[Drop::NoListener], 1U);
}

// MUST-44: an ARP request, on the right link, for the next hop, from the address that the connection uses.
TEST(Interfaces, ActiveOpensFollowTheRoutes) {
  struct {
    Ipv4Address to;
    const char* asks;
    bool vlan;
    Ipv4Address from;
  } const cases[] = {
      {{0x0a000063}, "ARP who-has 10.0.0.99 tell 10.0.0.1", false, kOurAddress},   // on link
      {{0x0a056363}, "ARP who-has 10.5.99.99 tell 10.5.0.1", true, kVlanAddress},  // on link, on the VLAN
      {{0xac100801}, "ARP who-has 10.5.0.254 tell 10.5.0.1", true, kVlanAddress},  // 172.16.8.1
      {{0xac100901}, "ARP who-has 10.0.0.253 tell 10.0.0.1", false, kOurAddress},  // 172.16.9.1, the longer prefix
      {{0x08080808}, "ARP who-has 10.0.0.254 tell 10.0.0.1", false, kOurAddress},  // the gateway
      {{0xc0000202},
       "ARP who-has 10.0.0.254 tell 10.0.0.1",
       false,
       kOurAddress},  // beside a routed address: not on link
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.asks);
    Station station(two_interfaces());
    const ConnectResult result = station.talk->shard().connect(station.talk->now(), SocketAddress{one.to, 80}, 0);
    ASSERT_EQ(result.error, ConnectError::None);
    EXPECT_EQ(result.connection.local().address, IpAddress(one.from));
    const auto frame = station.talk->next_frame();
    ASSERT_TRUE(frame);
    EXPECT_EQ(sim::describe(*frame), one.asks);
    EXPECT_EQ(frame->size(), one.vlan ? 46U : 42U);
    EXPECT_EQ(std::to_integer<int>((*frame)[one.vlan ? 15 : 12]), one.vlan ? 5 : 8);  // VLAN, or type 0x0806
  }
}

TEST(Interfaces, WithoutARouteNothingIsOpened) {
  ShardOptions options = two_interfaces();
  options.routes.clear();
  Station station(options);
  const auto refuse = [&](Ipv4Address to, ConnectError error) {
    const ConnectResult result = station.talk->shard().connect(station.talk->now(), SocketAddress{to, 80}, 0);
    EXPECT_EQ(result.error, error) << to_string(to);
    EXPECT_FALSE(result.connection.live());
  };
  for (const std::uint32_t to : {0x08080808U, 0xc0000202U}) refuse(Ipv4Address{to}, ConnectError::NoSourceAddress);
  for (const Ipv4Address to :
       {kOurAddress, kRouted, Ipv4Address{0x0a0000ff}, Ipv4Address{0xe0000001}, Ipv4Address{0xffffffff}}) {
    refuse(to, ConnectError::BadAddress);
  }
}

TEST(Topology, DirectedBroadcastsAreThoseOfOurPrefixes) {
  const Topology topology(two_interfaces());
  EXPECT_TRUE(topology.is_directed_broadcast({0x0a0000ff}));
  EXPECT_TRUE(topology.is_directed_broadcast({0x0a000000}));
  EXPECT_TRUE(topology.is_directed_broadcast({0x0a05ffff}));
  EXPECT_FALSE(topology.is_directed_broadcast({0x0a0500ff}));  // an ordinary host in a /16
  EXPECT_FALSE(topology.is_directed_broadcast(kRouted));
  EXPECT_FALSE(topology.is_directed_broadcast({0x0b0000ff}));
}

// RFC 3021: on a /31 both addresses are hosts.
TEST(Topology, APointToPointLinkHasNoBroadcast) {
  ShardOptions options = two_interfaces();
  options.addresses = {{.address = Ipv4Address{0x0a000000}, .prefix_length = 31}};
  const Topology topology(options);
  EXPECT_FALSE(topology.is_directed_broadcast({0x0a000000}));
  EXPECT_FALSE(topology.is_directed_broadcast({0x0a000001}));
  const auto hop = topology.route(Ipv4Address{0x0a000001});
  ASSERT_TRUE(hop);
  EXPECT_EQ(hop->address, Ipv4Address{0x0a000001});
}

// RFC 9293 3.7.1, MUST-67.
TEST(Topology, MssFollowsTheMtuAndTheOption) {
  const Topology topology(two_interfaces());
  EXPECT_EQ(topology.mss_limits(0, {}, kHeaders4).receive, 1460);
  EXPECT_EQ(topology.mss_limits(1, {}, kHeaders4).send, 1360);
  EXPECT_EQ(topology.mss_limits(1, {.max_mss = 1000}, kHeaders4).send, 1000);
  EXPECT_EQ(topology.mss_limits(1, {.max_mss = 9000}, kHeaders4).receive, 1360);
}

}  // namespace
}  // namespace levee::shard
