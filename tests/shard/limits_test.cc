// Every size in ShardLimits is reached once: it is counted, nothing breaks, and service goes on afterwards.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Conversation;
using sim::ConversationOptions;
using sim::fin;
using sim::Peer;
using sim::syn;
using sim::syn_ack;
using namespace std::chrono_literals;

ConversationOptions with(const ShardLimits& limits) {
  ConversationOptions options;
  options.shard.limits = limits;
  return options;
}
ShardLimits small() { return ConversationOptions().shard.limits; }

Peer& add(Conversation& talk, unsigned number) {
  return talk.add_peer({.tcp_port = static_cast<std::uint16_t>(41000 + number)});
}

// Both sides close, the service first; it ends in TIME-WAIT.
void closes(Peer& peer, Connection connection) {
  connection.close();
  peer.expects(fin());
  peer.sends(fin());
  peer.expects(ack());
}

// Writes as much as it may whenever it may.
class Flooding final : public Service {
 public:
  void on_opened(Connection connection) override { on_writable(connection); }
  void on_data(Connection connection) override { connection.consume(connection.readable()); }
  void on_writable(Connection connection) override {
    const std::vector<std::byte> chunk(1000, std::byte{'x'});
    std::size_t sent = 0;
    do {
      sent = connection.send(chunk);
      total += sent;
    } while (sent == chunk.size());
  }
  void on_closed(Connection /*connection*/, CloseCause /*cause*/) override {}

  std::size_t total = 0;
};

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
  EXPECT_EQ(talk.stats()[Counter::ListenOverflows], 1U);
  EXPECT_EQ(talk.shard().connect(talk.now(), SocketAddress{kPeerAddress, 8080}, 0).error, ConnectError::NoResource);
  closes(first, connection);
  third.sends(sim::data("hello"));  // the client thinks that it is connected, and tries
  third.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
}

TEST(Limits, TransfersForReceiving) {
  ShardLimits limits = small();
  limits.transfers = 1;
  Conversation talk(with(limits));
  talk.service().consumes = false;
  Peer &one = add(talk, 0), &other = add(talk, 1);
  one.opens();
  other.opens();
  one.sends(sim::data("hello"));
  one.expects(ack(6));
  Connection unread = talk.service().connection;
  other.sends(sim::data("hello"));
  other.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::BuffersFull], 1U);
  unread.consume(5);
  other.sends(sim::data("hello").seq(1));
  other.expects(ack(6));
}

TEST(Limits, TransfersForSending) {
  ShardLimits limits = small();
  limits.transfers = 1;
  auto flooding = std::make_unique<Flooding>();
  Flooding& service = *flooding;
  ConversationOptions options = with(limits);
  options.services.push_back(std::move(flooding));
  Conversation talk(std::move(options));
  Peer &one = add(talk, 0), &other = add(talk, 1);
  one.opens();
  ASSERT_GT(service.total, 0U);
  const std::size_t before = service.total;
  other.opens();  // wants to write at once, and has nothing to keep it in
  other.expects_nothing();
  EXPECT_EQ(service.total, before);
  one.sends(sim::rst().seq(1));
  other.expects(sim::data_of(1460));
  EXPECT_GT(service.total, before);
  talk.ignores_the_rest();
}

TEST(Limits, HalfOpen) {
  ShardLimits limits = small();
  limits.half_open = 2;
  Conversation talk(with(limits));
  Peer &one = add(talk, 0), &other = add(talk, 1), &third = add(talk, 2);
  one.sends(syn());
  one.expects(syn_ack());
  other.sends(syn());
  other.expects(syn_ack());
  third.sends(syn());
  third.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::SynQueueFull], 1U);
  EXPECT_EQ(talk.stats()[Counter::ListenOverflows], 1U);
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

TEST(Limits, Slices) {
  ShardLimits limits = small();
  limits.slices = 8;
  Conversation talk(with(limits));
  Peer& peer = add(talk, 0);
  peer.opens();
  const std::string ten(10, 'x');
  for (std::uint32_t n = 1; n <= 20; ++n) peer.sends(sim::data(ten).seq(1 + 10 * n));  // the first is missing
  const StatsSnapshot full = talk.stats();
  EXPECT_GT(full[Drop::OutOfOrderFull] + full[Drop::BuffersFull], 0U);
  peer.sends(sim::data(ten).seq(1));  // what fills the hole is let in all the same
  EXPECT_GT(talk.service().received.size(), 60U);
  const auto taken = static_cast<std::uint32_t>(talk.service().received.size());
  for (std::uint32_t n = taken / 10; n <= 20; ++n) peer.sends(sim::data(ten).seq(1 + 10 * n));
  EXPECT_EQ(talk.service().received, std::string(210, 'x'));
  talk.ignores_the_rest();
}

TEST(Limits, Neighbours) {
  ShardLimits limits = small();
  limits.neighbours = 8;
  Conversation talk(with(limits));
  const auto add_host = [&](std::uint32_t number) -> Peer& {
    return talk.add_peer(
        {.address = {0x0a000010 + number}, .mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(number)}}});
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

// One blank more than ACKs and RSTs are promised: payload gets through one block at a time.
TEST(Limits, Blanks) {
  ShardLimits limits = small();
  limits.blanks = 65;
  Conversation talk(with(limits));
  Peer& peer = add(talk, 0);
  peer.opens();
  Connection connection = talk.service().connection;
  const std::vector<std::byte> text(6000, std::byte{'x'});
  const std::size_t sent = connection.send(text);
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, text.size());
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, writable");
  EXPECT_GT(connection.send(text), 0U);
  peer.expects(sim::data_of(1460));
  talk.ignores_the_rest();
}

// Somebody else has all the buffers for a while.
TEST(Limits, AnEmptyPool) {
  ConversationOptions options;
  options.checks_invariants = false;  // the balance counts what this test has taken as lost
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens();
  const sim::Bytes question = peer.frame_of(sim::data("hello"));
  peer.snd_nxt += 5;
  const LaidOutFrame frame(talk.pool(), question);
  take_blanks_away(talk);
  std::vector<Block*> taken;
  while (Block* block = talk.pool().take()) taken.push_back(block);
  Connection connection = talk.service().connection;
  EXPECT_EQ(connection.send(std::as_bytes(std::span("world", 5))), 0U);
  receive(talk, frame);
  EXPECT_FALSE(talk.shard().transmit(talk.now()));  // an ACK is owed and cannot be written
  EXPECT_TRUE(talk.shard().outgoing().empty());
  EXPECT_GT(talk.stats()[Counter::BlanksExhausted], 0U);
  for (Block* block : taken) {
    block->refs = 0;
    talk.pool().put(block);
  }
  talk.service().take_events();
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
  EXPECT_EQ(talk.service().take_events(), "data 5, writable");
  EXPECT_EQ(talk.shard().check_invariants(), "");
}

TEST(Limits, BuffersHeldByWhatNobodyReads) {
  ShardLimits limits = small();
  limits.held_buffers = 40;
  Conversation talk(with(limits));
  talk.service().consumes = false;
  constexpr unsigned kPeers = 4;
  std::vector<Peer*> peers;
  std::vector<Connection> connections;
  for (unsigned n = 0; n < kPeers; ++n) {
    peers.push_back(&add(talk, n));
    peers.back()->opens();
    connections.push_back(talk.service().connection);
  }
  const std::string text(1000, 'x');
  const std::size_t before = talk.pool().out();
  for (int round = 0; round < 20; ++round) {
    for (Peer* peer : peers) peer->sends(sim::data(text).seq(1 + 1000 * static_cast<std::uint32_t>(round)));
  }
  EXPECT_GT(talk.stats()[Drop::BuffersFull], 0U);
  EXPECT_LE(talk.pool().out(), before + limits.held_buffers);
  EXPECT_GE(talk.pool().out(), before + limits.held_buffers / 2);
  talk.service().consumes = true;
  for (const Connection& connection : connections) talk.service().read(connection);
  talk.run();
  EXPECT_EQ(talk.pool().out(), before);
  talk.service().received.clear();
  Peer& fresh = add(talk, kPeers);
  fresh.opens();
  fresh.sends(sim::data("hello"));
  fresh.expects(ack(6));
  EXPECT_EQ(talk.service().received, "hello");
  talk.ignores_the_rest();
}

// Peers that take and never acknowledge must not empty the pool, or nobody else could be heard.
TEST(Limits, BuffersHeldByWhatNobodyAcknowledges) {
  ShardLimits limits = small();
  limits.held_buffers = 60;
  limits.blanks = 128;
  ConversationOptions options = with(limits);
  options.buffers = 256;
  options.services.push_back(std::make_unique<Flooding>());
  Conversation talk(std::move(options));
  talk.ignores_the_rest();
  std::vector<Peer*> peers;
  for (unsigned n = 0; n < 8; ++n) {
    peers.push_back(&add(talk, n));
    peers.back()->opens();
    talk.advance(100ms);
    EXPECT_LE(talk.pool().out(), limits.blanks + limits.held_buffers + 1);
  }
  talk.advance(10s);
  EXPECT_LE(talk.pool().out(), limits.blanks + limits.held_buffers + 1);
  EXPECT_EQ(talk.pool().exhausted(), 0U);
  Peer& fresh = add(talk, 8);
  fresh.opens();
  fresh.sends(sim::rst().seq(1));
  EXPECT_EQ(talk.stats().closed_by[static_cast<std::size_t>(CloseCause::Reset)], 1U);
  for (Peer* peer : peers) peer->sends(sim::rst().seq(1));
  EXPECT_EQ(talk.shard().connections(), 0U);
  EXPECT_EQ(talk.pool().out(), limits.blanks);
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
  EXPECT_GT(stats[Counter::BlanksExhausted], 0U);
  EXPECT_EQ(stats[Counter::FramesSent] + stats[Counter::BlanksExhausted], 40U);
  EXPECT_EQ(talk.shard().half_open(), 40U);
  talk.advance(1s);  // the others are answered by the timer
  EXPECT_GE(talk.stats()[Counter::FramesSent], 40U);
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
