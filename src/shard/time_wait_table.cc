#include "shard/time_wait_table.h"

#include "base/check.h"

namespace levee::shard {

std::uint32_t TimeWaitTable::add(const FlowKey4& key, const tcp::TimeWait& tcp, Instant now) {
  const std::uint32_t index = entries_.take();
  CHECK(index != kNoIndex);
  entries_[index] = {.key = key, .tcp = tcp};
  link_youngest(index, now);
  return index;
}

void TimeWaitTable::restart(std::uint32_t index, Instant now) {
  unlink(index);
  link_youngest(index, now);
}

void TimeWaitTable::remove(std::uint32_t index) {
  unlink(index);
  entries_.put(index);
}

Instant TimeWaitTable::next_expiry(Instant now) const {
  if (oldest_ == kNoIndex) return kNever;
  const std::int64_t now_ms = to_milliseconds(now);
  const auto left = static_cast<std::int32_t>(entries_[oldest_].expires_ms - static_cast<std::uint32_t>(now_ms));
  return Instant(std::chrono::milliseconds(now_ms + left));
}

void TimeWaitTable::link_youngest(std::uint32_t index, Instant now) {
  TimeWaitEntry& entry = entries_[index];
  // Rounded up, so that no entry ends before 2MSL are over.
  entry.expires_ms = static_cast<std::uint32_t>(to_milliseconds(now + two_msl_) + 1);
  entry.older = youngest_;
  entry.younger = kNoIndex;
  (youngest_ == kNoIndex ? oldest_ : entries_[youngest_].younger) = index;
  youngest_ = index;
}

void TimeWaitTable::unlink(std::uint32_t index) {
  const TimeWaitEntry& entry = entries_[index];
  (entry.older == kNoIndex ? oldest_ : entries_[entry.older].younger) = entry.younger;
  (entry.younger == kNoIndex ? youngest_ : entries_[entry.younger].older) = entry.older;
}

}  // namespace levee::shard
