// One kernel over the compilers' vector types, inlined into a function per instruction set: the target is named on
// static functions only, because an inline one that was compiled for wider vectors could be kept by the linker for all.
#include "base/siphash_lanes.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace levee {
namespace {

// kLanes words of 64 bits.
template <std::size_t kLanes>
struct Vector {
  typedef std::uint64_t Words __attribute__((vector_size(8 * kLanes)));
  typedef std::uint32_t Halves __attribute__((vector_size(8 * kLanes)));
  typedef std::uint16_t Quarters __attribute__((vector_size(8 * kLanes)));
};
template <>
struct Vector<1> {
  using Words = std::uint64_t;
};

template <int kBits, typename V>
[[gnu::always_inline]] inline V rotate(const V& words) {
  return words << kBits | words >> (64 - kBits);
}

// By half a word. Without AVX-512's rotation a shuffle does it in one instruction.
template <std::size_t kLanes, typename V>
[[gnu::always_inline]] inline V swap_halves(const V& words) {
  if constexpr (kLanes == 2) {
    const auto halves = std::bit_cast<typename Vector<2>::Halves>(words);
    return std::bit_cast<V>(__builtin_shufflevector(halves, halves, 1, 0, 3, 2));
  } else if constexpr (kLanes == 4) {
    const auto halves = std::bit_cast<typename Vector<4>::Halves>(words);
    return std::bit_cast<V>(__builtin_shufflevector(halves, halves, 1, 0, 3, 2, 5, 4, 7, 6));
  } else {
    return rotate<32>(words);
  }
}

// By 16 bits, likewise: a shuffle of bytes.
template <std::size_t kLanes, typename V>
[[gnu::always_inline]] inline V rotate_16(const V& words) {
  if constexpr (kLanes == 2) {
    const auto parts = std::bit_cast<typename Vector<2>::Quarters>(words);
    return std::bit_cast<V>(__builtin_shufflevector(parts, parts, 3, 0, 1, 2, 7, 4, 5, 6));
  } else if constexpr (kLanes == 4) {
    const auto parts = std::bit_cast<typename Vector<4>::Quarters>(words);
    return std::bit_cast<V>(
        __builtin_shufflevector(parts, parts, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));
  } else {
    return rotate<16>(words);
  }
}

template <std::size_t kLanes>
struct State {
  using V = typename Vector<kLanes>::Words;
  V v0, v1, v2, v3;

  [[gnu::always_inline]] void round() {
    v0 += v1;
    v1 = rotate<13>(v1) ^ v0;
    v0 = swap_halves<kLanes>(v0);
    v2 += v3;
    v3 = rotate_16<kLanes>(v3) ^ v2;
    v0 += v3;
    v3 = rotate<21>(v3) ^ v0;
    v2 += v1;
    v1 = rotate<17>(v1) ^ v2;
    v2 = swap_halves<kLanes>(v2);
  }
};

// Two groups of kLanes inputs at a time: a round is one chain of dependent operations, and two of them overlap.
template <std::size_t kLanes, int kC, int kD, std::size_t kWords>
[[gnu::always_inline]] inline void hash_all(SipLanes<kWords>& lanes, std::size_t count) {
  using V = typename Vector<kLanes>::Words;
  constexpr std::size_t kGroups = 2;
  for (std::size_t at = 0; at < count; at += kGroups * kLanes) {
    State<kLanes> state[kGroups];
    V input[kGroups];
    for (std::size_t g = 0; g < kGroups; ++g) {
      V key0, key1;
      std::memcpy(&key0, &lanes.key0[at + g * kLanes], sizeof(V));
      std::memcpy(&key1, &lanes.key1[at + g * kLanes], sizeof(V));
      state[g] = {key0 ^ 0x736f6d6570736575U, key1 ^ 0x646f72616e646f6dU, key0 ^ 0x6c7967656e657261U,
                  key1 ^ 0x7465646279746573U};
    }
#pragma GCC unroll 6
    for (std::size_t word = 0; word < kWords; ++word) {
      for (std::size_t g = 0; g < kGroups; ++g) {
        std::memcpy(&input[g], &lanes.words[word][at + g * kLanes], sizeof(V));
        state[g].v3 ^= input[g];
      }
#pragma GCC unroll 4
      for (int round = 0; round < kC; ++round) {
        for (State<kLanes>& group : state) group.round();
      }
      for (std::size_t g = 0; g < kGroups; ++g) state[g].v0 ^= input[g];
    }
    for (State<kLanes>& group : state) group.v2 ^= 0xff;
#pragma GCC unroll 4
    for (int round = 0; round < kD; ++round) {
      for (State<kLanes>& group : state) group.round();
    }
    for (std::size_t g = 0; g < kGroups; ++g) {
      const V hash = state[g].v0 ^ state[g].v1 ^ state[g].v2 ^ state[g].v3;
      std::memcpy(&lanes.hashes[at + g * kLanes], &hash, sizeof(V));
    }
  }
}

// SipHash-kC-kD of kWords words with each set of instructions.
template <int kC, int kD, std::size_t kWords>
void none(SipLanes<kWords>& lanes, std::size_t count) {
  hash_all<1, kC, kD>(lanes, count);
}
#if LEVEE_HAS_VECTOR_UNITS
template <int kC, int kD, std::size_t kWords>
LEVEE_SSE42 void sse42(SipLanes<kWords>& lanes, std::size_t count) {
  hash_all<2, kC, kD>(lanes, count);
}
template <int kC, int kD, std::size_t kWords>
LEVEE_AVX2 void avx2(SipLanes<kWords>& lanes, std::size_t count) {
  hash_all<4, kC, kD>(lanes, count);
}
template <int kC, int kD, std::size_t kWords>
LEVEE_AVX512 void avx512(SipLanes<kWords>& lanes, std::size_t count) {
  hash_all<8, kC, kD>(lanes, count);
}
#endif

SipHasher::Functions functions_of(VectorUnit unit) {
  CHECK(machine_has(unit));
  switch (unit) {
#if LEVEE_HAS_VECTOR_UNITS
    case VectorUnit::Sse42:
      return {sse42<1, 3, 2>, sse42<1, 3, 5>, sse42<2, 4, 2>, sse42<2, 4, 3>, sse42<2, 4, 5>, sse42<2, 4, 6>};
    case VectorUnit::Avx2:
      return {avx2<1, 3, 2>, avx2<1, 3, 5>, avx2<2, 4, 2>, avx2<2, 4, 3>, avx2<2, 4, 5>, avx2<2, 4, 6>};
    case VectorUnit::Avx512:
      return {avx512<1, 3, 2>, avx512<1, 3, 5>, avx512<2, 4, 2>, avx512<2, 4, 3>, avx512<2, 4, 5>, avx512<2, 4, 6>};
#endif
    default:
      return {none<1, 3, 2>, none<1, 3, 5>, none<2, 4, 2>, none<2, 4, 3>, none<2, 4, 5>, none<2, 4, 6>};
  }
}

}  // namespace

SipHasher::SipHasher(VectorUnit unit) : functions_(functions_of(unit)) {}

}  // namespace levee
