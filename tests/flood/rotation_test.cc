// Cookie keys that change every 30 s, announced as the control thread does it, and clients whose ACK comes back up to
// 28 s after the SYN-ACK: no handshake is lost. A tenth of them is the worst case: the cookie is made in the last
// nanosecond of its epoch and comes back 28 s later.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "flood/size.h"
#include "flood/world.h"

namespace levee::flood {
namespace {

using namespace std::chrono_literals;

// Epochs begin at multiples of 30 s of the world's clock.
constexpr Duration kRotate = 30s, kLongest = 28s;
constexpr int kClientsPerEpoch = 10;

class Rotation : public testing::Test {
 public:
  Rotation() : world_(options()) {}

  // One client whose SYN reaches the server at `when`.
  void start_at(Instant when, Duration rtt, bool timestamps) {
    world_.call_at(when - rtt / 2, [this, rtt, timestamps] {
      const std::uint32_t number = started_++;
      peer::Plan plan;
      plan.address = {0x0a010000 + number};
      plan.tcp_port = static_cast<std::uint16_t>(1024 + number % 50000);
      plan.reply = 500;
      plan.timestamps = timestamps;
      plan.delay = rtt / 2;
      static_cast<void>(world_.start(plan));
    });
  }
  [[nodiscard]] std::size_t completed() {
    std::size_t count = 0;
    for (const peer::Client& client : world_.clients().all()) count += client.ended_well() ? 1 : 0;
    return count;
  }

 protected:
  static WorldOptions options() {
    WorldOptions options;
    options.server.shard.syn.cookies = SynCookies::Always;
    options.server.shard.syn.rotate = kRotate;
    return options;
  }
  World world_;
  std::uint32_t started_ = 0;
};

TEST_F(Rotation, NoHandshakeIsLost) {
  const auto epochs = static_cast<int>(sized(100, 1000, 10'000));
  Random random(1);
  Instant epoch = world_.now() + kRotate;
  for (int n = 0; n < epochs; ++n, epoch += kRotate) {
    for (int i = 0; i < kClientsPerEpoch; ++i) {
      const bool timestamps = random.chance(0.5);
      const auto within =
          Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kRotate.count()))));
      const auto rtt = Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kLongest.count()))));
      const bool worst = i == 0;
      start_at(worst ? epoch - 1ns : epoch + within, worst ? kLongest : rtt, timestamps);
    }
    world_.run_until(epoch);
  }
  world_.run_for(600s);
  const StatsSnapshot stats = world_.server().stats();
  fmt::print("figure: {} rotations, {} clients with RTTs of 0 to 28 s: {} completed, {} cookies accepted, {} refused\n",
             epochs, started_, completed(), stats[Counter::SyncookiesRecv], stats[Counter::SyncookiesFailed]);
  EXPECT_EQ(started_, static_cast<std::uint32_t>(epochs * kClientsPerEpoch));
  EXPECT_GE(world_.key_changes(), static_cast<std::uint64_t>(2 * epochs));
  EXPECT_EQ(completed(), started_);
  EXPECT_EQ(stats[Counter::SyncookiesRecv], started_);
  EXPECT_EQ(stats[Counter::SyncookiesFailed], 0U);
  EXPECT_EQ(world_.server().service().requests(), started_);
  EXPECT_EQ(world_.server().service().wrong_bytes(), 0U);
  EXPECT_EQ(world_.clients().malformed(), 0U);
}

// The longest life of a cookie is 58 s: the scenario can tell.
TEST_F(Rotation, CookieTwoRotationsOldIsRefused) {
  const Instant epoch = world_.now() + kRotate;
  for (int i = 0; i < kClientsPerEpoch; ++i) start_at(epoch + i * 3s, 58s, i % 2 == 0);
  world_.run_for(600s);
  EXPECT_EQ(completed(), 0U);
  EXPECT_EQ(world_.server().stats()[Counter::SyncookiesRecv], 0U);
}

}  // namespace
}  // namespace levee::flood
