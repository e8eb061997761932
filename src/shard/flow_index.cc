#include "shard/flow_index.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace levee::shard {

FlowIndex::FlowIndex(std::uint32_t records)
    : buckets_(std::bit_ceil(std::max<std::size_t>(16, std::size_t{records} * 4 / 3 / kSlots + 1))),
      mask_(buckets_.size() - 1) {}

FlowIndex::Place FlowIndex::place_of(std::uint64_t hash, FlowRef ref) {
  const std::uint64_t home = hash & mask_;
  for (unsigned probe = 0; probe < kProbes; ++probe) {
    Bucket& bucket = buckets_[(home + probe) & mask_];
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (bucket.refs[slot] == ref) return {&bucket, slot, probe == 0};
    }
  }
  CHECK(false && "a reference that was inserted is missing from the flow index");
  return {};
}

void FlowIndex::replace(std::uint64_t hash, FlowRef from, FlowRef to) {
  const Place place = place_of(hash, from);
  place.bucket->refs[place.slot] = to;
}

void FlowIndex::erase(std::uint64_t hash, FlowRef ref) {
  const Place place = place_of(hash, ref);
  place.bucket->refs[place.slot] = {};
  if (!place.home) --buckets_[hash & mask_].spilled;
  --size_;
}

}  // namespace levee::shard
