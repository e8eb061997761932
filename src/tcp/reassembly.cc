#include "tcp/reassembly.h"

#include <algorithm>

#include "base/check.h"

namespace levee::tcp {
namespace {

void erase_range(Reassembly& reassembly, std::uint32_t index) {
  std::move(reassembly.ranges.begin() + index + 1, reassembly.ranges.begin() + reassembly.count,
            reassembly.ranges.begin() + index);
  --reassembly.count;
  reassembly.ranges[reassembly.count] = {};
}

// Joins range `index` with the one before it if they touch; returns where the range is now.
std::uint32_t join_with_previous(Reassembly& reassembly, std::uint32_t index, SlicePool& nodes) {
  if (index == 0 || reassembly.ranges[index - 1].end != reassembly.ranges[index].begin) return index;
  Range& before = reassembly.ranges[index - 1];
  Range& range = reassembly.ranges[index];
  splice(before.queue, range.queue, nodes);
  before.end = range.end;
  before.stamp = range.stamp > before.stamp ? range.stamp : before.stamp;
  erase_range(reassembly, index);
  return index - 1;
}

}  // namespace

Inserted insert(Reassembly& reassembly, TextSpan text, std::uint32_t skip, std::span<const Slice> payload,
                SliceMemory memory, std::optional<TextSpan>& repeated) {
  DCHECK(text.begin < text.end);
  const Seq end = text.end;
  const std::size_t limit = text.in_order ? kMaxRanges + 1 : kMaxRanges;
  const std::uint32_t stamp = ++reassembly.next_stamp;
  repeated.reset();
  bool added = false;
  Seq at = text.begin;
  // Each turn fills one gap or steps over one range, so there are at most 2 * kMaxRanges + 1 turns.
  std::uint32_t index = 0;
  while (at < end) {
    while (index < reassembly.count && reassembly.ranges[index].end <= at) ++index;
    if (index < reassembly.count && reassembly.ranges[index].begin <= at) {
      // These bytes came before; the first ones stay.
      if (!repeated) repeated = {.begin = at, .end = earlier(end, reassembly.ranges[index].end)};
      reassembly.ranges[index].stamp = stamp;
      at = reassembly.ranges[index].end;
      continue;
    }
    const Seq gap_end = index < reassembly.count ? earlier(end, reassembly.ranges[index].begin) : end;
    const bool extends = index > 0 && reassembly.ranges[index - 1].end == at;
    if (!extends && reassembly.count >= limit) return Inserted::Full;
    if (!extends) {
      std::move_backward(reassembly.ranges.begin() + index, reassembly.ranges.begin() + reassembly.count,
                         reassembly.ranges.begin() + reassembly.count + 1);
      ++reassembly.count;
      reassembly.ranges[index] = {.begin = at, .end = at, .queue = {}, .stamp = stamp};
    } else {
      --index;
    }
    Range& range = reassembly.ranges[index];
    range.end += append(range.queue, payload, skip + (at - text.begin), gap_end - at, memory).bytes;
    range.stamp = stamp;
    if (range.begin == range.end) {
      erase_range(reassembly, index);
      return Inserted::Full;
    }
    added = true;
    if (range.end != gap_end) return Inserted::Full;
    at = gap_end;
    if (index + 1 < reassembly.count) join_with_previous(reassembly, index + 1, memory.nodes);
  }
  return added ? Inserted::Queued : Inserted::Duplicate;
}

Seq take_in_order(Reassembly& reassembly, Seq next, SliceQueue& to, SliceMemory memory) {
  // What was delivered meanwhile by an in-order segment is trimmed: those bytes are already in `to`.
  while (reassembly.count > 0 && reassembly.ranges[0].begin <= next) {
    Range& first = reassembly.ranges[0];
    if (first.end <= next) {
      clear(first.queue, memory);
    } else {
      pop_front(first.queue, next - first.begin, memory);
      next = first.end;
      splice(to, first.queue, memory.nodes);
    }
    erase_range(reassembly, 0);
  }
  return next;
}

// One pass or two over the ranges. Mostly those that changed last fill the option, and the others are only looked at.
void add_sack_blocks(const Reassembly& reassembly, std::size_t limit, wire::SegmentOptions& options) {
  constexpr std::uint32_t kRecently = 8, kEver = 0xffffffff;  // as many text segments ago
  std::array<std::uint32_t, wire::kMaxSackBlocks> latest;     // ranges, the most recent first
  limit = std::min(limit, options.sack.size());
  const std::size_t room = limit > options.sack_count ? limit - options.sack_count : 0;
  const auto age = [&](std::uint32_t i) { return reassembly.next_stamp - reassembly.ranges[i].stamp; };
  std::size_t found = 0;
  for (const std::uint32_t oldest : {kRecently, kEver}) {
    if (found == std::min<std::size_t>(room, reassembly.count)) break;
    found = 0;
    for (std::uint32_t i = 0; i < reassembly.count; ++i) {
      if (age(i) > oldest) continue;
      std::size_t place = found;
      while (place > 0 && age(latest[place - 1]) > age(i)) --place;
      if (place == room) continue;
      if (found < room) ++found;
      for (std::size_t at = found - 1; at > place; --at) latest[at] = latest[at - 1];
      latest[place] = i;
    }
  }
  for (std::size_t n = 0; n < found; ++n) {
    const Range& range = reassembly.ranges[latest[n]];
    options.sack[options.sack_count++] = {range.begin.value(), range.end.value()};
  }
}

void clear(Reassembly& reassembly, SliceMemory memory) {
  for (std::uint32_t i = 0; i < reassembly.count; ++i) clear(reassembly.ranges[i].queue, memory);
  reassembly = {};
}

}  // namespace levee::tcp
