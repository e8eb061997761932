// Simple tests of numbers that nobody may be able to tell from random ones. Each returns how many standard deviations
// (of a normal or a chi-squared variable that is as good as normal) the sample is off, or a count to compare.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace levee::proof {

using Sample = std::span<const std::uint32_t>;

// A run of 10^6 looks at a few hundred such figures: none of them is beyond this by chance.
inline constexpr double kDeviations = 5.5;

// How far the count of `ones` is from half of `total`.
[[nodiscard]] inline double deviation_of_half(std::uint64_t ones, std::uint64_t total) {
  const auto n = static_cast<double>(total);
  return std::fabs(static_cast<double>(ones) - n / 2) / std::sqrt(n / 4);
}

// The worst of 32 bits: each is set in half of the numbers.
[[nodiscard]] inline double worst_bit(Sample numbers) {
  std::array<std::uint64_t, 32> ones{};
  for (const std::uint32_t number : numbers) {
    for (unsigned bit = 0; bit < 32; ++bit) ones[bit] += number >> bit & 1;
  }
  double worst = 0;
  for (const std::uint64_t count : ones) worst = std::max(worst, deviation_of_half(count, numbers.size()));
  return worst;
}

// Chi-squared of the cells, as deviations from its mean.
[[nodiscard]] inline double unevenness(std::span<const std::uint64_t> cells) {
  std::uint64_t total = 0;
  for (const std::uint64_t cell : cells) total += cell;
  const double expected = static_cast<double>(total) / static_cast<double>(cells.size());
  double squares = 0;
  for (const std::uint64_t cell : cells) {
    squares += (static_cast<double>(cell) - expected) * (static_cast<double>(cell) - expected) / expected;
  }
  const auto freedom = static_cast<double>(cells.size() - 1);
  return std::fabs(squares - freedom) / std::sqrt(2 * freedom);
}

// The worst of the four bytes: each value is as frequent as any other.
[[nodiscard]] inline double worst_byte(Sample numbers) {
  double worst = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    std::array<std::uint64_t, 256> cells{};
    for (const std::uint32_t number : numbers) ++cells[number >> shift & 0xff];
    worst = std::max(worst, unevenness(cells));
  }
  return worst;
}

// The worst of the four bytes: what follows a value does not depend on it (the high half of both is compared).
[[nodiscard]] inline double worst_serial_pair(Sample numbers) {
  double worst = 0;
  for (unsigned shift = 4; shift < 32; shift += 8) {
    std::array<std::uint64_t, 256> cells{};
    for (std::size_t i = 1; i < numbers.size(); ++i) {
      ++cells[(numbers[i - 1] >> shift & 0xf) << 4 | (numbers[i] >> shift & 0xf)];
    }
    worst = std::max(worst, unevenness(cells));
  }
  return worst;
}

// Pairs of equal numbers; n^2 / 2^(bits+1) are expected of numbers of so many bits.
[[nodiscard]] inline std::uint64_t equal_pairs(Sample numbers) {
  std::vector<std::uint32_t> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  std::uint64_t pairs = 0;
  std::size_t run = 0;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    run = sorted[i] == sorted[i - 1] ? run + 1 : 0;
    pairs += run;
  }
  return pairs;
}
[[nodiscard]] inline double expected_pairs(std::size_t count, unsigned bits) {
  const auto n = static_cast<double>(count);
  return n * (n - 1) / 2 / std::exp2(bits);
}

// Of two samples taken together: every bit of one is independent of the same bit of the other.
[[nodiscard]] inline std::vector<std::uint32_t> differing_bits(Sample one, Sample other) {
  std::vector<std::uint32_t> bits(std::min(one.size(), other.size()));
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = one[i] ^ other[i];
  return bits;
}

}  // namespace levee::proof
