// The schedule of cookie keys: which key holds when, for how long, and between hosts whose clocks differ.
#include "runtime/cookie_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/random.h"

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;
using shard::KeyEpoch;

constexpr MasterKey kMaster{0x0001020304050607, 0x08090a0b0c0d0e0f};
constexpr MasterKey kOther{1, 2};
constexpr std::uint64_t kEpoch = 56'666'666;  // even
constexpr Duration kBegin = kEpoch * 30s;     // of that epoch, with epochs of 30 s

bool same(const KeyEpoch& one, const KeyEpoch& other) { return one.keys == other.keys && one.parity == other.parity; }

// Whether a host that has `there` accepts the cookies that one with `here` makes.
bool accepts(const KeyEpoch& there, const KeyEpoch& here) { return there.keys[here.parity] == here.keys[here.parity]; }

// Computed by another implementation of SipHash-2-4, over the epoch and the index as 8 little-endian bytes each.
TEST(CookieKeys, KeyIsThePrfOfEpochAndIndex) {
  EXPECT_EQ(cookie_key(kMaster, kEpoch), (SipKey{0x898dd7087a494d76, 0xfb83c5980a7a3dd3}));
  EXPECT_NE(cookie_key(kMaster, kEpoch + 1), cookie_key(kMaster, kEpoch));
  EXPECT_NE(cookie_key(kOther, kEpoch), cookie_key(kMaster, kEpoch));
}

TEST(CookieKeys, OtherParityIsTheLastEpochAndInTheLastTwoSecondsTheNext) {
  const SipKey last = cookie_key(kMaster, kEpoch - 1);
  const SipKey now = cookie_key(kMaster, kEpoch);
  const SipKey next = cookie_key(kMaster, kEpoch + 1);
  for (const Duration since : {0ns, 1ns, Duration(15s), 28s - 1ns}) {
    EXPECT_TRUE(same(keys_at(kMaster, 30s, kBegin + since), {.keys = {now, last}, .parity = 0})) << since.count();
  }
  for (const Duration since : {Duration(28s), Duration(29s), 30s - 1ns}) {
    EXPECT_TRUE(same(keys_at(kMaster, 30s, kBegin + since), {.keys = {now, next}, .parity = 0})) << since.count();
  }
  EXPECT_TRUE(same(keys_at(kMaster, 30s, kBegin + 30s), {.keys = {now, next}, .parity = 1}));
}

TEST(CookieKeys, TimeBeginsWithAnEpochLikeAnyOther) {
  const KeyEpoch first = keys_at(kMaster, 30s, 0s);
  EXPECT_EQ(first.parity, 0);
  EXPECT_EQ(first.keys[0], cookie_key(kMaster, 0));
  EXPECT_NE(first.keys[1], cookie_key(kMaster, 1));
}

TEST(CookieKeys, LeadIsTwoSecondsOrAFifteenthOfAShortEpoch) {
  EXPECT_EQ(key_lead(30s), 2s);
  EXPECT_EQ(key_lead(1h), 2s);
  EXPECT_EQ(key_lead(15s), 1s);
  EXPECT_EQ(key_lead(1500ms), 100ms);
}

TEST(CookieKeys, HostsWhoseClocksDifferByTheLeadAcceptEachOther) {
  for (const Duration rotate : {Duration(1s), Duration(7s), Duration(30s), Duration(45s)}) {
    const Duration lead = key_lead(rotate);
    const Duration begin = 1'700'000'000s;
    for (Duration at{}; at < 3 * rotate; at += rotate / 300) {
      const KeyEpoch here = keys_at(kMaster, rotate, begin + at);
      for (const Duration ahead : {-lead, -lead / 2, -1ns, 0ns, 1ns, lead / 2, lead}) {
        const KeyEpoch there = keys_at(kMaster, rotate, begin + at + ahead);
        ASSERT_TRUE(accepts(there, here)) << at.count() << " " << ahead.count();
      }
    }
  }
}

TEST(CookieKeys, AClockThatIsFurtherBehindDoesNotKnowTheKeyYet) {
  EXPECT_TRUE(accepts(keys_at(kMaster, 30s, kBegin - 2s), keys_at(kMaster, 30s, kBegin)));
  EXPECT_FALSE(accepts(keys_at(kMaster, 30s, kBegin - 2s - 1ns), keys_at(kMaster, 30s, kBegin)));
}

TEST(CookieKeys, ACookieLivesFor28To58Seconds) {
  Duration shortest = 1h;
  Duration longest{};
  for (Duration made{}; made < 30s; made += 250ms) {
    const KeyEpoch then = keys_at(kMaster, 30s, kBegin + made);
    Duration age{};
    while (age < 120s && accepts(keys_at(kMaster, 30s, kBegin + made + age), then)) age += 250ms;
    for (Duration later = age; later < 300s; later += 1s) {
      ASSERT_FALSE(accepts(keys_at(kMaster, 30s, kBegin + made + later), then)) << "it came back after " << age.count();
    }
    shortest = std::min(shortest, age);
    longest = std::max(longest, age);
  }
  EXPECT_EQ(longest, 58s);
  EXPECT_EQ(shortest, 28s + 250ms);  // made in the last quarter of a second
}

TEST(CookieKeys, NextChangeIsTheFirstInstantWithOtherKeys) {
  EXPECT_EQ(next_change(30s, kBegin), kBegin + 28s);
  EXPECT_EQ(next_change(30s, kBegin + 28s - 1ns), kBegin + 28s);
  EXPECT_EQ(next_change(30s, kBegin + 28s), kBegin + 30s);
  EXPECT_EQ(next_change(30s, kBegin + 30s - 1ns), kBegin + 30s);
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const Duration rotate(static_cast<Duration::rep>(1'000'000'000 + random.below(100'000'000'000)));
    const Duration utc(static_cast<Duration::rep>(random.below(2'000'000'000'000'000'000)));
    const Duration next = next_change(rotate, utc);
    ASSERT_GT(next, utc);
    ASSERT_TRUE(same(keys_at(kMaster, rotate, next - 1ns), keys_at(kMaster, rotate, utc)));
    ASSERT_FALSE(same(keys_at(kMaster, rotate, next), keys_at(kMaster, rotate, utc)));
  }
}

TEST(KeySchedule, TellsEachChangeOnce) {
  KeySchedule schedule(kMaster, 30s);
  int told = 0;
  for (Duration at{}; at <= 90s; at += 10ms) {
    const auto epoch = schedule.due(kBegin + at);
    if (!epoch) continue;
    ++told;
    EXPECT_TRUE(same(*epoch, keys_at(kMaster, 30s, kBegin + at)));
  }
  EXPECT_EQ(told, 7);  // at 0, 28, 30, 58, 60, 88 and 90 s
}

TEST(KeySchedule, AClockThatIsSetBackOrFarAheadIsFollowed) {
  KeySchedule schedule(kMaster, 30s);
  for (const Duration at : {Duration(0s), Duration(1h), Duration(31s), Duration(29s), Duration(100h), Duration(0s)}) {
    const auto epoch = schedule.due(kBegin + at);
    ASSERT_TRUE(epoch);
    EXPECT_TRUE(same(*epoch, keys_at(kMaster, 30s, kBegin + at))) << at.count();
  }
}

TEST(KeySchedule, ANewMasterHoldsFromTheFirstEpochThatIsNotAnnounced) {
  KeySchedule schedule(kMaster, 30s);
  ASSERT_TRUE(schedule.due(kBegin + 10s));
  schedule.change_master(kOther);
  EXPECT_FALSE(schedule.due(kBegin + 11s));
  const auto in_lead = schedule.due(kBegin + 28s);
  ASSERT_TRUE(in_lead);
  EXPECT_EQ(in_lead->keys[0], cookie_key(kMaster, kEpoch));
  EXPECT_EQ(in_lead->keys[1], cookie_key(kOther, kEpoch + 1));

  schedule.change_master(kMaster);  // too late for the next epoch, whose key is out
  const auto next = schedule.due(kBegin + 30s);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->keys, in_lead->keys);
  const auto after = schedule.due(kBegin + 58s);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->keys[1], cookie_key(kOther, kEpoch + 1));
  EXPECT_EQ(after->keys[0], cookie_key(kMaster, kEpoch + 2));
}

// Whenever the operator changes it: what an epoch's key made is accepted until that epoch's successor is nearly over.
TEST(KeySchedule, NoCookieDiesEarlyOfANewMaster) {
  KeySchedule schedule(kMaster, 30s);
  KeyEpoch held{};
  std::array<SipKey, 11> made{};  // the key of each epoch, as first used
  for (Duration at{}; at < 300s; at += 100ms) {
    if (at % 7s == 0s) schedule.change_master(MasterKey{static_cast<std::uint64_t>(at.count()), 3});
    if (const auto epoch = schedule.due(kBegin + at)) held = *epoch;
    const auto number = static_cast<std::size_t>(at / 30s);
    if (at % 30s == 0s) made[number] = held.keys[held.parity];
    EXPECT_EQ(held.keys[held.parity], made[number]) << at.count();
    if (number > 0 && at % 30s < 28s) {
      EXPECT_EQ(held.keys[held.parity ^ 1U], made[number - 1]) << at.count();
    }
  }
  EXPECT_NE(made[1], cookie_key(kMaster, kEpoch + 1));
}

TEST(KeySchedule, HostsToldWithinOneEpochChangeTogether) {
  KeySchedule one(kMaster, 30s);
  KeySchedule other(kMaster, 30s);
  KeyEpoch ones{};
  KeyEpoch others{};
  for (Duration at{}; at < 120s; at += 100ms) {
    if (at == 31s) one.change_master(kOther);
    if (at == 55s) other.change_master(kOther);
    if (const auto epoch = one.due(kBegin + at)) ones = *epoch;
    if (const auto epoch = other.due(kBegin + at)) others = *epoch;
    ASSERT_TRUE(same(ones, others)) << at.count();
  }
  EXPECT_EQ(ones.keys[ones.parity], cookie_key(kOther, kEpoch + 3));
}

}  // namespace
}  // namespace levee::runtime
