// What holds payload runs out: transfer blocks, slices, blanks, buffers, the pool itself; by text that nobody reads and
// by text that nobody acknowledges. It is counted, nobody else is kept out, and all goes on once there is room.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "shard/frames.h"
#include "shard/limited.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Conversation;
using sim::ConversationOptions;
using sim::Peer;
using namespace std::chrono_literals;

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

TEST(BufferLimits, TransfersForReceiving) {
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

TEST(BufferLimits, TransfersForSending) {
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

TEST(BufferLimits, Slices) {
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

// One blank more than ACKs and RSTs are promised: payload gets through one block at a time.
TEST(BufferLimits, Blanks) {
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
TEST(BufferLimits, AnEmptyPool) {
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

TEST(BufferLimits, BuffersHeldByWhatNobodyReads) {
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
TEST(BufferLimits, BuffersHeldByWhatNobodyAcknowledges) {
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

}  // namespace
}  // namespace levee::shard
