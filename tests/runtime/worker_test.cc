// The poll loop, step by step and by hand: order of events, mail, phases, ports, and buffers at the end.
#include "runtime/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/poll.h"
#include "runtime/timed_device.h"
#include "sim/conversation.h"

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;
using sim::ack;
using sim::Conversation;
using sim::data;
using sim::fin;
using sim::Peer;

// levee/service.h: opened, data, peer closed, writable, closed, also when all of it came in one burst.
TEST(Dispatch, EventsOfOneBurstComeInOrder) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(sim::syn());
  peer.expects(sim::syn_ack());
  peer.sends({ack(), data("hello"), fin()});
  EXPECT_EQ(talk.service().take_events(), "opened, data 5, peer_closed");
  talk.ignores_the_rest();
}

// A handler that makes its own connection ready again must not keep the loop from ending.
class Restless final : public Service {
 public:
  void on_opened(Connection connection) override {
    ++calls;
    connection.abort();
  }
  void on_data(Connection /*connection*/) override { ++calls; }
  void on_closed(Connection /*connection*/, CloseCause cause) override {
    ++calls;
    last = cause;
  }
  int calls = 0;
  CloseCause last = CloseCause::Normal;
};

TEST(Dispatch, AHandlerThatAbortsIsToldOfTheEnd) {
  auto owned = std::make_unique<Restless>();
  Restless& service = *owned;
  sim::ConversationOptions options;
  options.services.push_back(std::move(owned));
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.sends(sim::syn());
  peer.expects(sim::syn_ack());
  peer.sends({ack(), data("hello")});
  talk.run();
  EXPECT_EQ(service.last, CloseCause::Aborted);
  EXPECT_EQ(talk.shard().connections(), 0U);
  talk.ignores_the_rest();
}

TEST(Poll, NapsGrowFromNothingToFiftyMicroseconds) {
  EXPECT_EQ(nap_after(1), 0us);
  EXPECT_EQ(nap_after(kRoundsAwake - 1), 0us);
  EXPECT_EQ(nap_after(kRoundsAwake), 1us);
  EXPECT_EQ(nap_after(kRoundsAwake + 1), 2us);
  EXPECT_EQ(nap_after(kRoundsAwake + 5), 32us);
  EXPECT_EQ(nap_after(kRoundsAwake + 6), kLongestNap);
  EXPECT_EQ(nap_after(4'000'000'000U), kLongestNap);
  for (unsigned i = 1; i < 200; ++i) EXPECT_GE(nap_after(i), nap_after(i - 1));
}

TEST(Poll, NapsEndAtTheNextTimer) {
  const Instant now{1s};
  constexpr unsigned kLongIdle = 1000;
  EXPECT_EQ(nap_until(now, kNever, kLongIdle), kLongestNap);
  EXPECT_EQ(nap_until(now, now + 1ms, kLongIdle), kLongestNap);
  EXPECT_EQ(nap_until(now, now + 7us, kLongIdle), 7us);
  EXPECT_EQ(nap_until(now, now, kLongIdle), 0us);
  EXPECT_EQ(nap_until(now, now - 1s, kLongIdle), 0us);
}

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    std::vector<std::unique_ptr<Service>> services;
    services.push_back(std::make_unique<sim::RecordingService>());
    worker_.employ(std::move(services));
  }
  sim::Bytes arp() {
    return sim::build(sim::ArpMessage{.source_mac = {{2, 0, 0, 0, 0, 2}},
                                      .destination_mac = {{255, 255, 255, 255, 255, 255}},
                                      .sender_mac = {{2, 0, 0, 0, 0, 2}},
                                      .target_mac = {},
                                      .sender = {0x0a000002},
                                      .target = {0x0a000001}});
  }

  sim::ConversationOptions options_;
  device::SlabPool pool_{2048, 2048};
  device::MemoryDevice port_{pool_}, other_end_{pool_};
  shard::Mailbox control_{4};
  shard::Shard shard_{options_.shard, options_.secrets, std::vector<shard::Mailbox*>{nullptr}};
  Worker worker_{{.shard = &shard_, .ports = {nullptr, &port_}, .inboxes = {&control_}, .writer = nullptr}};
};

// RFC 826: the reply leaves in the loop that found the request; on which port, the interface says.
TEST_F(WorkerTest, AnswersInTheSameLoop) {
  options_.shard.interfaces[0].port = 1;
  shard::Shard shard(options_.shard, options_.secrets, std::vector<shard::Mailbox*>{nullptr});
  Worker worker({.shard = &shard, .ports = {nullptr, &port_}, .inboxes = {}, .writer = nullptr});
  worker.employ({});
  device::MemoryDevice::join(port_, other_end_);
  ASSERT_TRUE(port_.inject(arp()));
  shard::Frame frame;
  ASSERT_EQ(port_.receive(std::span(&frame, 1)).frames, 1U);
  frame.port = 1;
  worker.take_frames(Instant{}, std::span(&frame, 1));
  EXPECT_TRUE(worker.serve(Instant{}));
  EXPECT_EQ(other_end_.waiting(), 1U);
  worker.finish(Instant{});
}

TEST_F(WorkerTest, IdleLoopSaysSo) {
  worker_.poll(Instant{});  // takes its blanks
  EXPECT_FALSE(worker_.poll(Instant{}));
  worker_.finish(Instant{});
  EXPECT_EQ(pool_.out(), 0U);
}

TEST_F(WorkerTest, DrainIsDrainedOnceNothingIsLeft) {
  EXPECT_FALSE(worker_.poll(Instant{}));
  EXPECT_EQ(worker_.status().phase.load(), Phase::Running);
  ASSERT_TRUE(control_.push(shard::Drain{}));
  EXPECT_TRUE(worker_.poll(Instant{}));
  EXPECT_EQ(worker_.status().phase.load(), Phase::Drained);
  worker_.finish(Instant{});
}

TEST_F(WorkerTest, FinishGivesEveryBufferBack) {
  worker_.poll(Instant{});
  EXPECT_GT(pool_.out(), 0U);
  worker_.finish(Instant{});
  EXPECT_EQ(pool_.out(), 0U);
  EXPECT_EQ(shard_.stats().value(Counter::BuffersIn), shard_.stats().value(Counter::BuffersOut));
}

}  // namespace
}  // namespace levee::runtime
