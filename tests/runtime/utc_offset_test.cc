// Shard time near UTC: exact at the start, followed slowly, never steeper than the slew.
#include "runtime/utc_offset.h"

#include <gtest/gtest.h>

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;

constexpr Duration kUtc = 1'700'000'000s;

TEST(UtcOffset, WithoutAStartTimeIsTheClocks) { EXPECT_EQ(UtcOffset().shard_time(Instant(5s)), Instant(5s)); }

TEST(UtcOffset, StartsAtUtc) {
  UtcOffset offset;
  offset.start(kUtc, Instant(7s));
  EXPECT_EQ(offset.shard_time(Instant(7s)), Instant(kUtc));
  EXPECT_EQ(offset.shard_time(Instant(8s)), Instant(kUtc + 1s));
}

TEST(UtcOffset, AClockThatDriftsIsKeptWithinAMillisecond) {
  for (const int parts_per_million : {-200, 200}) {
    UtcOffset offset;
    offset.start(kUtc, Instant{});
    for (Duration at{}; at < 1h; at += 10ms) {
      const Duration utc = kUtc + at + at / 1'000'000 * parts_per_million;
      offset.follow(utc, Instant(at));
      const Duration error = offset.shard_time(Instant(at)) - Instant(utc);
      ASSERT_LT(error < 0ns ? -error : error, 1ms) << at.count();
    }
  }
}

TEST(UtcOffset, AStepOfUtcIsSlewedBothWays) {
  for (const Duration step : {-1s + 0ns, 1s + 0ns}) {
    UtcOffset offset;
    offset.start(kUtc, Instant{});
    Instant last = offset.shard_time(Instant{});
    for (Duration at = 10ms; at <= 2500s; at += 10ms) {
      offset.follow(kUtc + step + at, Instant(at));
      const Instant now = offset.shard_time(Instant(at));
      ASSERT_GE(now - last, 10ms - 5us);
      ASSERT_LE(now - last, 10ms + 5us);
      last = now;
    }
    EXPECT_EQ(last, Instant(kUtc + step + 2500s));
  }
}

TEST(UtcOffset, AfterAPauseItMovesByAMillisecondAtMost) {
  UtcOffset offset;
  offset.start(kUtc, Instant{});
  offset.follow(kUtc, Instant(1h));
  EXPECT_EQ(offset.shard_time(Instant(1h)), Instant(kUtc + 1h - 1ms));
}

}  // namespace
}  // namespace levee::runtime
