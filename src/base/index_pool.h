// A pool of records named by 32-bit indices: half the size of pointers, and good on any shard's side of a handle. The
// last one put back is the first one taken, while its lines are still warm. A record that was never taken is never
// touched, so resident memory grows with use. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "base/check.h"
#include "base/huge_array.h"

namespace levee {

inline constexpr std::uint32_t kNoIndex = 0xffffffff;

template <typename T>
class IndexPool {
 public:
  explicit IndexPool(std::uint32_t capacity)
      : records_memory_(std::size_t{capacity} * sizeof(T)),
        free_memory_(std::size_t{capacity} * sizeof(std::uint32_t)),
        taken_((std::size_t{capacity} + 63) / 64),
        records_(static_cast<T*>(records_memory_.data())),
        free_(static_cast<std::uint32_t*>(free_memory_.data())),
        capacity_(capacity) {
    static_assert(alignof(T) <= 64);
    CHECK(capacity < kNoIndex);
  }
  IndexPool(const IndexPool&) = delete;
  IndexPool& operator=(const IndexPool&) = delete;
  ~IndexPool() { std::destroy_n(records_, high_water_); }

  // kNoIndex when all are taken. The record is value-initialised at its first taking; after that it is as its last
  // holder left it: resetting it is the caller's.
  [[nodiscard]] std::uint32_t take() {
    std::uint32_t index;
    if (free_count_ > 0) {
      index = free_[--free_count_];
    } else if (high_water_ < capacity_) {
      index = high_water_++;
      new (records_ + index) T();
    } else {
      return kNoIndex;
    }
    taken_[index / 64] |= bit(index);
    return index;
  }

  void put(std::uint32_t index) {
    DCHECK(is_taken(index));
    taken_[index / 64] &= ~bit(index);
    free_[free_count_++] = index;
  }

  [[nodiscard]] T& operator[](std::uint32_t index) {
    DCHECK(index < high_water_);
    return records_[index];
  }
  [[nodiscard]] const T& operator[](std::uint32_t index) const {
    DCHECK(index < high_water_);
    return records_[index];
  }

  // A record's first lines; harmless for an index that was never taken.
  void prefetch(std::uint32_t index) const {
    constexpr std::size_t kBytes = sizeof(T) < 256 ? sizeof(T) : 256;
    const auto* record = reinterpret_cast<const std::byte*>(records_ + index);
    for (std::size_t at = 0; at < kBytes; at += 64) __builtin_prefetch(record + at);
    __builtin_prefetch(record + kBytes - 1);
  }

  // The same for the records that the next take()s will give; the list that names them first, as it may be cold itself.
  void prefetch_free_list(std::uint32_t count) const {
    constexpr std::uint32_t kLine = 64 / sizeof(std::uint32_t);
    for (std::uint32_t n = 0; n < count && n < free_count_; n += kLine) __builtin_prefetch(free_ + free_count_ - 1 - n);
  }
  void prefetch_free(std::uint32_t nth) const {
    prefetch(nth < free_count_ ? free_[free_count_ - 1 - nth] : high_water_ + (nth - free_count_));
  }

  [[nodiscard]] bool is_taken(std::uint32_t index) const {
    return index < high_water_ && (taken_[index / 64] & bit(index)) != 0;
  }
  // Every index taken so far is below this; for walks over all records.
  [[nodiscard]] std::uint32_t high_water() const { return high_water_; }
  [[nodiscard]] std::uint32_t in_use() const { return high_water_ - free_count_; }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

 private:
  static constexpr std::uint64_t bit(std::uint32_t index) { return std::uint64_t{1} << index % 64; }

  HugeMemory records_memory_;
  HugeMemory free_memory_;
  HugeArray<std::uint64_t> taken_;  // one bit per record: 128 KiB for a million
  T* records_;
  std::uint32_t* free_;  // a stack of indices put back; written before it is read
  std::uint32_t free_count_ = 0;
  std::uint32_t high_water_ = 0;  // indices from here on were never taken
  std::uint32_t capacity_;
};

}  // namespace levee
