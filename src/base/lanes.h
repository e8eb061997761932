// Arithmetic on several 32-bit words at once, in the compilers' vector types: for kernels that are written once and
// inlined into a function per instruction set (vector_unit.h). A comparison gives all ones where it holds. Whatever
// takes or returns vectors is inlined by force, in kernels too: functions for different sets pass them differently.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace levee {

// A number in every lane, in memory, where it is an operand of the instruction that wants it. A constant that the
// compiler knows it would build anew, in three instructions, each time: hence every<> is not const, though it is never
// written.
struct Everywhere {
  alignas(64) std::array<std::uint32_t, 16> lanes{};
  constexpr explicit Everywhere(std::uint32_t number) { lanes.fill(number); }
};
template <std::uint32_t kNumber>
[[gnu::visibility("hidden")]] inline constinit Everywhere every{kNumber};

template <typename V>
[[gnu::always_inline]] inline V spread(const Everywhere& number) {
  V words;
  std::memcpy(&words, number.lanes.data(), sizeof(words));
  return words;
}
template <typename V>
[[gnu::always_inline]] inline V operator&(const V& words, const Everywhere& number) {
  return words & spread<V>(number);
}
template <typename V>
[[gnu::always_inline]] inline V operator^(const V& words, const Everywhere& number) {
  return words ^ spread<V>(number);
}
template <typename V>
[[gnu::always_inline]] inline V operator+(const V& words, const Everywhere& number) {
  return words + spread<V>(number);
}
template <typename V>
[[gnu::always_inline]] inline V operator-(const V& words, const Everywhere& number) {
  return words - spread<V>(number);
}

template <std::size_t kLanes>
struct Lanes {
  static_assert(kLanes == 1 || kLanes % 4 == 0);
  typedef std::uint32_t V __attribute__((vector_size(4 * kLanes)));
  typedef std::int32_t Signed __attribute__((vector_size(4 * kLanes)));
  typedef std::uint16_t Shorts __attribute__((vector_size(4 * kLanes)));
  typedef std::uint8_t Bytes __attribute__((vector_size(4 * kLanes)));
  // A 64-bit word for each lane: those of the first half of the lanes, and the rest.
  static constexpr std::size_t kHalf = kLanes == 1 ? 1 : kLanes / 2;
  typedef std::uint64_t Half __attribute__((vector_size(8 * kHalf)));
  struct Wide {
    Half halves[kLanes / kHalf];
  };
  using All = std::make_index_sequence<kLanes>;

  template <std::size_t kSize>
  [[gnu::always_inline]] static V load(const std::array<std::uint32_t, kSize>& column, std::size_t at) {
    V words;
    std::memcpy(&words, column.data() + at, sizeof(words));
    return words;
  }
  template <std::size_t kSize>
  [[gnu::always_inline]] static void store(std::array<std::uint32_t, kSize>& column, std::size_t at, const V& words) {
    std::memcpy(column.data() + at, &words, sizeof(words));
  }
  template <std::size_t kSize>
  [[gnu::always_inline]] static Wide load(const std::array<std::uint64_t, kSize>& column, std::size_t at) {
    Wide words;
    for (Half& half : words.halves) {
      std::memcpy(&half, column.data() + at, sizeof(half));
      at += kHalf;
    }
    return words;
  }
  template <std::size_t kSize>
  [[gnu::always_inline]] static void store(std::array<std::uint64_t, kSize>& column, std::size_t at,
                                           const Wide& words) {
    for (const Half& half : words.halves) {
      std::memcpy(column.data() + at, &half, sizeof(half));
      at += kHalf;
    }
  }

  // By reference, so that it is read from memory into all lanes.
  [[gnu::always_inline]] static V all(const std::uint32_t& word) {
    V words{};
    words += word;
    return words;
  }
  [[gnu::always_inline]] static V all(const Everywhere& number) { return load(number.lanes, 0); }
  template <typename Number>
  [[gnu::always_inline]] static V equal(const V& a, const Number& b) {
    return V(a == all(b));
  }
  [[gnu::always_inline]] static V is_zero(const V& words) { return V(words == V{}); }
  // All ones in each 16-bit half that is 0.
  [[gnu::always_inline]] static V zero_halves(const V& words) { return V(Shorts(words) == Shorts{}); }
  // Of words below 2^31.
  [[gnu::always_inline]] static V above(const V& a, const V& b) { return V(Signed(a) > Signed(b)); }
  template <typename Number>
  [[gnu::always_inline]] static V exceeds(const V& a, const Number& b) {
    return above(a, all(b));
  }
  [[gnu::always_inline]] static V choose(const V& condition, const V& yes, const V& no) {
    return (yes & condition) | (no & ~condition);
  }

  // Both 16-bit halves of each word, added up.
  [[gnu::always_inline]] static V halves(const V& words) { return (words >> 16) + (words & every<0xffff>); }
  // Each word with its four bytes turned round.
  [[gnu::always_inline]] static V swap(const V& words) { return swap(words, std::make_index_sequence<4 * kLanes>{}); }
  // A bit for each lane, from the lowest: of words that are 0 or all ones.
  [[gnu::always_inline]] static std::uint64_t bits(const V& words) { return bits(words, All{}); }

  // 64-bit words from their two halves, and back.
  [[gnu::always_inline]] static Wide pairs(const V& low, const V& high) { return pairs(low, high, All{}); }
  [[gnu::always_inline]] static V low(const Wide& words) { return parts<0>(words, All{}); }
  [[gnu::always_inline]] static V high(const Wide& words) { return parts<1>(words, All{}); }
  // One of two numbers for each lane.
  [[gnu::always_inline]] static Wide choose(const V& condition, const std::uint64_t& yes, const std::uint64_t& no) {
    Wide words = pairs(condition, condition);
    Half most{}, change{};
    most += no;
    change += yes;
    change ^= most;
    for (Half& half : words.halves) half = (half & change) ^ most;
    return words;
  }
  [[gnu::always_inline]] static Wide product(Wide words, std::uint64_t factor) {
    for (Half& half : words.halves) half *= factor;
    return words;
  }

  // 16 bytes from each lane's pointer on, as four words: word k of all lanes is in columns[k].
  using Pointers = std::array<const std::byte*, kLanes>;
  template <std::size_t kSize>
  [[gnu::always_inline]] static void gather(const Pointers& pointers, std::size_t offset,
                                            std::array<std::uint32_t, kSize>* columns, std::size_t at) {
    const std::byte* const* const from = pointers.data();
    if constexpr (kLanes == 1) {
      for (std::size_t k = 0; k < 4; ++k) std::memcpy(&columns[k][at], from[0] + offset + 4 * k, 4);
    } else {
      const Square words =
          turned({rows(from, offset), rows(from + 1, offset), rows(from + 2, offset), rows(from + 3, offset)});
      store(columns[0], at, words.a);
      store(columns[1], at, words.b);
      store(columns[2], at, words.c);
      store(columns[3], at, words.d);
    }
  }
  // Four words of each lane, side by side: the way back.
  struct Square {
    V a, b, c, d;
  };
  template <std::size_t kSize>
  [[gnu::always_inline]] static void scatter(const Square& words,
                                             std::array<std::array<std::uint32_t, 4>, kSize>& lanes, std::size_t at) {
    if constexpr (kLanes == 1) {
      std::memcpy(&lanes[at], &words, sizeof(words));
    } else {
      const Square rows = turned(words);
      put_rows(rows.a, &lanes[at]);
      put_rows(rows.b, &lanes[at + 1]);
      put_rows(rows.c, &lanes[at + 2]);
      put_rows(rows.d, &lanes[at + 3]);
    }
  }

  // 16 bytes from every fourth lane's pointer on.
  [[gnu::always_inline]] static V rows(const std::byte* const* from, std::size_t offset) {
    if constexpr (kLanes == 4) {
      V row;
      std::memcpy(&row, from[0] + offset, sizeof(row));
      return row;
    } else {
      using Narrow = Lanes<kLanes / 2>;
      return joined(Narrow::rows(from, offset), Narrow::rows(from + kLanes / 2, offset), All{});
    }
  }
  // 16 bytes to every fourth lane.
  [[gnu::always_inline]] static void put_rows(const V& row, std::array<std::uint32_t, 4>* lanes) {
    if constexpr (kLanes == 4) {
      std::memcpy(lanes, &row, sizeof(row));
    } else {
      using Narrow = Lanes<kLanes / 2>;
      Narrow::put_rows(half<typename Narrow::V, 0>(row, typename Narrow::All{}), lanes);
      Narrow::put_rows(half<typename Narrow::V, kLanes / 2>(row, typename Narrow::All{}), lanes + kLanes / 2);
    }
  }

 private:
  template <typename Narrow, std::size_t... kI>
  [[gnu::always_inline]] static V joined(const Narrow& a, const Narrow& b, std::index_sequence<kI...>) {
    return __builtin_shufflevector(a, b, kI...);
  }
  template <typename Narrow, std::size_t kFirst, std::size_t... kI>
  [[gnu::always_inline]] static Narrow half(const V& row, std::index_sequence<kI...>) {
    return __builtin_shufflevector(row, row, (kFirst + kI)...);
  }
  // Rows made columns, four by four words in each 16 bytes of a vector.
  [[gnu::always_inline]] static Square turned(const Square& rows) {
    const V ab01 = words_of<0, 4, 1, 5>(rows.a, rows.b, All{}), ab23 = words_of<2, 6, 3, 7>(rows.a, rows.b, All{});
    const V cd01 = words_of<0, 4, 1, 5>(rows.c, rows.d, All{}), cd23 = words_of<2, 6, 3, 7>(rows.c, rows.d, All{});
    return {words_of<0, 1, 4, 5>(ab01, cd01, All{}), words_of<2, 3, 6, 7>(ab01, cd01, All{}),
            words_of<0, 1, 4, 5>(ab23, cd23, All{}), words_of<2, 3, 6, 7>(ab23, cd23, All{})};
  }
  // Of each 16 bytes of `a` and those of `b`: 0 to 3 are the words of the former, 4 to 7 of the latter.
  template <std::size_t kW0, std::size_t kW1, std::size_t kW2, std::size_t kW3, std::size_t... kI>
  [[gnu::always_inline]] static V words_of(const V& a, const V& b, std::index_sequence<kI...>) {
    constexpr std::array<std::size_t, 4> kWords{kW0, kW1, kW2, kW3};
    return __builtin_shufflevector(a, b, (kI / 4 * 4 + kWords[kI % 4] % 4 + kWords[kI % 4] / 4 * kLanes)...);
  }
  template <std::size_t... kI>
  [[gnu::always_inline]] static V swap(const V& words, std::index_sequence<kI...>) {
    return V(__builtin_shufflevector(Bytes(words), Bytes(words), (kI ^ 3)...));
  }
  template <std::size_t... kI>
  [[gnu::always_inline]] static std::uint64_t bits(const V& words, std::index_sequence<kI...>) {
    const std::array<std::uint32_t, kLanes> places{(std::uint32_t{1} << kI)...};
    V bits = words & load(places, 0);
    if constexpr (kLanes >= 16) bits |= __builtin_shufflevector(bits, bits, ((kI + 8) % kLanes)...);
    if constexpr (kLanes >= 8) bits |= __builtin_shufflevector(bits, bits, ((kI + 4) % kLanes)...);
    if constexpr (kLanes >= 4) bits |= __builtin_shufflevector(bits, bits, ((kI + 2) % kLanes)...);
    if constexpr (kLanes >= 2) bits |= __builtin_shufflevector(bits, bits, ((kI + 1) % kLanes)...);
    std::uint32_t first = 0;
    std::memcpy(&first, &bits, sizeof(first));
    return first;
  }
  template <std::size_t... kI>
  [[gnu::always_inline]] static Wide pairs(const V& low, const V& high, std::index_sequence<kI...>) {
    if constexpr (kLanes == 1) {
      Wide pair;
      std::memcpy(&pair, &low, sizeof(low));
      std::memcpy(reinterpret_cast<std::byte*>(&pair) + sizeof(low), &high, sizeof(high));
      return pair;
    } else {
      return {{Half(__builtin_shufflevector(low, high, (kI / 2 + kI % 2 * kLanes)...)),
               Half(__builtin_shufflevector(low, high, (kLanes / 2 + kI / 2 + kI % 2 * kLanes)...))}};
    }
  }
  template <std::size_t kPart, std::size_t... kI>
  [[gnu::always_inline]] static V parts(const Wide& words, std::index_sequence<kI...>) {
    if constexpr (kLanes == 1) {
      V part;
      std::memcpy(&part, reinterpret_cast<const std::byte*>(&words) + sizeof(part) * kPart, sizeof(part));
      return part;
    } else {
      return __builtin_shufflevector(V(words.halves[0]), V(words.halves[1]), (2 * kI + kPart)...);
    }
  }
};

}  // namespace levee
