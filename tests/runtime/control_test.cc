// What the control thread waits for, and its mail to the shards.
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <chrono>
#include <csignal>

#include "runtime/crew.h"
#include "runtime/timed_device.h"
#include "runtime/wakeup.h"
#include "sim/conversation.h"

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;

bool is_blocked(int signal) {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  return sigismember(&blocked, signal) == 1;
}

TEST(Wakeup, SighupIsNotASignalToStop) {
  Wakeup wakeup;
  wakeup.catch_signals(true);
  ASSERT_EQ(raise(SIGHUP), 0);
  EXPECT_EQ(wakeup.wait(1h), Wakeup::Cause::Reload);
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(wakeup.wait(1h), Wakeup::Cause::Signal);
  EXPECT_EQ(wakeup.signal(), SIGTERM);
  EXPECT_EQ(wakeup.wait(0s), Wakeup::Cause::Timeout);
}

// Where there is nothing to read again, a terminal that is closed ends levee as it ends any program.
TEST(Wakeup, SighupIsCaughtOnlyIfAsked) {
  Wakeup wakeup;
  wakeup.catch_signals(false);
  EXPECT_FALSE(is_blocked(SIGHUP));
  EXPECT_TRUE(is_blocked(SIGTERM));
  wakeup.release_signals();
  EXPECT_FALSE(is_blocked(SIGTERM));
  wakeup.catch_signals(true);
  EXPECT_TRUE(is_blocked(SIGHUP));
  wakeup.release_signals();
  EXPECT_FALSE(is_blocked(SIGHUP));
}

TEST(Crew, KeysAreOfferedAgainToAFullMailboxAndNeverFillIt) {
  device::SlabPool pool(512, 2048);
  TimedDevice device(pool);
  const ShardOptions options = sim::ConversationOptions().shard;
  Crew crew({options}, make_secrets(7, 1), {&device}, nullptr);  // its worker never looks at its mail
  int taken = 0;
  while (taken < 1000 && crew.offer(shard::KeyEpoch{})) ++taken;
  EXPECT_GE(taken, 4);
  EXPECT_LT(taken, 1000);
  EXPECT_FALSE(crew.offer(shard::KeyEpoch{}));
  // These abort the process where they do not fit.
  crew.post(shard::Drain{});
  crew.post(shard::AbortAll{});
}

}  // namespace
}  // namespace levee::runtime
