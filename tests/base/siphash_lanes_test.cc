// Every vector unit that this machine has gives the hashes of siphash.h, bit for bit, however many inputs there are and
// whatever lies in the lanes behind them.
#include "base/siphash_lanes.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/siphash.h"

namespace levee {
namespace {

constexpr std::size_t kMost = SipLanes<2>::kMost;

// Of each input its bytes and key, and the hash that siphash.h gives.
template <std::size_t kBytes>
struct Input {
  std::array<std::byte, kBytes> bytes{};
  SipKey key{};
  std::uint64_t hash = 0;
};

template <int kC, int kD, std::size_t kBytes>
std::vector<Input<kBytes>> random_inputs(Random& random) {
  std::vector<Input<kBytes>> inputs(kMost);
  for (Input<kBytes>& input : inputs) {
    random.fill(input.bytes);
    // Words of nothing but ones and zeros carry through every addition, or through none.
    if (random.chance(0.1)) input.bytes.fill(random.chance(0.5) ? std::byte{0xff} : std::byte{0});
    input.key = {random.next(), random.next()};
    if (random.chance(0.1)) input.key = {};
    input.hash = siphash<kC, kD>(input.key, input.bytes);
  }
  return inputs;
}

// The words as the paper has them: little-endian, what is left over in the last one, the length on top.
template <std::size_t kBytes>
std::uint64_t word_of(const Input<kBytes>& input, std::size_t word) {
  std::uint64_t value = word == kBytes / 8 ? std::uint64_t{kBytes} << 56 : 0;
  for (std::size_t at = 8 * word; at < kBytes && at < 8 * word + 8; ++at) {
    value |= std::to_integer<std::uint64_t>(input.bytes[at]) << (8 * (at % 8));
  }
  return value;
}

template <std::size_t kWords>
void fill_with_garbage(SipLanes<kWords>& lanes, Random& random) {
  for (auto& words : lanes.words) random.fill(std::as_writable_bytes(std::span(words)));
  for (auto* words : {&lanes.key0, &lanes.key1, &lanes.hashes}) random.fill(std::as_writable_bytes(std::span(*words)));
}

class SipHashLanes : public testing::TestWithParam<VectorUnit> {
 protected:
  template <int kC, int kD, std::size_t kBytes, typename Hash>
  void compare(Hash hash) {
    constexpr std::size_t kWords = kBytes / 8 + 1;
    const SipHasher hasher(GetParam());
    const auto lanes = std::make_unique<SipLanes<kWords>>();
    Random random(kBytes);
    for (int round = 0; round < 20; ++round) {
      const auto inputs = random_inputs<kC, kD, kBytes>(random);
      for (std::size_t count = 0; count <= kMost; ++count) {
        fill_with_garbage(*lanes, random);
        for (std::size_t i = 0; i < count; ++i) {
          for (std::size_t word = 0; word < kWords; ++word) lanes->words[word][i] = word_of(inputs[i], word);
          lanes->key0[i] = inputs[i].key[0];
          lanes->key1[i] = inputs[i].key[1];
        }
        hash(hasher, *lanes, count);
        for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(lanes->hashes[i], inputs[i].hash) << i << " of " << count;
      }
    }
  }
};

// A flow's key.
TEST_P(SipHashLanes, OneThreeOfTwelveBytes) {
  compare<1, 3, 12>(
      [](const SipHasher& hasher, SipLanes<2>& lanes, std::size_t count) { hasher.hash_1_3(lanes, count); });
}

// A flow's ISN.
TEST_P(SipHashLanes, TwoFourOfTwelveBytes) {
  compare<2, 4, 12>(
      [](const SipHasher& hasher, SipLanes<2>& lanes, std::size_t count) { hasher.hash_2_4(lanes, count); });
}

// The same of IPv6.
TEST_P(SipHashLanes, TwoFourOfThirtySixBytes) {
  compare<2, 4, 36>(
      [](const SipHasher& hasher, SipLanes<5>& lanes, std::size_t count) { hasher.hash_2_4(lanes, count); });
}

// A cookie's tag.
TEST_P(SipHashLanes, TwoFourOfTwentyBytes) {
  compare<2, 4, 20>(
      [](const SipHasher& hasher, SipLanes<3>& lanes, std::size_t count) { hasher.hash_2_4(lanes, count); });
}

TEST_P(SipHashLanes, InputsAndKeysAreLeftAlone) {
  const SipHasher hasher(GetParam());
  const auto lanes = std::make_unique<SipLanes<3>>();
  Random random(3);
  fill_with_garbage(*lanes, random);
  const auto before = std::make_unique<SipLanes<3>>(*lanes);
  hasher.hash_2_4(*lanes, kMost);
  EXPECT_EQ(lanes->words, before->words);
  EXPECT_EQ(lanes->key0, before->key0);
  EXPECT_EQ(lanes->key1, before->key1);
  EXPECT_NE(lanes->hashes, before->hashes);
}

std::string letters_of(const testing::TestParamInfo<VectorUnit>& unit) {
  std::string letters;
  for (const char c : name(unit.param)) {
    if (c != '.' && c != '-') letters += c;
  }
  return letters;
}
std::vector<VectorUnit> units_of_this_machine() {
  std::vector<VectorUnit> units{VectorUnit::None, VectorUnit::Sse42, VectorUnit::Avx2, VectorUnit::Avx512};
  std::erase_if(units, [](VectorUnit unit) { return !machine_has(unit); });
  return units;
}

INSTANTIATE_TEST_SUITE_P(Units, SipHashLanes, testing::ValuesIn(units_of_this_machine()), letters_of);

TEST(VectorUnits, TheScalarOneIsEverywhere) { EXPECT_TRUE(machine_has(VectorUnit::None)); }

}  // namespace
}  // namespace levee
