// A list with a capacity that is fixed at construction: an array and a count, for what is filled and emptied in every
// loop. Elements are plain values; adding one is a store, and pointers to it stay good until clear().
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "base/check.h"
#include "base/huge_array.h"

namespace levee {

template <typename T>
class FixedList {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit FixedList(std::size_t capacity) : elements_(capacity) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return elements_.size(); }
  [[nodiscard]] bool full() const { return size_ == elements_.size(); }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::span<const T> elements() const { return {elements_.data(), size_}; }

  // REQUIRES: room for them.
  void push_back(const T& element) {
    DCHECK(!full());
    elements_.data()[size_++] = element;
  }
  void append(std::span<const T> more) {
    DCHECK(size_ + more.size() <= capacity());
    for (const T& element : more) elements_.data()[size_++] = element;
  }
  // For a loop that fills elements itself: the first free one, and how many it has filled.
  [[nodiscard]] T* free() { return elements_.data() + size_; }
  void filled(std::size_t count) {
    size_ += count;
    DCHECK(size_ <= capacity());
  }
  void clear() { size_ = 0; }

 private:
  HugeArray<T> elements_;
  std::size_t size_ = 0;
};

}  // namespace levee
