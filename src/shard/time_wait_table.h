// The TIME-WAIT entries of one shard in order of age: 2MSL is the same for all, so the oldest expires first, and a
// restarted entry moves to the young end. 40 bytes an entry.
#pragma once

#include <cstdint>

#include "base/index_pool.h"
#include "levee/time.h"
#include "shard/flow_key.h"
#include "tcp/time_wait.h"

namespace levee::shard {

struct TimeWaitEntry {
  FlowKey4 key;
  tcp::TimeWait tcp;
  std::uint32_t expires_ms = 0;  // low 32 bits of the millisecond clock
  std::uint32_t older = kNoIndex, younger = kNoIndex;
};
static_assert(sizeof(TimeWaitEntry) == 40);

class TimeWaitTable {
 public:
  TimeWaitTable(std::uint32_t capacity, Duration two_msl) : entries_(capacity), two_msl_(two_msl) {}

  [[nodiscard]] bool full() const { return entries_.in_use() == entries_.capacity(); }
  [[nodiscard]] std::uint32_t size() const { return entries_.in_use(); }
  [[nodiscard]] TimeWaitEntry& operator[](std::uint32_t index) { return entries_[index]; }
  [[nodiscard]] const TimeWaitEntry& operator[](std::uint32_t index) const { return entries_[index]; }
  void prefetch(std::uint32_t index) const { entries_.prefetch(index); }
  // kNoIndex when empty.
  [[nodiscard]] std::uint32_t oldest() const { return oldest_; }
  [[nodiscard]] const IndexPool<TimeWaitEntry>& pool() const { return entries_; }

  // The table must not be full.
  [[nodiscard]] std::uint32_t add(const FlowKey4& key, const tcp::TimeWait& tcp, Instant now);
  void restart(std::uint32_t index, Instant now);
  void remove(std::uint32_t index);
  // When the oldest entry expires, seen from `now`; kNever when empty.
  [[nodiscard]] Instant next_expiry(Instant now) const;

 private:
  void link_youngest(std::uint32_t index, Instant now);
  void unlink(std::uint32_t index);

  IndexPool<TimeWaitEntry> entries_;
  Duration two_msl_;
  std::uint32_t oldest_ = kNoIndex, youngest_ = kNoIndex;
};

}  // namespace levee::shard
