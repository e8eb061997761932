// The timing wheel against a sorted list: random arming, moving and disarming, from outside and from inside a firing,
// with pauses from nothing to years and budgets down to 1.
#include "base/timing_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "base/random.h"

namespace levee {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

struct LinksOf {
  std::vector<TimerLink>* links;
  TimerLink& operator()(std::uint32_t id) const { return (*links)[id]; }
};

struct Wheel {
  explicit Wheel(std::size_t ids, Instant origin_time = Instant()) : links(ids), wheel(origin_time, LinksOf{&links}) {}

  // What fires at `now`, in order.
  std::vector<std::uint32_t> fired(Instant now) {
    std::vector<std::uint32_t> ids;
    EXPECT_TRUE(wheel.advance(now, kUnlimited, [&](std::uint32_t id) { ids.push_back(id); }));
    return ids;
  }

  std::vector<TimerLink> links;
  TimingWheel<LinksOf> wheel;
};

using Ids = std::vector<std::uint32_t>;

Instant at(Duration since_zero) { return Instant(since_zero); }

TEST(TimingWheel, FiresAtTheTickAfterTheDeadlineAndNeverBefore) {
  Wheel w(3);
  w.wheel.arm(0, at(milliseconds(5)));
  w.wheel.arm(1, at(milliseconds(5) + nanoseconds(1)));
  EXPECT_TRUE(w.wheel.armed(0));
  EXPECT_FALSE(w.wheel.armed(2));
  EXPECT_EQ(w.wheel.armed_at(1), at(milliseconds(6)));
  EXPECT_EQ(w.fired(at(milliseconds(5) - nanoseconds(1))), Ids{});
  EXPECT_EQ(w.fired(at(milliseconds(5))), Ids{0});
  EXPECT_EQ(w.fired(at(milliseconds(6) - nanoseconds(1))), Ids{});
  EXPECT_EQ(w.fired(at(milliseconds(6))), Ids{1});
  EXPECT_EQ(w.wheel.size(), 0U);
}

TEST(TimingWheel, KnowsWhenToArmAgainWouldChangeNothing) {
  Wheel w(1);
  EXPECT_FALSE(w.wheel.fires_by(0, at(hours(1))));
  w.wheel.arm(0, at(milliseconds(5)));
  EXPECT_FALSE(w.wheel.fires_by(0, at(milliseconds(4))));
  EXPECT_TRUE(w.wheel.fires_by(0, at(milliseconds(4) + nanoseconds(1))));  // the same tick
  EXPECT_TRUE(w.wheel.fires_by(0, at(milliseconds(5))));
  EXPECT_TRUE(w.wheel.fires_by(0, at(hours(1))));
}

TEST(TimingWheel, ATimeAlreadyPastFiresAtTheNextAdvanceEvenAtTheSameInstant) {
  Wheel w(2);
  EXPECT_EQ(w.fired(at(milliseconds(700))), Ids{});
  w.wheel.arm(0, at(milliseconds(3)));
  w.wheel.arm(1, at(milliseconds(700)));
  EXPECT_EQ(w.wheel.armed_at(0), at(milliseconds(700)));
  EXPECT_EQ(w.wheel.next_deadline(), at(milliseconds(700)));
  EXPECT_EQ(w.fired(at(milliseconds(700))), (Ids{0, 1}));
}

TEST(TimingWheel, WhatAFiringArmsInThePastWaitsForTheNextCall) {
  Wheel w(1);
  w.wheel.arm(0, at(milliseconds(2)));
  int fired = 0;
  const auto again = [&](std::uint32_t id) {
    ++fired;
    w.wheel.arm(id, at(milliseconds(1)));
  };
  EXPECT_TRUE(w.wheel.advance(at(milliseconds(9)), kUnlimited, again));
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(w.wheel.advance(at(milliseconds(9)), kUnlimited, again));
  EXPECT_EQ(fired, 2);
}

TEST(TimingWheel, WhatAFiringArmsBeforeNowFiresInTheSameCallInTheOrderOfTicks) {
  Wheel w(3);
  w.wheel.arm(0, at(milliseconds(10)));
  w.wheel.arm(1, at(milliseconds(500)));
  Ids order;
  EXPECT_TRUE(w.wheel.advance(at(milliseconds(1000)), kUnlimited, [&](std::uint32_t id) {
    order.push_back(id);
    if (id == 0) w.wheel.arm(2, at(milliseconds(300)));
  }));
  EXPECT_EQ(order, (Ids{0, 2, 1}));
}

TEST(TimingWheel, ATimeThatWasCountedOnceArmsMany) {
  Wheel w(3);
  for (const Duration later : {Duration(0), Duration(milliseconds(5)), Duration(hours(3))}) {
    const auto due = w.wheel.due(at(later));
    w.wheel.arm(0, at(later));
    w.wheel.arm(1, due);
    w.wheel.arm(2, due);
    EXPECT_EQ(w.wheel.armed_at(1), w.wheel.armed_at(0));
    EXPECT_EQ(w.wheel.armed_at(2), w.wheel.armed_at(0));
  }
}

TEST(TimingWheel, ArmingAgainMovesAndDisarmingRemoves) {
  Wheel w(2);
  w.wheel.arm(0, at(milliseconds(10)));
  w.wheel.arm(0, at(hours(10)));
  w.wheel.arm(1, at(milliseconds(10)));
  w.wheel.disarm(1);
  w.wheel.disarm(1);
  EXPECT_EQ(w.wheel.size(), 1U);
  EXPECT_EQ(w.fired(at(hours(10) - milliseconds(1))), Ids{});
  EXPECT_EQ(w.fired(at(hours(10))), Ids{0});
}

TEST(TimingWheel, ATimeThatGoesBackChangesNothing) {
  Wheel w(1);
  EXPECT_EQ(w.fired(at(milliseconds(300))), Ids{});
  w.wheel.arm(0, at(milliseconds(301)));
  EXPECT_EQ(w.fired(at(milliseconds(50))), Ids{});
  EXPECT_EQ(w.wheel.next_deadline(), at(milliseconds(301)));
  EXPECT_EQ(w.fired(at(milliseconds(301))), Ids{0});
}

TEST(TimingWheel, ReachesFromTheEarliestOriginToTheLatestInstant) {
  Wheel w(2, Instant::min());
  w.wheel.arm(0, kNever);
  w.wheel.arm(1, kNever - hours(1));
  EXPECT_EQ(w.wheel.armed_at(0), kNever);
  EXPECT_EQ(w.fired(kNever - hours(2)), Ids{});
  EXPECT_EQ(w.fired(kNever - milliseconds(1)), Ids{1});
  EXPECT_TRUE(w.wheel.armed(0));
}

TEST(TimingWheel, AnEmptyOneHasNoDeadline) {
  Wheel w(1);
  EXPECT_EQ(w.wheel.next_deadline(), kNever);
  w.wheel.arm(0, at(milliseconds(4)));
  EXPECT_EQ(w.wheel.next_deadline(), at(milliseconds(4)));
  w.wheel.disarm(0);
  EXPECT_EQ(w.wheel.next_deadline(), kNever);
}

// A wheel that is driven by its own deadlines alone (virtual time) reaches each timer at its tick, and touches it at
// most once a level on the way.
TEST(TimingWheel, CanBeDrivenByItsDeadlines) {
  constexpr std::uint32_t kIds = 200;
  Wheel w(kIds);
  Random random(7);
  for (std::uint32_t id = 0; id < kIds; ++id) {
    w.wheel.arm(id, at(milliseconds(random.next() >> 21 >> random.below(43))));
  }
  std::size_t fired = 0;
  std::size_t calls = 0;
  while (w.wheel.next_deadline() != kNever) {
    const Instant now = w.wheel.next_deadline();
    std::map<std::uint32_t, Instant> due;
    for (std::uint32_t id = 0; id < kIds; ++id) {
      if (w.wheel.armed(id)) due[id] = w.wheel.armed_at(id);
    }
    ASSERT_TRUE(w.wheel.advance(now, kUnlimited, [&](std::uint32_t id) {
      ++fired;
      EXPECT_EQ(due[id], now);
    }));
    ASSERT_LE(++calls, std::size_t{6} * kIds);
  }
  EXPECT_EQ(fired, kIds);
}

// The same operations on a wheel and on a multimap of ticks.
class AgainstOracle {
 public:
  AgainstOracle(std::uint64_t seed, std::size_t budget, Duration start)
      : random_(seed), budget_(budget), origin_(Instant(hours(-5))), w_(kIds, origin_), entries_(kIds) {
    now_ = origin_ + start;
    EXPECT_EQ(w_.fired(now_), Ids{});
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      for (std::uint64_t i = random_.below(8); i > 0; --i) arm_or_disarm_one(floor_tick(now_));
      now_ += random_duration();
      advance();
    }
  }

  [[nodiscard]] std::size_t fired() const { return fired_; }

 private:
  static constexpr std::uint32_t kIds = 64;

  struct Entry {
    std::optional<std::multimap<std::int64_t, std::uint32_t>::iterator> place;
    bool ordered = false;  // armed for a tick that was still ahead, so it must fire in the order of ticks
    bool waits = false;    // armed late by a firing: may wait for the next call
  };

  [[nodiscard]] std::int64_t floor_tick(Instant when) const { return (when - origin_) / milliseconds(1); }
  [[nodiscard]] std::int64_t ceil_tick(Instant when) const {
    return when <= origin_ ? 0 : (when - origin_ + milliseconds(1) - nanoseconds(1)) / milliseconds(1);
  }

  // All magnitudes alike, from below a tick to a year, and often a whole number of ticks.
  Duration random_duration() {
    const auto length = Duration(static_cast<std::int64_t>(random_.next() >> (9 + random_.below(50))));
    return random_.chance(0.5) ? std::chrono::floor<milliseconds>(length) : length;
  }

  void disarm_in_oracle(std::uint32_t id) {
    if (entries_[id].place) by_tick_.erase(*entries_[id].place);
    entries_[id] = {};
  }

  // `reached`: the tick up to which everything has fired or is being fired.
  void arm_or_disarm_one(std::int64_t reached) {
    const auto id = static_cast<std::uint32_t>(random_.below(kIds));
    disarm_in_oracle(id);
    if (random_.chance(0.25)) {
      w_.wheel.disarm(id);
      return;
    }
    const Instant when = random_.chance(0.1) ? now_ - random_duration() : now_ + random_duration();
    w_.wheel.arm(id, when);
    const std::int64_t tick = ceil_tick(when);
    entries_[id].place = by_tick_.emplace(tick, id);
    entries_[id].ordered = tick > reached;
    entries_[id].waits = firing_ && tick <= floor_tick(now_);
  }

  void on_fire(std::uint32_t id) {
    ++fired_;
    ASSERT_TRUE(entries_[id].place) << "fired but not armed";
    const std::int64_t tick = (*entries_[id].place)->first;
    ASSERT_LE(tick, floor_tick(now_)) << "early";
    std::int64_t reached = floor_tick(now_);
    if (entries_[id].ordered) {
      ASSERT_GE(tick, last_tick_) << "out of order";
      reached = last_tick_ = tick;
    }
    disarm_in_oracle(id);
    ASSERT_FALSE(w_.wheel.armed(id));
    firing_ = true;
    while (random_.chance(0.3)) arm_or_disarm_one(reached);
    firing_ = false;
  }

  void advance() {
    for (Entry& entry : entries_) entry.waits = false;
    const auto fire = [&](std::uint32_t id) { on_fire(id); };
    last_tick_ = 0;
    for (;;) {
      const std::size_t fired_before = fired_;
      const bool complete = w_.wheel.advance(now_, budget_, fire);
      if (testing::Test::HasFatalFailure()) return;
      ASSERT_LE(fired_ - fired_before, budget_);
      compare();
      if (complete) break;
      if (random_.chance(0.3)) {
        firing_ = true;  // arrives between two calls, as from a firing
        arm_or_disarm_one(floor_tick(now_));
        firing_ = false;
      }
    }
    for (const auto& [tick, id] : by_tick_) {
      if (tick > floor_tick(now_)) break;
      ASSERT_TRUE(entries_[id].waits) << "id " << id << " was due and did not fire";
    }
  }

  void compare() {
    ASSERT_EQ(w_.wheel.size(), by_tick_.size());
    if (by_tick_.empty()) {
      ASSERT_EQ(w_.wheel.next_deadline(), kNever);
      return;
    }
    const Instant earliest = origin_ + milliseconds(by_tick_.begin()->first);
    ASSERT_LE(w_.wheel.next_deadline(), std::max(earliest, now_));
    for (std::uint32_t id = 0; id < kIds; ++id) {
      ASSERT_EQ(w_.wheel.armed(id), entries_[id].place.has_value());
      if (!entries_[id].place || !entries_[id].ordered) continue;
      ASSERT_EQ(w_.wheel.armed_at(id), origin_ + milliseconds((*entries_[id].place)->first));
    }
  }

  Random random_;
  std::size_t budget_;
  Instant origin_;
  Wheel w_;
  std::vector<Entry> entries_;
  std::multimap<std::int64_t, std::uint32_t> by_tick_;
  Instant now_;
  std::int64_t last_tick_ = 0;
  std::size_t fired_ = 0;
  bool firing_ = false;
};

TEST(TimingWheelOracle, AgreesWithASortedListUnderAnyBudget) {
  for (const std::size_t budget : {std::size_t{1}, std::size_t{2}, std::size_t{5}, kUnlimited}) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " budget " << budget);
      AgainstOracle run(seed, budget, Duration::zero());
      ASSERT_NO_FATAL_FAILURE(run.run(400));
      ASSERT_GT(run.fired(), 400U);
    }
  }
}

// Just before the blocks of each level end, and before a 32-bit count of milliseconds wraps.
TEST(TimingWheelOracle, AgreesAcrossTheEndOfEveryLevel) {
  for (const int bits : {8, 16, 24, 32, 40}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " bits " << bits);
      AgainstOracle run(seed, 3, milliseconds((std::int64_t{1} << bits) - 2) + microseconds(500));
      ASSERT_NO_FATAL_FAILURE(run.run(200));
    }
  }
}

}  // namespace
}  // namespace levee
