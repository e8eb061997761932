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
  entries_[index].key = {};
  entries_.put(index);
}

Instant TimeWaitTable::next_expiry(Instant now) const {
  if (oldest_ == kNoIndex) return kNever;
  const std::int64_t now_ms = to_milliseconds(now);
  const auto left = static_cast<std::int32_t>(entries_[oldest_].expires_ms - static_cast<std::uint32_t>(now_ms));
  return Instant(std::chrono::milliseconds(now_ms + left));
}

void TimeWaitTable::link_youngest(std::uint32_t index, Instant now) {
  // Rounded up, so that no entry ends before 2MSL are over.
  entries_[index].expires_ms = static_cast<std::uint32_t>(to_milliseconds(now + two_msl_) + 1);
  links_[index] = {.older = youngest_, .younger = kNoIndex};
  (youngest_ == kNoIndex ? oldest_ : links_[youngest_].younger) = index;
  youngest_ = index;
}

void TimeWaitTable::unlink(std::uint32_t index) {
  const Links links = links_[index];
  (links.older == kNoIndex ? oldest_ : links_[links.older].younger) = links.younger;
  (links.younger == kNoIndex ? youngest_ : links_[links.younger].older) = links.older;
}

}  // namespace levee::shard
