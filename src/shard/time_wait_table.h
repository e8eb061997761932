// The TIME-WAIT entries of one shard in order of age: 2MSL is the same for all, so the oldest expires first, and a
// restarted entry moves to the young end. 40 bytes an entry: 32 that a segment needs, in one cache line, and apart from
// them the links.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/huge_array.h"
#include "base/index_pool.h"
#include "levee/time.h"
#include "shard/flow_key.h"
#include "tcp/time_wait.h"

namespace levee::shard {

struct TimeWaitEntry {
  FlowKey4 key;
  tcp::TimeWait tcp;
  std::uint32_t expires_ms = 0;  // low 32 bits of the millisecond clock
};
static_assert(sizeof(TimeWaitEntry) == 32);

class TimeWaitTable {
 public:
  TimeWaitTable(std::uint32_t capacity, Duration two_msl)
      : entries_(capacity),
        links_memory_(std::size_t{capacity} * sizeof(Links)),
        links_(static_cast<Links*>(links_memory_.data())),
        two_msl_(two_msl) {}

  [[nodiscard]] bool full() const { return entries_.in_use() == entries_.capacity(); }
  [[nodiscard]] std::uint32_t size() const { return entries_.in_use(); }
  [[nodiscard]] TimeWaitEntry& operator[](std::uint32_t index) { return entries_[index]; }
  [[nodiscard]] const TimeWaitEntry& operator[](std::uint32_t index) const { return entries_[index]; }
  void prefetch(std::uint32_t index) const { __builtin_prefetch(&entries_[index]); }
  // kNoIndex when empty.
  [[nodiscard]] std::uint32_t oldest() const { return oldest_; }
  [[nodiscard]] std::uint32_t younger(std::uint32_t index) const { return links_[index].younger; }

  // The table must not be full.
  [[nodiscard]] std::uint32_t add(const FlowKey4& key, const tcp::TimeWait& tcp, Instant now);
  void restart(std::uint32_t index, Instant now);
  void remove(std::uint32_t index);  // leaves it without a key, so that an old index is known by that
  // When the oldest entry expires, seen from `now`; kNever when empty.
  [[nodiscard]] Instant next_expiry(Instant now) const;

 private:
  void link_youngest(std::uint32_t index, Instant now);
  void unlink(std::uint32_t index);

  struct Links {
    std::uint32_t older, younger;
  };

  IndexPool<TimeWaitEntry> entries_;
  HugeMemory links_memory_;
  Links* links_;  // by index; written before they are read
  Duration two_msl_;
  std::uint32_t oldest_ = kNoIndex, youngest_ = kNoIndex;
};

}  // namespace levee::shard
