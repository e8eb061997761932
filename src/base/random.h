// A small fast generator (xoshiro256**, Blackman and Vigna; seeded by splitmix64) for simulations, jitter and tests.
// Its output is predictable from a few values: never for anything that an attacker must not guess.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace levee {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
      word = mixed ^ mixed >> 31;
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, n) without bias; n > 0. Values of the last, incomplete cycle are drawn again: less than one more
  // draw on average.
  std::uint64_t below(std::uint64_t n) {
    DCHECK(n > 0);
    const std::uint64_t incomplete = (0 - n) % n;  // 2^64 mod n
    std::uint64_t value = next();
    while (value < incomplete) value = next();
    return value % n;
  }

  // Uniform in [0, 1), in steps of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // True with probability p; always draws once, so that changing p does not shift what follows.
  bool chance(double p) { return uniform() < p; }

  void fill(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      const std::uint64_t word = next();
      const std::size_t length = bytes.size() < sizeof(word) ? bytes.size() : sizeof(word);
      std::memcpy(bytes.data(), &word, length);
      bytes = bytes.subspan(length);
    }
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace levee
