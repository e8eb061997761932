// A bounded queue between exactly one pushing and one popping thread: the mailboxes between shards. Wait-free; each
// side keeps its own cache line and a copy of the other's index, so that the lines move only when a side seems full or
// empty.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

#include "base/check.h"

namespace levee {

// Fixed, because std::hardware_destructive_interference_size may differ between translation units.
inline constexpr std::size_t kCacheLine = 64;

template <typename T>
class SpscRing {
 public:
  // Rounded up to a power of two; at least 1.
  explicit SpscRing(std::size_t capacity) : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1) {
    CHECK(capacity > 0);
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // The pushing thread only. False when full: the caller drops and counts.
  [[nodiscard]] bool push(const T& item) {
    const std::size_t tail = push_.index.load(std::memory_order_relaxed);
    if (tail - push_.other == slots_.size()) {
      push_.other = pop_.index.load(std::memory_order_acquire);
      if (tail - push_.other == slots_.size()) return false;
    }
    slots_[tail & mask_] = item;
    push_.index.store(tail + 1, std::memory_order_release);
    return true;
  }

  // The popping thread only. False when empty, and `item` is untouched.
  [[nodiscard]] bool pop(T& item) {
    const std::size_t head = pop_.index.load(std::memory_order_relaxed);
    if (head == pop_.other) {
      pop_.other = push_.index.load(std::memory_order_acquire);
      if (head == pop_.other) return false;
    }
    item = slots_[head & mask_];
    pop_.index.store(head + 1, std::memory_order_release);
    return true;
  }

  // Exact on a quiet ring; from either thread a bound that the other may be changing; from a third only a hint.
  [[nodiscard]] std::size_t size() const {
    const std::size_t head = pop_.index.load(std::memory_order_acquire);
    return push_.index.load(std::memory_order_acquire) - head;
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }

 private:
  struct alignas(kCacheLine) Side {
    std::atomic<std::size_t> index{0};  // counts for ever and wraps; the slot is its low bits
    std::size_t other = 0;              // the opposite index as last seen
  };

  std::vector<T> slots_;
  std::size_t mask_;
  Side push_;
  Side pop_;
};

}  // namespace levee
