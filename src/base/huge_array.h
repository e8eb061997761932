// Memory for the large tables. A random access costs about a third with 2 MiB pages of what it costs with 4 KiB ones,
// so anything of that size is aligned to huge pages and the kernel is asked for them; smaller arrays start at a cache
// line. Allocated once, at start, by std::aligned_alloc, which sanitizers watch.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"

namespace levee {

// Raw bytes, uninitialised and so far untouched: pages become resident as they are first written. Aborts when the
// machine has no address space left; the operator's limits are checked before tables are built.
class HugeMemory {
 public:
  HugeMemory() = default;
  explicit HugeMemory(std::size_t bytes);
  HugeMemory(HugeMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  HugeMemory& operator=(HugeMemory&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~HugeMemory();

  [[nodiscard]] void* data() const { return data_; }

  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

 private:
  void* data_ = nullptr;
};

// A fixed number of value-initialised elements. Move-only.
template <typename T>
class HugeArray {
 public:
  HugeArray() = default;
  explicit HugeArray(std::size_t size) : memory_(bytes_for(size)), data_(static_cast<T*>(memory_.data())), size_(size) {
    static_assert(alignof(T) <= 64);
    std::uninitialized_value_construct_n(data_, size_);
  }
  HugeArray(HugeArray&& other) noexcept
      : memory_(std::move(other.memory_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  HugeArray& operator=(HugeArray&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~HugeArray() { std::destroy_n(data_, size_); }

  [[nodiscard]] T& operator[](std::size_t index) {
    DCHECK(index < size_);
    return data_[index];
  }
  [[nodiscard]] const T& operator[](std::size_t index) const {
    DCHECK(index < size_);
    return data_[index];
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] T* begin() { return data_; }
  [[nodiscard]] T* end() { return data_ + size_; }
  [[nodiscard]] const T* begin() const { return data_; }
  [[nodiscard]] const T* end() const { return data_ + size_; }

 private:
  static std::size_t bytes_for(std::size_t size) {
    CHECK(size <= static_cast<std::size_t>(-1) / 2 / sizeof(T));
    return size * sizeof(T);
  }

  HugeMemory memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace levee
