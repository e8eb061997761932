// SipHash (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012): the keyed hash behind ISNs (RFC 6528),
// cookies and flow indexes. 2-4 where an attacker sees the output, 1-3 where only collisions matter. Inline, so that a
// caller with an input of fixed size gets straight-line code.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace levee {

using SipKey = std::array<std::uint64_t, 2>;

// C rounds for each 8-byte word, D to finish. Words are little-endian as in the paper, on any machine.
template <int C, int D>
[[nodiscard]] inline std::uint64_t siphash(const SipKey& key, std::span<const std::byte> input) {
  std::uint64_t v0 = key[0] ^ 0x736f6d6570736575U;
  std::uint64_t v1 = key[1] ^ 0x646f72616e646f6dU;
  std::uint64_t v2 = key[0] ^ 0x6c7967656e657261U;
  std::uint64_t v3 = key[1] ^ 0x7465646279746573U;

  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    rounds(C);
    v0 ^= word;
  };

  const std::size_t whole_words = input.size() / 8;
  for (std::size_t i = 0; i < whole_words; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, input.data() + 8 * i, 8);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    absorb(word);
  }
  // The last word: what is left of the input, and the length's low byte on top.
  std::uint64_t last = static_cast<std::uint64_t>(input.size()) << 56;
  const std::size_t rest = input.size() % 8;
  for (std::size_t i = 0; i < rest; ++i) last |= static_cast<std::uint64_t>(input[8 * whole_words + i]) << (8 * i);
  absorb(last);

  v2 ^= 0xff;
  rounds(D);
  return v0 ^ v1 ^ v2 ^ v3;
}

[[nodiscard]] inline std::uint64_t siphash_1_3(const SipKey& key, std::span<const std::byte> input) {
  return siphash<1, 3>(key, input);
}
[[nodiscard]] inline std::uint64_t siphash_2_4(const SipKey& key, std::span<const std::byte> input) {
  return siphash<2, 4>(key, input);
}

}  // namespace levee
