// The Toeplitz hash against the vectors that Microsoft published for its example key ("Verifying the RSS hash
// calculation"), and against the bit-by-bit definition.
#include "base/toeplitz.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/endian.h"
#include "base/random.h"

namespace levee {
namespace {

constexpr std::array<std::uint8_t, 40> kExampleKey{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                                   0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                                   0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                                   0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct Vector {
  const char* source;
  std::uint16_t source_port;
  const char* destination;
  std::uint16_t destination_port;
  std::uint32_t hash;
};

TEST(Toeplitz, MatchesThePublishedVectorsForIpv4) {
  const Toeplitz toeplitz(kExampleKey);
  for (const Vector& v : {Vector{"66.9.149.187", 2794, "161.142.100.80", 1766, 0x51ccc178},
                          Vector{"199.92.111.2", 14230, "65.69.140.83", 4739, 0xc626b0ea},
                          Vector{"24.19.198.95", 12898, "12.22.207.184", 38024, 0x5c2b394a},
                          Vector{"38.27.205.30", 48228, "209.142.163.6", 2217, 0xafc7327f},
                          Vector{"153.39.163.191", 44251, "202.188.127.2", 1303, 0x10e828a2}}) {
    const Ipv4Address source = parse_ipv4(v.source).value();
    const Ipv4Address destination = parse_ipv4(v.destination).value();
    EXPECT_EQ(toeplitz.hash(source, destination, v.source_port, v.destination_port), v.hash) << v.source;
  }
}

TEST(Toeplitz, MatchesThePublishedVectorsForIpv6) {
  const Toeplitz toeplitz(kExampleKey);
  for (const Vector& v :
       {Vector{"3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x40207d3d},
        Vector{"3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0xdde51bbf},
        Vector{"3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024, 0x02d1feef}}) {
    std::array<std::byte, 36> input{};
    ASSERT_EQ(inet_pton(AF_INET6, v.source, input.data()), 1);
    ASSERT_EQ(inet_pton(AF_INET6, v.destination, input.data() + 16), 1);
    store_be16(input.data() + 32, v.source_port);
    store_be16(input.data() + 34, v.destination_port);
    EXPECT_EQ(toeplitz.hash(input), v.hash) << v.source;
    const Ipv6Address source = parse_ipv6(v.source).value();
    const Ipv6Address destination = parse_ipv6(v.destination).value();
    EXPECT_EQ(toeplitz.hash(source, destination, v.source_port, v.destination_port), v.hash) << v.source;
  }
}

std::uint32_t bit_by_bit(std::span<const std::uint8_t> key, std::span<const std::byte> input) {
  const auto key_bit = [&](std::size_t bit) { return key[bit / 8] >> (7 - bit % 8) & 1; };
  std::uint32_t result = 0;
  for (std::size_t bit = 0; bit < 8 * input.size(); ++bit) {
    if ((std::to_integer<unsigned>(input[bit / 8]) >> (7 - bit % 8) & 1) == 0) continue;
    for (std::size_t i = 0; i < 32; ++i) result ^= static_cast<std::uint32_t>(key_bit(bit + i)) << (31 - i);
  }
  return result;
}

TEST(Toeplitz, IsWhatTheDefinitionSaysForAnyKeyAndLength) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::array<std::uint8_t, 52> key{};
    random.fill(std::as_writable_bytes(std::span(key)));
    const Toeplitz toeplitz(key);
    std::vector<std::byte> input(random.below(Toeplitz::kMaxInput + 1));
    random.fill(input);
    EXPECT_EQ(toeplitz.hash(input), bit_by_bit(key, input));
    if (input.size() >= 12) {
      const std::byte* from = input.data();
      EXPECT_EQ(toeplitz.hash(Ipv4Address{load_be32(from)}, Ipv4Address{load_be32(from + 4)}, load_be16(from + 8),
                              load_be16(from + 10)),
                bit_by_bit(key, std::span(input).first(12)));
    }
  }
}

}  // namespace
}  // namespace levee
