// The checksum against a loop over 16-bit words, for every length, alignment and cut that matters.
#include "wire/checksum.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "base/random.h"

namespace levee::wire {
namespace {

using Bytes = std::vector<std::byte>;

// RFC 1071 4.1, word by word, end-around carry at once.
std::uint16_t slow_sum(std::span<const std::byte> bytes) {
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    total += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return static_cast<std::uint16_t>(total);
}

// The end-around carry again and again until there is none.
std::uint16_t slow_fold(std::uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Where a carry appears, disappears, or wraps around twice.
constexpr std::uint64_t kEdges[] = {0,
                                    0xffff,
                                    0x10000,
                                    0x1ffff,
                                    0x1fffe,
                                    0xfffe0001,
                                    0xffffffff,
                                    0x100000000,
                                    0x1fffe0000,
                                    0xffff0000ffff,
                                    0xffff00000,
                                    0xffffffff0,
                                    0xfffffffe,
                                    0xffffffffffff,
                                    0xffff0000ffff0000,
                                    0x7fffffffffffffff,
                                    0xfffffffeffffffff,
                                    0xffffffff00000000,
                                    0xfffffffffffffff0};

TEST(Checksum, Rfc1071Example) {
  const Bytes example{std::byte{0x00}, std::byte{0x01}, std::byte{0xf2}, std::byte{0x03},
                      std::byte{0xf4}, std::byte{0xf5}, std::byte{0xf6}, std::byte{0xf7}};
  EXPECT_EQ(fold(sum(example)), 0xddf2);
  EXPECT_EQ(finish(sum(example)), 0x220d);
}

TEST(Checksum, AgreesWithTheSlowOneForEveryLengthAndAlignment) {
  Random random(1);
  Bytes bytes(300);
  for (int round = 0; round < 4; ++round) {
    random.fill(bytes);
    if (round == 0) std::fill(bytes.begin(), bytes.end(), std::byte{0xff});  // carries everywhere
    if (round == 1) std::fill(bytes.begin(), bytes.end(), std::byte{0});
    for (std::size_t start = 0; start < 9; ++start) {
      for (std::size_t length = 0; start + length <= bytes.size(); ++length) {
        const auto part = std::span<const std::byte>(bytes).subspan(start, length);
        ASSERT_EQ(fold(sum(part)), slow_sum(part)) << start << "+" << length;
      }
    }
  }
}

TEST(Checksum, AgreesWithTheSlowOneForTheLongestPacket) {
  Random random(2);
  Bytes bytes(65'535);
  random.fill(bytes);
  EXPECT_EQ(fold(sum(bytes)), slow_sum(bytes));
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(fold(sum(bytes)), slow_sum(bytes));
}

TEST(Checksum, PiecesOfAnyLengthAddUpToTheWhole) {
  Random random(3);
  Bytes bytes(41);
  random.fill(bytes);
  const std::span<const std::byte> whole(bytes);
  for (std::size_t a = 0; a <= whole.size(); ++a) {
    for (std::size_t b = a; b <= whole.size(); ++b) {
      Checksum checksum;
      checksum.add(whole.first(a));
      checksum.add(whole.subspan(a, b - a));
      checksum.add(whole.subspan(b));
      ASSERT_EQ(fold(checksum.sum()), slow_sum(whole)) << a << "," << b;
      ASSERT_EQ(checksum.finish(), static_cast<std::uint16_t>(~slow_sum(whole)));
    }
  }
}

TEST(Checksum, SumsOfPartsMayBeAdded) {
  Random random(4);
  Bytes bytes(64);
  random.fill(bytes);
  const std::span<const std::byte> whole(bytes);
  EXPECT_EQ(fold(sum(whole.subspan(20), sum(whole.first(20)))), slow_sum(whole));
  EXPECT_EQ(fold(sum(whole.subspan(20)) + sum(whole.first(20))), slow_sum(whole));
}

TEST(Checksum, PseudoHeaderIsItsTwelveBytes) {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    Bytes bytes(12);
    random.fill(bytes);
    bytes[8] = std::byte{0};
    const auto number = [&](std::size_t from, std::size_t count) {
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < count; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[from + i]);
      return value;
    };
    EXPECT_EQ(fold(pseudo_header(Ipv4Address{number(0, 4)}, Ipv4Address{number(4, 4)},
                                 static_cast<std::uint8_t>(number(9, 1)), static_cast<std::uint16_t>(number(10, 2)))),
              slow_sum(bytes));
  }
  static_assert(pseudo_header(Ipv4Address{0xffffffff}, Ipv4Address{0xffffffff}, 255, 0xffff) ==
                5 * std::uint64_t{0xffff} + 255);
}

// RFC 8200 8.1: two addresses, the length in 32 bits, three zeros and the next header.
TEST(Checksum, PseudoHeaderOfIpv6IsItsFortyBytes) {
  Random random(11);
  for (int round = 0; round < 100; ++round) {
    Bytes bytes(40);
    random.fill(bytes);
    for (const std::size_t zero : {32U, 33U, 36U, 37U, 38U}) bytes[zero] = std::byte{0};
    Ipv6Address source;
    Ipv6Address destination;
    std::memcpy(source.octets.data(), bytes.data(), 16);
    std::memcpy(destination.octets.data(), bytes.data() + 16, 16);
    EXPECT_EQ(fold(pseudo_header(source, destination, std::to_integer<std::uint8_t>(bytes[39]), load_be16(&bytes[34]))),
              slow_sum(bytes));
  }
}

TEST(Checksum, FoldsAnySum) {
  EXPECT_EQ(fold(0), 0);
  EXPECT_EQ(fold(0xffff), 0xffff);
  EXPECT_EQ(fold(0x10000), 1);
  EXPECT_EQ(fold(0xffffffffffffffff), 0xffff);
  for (const std::uint64_t edge : kEdges) {
    for (std::uint64_t off = 0; off < 5; ++off) {
      ASSERT_EQ(fold(edge + off), slow_fold(edge + off)) << edge << " + " << off;
      ASSERT_EQ(fold(edge - off), slow_fold(edge - off)) << edge << " - " << off;
    }
  }
  Random random(6);
  for (int round = 0; round < 10'000; ++round) {
    const std::uint64_t value = random.next() >> random.below(64);
    ASSERT_EQ(fold(value), value == 0 ? 0 : (value - 1) % 0xffff + 1) << value;
    ASSERT_EQ(fold(value), slow_fold(value)) << value;
    const std::uint64_t zero = value / 0xffff * 0xffff;  // in ones' complement; 0 only if nothing was added
    ASSERT_EQ(fold(zero), zero == 0 ? 0 : 0xffff) << zero;
  }
}

// Sums in the machine's own order, of the few words of a header: folded, they are the two bytes that lie there.
TEST(NativeChecksum, IsTheSameSumInTheMachinesOrder) {
  Random random(8);
  Bytes bytes(64);
  for (int round = 0; round < 1000; ++round) {
    random.fill(bytes);
    if (round == 0) std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
    if (round == 1) std::fill(bytes.begin(), bytes.end(), std::byte{0});
    const std::span<const std::byte> whole(bytes);
    for (std::size_t length = 0; length <= bytes.size(); length += 4) {
      const std::uint64_t native = native_sum(bytes.data(), length);
      ASSERT_EQ(swap_if_little_endian(fold(native)), slow_sum(whole.first(length)));
      ASSERT_EQ(native_sum(bytes.data() + length, bytes.size() - length, native), native_sum(bytes.data(), 64));
    }
  }
}

TEST(NativeChecksum, PseudoHeaderIsTheSameButForItsAddresses) {
  Random random(9);
  for (int round = 0; round < 1000; ++round) {
    std::array<std::byte, 8> addresses{};
    random.fill(addresses);
    const auto protocol = static_cast<std::uint8_t>(random.next());
    const auto length = static_cast<std::uint16_t>(random.next());
    const std::uint64_t expected = pseudo_header(Ipv4Address{load_be32(addresses.data())},
                                                 Ipv4Address{load_be32(addresses.data() + 4)}, protocol, length);
    const std::uint64_t sum = native_pseudo_header(protocol, length) + native_sum(addresses.data(), addresses.size());
    ASSERT_EQ(swap_if_little_endian(fold(sum)), fold(expected));
  }
}

TEST(NativeChecksum, VerifiesWhatTheOtherVerifies) {
  Random random(10);
  Bytes bytes(20);
  for (int round = 0; round < 10'000; ++round) {
    random.fill(bytes);
    if (round % 4 == 1) std::fill(bytes.begin() + 2, bytes.end(), std::byte{0xff});
    bytes[10] = bytes[11] = std::byte{0};
    const std::uint16_t right = finish(sum(bytes));
    for (const std::uint16_t written :
         {right, static_cast<std::uint16_t>(right ^ 1U << random.below(16)), static_cast<std::uint16_t>(random.next()),
          std::uint16_t{0}, std::uint16_t{0xffff}}) {
      store_be16(bytes.data() + 10, written);
      ASSERT_EQ(native_verifies(native_sum(bytes.data(), bytes.size())), verifies(sum(bytes)))
          << right << " " << written;
    }
    store_be16(bytes.data() + 10, right);
    ASSERT_TRUE(native_verifies(native_sum(bytes.data(), bytes.size())));
  }
  for (const std::uint64_t edge : kEdges) {
    for (std::uint64_t sum = edge; sum < edge + 3; ++sum) {
      if (sum == 0) continue;  // covers a checksum field, so it is none
      ASSERT_EQ(native_verifies(sum), slow_fold(sum) == 0xffff) << sum;
    }
  }
}

// A field of 0xffff and one of 0x0000 are both zero in ones' complement: a receiver takes either.
TEST(Checksum, VerifiesByTheSumWhicheverZeroWasSent) {
  Bytes bytes{std::byte{0x12}, std::byte{0x34}, std::byte{0xed}, std::byte{0xcb}, std::byte{0}, std::byte{0}};
  EXPECT_EQ(finish(sum(bytes)), 0x0000);
  EXPECT_TRUE(verifies(sum(bytes)));
  bytes[4] = bytes[5] = std::byte{0xff};
  EXPECT_TRUE(verifies(sum(bytes)));
  bytes[5] = std::byte{0xfe};
  EXPECT_FALSE(verifies(sum(bytes)));
}

// RFC 1624 against summing again, over every old word; the case of its section 4 included.
TEST(Checksum, UpdateIsWhatSummingAgainWouldGive) {
  EXPECT_EQ(update(0xdd2f, 0x5555, 0x3285), 0x0000);
  Random random(7);
  for (std::uint32_t old_word = 0; old_word <= 0xffff; ++old_word) {
    const auto rest = static_cast<std::uint16_t>(random.next() | 1);  // a packet is never all zeros
    const auto new_word = static_cast<std::uint16_t>(random.next());
    const std::uint16_t before = finish(std::uint64_t{rest} + old_word);
    const std::uint16_t after = update(before, static_cast<std::uint16_t>(old_word), new_word);
    ASSERT_EQ(after, finish(std::uint64_t{rest} + new_word)) << rest << " " << old_word << " " << new_word;
    ASSERT_TRUE(verifies(std::uint64_t{rest} + new_word + after));
  }
}

}  // namespace
}  // namespace levee::wire
