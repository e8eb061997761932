// Whole conversations over IPv6: every kind of record holds such a flow, finds it again and lets go of its addresses,
// which the invariants count after every step.
#include <gtest/gtest.h>

#include <set>

#include "shard/impl.h"
#include "shard/ipv6_frames.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Conversation;
using sim::data;
using sim::fin;
using sim::kRst;
using sim::kSyn;
using sim::Peer;
using sim::PeerOptions;
using sim::rst;
using sim::rst_ack;
using sim::Seen;
using sim::syn;
using sim::syn_ack;
using sim::TcpPacket;
using namespace std::chrono_literals;

PeerOptions from(std::uint16_t tcp_port, const Ipv6Address& address = kPeerAddress6) {
  PeerOptions options;
  options.address = address;
  options.tcp_port = tcp_port;
  return options;
}

sim::ConversationOptions with_cookies(SynCookies cookies) {
  sim::ConversationOptions options = over_ipv6();
  options.shard.syn.cookies = cookies;
  options.secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
  return options;
}

// We close first: the peer's tuple is in TIME-WAIT afterwards.
void close_first(Conversation& talk, Peer& peer) {
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin());
  peer.expects(ack());
  ASSERT_EQ(talk.shard().time_wait(), 1U);
}

// DESIGN.md, "State, sized for millions": IPv4 pays nothing, and half-open IPv6 at most 96 bytes in all.
TEST(Ipv6, AddressesLieBesideTheRecords) {
  EXPECT_LE(sizeof(HalfOpenRecord), 64U);
  EXPECT_LE(sizeof(HalfOpenRecord) + sizeof(Addresses6), 96U);
  EXPECT_LE(sizeof(TimeWaitEntry), 40U);
  EXPECT_EQ(sizeof(FlowKey4), 12U);
  EXPECT_EQ(sizeof(FlowKey6), 36U);
}

TEST(Ipv6, HandshakeDataAndTeardown) {
  Conversation talk(over_ipv6());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1440).sack_permitted().scale(7).ts(5000, 0));
  // RFC 9293 3.7.1, MUST-67: the MTU less 60 bytes.
  const Seen answer = peer.expects(syn_ack().ack(1).mss(1440).sack_permitted().scale(3));
  EXPECT_EQ(answer.source, IpAddress(kOurAddress6));
  EXPECT_EQ(answer.source_mac, kOurMac);
  EXPECT_EQ(answer.ttl, 64);
  peer.sends({ack(), data("hello")});
  const Seen acknowledgment = peer.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, data 5");
  EXPECT_EQ(talk.service().connection.local(), (SocketAddress{kOurAddress6, 80}));
  EXPECT_EQ(talk.service().connection.remote(), (SocketAddress{kPeerAddress6, 40000}));
  ASSERT_EQ(talk.service().connection.send(std::as_bytes(std::span("good day", 8))), 8U);
  const Seen text = peer.expects(data("good day"));
  // RFC 6437 3: one label in all of a flow's packets, and not 0, whichever way they were written.
  EXPECT_NE(answer.flow_label, 0U);
  EXPECT_EQ(acknowledgment.flow_label, answer.flow_label);
  EXPECT_EQ(text.flow_label, answer.flow_label);
  peer.sends(ack());
  close_first(talk, peer);
  EXPECT_EQ(talk.service().take_events(), "peer_closed, closed normal");
  EXPECT_EQ(talk.shard().connections(), 0U);
  talk.advance(61s);
  EXPECT_EQ(talk.shard().time_wait(), 0U);
}

TEST(Ipv6, EveryFlowHasALabelOfItsOwn) {
  Conversation talk(with_cookies(SynCookies::Always));
  std::set<std::uint32_t> labels;
  for (std::uint16_t port = 40000; port < 40200; ++port) {
    Peer& peer = talk.add_peer(from(port));
    peer.sends(syn().mss(1440));
    labels.insert(peer.expects(syn_ack()).flow_label);
  }
  EXPECT_GE(labels.size(), 199U);
}

// RFC 9293 3.7.1, MUST-15: without the option 1220 bytes, where IPv4 has 536.
TEST(Ipv6, WithoutAnMssOptionThePeerTakes1220Bytes) {
  for (const SynCookies cookies : {SynCookies::Never, SynCookies::Always}) {
    Conversation talk(with_cookies(cookies));
    Peer& peer = talk.peer();
    peer.sends(syn());
    peer.expects(syn_ack());
    peer.sends(ack());
    talk.run();
    const std::uint32_t mss = talk.service().connection.info().effective_mss;
    // A cookie rounds down.
    EXPECT_EQ(mss, cookies == SynCookies::Always ? 1200U : 1220U);
  }
}

// Nobody gets more than he sent: over IPv6 no SYN leaves room in its frame.
TEST(Ipv6, ASynAckIsNeverLongerThanItsSyn) {
  for (const SynCookies cookies : {SynCookies::Never, SynCookies::Always}) {
    Conversation talk(with_cookies(cookies));
    const TcpPacket bare = tcp6_from_peer(kSyn);
    for (unsigned options = 0; options < 16; ++options) {
      TcpPacket packet = bare;
      packet.source_port = static_cast<std::uint16_t>(41000 + options);
      if ((options & 1) != 0) packet.mss = std::uint16_t{1440};
      if ((options & 2) != 0) packet.window_scale = std::uint8_t{7};
      if ((options & 4) != 0) packet.sack_permitted = true;
      if ((options & 8) != 0) packet.timestamps = sim::Timestamps{5000, 0};
      const sim::Bytes frame = build(packet);
      talk.inject(frame);
      const auto answer = talk.next_frame();
      if (!answer) break;  // the SYN queue is full
      EXPECT_LE(answer->size(), frame.size()) << options;
      EXPECT_EQ(sim::dissect(*answer).tcp->mss.has_value(), packet.mss.has_value());
    }
    EXPECT_GE(talk.stats()[Counter::SynAcksSent], 14U);
  }
}

TEST(Ipv6, ASynAckIsRepeatedFromTheRecord) {
  Conversation talk(over_ipv6());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1440));
  const Seen first = peer.expects(syn_ack().ack(1));
  talk.advance(1s);
  const Seen second = peer.expects(syn_ack().seq(0).ack(1).mss(1440));
  EXPECT_EQ(second.flow_label, first.flow_label);
  talk.advance(30s);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  talk.ignores_the_rest();
}

TEST(Ipv6, ASynAgainIsAnsweredAgain) {
  Conversation talk(over_ipv6());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1440));
  peer.expects(syn_ack().seq(0));
  peer.sends(syn().mss(1440));
  peer.expects(syn_ack().seq(0));
  EXPECT_EQ(talk.shard().half_open(), 1U);
  peer.sends(rst().seq(1));
  talk.run();
  EXPECT_EQ(talk.shard().half_open(), 0U);
}

// Nothing but the last 4 bytes of the keys tells the families apart here: an IPv6 flow whose TCP ports are an IPv4
// flow's is another flow.
TEST(Ipv6, FlowsOfBothFamiliesWithTheSamePortsAreTwo) {
  Conversation talk(with_ipv6());
  Peer& four = talk.peer();
  Peer& six = talk.add_peer(from(40000));
  Peer& other = talk.add_peer(from(40000, kStranger6));
  four.opens();
  six.opens();
  other.opens();
  EXPECT_EQ(talk.shard().connections(), 3U);
  four.sends(data("four"));
  four.expects(ack(5));
  six.sends(data("six"));
  six.expects(ack(4));
  other.sends(data("other"));
  other.expects(ack(6));
  EXPECT_EQ(talk.service().received, "foursixother");
}

TEST(Ipv6, ARepeatedFinRestartsTimeWait) {
  Conversation talk(over_ipv6());
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  close_first(talk, peer);
  talk.advance(50s);
  peer.sends(fin().seq(1));
  peer.expects(ack(2));
  talk.advance(50s);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.advance(11s);
  EXPECT_EQ(talk.shard().time_wait(), 0U);
}

// RFC 9293 3.6.1, MAY-2, RFC 6191.
TEST(Ipv6, ANewerSynReopensTimeWait) {
  for (const SynCookies cookies : {SynCookies::Auto, SynCookies::Always}) {
    Conversation talk(with_cookies(cookies));
    Peer& peer = talk.peer();
    peer.opens({.timestamps = true});
    close_first(talk, peer);
    talk.advance(1s);
    Peer& again = talk.add_peer({.address = kPeerAddress6, .iss = 200000});
    const auto clock = static_cast<std::uint32_t>(to_milliseconds(talk.now()));
    again.sends(syn().mss(1440).ts(again.timestamp_base + clock, 0));
    again.expects(syn_ack().ack(1));
    EXPECT_EQ(talk.shard().time_wait(), 1U);  // it stays until the ACK is valid
    EXPECT_EQ(talk.shard().half_open(), 1U);
    again.sends(ack());
    talk.run();
    EXPECT_EQ(talk.shard().time_wait(), 0U);
    EXPECT_EQ(talk.shard().connections(), 1U);
    EXPECT_EQ(talk.stats()[Counter::TimeWaitRecycled], 1U);
  }
}

TEST(Ipv6, TheOldestTimeWaitEntryMakesRoom) {
  sim::ConversationOptions options = over_ipv6();
  options.shard.limits.time_wait = 2;
  Conversation talk(std::move(options));
  for (std::uint16_t port = 40000; port < 40004; ++port) {
    Peer& peer = talk.add_peer(from(port));
    peer.opens();
    talk.service().connection.close();
    peer.expects(fin());
    peer.sends(fin());
    peer.expects(ack());
  }
  EXPECT_EQ(talk.shard().time_wait(), 2U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitEvicted], 2U);
}

TEST(Ipv6, ACookieCarriesTheOptions) {
  Conversation talk(with_cookies(SynCookies::Always));
  Peer& peer = talk.peer();
  peer.opens({.mss = 1400, .scale = 7, .sack = true, .timestamps = true});
  talk.run();
  EXPECT_EQ(talk.shard().half_open(), 0U);
  const ConnectionInfo info = talk.service().connection.info();
  EXPECT_EQ(info.effective_mss, 1388U);
  EXPECT_TRUE(info.sack && info.timestamps && info.window_scaling);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesSent], 1U);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesRecv], 1U);
  EXPECT_EQ(talk.service().connection.remote(), (SocketAddress{kPeerAddress6, 40000}));
}

TEST(Ipv6, AForgedCookieIsSilent) {
  Conversation talk(with_cookies(SynCookies::Always));
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1440));
  peer.expects(syn_ack());
  peer.sends(ack(2));
  peer.expects_nothing();
  // The cookie of one address is none of another's.
  Peer& other = talk.add_peer(from(40000, kStranger6));
  other.irs = peer.irs;
  other.sends(ack(1).seq(1));
  other.expects_nothing();
  EXPECT_EQ(talk.stats()[Counter::SyncookiesFailed], 2U);
  peer.sends(ack(1).seq(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
}

TEST(Ipv6, StraysAreReset) {
  Conversation talk(over_ipv6());
  Peer& peer = talk.peer();
  peer.sends(ack(700).seq(300));
  peer.expects(rst().seq(700));
  Peer& closed = talk.add_peer({.address = kPeerAddress6, .tcp_port = 40001, .shard_port = 81});
  closed.sends(syn());
  closed.expects(rst_ack().ack(1));
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 2U);
}

// Whoever has one address of a /64 has them all.
TEST(Ipv6, RstsAreLimitedByPrefix) {
  Conversation talk(over_ipv6());
  const auto strays_from = [&](std::uint8_t prefix) {
    for (unsigned i = 0; i < 150; ++i) {
      TcpPacket packet = tcp6_from_peer(sim::kAck);
      Ipv6Address source = fd00(static_cast<std::uint8_t>(i + 10));
      source.octets[7] = prefix;
      packet.source = source;
      talk.inject(build(packet));
    }
  };
  strays_from(0);
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 100U);
  strays_from(1);
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 200U);
  EXPECT_EQ(talk.stats()[Counter::RstLimited], 100U);
  talk.ignores_the_rest();
}

TEST(Ipv6, AnInWindowSynIsChallenged) {
  Conversation talk(over_ipv6());
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(syn().seq(100));
  peer.expects(ack(1).seq(1));
  EXPECT_EQ(talk.stats()[Counter::TCPChallengeACK], 1U);
}

TEST(Ipv6, ConnectsAndTalks) {
  Conversation talk(with_ipv6());
  Peer& peer = talk.add_peer({.address = kPeerAddress6, .tcp_port = 8080, .shard_port = 0});
  const ConnectResult result = talk.shard().connect(talk.now(), {kPeerAddress6, 8080}, 0);
  ASSERT_EQ(result.error, ConnectError::None);
  const Seen opening = peer.expects(syn().seq(0).mss(1440).sack_permitted());
  EXPECT_EQ(opening.source, IpAddress(kOurAddress6));  // MUST-44
  peer.sends(syn_ack().ack(1).no_ts());                // no MSS: 1220 (MUST-15)
  peer.expects(ack(1));
  EXPECT_EQ(result.connection.info().effective_mss, 1220U);
  peer.sends(data("hello"));
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
  EXPECT_EQ(result.connection.remote(), (SocketAddress{kPeerAddress6, 8080}));
}

// RFC 9293 3.9.1.1, MUST-46.
TEST(Ipv6, DoesNotConnectToWhatIsNoHost) {
  Conversation talk(with_ipv6());
  for (const Ipv6Address& address : {Ipv6Address{}, kAllNodes, kOurAddress6}) {
    EXPECT_EQ(talk.shard().connect(talk.now(), {address, 80}, 0).error, ConnectError::BadAddress);
  }
  EXPECT_EQ(talk.shard().connect(talk.now(), {Ipv6Address{{0xfc}}, 80}, 0).error, ConnectError::NoSourceAddress);
  Conversation four;
  EXPECT_EQ(four.shard().connect(four.now(), {kPeerAddress6, 80}, 0).error, ConnectError::NoSourceAddress);
}

// A connection through a router: its next hop is found and asked for, not the peer.
TEST(Ipv6, ARoutedPeerIsReachedThroughItsRouter) {
  sim::ConversationOptions options = with_ipv6();
  options.arp = false;
  const Ipv6Address router = fd00(0xfe);
  options.shard.routes.push_back({.prefix = Ipv6Address{}, .prefix_length = 0, .next_hop = router});
  Conversation talk(std::move(options));
  const Ipv6Address far{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  ASSERT_EQ(talk.shard().connect(talk.now(), {far, 80}, 0).error, ConnectError::None);
  const auto question = talk.next_frame();
  ASSERT_TRUE(question && sim::dissect(*question).ndp);
  EXPECT_EQ(sim::dissect(*question).ndp->target, router);
  talk.inject(build(advertisement(router, kOtherMac)));
  const auto first = talk.next_frame();
  ASSERT_TRUE(first && sim::dissect(*first).tcp);
  EXPECT_EQ(sim::dissect(*first).tcp->destination, IpAddress(far));
  EXPECT_EQ(sim::dissect(*first).tcp->destination_mac, kOtherMac);
  talk.ignores_the_rest();
}

// RFC 4291 2.5.6: the peer is on the link that its SYN came from, though another one has the prefix, too.
TEST(Ipv6, ALinkLocalPeerIsOnItsLink) {
  sim::ConversationOptions options = with_ipv6();
  Ipv6Address own = kOurAddress6, peers = kPeerAddress6;
  own.octets[0] = peers.octets[0] = 0xfe;
  own.octets[1] = peers.octets[1] = 0x80;
  options.shard.interfaces.push_back({.port = 0, .vlan = 5, .mac = kOurMac});
  options.shard.addresses = {{.address = own, .prefix_length = 64, .interface = 1}};
  Conversation talk(std::move(options));
  Peer& peer = talk.add_peer(from(40000, peers));
  peer.opens();
  peer.sends(data("hello"));
  EXPECT_EQ(peer.expects(ack(6)).vlan, 0);
  EXPECT_EQ(talk.stats()[Counter::NdpSolicitsSent], 0U);  // the handshake's ACK proved the MAC
}

// The exact address goes before the wildcard, which is of both families.
TEST(Ipv6, ListenersAreFoundByAddress) {
  ShardOptions options = with_ipv6().shard;
  ListenerOptions exact;
  exact.tcp_port = 80;
  exact.address = kOurAddress6;
  options.listeners.push_back(exact);
  exact.tcp_port = 81;
  options.listeners.push_back(exact);
  const Topology topology(options);
  EXPECT_EQ(topology.listener(kOurAddress, 80), 0);
  EXPECT_EQ(topology.listener(kOurAddress6, 80), 1);
  EXPECT_EQ(topology.listener(kStranger6, 80), 0);
  EXPECT_EQ(topology.listener(kOurAddress6, 81), 2);
  EXPECT_EQ(topology.listener(kStranger6, 81), Topology::kNoListener);
}

TEST(Ipv6, RoutesOfOneFamilyAreNotTheOthers) {
  ShardOptions options = with_ipv6().shard;
  options.routes.push_back({.prefix = Ipv6Address{}, .prefix_length = 0, .next_hop = fd00(0xfe)});
  const Topology topology(options);
  EXPECT_FALSE(topology.route(Ipv4Address{0x08080808}));
  const auto far = topology.route(Ipv6Address{{0x20, 1}});
  ASSERT_TRUE(far);
  EXPECT_EQ(far->address, IpAddress(fd00(0xfe)));
  EXPECT_EQ(far->source, IpAddress(kOurAddress6));
  EXPECT_EQ(far->route, 0U);
  const auto near = topology.route(kStranger6);
  ASSERT_TRUE(near);
  EXPECT_EQ(near->address, IpAddress(kStranger6));
  EXPECT_EQ(near->route, NextHop::kOnLink);
}

TEST(Ipv6, TheDigestKnowsAddresses) {
  const auto digest_of = [](const Ipv6Address& address) {
    Conversation talk(with_ipv6());
    talk.add_peer(from(40000, address)).sends(syn());
    talk.run();
    talk.ignores_the_rest();
    return talk.shard().digest();
  };
  EXPECT_EQ(digest_of(kPeerAddress6), digest_of(kPeerAddress6));
  EXPECT_NE(digest_of(kPeerAddress6), digest_of(kStranger6));
}

TEST(Ipv6, EverybodyIsAborted) {
  Conversation talk(over_ipv6());
  Peer& open = talk.peer();
  open.opens();
  Peer& halfway = talk.add_peer(from(40001));
  halfway.sends(syn());
  halfway.expects(syn_ack());
  talk.shard().deliver(talk.now(), AbortAll{});
  talk.run();
  open.expects(rst_ack());
  EXPECT_TRUE(talk.shard().idle());
}

}  // namespace
}  // namespace levee::shard
