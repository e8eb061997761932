// The bytes of a stream as its oracle knows them: the byte at any offset follows from the stream's seed alone, so that
// the receiver compares without keeping what was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace levee::sim {

class StreamOracle {
 public:
  explicit StreamOracle(std::uint64_t seed) : seed_(seed) {}

  // The bytes from `offset` on.
  void fill(std::uint64_t offset, std::span<std::byte> to) const {
    for (std::size_t at = 0; at < to.size();) {
      if (at + 8 <= to.size() && (offset + at) % 8 == 0) {
        const std::uint64_t word = word_at((offset + at) / 8);
        std::memcpy(to.data() + at, &word, 8);
        at += 8;
      } else {
        to[at] = byte_at(offset + at);
        ++at;
      }
    }
  }
  // The first place where `bytes`, found at `offset`, are not the stream's; bytes.size() if they are.
  [[nodiscard]] std::size_t first_difference(std::uint64_t offset, std::span<const std::byte> bytes) const {
    for (std::size_t at = 0; at < bytes.size();) {
      std::uint64_t found = 0;
      if (at + 8 <= bytes.size() && (offset + at) % 8 == 0) {
        std::memcpy(&found, bytes.data() + at, 8);
        if (found == word_at((offset + at) / 8)) {
          at += 8;
          continue;
        }
      }
      if (bytes[at] != byte_at(offset + at)) return at;
      ++at;
    }
    return bytes.size();
  }

 private:
  [[nodiscard]] std::uint64_t word_at(std::uint64_t word) const {
    std::uint64_t mixed = (seed_ ^ word) + 0x9e3779b97f4a7c15U;  // splitmix64's finish
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31;
  }
  [[nodiscard]] std::byte byte_at(std::uint64_t offset) const {
    return static_cast<std::byte>(word_at(offset / 8) >> (8 * (offset % 8)));  // as a little-endian machine has it
  }

  std::uint64_t seed_;
};

}  // namespace levee::sim
