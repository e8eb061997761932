// The mailbox ring: bounds, order, and one thread on each side (run under TSan too).
#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace levee {
namespace {

TEST(SpscRing, RoundsItsCapacityUpToAPowerOfTwo) {
  EXPECT_EQ(SpscRing<int>(1).capacity(), 1U);
  EXPECT_EQ(SpscRing<int>(5).capacity(), 8U);
  EXPECT_EQ(SpscRing<int>(8).capacity(), 8U);
}

TEST(SpscRing, RefusesWhenFullAndWhenEmpty) {
  SpscRing<int> ring(4);
  int item = -1;
  EXPECT_FALSE(ring.pop(item));
  EXPECT_EQ(item, -1);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(4));
  EXPECT_EQ(ring.size(), 4U);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ring.pop(item));
    EXPECT_EQ(item, i);
  }
  EXPECT_TRUE(ring.empty());
  EXPECT_FALSE(ring.pop(item));
}

TEST(SpscRing, KeepsOrderOverManyTurns) {
  SpscRing<int> ring(8);
  int pushed = 0;
  int popped = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    for (int i = 0; i < turn % 9; ++i) pushed += ring.push(pushed) ? 1 : 0;
    int item = -1;
    for (int i = 0; i < turn % 7 && ring.pop(item); ++i) EXPECT_EQ(item, popped++);
    EXPECT_EQ(ring.size(), static_cast<std::size_t>(pushed - popped));
  }
  EXPECT_GT(popped, 1000);
}

TEST(SpscRing, CarriesWholeItemsBetweenTwoThreads) {
  struct Message {
    std::uint64_t number = 0;
    std::uint64_t inverse = 0;
  };
  constexpr std::uint64_t kMessages = 200'000;
  SpscRing<Message> ring(64);
  std::thread pusher([&] {
    for (std::uint64_t i = 0; i < kMessages;) {
      if (ring.push({i, ~i})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t expected = 0; expected < kMessages;) {
    Message message;
    if (!ring.pop(message)) {
      std::this_thread::yield();
      continue;
    }
    wrong += message.number != expected || message.inverse != ~expected ? 1 : 0;
    ++expected;
  }
  pusher.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace levee
