// SipHash against its authors' vectors: key 00 01 .. 0f, input 00 01 .. of growing length.
#include "base/siphash.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace levee {
namespace {

constexpr SipKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::vector<std::byte> counting(std::size_t length) {
  std::vector<std::byte> bytes(length);
  for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

TEST(SipHash, TwoFourMatchesTheReference) {
  const std::vector<std::uint64_t> expected{0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
                                            0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
                                            0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462};
  for (std::size_t length = 0; length < expected.size(); ++length) {
    EXPECT_EQ(siphash_2_4(kKey, counting(length)), expected[length]) << length;
  }
  EXPECT_EQ(siphash_2_4(kKey, counting(15)), 0xa129ca6149be45e5U);  // the example of the paper's appendix A
}

// What CPython, whose string hash is SipHash-1-3, says about the same bytes under the key 0.
TEST(SipHash, OneThreeMatchesAnotherImplementation) {
  const std::vector<std::pair<std::size_t, std::uint64_t>> expected{
      {1, 0x68a914128e01e473},  {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},  {12, 0xa6baf4fb0f9fe1c2},
      {13, 0xa0cf3211850f8e0d}, {16, 0x8972188433a5c5b7}, {36, 0xac77921fcc642bd3}, {63, 0x385d3e39e5f37359}};
  for (const auto& [length, hash] : expected) EXPECT_EQ(siphash_1_3({0, 0}, counting(length)), hash) << length;
}

TEST(SipHash, EveryInputAndKeyBitMatters) {
  const std::vector<std::byte> input = counting(19);
  std::set<std::uint64_t> seen{siphash_1_3(kKey, input)};
  for (std::size_t bit = 0; bit < 8 * input.size(); ++bit) {
    std::vector<std::byte> changed = input;
    changed[bit / 8] ^= std::byte{1} << bit % 8;
    EXPECT_TRUE(seen.insert(siphash_1_3(kKey, changed)).second) << bit;
  }
  for (std::size_t bit = 0; bit < 128; ++bit) {
    SipKey key = kKey;
    key[bit / 64] ^= std::uint64_t{1} << bit % 64;
    EXPECT_TRUE(seen.insert(siphash_1_3(key, input)).second) << bit;
  }
}

}  // namespace
}  // namespace levee
