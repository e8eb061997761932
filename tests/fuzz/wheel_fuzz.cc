// The timing wheel against a sorted list: what is armed fires at its tick, in the order of ticks, once.
#include <map>
#include <optional>

#include "base/check.h"
#include "base/timing_wheel.h"
#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

constexpr std::uint32_t kIds = 24;
constexpr Duration kTick = std::chrono::milliseconds(1);

struct LinksOf {
  std::vector<TimerLink>* links;
  TimerLink& operator()(std::uint32_t id) const { return (*links)[id]; }
};

// When a timer fires, by the wheel's promise: at the next tick, or as late in the next call.
struct Due {
  Instant at;
  bool late = false;  // was past when it was armed
};

struct Case {
  Instant origin;
  Instant now;
  std::vector<TimerLink> links{kIds};
  TimingWheel<LinksOf> wheel;
  std::map<std::uint32_t, Due> due;
  Instant reached;       // ticks up to here have been advanced over
  Instant last_fired{};  // in the call that is running

  explicit Case(Input& input)
      : origin(Duration(static_cast<std::int64_t>(input.u32()) << 20)),
        now(origin),
        wheel(origin, LinksOf{&links}),
        reached(origin) {}

  [[nodiscard]] Instant rounded_up(Instant when) const {
    const Duration since = when - origin;
    return since <= Duration{} ? origin : origin + (since + kTick - Duration(1)) / kTick * kTick;
  }
  void arm(std::uint32_t id, Instant when) {
    wheel.arm(id, when);
    const Instant tick = rounded_up(when);
    due[id] = tick <= reached ? Due{reached, true} : Due{tick};
    CHECK(wheel.armed(id));
    if (!due[id].late) CHECK(wheel.armed_at(id) == tick);
  }
};

Duration span_of(Input& input) {
  const std::uint8_t magnitude = input.u8();
  return Duration(static_cast<std::int64_t>(input.u16()) << magnitude % 40);
}

void fire(Case& c, std::uint32_t id, Input& input) {
  const auto found = c.due.find(id);
  CHECK(found != c.due.end() && !c.wheel.armed(id));
  const Due was = found->second;
  c.due.erase(found);
  CHECK(was.at <= c.now);
  if (!was.late) {
    CHECK(was.at >= c.last_fired);
    c.last_fired = c.reached = was.at;
  }
  // What a firing arms may be due in the same call.
  if ((input.u8() & 7) == 0) {
    const std::uint32_t other = input.below(kIds);
    const Instant when = c.now + span_of(input);
    c.arm(other, when - kTick * input.below(4));
  }
  if ((input.u8() & 15) == 0) {
    const std::uint32_t other = input.below(kIds);
    c.wheel.disarm(other);
    c.due.erase(other);
  }
}

void advance(Case& c, Input& input) {
  const Instant next = c.wheel.next_deadline();
  for (const auto& [id, due] : c.due) CHECK(next <= std::max(due.at, c.reached));
  CHECK(c.due.empty() == (next == kNever));
  const bool to_deadline = input.flag() && next != kNever;
  c.now = std::max(c.now, to_deadline ? next : c.now + span_of(input));
  const std::size_t budget = input.flag() ? 1 + input.below(8) : ~std::size_t{0};
  bool all = false;
  for (int calls = 0; !all; ++calls) {
    CHECK(calls < 4096);
    c.last_fired = Instant::min();
    all = c.wheel.advance(c.now, budget, [&](std::uint32_t id) { fire(c, id, input); });
    if (budget > 64) CHECK(all);
  }
  const Instant tick = c.origin + (c.now - c.origin) / kTick * kTick;
  c.reached = std::max(c.reached, tick);
  for (const auto& [id, due] : c.due) CHECK(due.late || due.at > tick);
}

}  // namespace

FUZZ_TARGET(wheel, input) {
  Case c(input);
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) {
    const std::uint8_t what = input.u8();
    const std::uint32_t id = what / 4 % kIds;
    if (what % 4 == 0) {
      c.wheel.disarm(id);
      c.due.erase(id);
    } else if (what % 4 == 1) {
      advance(c, input);
    } else {
      c.arm(id, what % 4 == 2 ? c.now + span_of(input) : c.now - kTick * input.u8());
    }
    CHECK(c.wheel.size() == c.due.size());
  }
}

}  // namespace levee::fuzz
