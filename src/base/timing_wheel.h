// A hierarchical timing wheel (Varghese and Lauck, 1987) with ticks of 1 ms. Arming and disarming are O(1); the links
// live in the caller's own records, so the wheel itself is a few KiB however many timers there are.
//
// Level L has 256 slots of 256^L ticks. An entry sits on the level of the highest byte in which its tick differs from
// the current tick, in the slot that this byte of its tick names: an entry of level 0 is due in this block of 256
// ticks, one of level 1 in this block of 65,536, and so on. When time enters a slot of a higher level, its entries
// cascade down. Six levels hold every tick that an Instant can name, so nothing wraps. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/index_pool.h"
#include "levee/time.h"

namespace levee {

// The wheel's part of a record. A default-constructed link is disarmed; only the wheel changes one after that.
struct TimerLink {
  static constexpr std::uint16_t kDisarmed = 0xffff;

  std::uint32_t next = kNoIndex;
  std::uint32_t prev = kNoIndex;
  std::uint32_t tick = 0;  // low 32 bits of 48
  std::uint16_t tick_high = 0;
  std::uint16_t list = kDisarmed;  // level * 256 + slot, or one of the two lists of the late
};
static_assert(sizeof(TimerLink) == 16);

// `Links` is called as links(id) and returns the TimerLink& of that id.
template <typename Links>
class TimingWheel {
 public:
  // Tick 0 is `origin`, the earliest time there is: no `now` may be before it.
  TimingWheel(Instant origin, Links links) : links_(std::move(links)), origin_(origin) { heads_.fill(kNoIndex); }

  // Rounds up to a tick, so nothing fires early. Arming again moves it. A time that is already past is late: it fires
  // at the next advance(), not in the one that may be running, before all others.
  void arm(std::uint32_t id, Instant when) { arm(id, due(when)); }

  // A time as the wheel counts, for arming many at once. Good until the next advance().
  struct Due {
    std::uint64_t tick = 0;
    std::uint16_t list = TimerLink::kDisarmed;
  };
  [[nodiscard]] Due due(Instant when) const {
    const std::uint64_t tick = tick_at_or_after(when);
    return tick <= current_ ? Due{current_, late_} : Due{tick, list_of(tick)};
  }
  void arm(std::uint32_t id, const Due& due) {
    TimerLink& link = links_(id);
    if (link.list != TimerLink::kDisarmed) unlink(link, id);
    link_into(due.list, link, id, due.tick);
  }

  void disarm(std::uint32_t id) {
    TimerLink& link = links_(id);
    if (link.list != TimerLink::kDisarmed) unlink(link, id);
  }

  [[nodiscard]] bool armed(std::uint32_t id) const { return links_(id).list != TimerLink::kDisarmed; }

  // It is armed, and arm(id, when) would not make it fire earlier.
  [[nodiscard]] bool fires_by(std::uint32_t id, Instant when) const {
    const TimerLink& link = links_(id);
    return link.list != TimerLink::kDisarmed && tick_of(link) * kTickNanoseconds < since_origin(when) + kTickNanoseconds;
  }

  // The tick at which an armed id fires: the time asked for, rounded up; for a late one, the current tick.
  [[nodiscard]] Instant armed_at(std::uint32_t id) const {
    DCHECK(armed(id));
    return instant_of(tick_of(links_(id)));
  }

  // Calls fire(id) for everything due at `now`, in the order of ticks and within one tick in no order that a caller may
  // rely on. The id is disarmed before; fire may arm and disarm any id. At most `budget` entries are fired or cascaded:
  // false when that was not enough, and calling again goes on where this call stopped. A `now` that is earlier than the
  // last one is taken as the last one.
  template <typename Fire>
  bool advance(Instant now, std::size_t budget, Fire&& fire) {
    if (!fire_late(budget, fire)) return false;
    const std::uint64_t target = std::max(tick_at_or_before(now), current_);
    if (target == current_ && !interrupted_) return true;
    interrupted_ = true;
    for (;;) {
      if (!cascade(budget) || !fire_list(current_list(0), budget, fire)) return false;
      const std::uint64_t next = next_tick();
      if (next > target) break;
      current_ = next;
    }
    current_ = target;
    interrupted_ = false;
    return true;
  }

  // When advance() has something to do next; kNever when nothing is armed. May be early (a cascade, an entry whose slot
  // is not reached yet), never late.
  [[nodiscard]] Instant next_deadline() const {
    if (size_ == 0) return kNever;
    if (interrupted_ || heads_[kLate0] != kNoIndex || heads_[kLate1] != kNoIndex) return instant_of(current_);
    return instant_of(next_tick());
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kSlotBits = 8;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr std::uint16_t kLate0 = kLevels * kSlots;
  static constexpr std::uint16_t kLate1 = kLate0 + 1;
  static constexpr std::uint64_t kNoTick = ~std::uint64_t{0};
  static constexpr std::uint64_t kTickNanoseconds = 1'000'000;

  // Differences are unsigned: two Instants may be further apart than a Duration reaches.
  [[nodiscard]] std::uint64_t since_origin(Instant when) const {
    if (when <= origin_) return 0;
    return static_cast<std::uint64_t>(to_nanoseconds(when)) - static_cast<std::uint64_t>(to_nanoseconds(origin_));
  }
  [[nodiscard]] std::uint64_t tick_at_or_before(Instant when) const { return since_origin(when) / kTickNanoseconds; }
  [[nodiscard]] std::uint64_t tick_at_or_after(Instant when) const {
    const std::uint64_t nanoseconds = since_origin(when);
    return nanoseconds / kTickNanoseconds + (nanoseconds % kTickNanoseconds != 0 ? 1 : 0);
  }
  [[nodiscard]] Instant instant_of(std::uint64_t tick) const {
    const std::uint64_t room =
        static_cast<std::uint64_t>(to_nanoseconds(kNever)) - static_cast<std::uint64_t>(to_nanoseconds(origin_));
    if (tick > room / kTickNanoseconds) return kNever;
    const std::uint64_t nanoseconds = static_cast<std::uint64_t>(to_nanoseconds(origin_)) + tick * kTickNanoseconds;
    return Instant(Duration(static_cast<std::int64_t>(nanoseconds)));
  }
  static std::uint64_t tick_of(const TimerLink& link) {
    return static_cast<std::uint64_t>(link.tick_high) << 32 | link.tick;
  }

  static unsigned slot_of(std::uint64_t tick, unsigned level) {
    return static_cast<unsigned>(tick >> (kSlotBits * level)) % kSlots;
  }
  static std::uint16_t list_at(unsigned level, unsigned slot) {
    return static_cast<std::uint16_t>(level * kSlots + slot);
  }
  [[nodiscard]] std::uint16_t current_list(unsigned level) const { return list_at(level, slot_of(current_, level)); }
  // Where a tick belongs, seen from the current one.
  [[nodiscard]] std::uint16_t list_of(std::uint64_t tick) const {
    const auto highest_bit = static_cast<unsigned>(std::bit_width((tick ^ current_) | 1) - 1);
    const unsigned level = highest_bit / kSlotBits;
    DCHECK(level < kLevels);
    return list_at(level, slot_of(tick, level));
  }

  // A list is circular: its head's prev is its tail.
  void link_into(std::uint16_t list, TimerLink& link, std::uint32_t id, std::uint64_t tick) {
    const std::uint32_t head = heads_[list];
    if (head == kNoIndex) {
      link.next = link.prev = heads_[list] = id;
      if (list < kLate0) occupied_[list / 64] |= std::uint64_t{1} << list % 64;
    } else {
      TimerLink& first = links_(head);
      link.next = head;
      link.prev = first.prev;
      links_(first.prev).next = id;
      first.prev = id;
    }
    link.tick = static_cast<std::uint32_t>(tick);
    link.tick_high = static_cast<std::uint16_t>(tick >> 32);
    link.list = list;
    ++size_;
  }

  void unlink(TimerLink& link, std::uint32_t id) {
    const std::uint16_t list = link.list;
    if (link.next == id) {
      heads_[list] = kNoIndex;
      if (list < kLate0) occupied_[list / 64] &= ~(std::uint64_t{1} << list % 64);
    } else {
      links_(link.next).prev = link.prev;
      links_(link.prev).next = link.next;
      if (heads_[list] == id) heads_[list] = link.next;
    }
    link.list = TimerLink::kDisarmed;
    --size_;
  }

  // False when the budget ended before the list did.
  template <typename Fire>
  bool fire_list(std::uint16_t list, std::size_t& budget, Fire& fire) {
    while (heads_[list] != kNoIndex) {
      if (budget == 0) return false;
      --budget;
      const std::uint32_t id = heads_[list];
      unlink(links_(id), id);
      fire(id);
    }
    return true;
  }

  // Two lists, so that what `fire` adds to the late waits for the next call and cannot keep this one busy for ever:
  // first the rest of an interrupted call, then what came since.
  template <typename Fire>
  bool fire_late(std::size_t& budget, Fire& fire) {
    const auto other = static_cast<std::uint16_t>(kLate0 + kLate1 - late_);
    if (!fire_list(other, budget, fire)) return false;
    return fire_list(std::exchange(late_, other), budget, fire);
  }

  // Empties the higher levels' slots that the current tick has entered; their entries belong further down now.
  bool cascade(std::size_t& budget) {
    for (unsigned level = kLevels - 1; level > 0; --level) {
      const std::uint16_t list = current_list(level);
      while (heads_[list] != kNoIndex) {
        if (budget == 0) return false;
        --budget;
        const std::uint32_t id = heads_[list];
        TimerLink& link = links_(id);
        const std::uint64_t tick = tick_of(link);
        unlink(link, id);
        link_into(list_of(tick), link, id, tick);
      }
    }
    return true;
  }

  // The start of the first occupied slot after the current tick. The lowest level that has one has the earliest.
  [[nodiscard]] std::uint64_t next_tick() const {
    for (unsigned level = 0; level < kLevels; ++level) {
      const unsigned slot = next_occupied(level, slot_of(current_, level) + 1);
      if (slot == kSlots) continue;
      const unsigned shift = kSlotBits * level;
      const std::uint64_t block = current_ >> shift >> kSlotBits << kSlotBits;
      return (block | slot) << shift;
    }
    return kNoTick;
  }

  [[nodiscard]] unsigned next_occupied(unsigned level, unsigned from) const {
    for (unsigned word = from / 64; word < kSlots / 64; ++word) {
      std::uint64_t bits = occupied_[level * (kSlots / 64) + word];
      if (word == from / 64) bits &= ~std::uint64_t{0} << from % 64;
      if (bits != 0) return word * 64 + static_cast<unsigned>(std::countr_zero(bits));
    }
    return kSlots;
  }

  Links links_;
  Instant origin_;
  std::uint64_t current_ = 0;    // every tick before it is fired; its own is, unless interrupted
  bool interrupted_ = false;     // the budget ended with the current tick's slots not empty
  std::uint16_t late_ = kLate0;  // the list that takes the late
  std::size_t size_ = 0;
  std::array<std::uint64_t, kLevels * kSlots / 64> occupied_{};  // a bit per slot
  std::array<std::uint32_t, kLevels * kSlots + 2> heads_;
};

}  // namespace levee
