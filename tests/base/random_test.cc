// The generator's published sequence, and that what is drawn from it has the promised range and shape.
#include "base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace levee {
namespace {

// xoshiro256** with a state of four splitmix64 outputs for seed 0.
TEST(Random, IsXoshiro256StarStar) {
  Random random(0);
  EXPECT_EQ(random.next(), 11091344671253066420U);
  EXPECT_EQ(random.next(), 13793997310169335082U);
  EXPECT_EQ(random.next(), 1900383378846508768U);
  EXPECT_EQ(random.next(), 7684712102626143532U);
}

TEST(Random, BelowReachesEveryValueAboutEquallyOften) {
  Random random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i) ++seen.at(random.below(seen.size()));
  for (const int count : seen) EXPECT_NEAR(count, 10'000, 500);
}

// With n just above 2^63, half of all draws lie in the incomplete cycle; taking them modulo n would favour small
// values.
TEST(Random, BelowIsNotBiasedForLargeRanges) {
  Random random(2);
  const std::uint64_t n = (std::uint64_t{3} << 62);
  int low_third = 0;
  for (int i = 0; i < 30'000; ++i) low_third += random.below(n) < n / 3 ? 1 : 0;
  EXPECT_NEAR(low_third, 10'000, 400);
}

TEST(Random, ChanceAndUniformKeepTheirBounds) {
  Random random(3);
  int hits = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    hits += random.chance(0.2) ? 1 : 0;
    ASSERT_FALSE(random.chance(0));
    ASSERT_TRUE(random.chance(1));
  }
  EXPECT_NEAR(hits, 20'000, 600);
}

TEST(Random, FillWritesAllAndNoMoreThanAsked) {
  for (std::size_t length = 0; length <= 20; ++length) {
    Random random(4);
    std::array<std::byte, 24> bytes{};
    random.fill(std::span(bytes).first(length));
    Random words(4);
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      const std::uint64_t word = words.next();
      std::array<std::byte, 8> expected{};
      std::memcpy(expected.data(), &word, 8);
      for (std::size_t j = i; j < i + 8; ++j) EXPECT_EQ(bytes[j], j < length ? expected[j - i] : std::byte{0});
    }
  }
}

}  // namespace
}  // namespace levee
