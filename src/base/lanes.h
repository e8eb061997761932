// Arithmetic on several 64-bit words at once, in the compilers' vector types: for kernels that are written once and
// inlined into a function per instruction set (vector_unit.h). A comparison gives all ones where it holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace levee {

template <std::size_t kLanes>
struct Lanes {
  typedef std::uint64_t V __attribute__((vector_size(8 * kLanes)));
  typedef std::int64_t Signed __attribute__((vector_size(8 * kLanes)));

  template <std::size_t kSize>
  [[gnu::always_inline]] static V load(const std::array<std::uint64_t, kSize>& column, std::size_t at) {
    V words;
    std::memcpy(&words, column.data() + at, sizeof(words));
    return words;
  }
  template <std::size_t kSize>
  [[gnu::always_inline]] static void store(std::array<std::uint64_t, kSize>& column, std::size_t at, const V& words) {
    std::memcpy(column.data() + at, &words, sizeof(words));
  }

  [[gnu::always_inline]] static V all(std::uint64_t word) { return V{} + word; }
  [[gnu::always_inline]] static V equal(const V& a, std::uint64_t b) { return V(a == all(b)); }
  // Of words below 2^63.
  [[gnu::always_inline]] static V above(const V& a, const V& b) { return V(Signed(a) > Signed(b)); }
  [[gnu::always_inline]] static V exceeds(const V& a, std::uint64_t number) { return above(a, all(number)); }

  // Both 32-bit halves of each word, added up.
  [[gnu::always_inline]] static V halves(const V& word) { return (word >> 32) + (word & 0xffffffff); }
  // A word below 2^32 with its four bytes turned round.
  [[gnu::always_inline]] static V swap_half(const V& half) {
    return half >> 24 | (half >> 8 & 0xff00) | (half << 8 & 0xff0000) | (half << 24 & 0xff000000);
  }
};

}  // namespace levee
