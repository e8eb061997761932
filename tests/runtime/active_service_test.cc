// Services that open connections, hear ticks, and are told how it went: two workers over two ends of a wire, in a time
// that the test moves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/worker.h"
#include "sim/conversation.h"

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr Ipv4Address kClient{0x0a000001}, kServer{0x0a000002}, kNobody{0x0a000063};

// Connects when it is started, says hello when it is open, closes with the peer.
class Caller final : public Service {
 public:
  Caller(Worker& worker, const SocketAddress& remote) : worker_(&worker), remote_(remote) {}

  void on_started() override {
    events.emplace_back("started");
    result = worker_->connect(remote_, kIndex);
  }
  void on_tick() override {
    if (++ticks == calls_again_at) result = worker_->connect(remote_, kIndex);
  }
  void on_opened(Connection connection) override {
    events.emplace_back("opened");
    const std::string_view hello = "hello";
    EXPECT_EQ(connection.send(std::as_bytes(std::span(hello))), hello.size());
    connection.close();
  }
  void on_data(Connection connection) override {
    for (auto piece = connection.peek(); !piece.empty(); piece = connection.peek()) {
      received.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      connection.consume(piece.size());
    }
  }
  void on_closed(Connection /*connection*/, CloseCause cause) override {
    events.push_back("closed " + std::string(name(cause)));
    if (calls_again_when_closed) result = worker_->connect(remote_, kIndex);
  }

  static constexpr std::uint16_t kIndex = 1;  // behind a listener's service: events must not go to that one
  ConnectResult result;
  std::vector<std::string> events;
  std::string received;
  unsigned ticks = 0, calls_again_at = 0;
  bool calls_again_when_closed = false;

 private:
  Worker* worker_;
  SocketAddress remote_;
};

// A server's or a client's shard with its worker at one end of the wire.
struct End {
  End(device::SlabPool& pool, Ipv4Address address, MacAddress mac, Duration tick) : port(pool) {
    sim::ConversationOptions options;
    options.shard.addresses = {AddressOptions{.address = address}};
    options.shard.interfaces[0].mac = mac;
    shard = std::make_unique<shard::Shard>(options.shard, options.secrets, std::vector<shard::Mailbox*>{nullptr});
    worker = std::make_unique<Worker>(
        WorkerParts{.shard = shard.get(), .ports = {&port}, .inboxes = {}, .writer = nullptr, .tick = tick});
  }
  device::MemoryDevice port;
  std::unique_ptr<shard::Shard> shard;
  std::unique_ptr<Worker> worker;
};

class ActiveService : public testing::Test {
 protected:
  ActiveService() {
    device::MemoryDevice::join(client_.port, server_.port);
    std::vector<std::unique_ptr<Service>> services;
    services.push_back(std::make_unique<sim::RecordingService>());
    listener_ = static_cast<sim::RecordingService*>(services.front().get());
    listener_->closes_with_peer = true;
    server_.worker->employ(std::move(services));
  }
  ~ActiveService() override {
    for (End* end : {&client_, &server_}) end->worker->finish(now_);
    EXPECT_EQ(pool_.out(), 0U);
  }

  // Starts a client that connects to `remote`.
  Caller& start(const SocketAddress& remote) {
    auto owned = std::make_unique<Caller>(*client_.worker, remote);
    Caller& caller = *owned;
    std::vector<std::unique_ptr<Service>> services;
    services.push_back(std::make_unique<sim::RecordingService>());
    services.push_back(std::move(owned));
    client_.worker->employ(std::move(services));
    client_.worker->begin(now_);
    server_.worker->begin(now_);
    return caller;
  }
  void advance(Duration duration, Duration step = 1ms) {
    for (const Instant end = now_ + duration; now_ < end; now_ += step) {
      client_.worker->poll(now_);
      server_.worker->poll(now_);
    }
  }

  static constexpr Duration kTick = 5ms;
  device::SlabPool pool_{4096, 2048};
  End client_{pool_, kClient, {{2, 0, 0, 0, 0, 1}}, kTick}, server_{pool_, kServer, {{2, 0, 0, 0, 0, 2}}, {}};
  sim::RecordingService* listener_ = nullptr;
  Instant now_{1h};
};

// RFC 9293 3.9.1.1: an active open, and what follows it goes to the service that asked.
TEST_F(ActiveService, ConnectsWhenItIsStarted) {
  Caller& caller = start({kServer, 80});
  EXPECT_EQ(caller.result.error, ConnectError::None);
  EXPECT_EQ(caller.result.connection.state(), State::SynSent);
  advance(100ms);
  EXPECT_THAT(caller.events, ElementsAre("started", "opened", "closed normal"));
  EXPECT_EQ(listener_->received, "hello");
  EXPECT_FALSE(caller.result.connection.live());
}

// RFC 9293 3.10.7.3: an RST that acknowledges our SYN.
TEST_F(ActiveService, HearsARefusal) {
  Caller& caller = start({kServer, 81});
  advance(100ms);
  EXPECT_THAT(caller.events, ElementsAre("started", "closed refused"));
}

// RFC 9293 3.8.3, MUST-23: R2 of a SYN is at least three minutes, also where the neighbour is silent.
TEST_F(ActiveService, ASilentNeighbourEndsItAtR2) {
  Caller& caller = start({kNobody, 80});
  advance(179s, 10ms);
  EXPECT_THAT(caller.events, ElementsAre("started"));
  advance(5min, 10ms);
  EXPECT_THAT(caller.events, ElementsAre("started", "closed timed_out"));
  EXPECT_EQ(client_.shard->connections(), 0U);
}

TEST_F(ActiveService, AnImpossiblePlaceIsRefusedAtOnce) {
  Caller& caller = start({Ipv4Address{0x0b000001}, 80});
  EXPECT_EQ(caller.result.error, ConnectError::NoSourceAddress);
  EXPECT_FALSE(caller.result.connection.live());
  advance(10ms);
  EXPECT_THAT(caller.events, ElementsAre("started"));
}

TEST_F(ActiveService, TicksFollowTheClockAndNotThePackets) {
  Caller& caller = start({kServer, 80});
  advance(100ms, 1ms);  // the conversation's packets are in here
  EXPECT_EQ(caller.ticks, 19U);
  advance(100ms, 50us);
  EXPECT_EQ(caller.ticks, 39U);
  // A worker that was held up does not make up for what it missed.
  now_ += 1s;
  advance(1ms);
  EXPECT_EQ(caller.ticks, 40U);
}

// Any handler may connect, also long after the start and with a connection of the past.
TEST_F(ActiveService, AHandlerConnectsAgain) {
  Caller& caller = start({kServer, 80});
  caller.calls_again_at = 60;
  advance(100ms);
  advance(40s, 1s);
  EXPECT_EQ(caller.ticks, 59U);
  advance(100ms);
  EXPECT_THAT(caller.events, ElementsAre("started", "opened", "closed normal", "opened", "closed normal"));
  EXPECT_EQ(client_.shard->stats().value(Counter::RetransSegs), 0U);
}

// Else a service that always connects anew would never let a stop come to its end.
TEST_F(ActiveService, NothingIsOpenedWhileItDrains) {
  Caller& caller = start({kServer, 80});
  caller.calls_again_when_closed = true;
  client_.shard->deliver(now_, shard::Drain{});
  advance(100ms);
  EXPECT_THAT(caller.events, ElementsAre("started", "opened", "closed normal"));
  EXPECT_EQ(caller.result.error, ConnectError::Draining);
  EXPECT_EQ(client_.shard->connections(), 0U);
}

// The same where the stop resets what is left: a connection opened by `closed` would outlive it.
TEST_F(ActiveService, NothingIsOpenedByTheEndOfWhatIsReset) {
  Caller& caller = start({kNobody, 80});
  caller.calls_again_when_closed = true;
  client_.shard->deliver(now_, shard::AbortAll{});
  advance(10ms);
  EXPECT_THAT(caller.events, ElementsAre("started", "closed aborted"));
  EXPECT_EQ(caller.result.error, ConnectError::Draining);
  EXPECT_EQ(client_.shard->connections(), 0U);
}

}  // namespace
}  // namespace levee::runtime
