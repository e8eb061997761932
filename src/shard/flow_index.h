// The flow index of one shard: from a flow's hash to a reference of the record that holds the flow's state. A bucket is
// one cache line of tags and references; the key itself lives in the record, so a miss touches one line. Two bits of a
// reference say what kind of record it names. Probing is bounded; when nothing is free the insertion is refused and the
// caller counts it. A bucket knows how many of its own entries live in later buckets, so deletion leaves no tombstones.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/huge_array.h"

namespace levee::shard {

enum class RecordKind : std::uint8_t { None = 0, Connection = 1, TimeWait = 2, HalfOpen = 3 };

// Kind and index of a record in 32 bits; 30 bits of index.
class FlowRef {
 public:
  constexpr FlowRef() = default;
  constexpr FlowRef(RecordKind kind, std::uint32_t index) : bits_(static_cast<std::uint32_t>(kind) << 30 | index) {}
  [[nodiscard]] constexpr RecordKind kind() const { return static_cast<RecordKind>(bits_ >> 30); }
  [[nodiscard]] constexpr std::uint32_t index() const { return bits_ & 0x3fffffff; }
  [[nodiscard]] constexpr explicit operator bool() const { return bits_ != 0; }
  friend constexpr bool operator==(FlowRef, FlowRef) = default;

 private:
  std::uint32_t bits_ = 0;
};

class FlowIndex {
 public:
  // Room for `records` at three quarters of the slots.
  explicit FlowIndex(std::uint32_t records);

  // The first reference under `hash` for which `matches(ref)` is true (it compares the record's key), or an empty one.
  template <typename Matches>
  [[nodiscard]] FlowRef find(std::uint64_t hash, Matches&& matches) const {
    std::uint64_t at = hash & mask_;
    const std::uint16_t tag = tag_of(hash);
    for (unsigned probe = 0; probe < kProbes; ++probe) {
      const Bucket& bucket = buckets_[at];
      for (unsigned left = slots_with(bucket, tag); left != 0; left &= left - 1) {
        const FlowRef ref = bucket.refs[static_cast<std::size_t>(std::countr_zero(left))];
        if (ref && matches(ref)) return ref;
      }
      // Only entries of this very home bucket can lie further on.
      if (probe == 0 && bucket.spilled == 0) break;
      at = (at + 1) & mask_;
    }
    return {};
  }
  // False when all kProbes buckets are full.
  [[nodiscard]] bool insert(std::uint64_t hash, FlowRef ref) {
    DCHECK(ref);
    const std::uint64_t home = hash & mask_;
    for (unsigned probe = 0; probe < kProbes; ++probe) {
      Bucket& bucket = buckets_[(home + probe) & mask_];
      const unsigned free = free_slots(bucket);
      if (free == 0) continue;
      const auto slot = static_cast<std::size_t>(std::countr_zero(free));
      bucket.tags[slot] = tag_of(hash);
      bucket.refs[slot] = ref;
      if (probe > 0) ++buckets_[home].spilled;
      ++size_;
      ++insertions_;
      return true;
    }
    return false;
  }
  // The entry must be there.
  void replace(std::uint64_t hash, FlowRef from, FlowRef to);
  void erase(std::uint64_t hash, FlowRef ref);
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[hash & mask_]); }
  // A look at one line: false if nothing is under `hash` now; `likely` is what there probably is.
  [[nodiscard]] bool may_have(std::uint64_t hash, FlowRef& likely) const {
    const Bucket& bucket = buckets_[hash & mask_];
    const unsigned same = same_tags(bucket, tag_of(hash));
    if ((same | bucket.spilled) == 0) return false;  // as in a flood
    likely = same == 0 ? FlowRef{} : bucket.refs[static_cast<std::size_t>(std::countr_zero(slots_of(same)))];
    return true;
  }
  // Grows with each insertion: while it does not, what was not there is not there.
  [[nodiscard]] std::uint64_t insertions() const { return insertions_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kSlots = 10;
  static constexpr unsigned kProbes = 8;  // at three quarters full, one insertion in 10,000 finds none free

  struct alignas(64) Bucket {
    std::array<std::uint16_t, kSlots> tags{};
    std::array<FlowRef, kSlots> refs{};
    std::uint32_t spilled = 0;  // entries whose home is this bucket and that live in a later one
  };
  static_assert(sizeof(Bucket) == 64);

  struct Place {
    Bucket* bucket;
    std::size_t slot;
    bool home;
  };
  [[nodiscard]] Place place_of(std::uint64_t hash, FlowRef ref);
  // A bit for each slot that has this tag. A free slot may have it too: tags outlive their entries.
  [[nodiscard]] static unsigned slots_with(const Bucket& bucket, std::uint16_t tag) {
    return slots_of(same_tags(bucket, tag));
  }
  // The same before it is brought into order: 0 if it is.
  [[nodiscard]] static unsigned same_tags(const Bucket& bucket, std::uint16_t tag) {
#if defined(__SSE2__)
    typedef short Tags __attribute__((vector_size(16)));
    static_assert(kSlots == 10);
    const Tags wanted = Tags{} + static_cast<short>(tag);
    Tags first, last;  // slots 0 to 7, and 2 to 9
    std::memcpy(&first, &bucket.tags[0], sizeof(first));
    std::memcpy(&last, &bucket.tags[2], sizeof(last));
    return static_cast<unsigned>(
        __builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(Tags(first == wanted), Tags(last == wanted))));
#else
    unsigned slots = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) slots |= (bucket.tags[slot] == tag ? 1U : 0U) << slot;
    return slots;
#endif
  }
  [[nodiscard]] static unsigned slots_of(unsigned same) {
#if defined(__SSE2__)
    return (same & 0xff) | (same >> 6 & 0x300);
#else
    return same;
#endif
  }
  // A bit for each free slot; which one comes first cannot be predicted, so there is no loop that ends there.
  [[nodiscard]] static unsigned free_slots(const Bucket& bucket) {
#if defined(__SSE2__)
    typedef int Refs __attribute__((vector_size(16)));
    typedef short Halves __attribute__((vector_size(16)));
    Refs low, high, last;  // slots 0 to 3, 4 to 7, and 6 to 9
    std::memcpy(&low, &bucket.refs[0], sizeof(low));
    std::memcpy(&high, &bucket.refs[4], sizeof(high));
    std::memcpy(&last, &bucket.refs[6], sizeof(last));
    const Halves first = __builtin_ia32_packssdw128(Refs(low == 0), Refs(high == 0));
    const Halves second = __builtin_ia32_packssdw128(Refs(last == 0), Refs{});
    const auto free = static_cast<unsigned>(__builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(first, second)));
    return (free & 0xff) | (free >> 2 & 0x300);
#else
    unsigned slots = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) slots |= (bucket.refs[slot] ? 0U : 1U) << slot;
    return slots;
#endif
  }
  [[nodiscard]] static std::uint16_t tag_of(std::uint64_t hash) { return static_cast<std::uint16_t>(hash >> 48); }

  HugeArray<Bucket> buckets_;
  std::uint64_t mask_;
  std::size_t size_ = 0;
  std::uint64_t insertions_ = 0;
};

}  // namespace levee::shard
