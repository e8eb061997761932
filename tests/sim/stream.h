// The bytes of a stream as its oracle knows them: the byte at any offset follows from the stream's seed alone, so that
// the receiver compares without keeping what was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace levee::sim {

class StreamOracle {
 public:
  explicit StreamOracle(std::uint64_t seed) : seed_(seed) {}

  // The bytes from `offset` on.
  void fill(std::uint64_t offset, std::span<std::byte> to) const {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = byte_at(offset + i);
  }
  // The first place where `bytes`, found at `offset`, are not the stream's; bytes.size() if they are.
  [[nodiscard]] std::size_t first_difference(std::uint64_t offset, std::span<const std::byte> bytes) const {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != byte_at(offset + i)) return i;
    }
    return bytes.size();
  }

 private:
  [[nodiscard]] std::byte byte_at(std::uint64_t offset) const {
    const std::uint64_t word = offset / 8;
    if (word != cached_word_) {
      std::uint64_t mixed = (seed_ ^ word) + 0x9e3779b97f4a7c15U;  // splitmix64's finish
      mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
      cached_ = mixed ^ mixed >> 31;
      cached_word_ = word;
    }
    return static_cast<std::byte>(cached_ >> (8 * (offset % 8)));
  }

  std::uint64_t seed_;
  mutable std::uint64_t cached_word_ = ~std::uint64_t{0};
  mutable std::uint64_t cached_ = 0;
};

}  // namespace levee::sim
