// The tables of ShardLimits and the bounds of work per call are reached once each: it is counted, nothing breaks, and
// service goes on afterwards. What holds payload is in buffer_limits_test.cc.
#include <gtest/gtest.h>

#include <vector>

#include "shard/frames.h"
#include "shard/limited.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Conversation;
using sim::fin;
using sim::Peer;
using sim::syn;
using sim::syn_ack;
using namespace std::chrono_literals;

TEST(Limits, Connections) {
  ShardLimits limits = small();
  limits.connections = 2;
  Conversation talk(with(limits));
  Peer& first = add(talk, 0);
  first.opens();
  const Connection connection = talk.service().connection;
  add(talk, 1).opens();
  Peer& third = add(talk, 2);
  third.opens();  // its SYN is answered, its ACK finds no room
  EXPECT_EQ(talk.stats()[Drop::ConnectionsFull], 1U);
  EXPECT_EQ(talk.stats()[Counter::ListenDrops], 1U);
  EXPECT_EQ(talk.stats()[Counter::ListenOverflows], 0U);  // the backlog had room
  EXPECT_EQ(talk.shard().connect(talk.now(), SocketAddress{kPeerAddress, 8080}, 0).error, ConnectError::NoResource);
  closes(first, connection);
  third.sends(sim::data("hello"));  // the client thinks that it is connected, and tries
  third.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
}

TEST(Limits, HalfOpen) {
  ShardLimits limits = small();
  limits.half_open = 2;
  sim::ConversationOptions options = with(limits);
  options.shard.syn.cookies = SynCookies::Never;
  Conversation talk(std::move(options));
  Peer &one = add(talk, 0), &other = add(talk, 1), &third = add(talk, 2);
  one.sends(syn());
  one.expects(syn_ack());
  other.sends(syn());
  other.expects(syn_ack());
  third.sends(syn());
  third.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::SynQueueFull], 1U);
  EXPECT_EQ(talk.stats()[Counter::TCPReqQFullDrop], 1U);
  EXPECT_EQ(talk.stats()[Counter::ListenDrops], 1U);
  EXPECT_EQ(talk.stats()[Counter::ListenOverflows], 0U);
  one.sends(ack());  // one of the two completes
  third.opens();
  EXPECT_EQ(talk.service().take_events(), "opened, opened");
}

TEST(Limits, TimeWaitMakesRoomForTheNewest) {
  ShardLimits limits = small();
  limits.time_wait = 2;
  Conversation talk(with(limits));
  for (unsigned n = 0; n < 4; ++n) {
    Peer& peer = add(talk, n);
    peer.opens();
    closes(peer, talk.service().connection);
  }
  EXPECT_EQ(talk.shard().time_wait(), 2U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitEvicted], 2U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitEntered], 4U);
  talk.advance(61s);
  EXPECT_EQ(talk.shard().time_wait(), 0U);
  EXPECT_EQ(talk.stats()[Counter::TimeWaitExpired], 2U);
}

TEST(Limits, WithoutTimeWaitEntriesConnectionsJustEnd) {
  ShardLimits limits = small();
  limits.time_wait = 0;
  Conversation talk(with(limits));
  Peer& peer = add(talk, 0);
  peer.opens();
  closes(peer, talk.service().connection);
  EXPECT_EQ(talk.service().take_events(), "opened, peer_closed, closed normal");
  EXPECT_EQ(talk.shard().time_wait(), 0U);
  EXPECT_TRUE(talk.shard().idle());
  peer.sends(fin().seq(1));  // a repetition meets nobody
  peer.expects(sim::rst());
}

TEST(Limits, Neighbours) {
  ShardLimits limits = small();
  limits.neighbours = 8;
  Conversation talk(with(limits));
  const auto add_host = [&](std::uint32_t number) -> Peer& {
    return talk.add_peer(
        {.address = Ipv4Address{0x0a000010 + number}, .mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(number)}}});
  };
  for (std::uint32_t n = 0; n < 8; ++n) add_host(n).opens();
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 8U);
  Peer& ninth = add_host(8);
  ninth.opens();
  EXPECT_GT(talk.stats()[Counter::NeighbourTableFull], 0U);
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 8U);
  ninth.sends(sim::data("hello"));
  ninth.expects_nothing();
  talk.advance(61s);  // now the others count as stale
  ninth.sends(sim::data("hello").seq(1));
  ninth.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
}

// Hosts on the link that fill the table under many addresses do not cut off everybody behind the router.
TEST(Limits, ARouterHasAPlaceAmongNeighbours) {
  ShardLimits limits = small();
  limits.neighbours = 8;
  sim::ConversationOptions options = with(limits);
  options.shard.routes = {{.next_hop = Ipv4Address{0x0a0000fe}}};
  Conversation talk(std::move(options));
  for (std::uint32_t n = 0; n < 8; ++n) {
    talk.add_peer({.address = Ipv4Address{0x0a000010 + n}, .mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(n)}}})
        .opens();
  }
  Peer& far = talk.add_peer({.address = Ipv4Address{0xc0000209}, .mac = {{2, 0, 0, 0, 1, 0xfe}}});
  far.opens();
  far.sends(sim::data("hello"));
  far.expects(ack(6));
  EXPECT_EQ(talk.stats()[Counter::NeighbourTableFull], 0U);
}

TEST(Limits, OutgoingPerTransmit) {
  ShardLimits limits = small();
  limits.outgoing_per_transmit = 4;
  Conversation talk(with(limits));
  Peer& peer = add(talk, 0);
  peer.opens({.mss = 536});
  const std::vector<std::byte> text(5360, std::byte{'x'});
  ASSERT_EQ(talk.service().connection.send(text), text.size());
  EXPECT_FALSE(talk.shard().transmit(talk.now()));  // there is more
  EXPECT_EQ(talk.shard().outgoing().size(), 4U);
  for (int n = 0; n < 10; ++n) peer.expects(sim::data_of(536));
  peer.expects_nothing();
}

// Answers to a burst that is larger than the list of outgoing frames are left out and counted; nothing is written
// beyond the list.
TEST(Limits, RepliesToOneBurst) {
  ShardLimits limits = small();
  limits.outgoing_per_transmit = 2;
  limits.timers_per_expire = 1;
  limits.half_open = 64;
  Conversation talk(with(limits));
  std::vector<sim::Bytes> burst;
  for (unsigned n = 0; n < 40; ++n)
    burst.push_back(build(tcp_from_peer(sim::kSyn, static_cast<std::uint16_t>(40000 + n))));
  talk.inject(burst);
  const StatsSnapshot stats = talk.stats();
  EXPECT_GT(stats[Drop::ReplyShed], 0U);
  EXPECT_EQ(stats[Counter::FramesSent] + stats[Drop::ReplyShed], 40U);
  EXPECT_EQ(talk.shard().half_open(), stats[Counter::FramesSent]);  // nothing is kept for the others
  for (const sim::Bytes& frame : burst) talk.inject(frame);
  EXPECT_EQ(talk.shard().half_open(), 40U);  // they asked again
  talk.ignores_the_rest();
}

TEST(Limits, TimersPerExpire) {
  ShardLimits limits = small();
  limits.timers_per_expire = 2;
  Conversation talk(with(limits));
  std::vector<Peer*> peers;
  for (unsigned n = 0; n < 7; ++n) {
    peers.push_back(&add(talk, n));
    peers.back()->sends(syn());
    peers.back()->expects(syn_ack());
  }
  const Instant due = talk.now() + 1s;
  std::size_t before = 0;
  int calls = 1;
  for (; !talk.shard().expire(due) && calls < 100; ++calls) {
    EXPECT_LE(talk.shard().outgoing().size(), before + 2);
    before = talk.shard().outgoing().size();
  }
  EXPECT_GE(calls, 4);
  EXPECT_EQ(talk.shard().outgoing().size(), 7U);
  talk.run();
  for (Peer* peer : peers) peer->expects(syn_ack());
}

TEST(Limits, TimeWaitExpiryIsBoundedToo) {
  ShardLimits limits = small();
  limits.timers_per_expire = 2;
  Conversation talk(with(limits));
  for (unsigned n = 0; n < 5; ++n) {
    Peer& peer = add(talk, n);
    peer.opens();
    closes(peer, talk.service().connection);
  }
  EXPECT_FALSE(talk.shard().expire(talk.now() + 61s));
  EXPECT_EQ(talk.shard().time_wait(), 3U);
  EXPECT_FALSE(talk.shard().expire(talk.now() + 61s));
  EXPECT_TRUE(talk.shard().expire(talk.now() + 61s));
  EXPECT_EQ(talk.shard().time_wait(), 0U);
}

}  // namespace
}  // namespace levee::shard
