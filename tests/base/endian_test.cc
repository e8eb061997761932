// Network byte order, at compile time and at any alignment.
#include "base/endian.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace levee {
namespace {

static_assert(alignof(be16) == 1 && alignof(be32) == 1 && alignof(be64) == 1);
static_assert(sizeof(be16) == 2 && sizeof(be32) == 4 && sizeof(be64) == 8);
static_assert(std::is_trivially_copyable_v<be32>);
// A number and its wire form are never mistaken for each other.
static_assert(!std::is_convertible_v<std::uint16_t, be16> && !std::is_convertible_v<be16, std::uint16_t>);
static_assert(be16(0x1234).value() == 0x1234 && be64(0x0102030405060708).value() == 0x0102030405060708);

template <typename Wire>
std::array<int, sizeof(Wire)> octets(const Wire& wire) {
  std::array<std::byte, sizeof(Wire)> bytes{};
  std::memcpy(bytes.data(), &wire, sizeof(wire));
  std::array<int, sizeof(Wire)> result{};
  for (std::size_t i = 0; i < bytes.size(); ++i) result[i] = std::to_integer<int>(bytes[i]);
  return result;
}

TEST(BigEndian, HasTheHighestByteFirst) {
  EXPECT_EQ(octets(be16(0x0102)), (std::array<int, 2>{1, 2}));
  EXPECT_EQ(octets(be32(0x01020304)), (std::array<int, 4>{1, 2, 3, 4}));
  EXPECT_EQ(octets(be64(0x0102030405060708)), (std::array<int, 8>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(BigEndian, AssignsAndCompares) {
  be32 a;
  EXPECT_EQ(a.value(), 0U);
  a = 0xfffffffeU;
  EXPECT_EQ(a.value(), 0xfffffffeU);
  EXPECT_EQ(a, be32(0xfffffffeU));
  EXPECT_NE(a, be32(0xfeffffffU));
}

TEST(BigEndian, LoadsAndStoresAtAnyAlignment) {
  for (std::size_t at = 0; at < 8; ++at) {
    std::array<std::byte, 16> bytes{};
    store_be64(bytes.data() + at, 0x1112131415161718);
    EXPECT_EQ(load_be64(bytes.data() + at), 0x1112131415161718U);
    EXPECT_EQ(load_be32(bytes.data() + at), 0x11121314U);
    EXPECT_EQ(load_be16(bytes.data() + at), 0x1112U);
    EXPECT_EQ(bytes[at], std::byte{0x11});
    store_be16(bytes.data() + at, 0x2122);
    store_be32(bytes.data() + at + 2, 0x23242526);
    EXPECT_EQ(load_be64(bytes.data() + at), 0x2122232425261718U);
  }
}

}  // namespace
}  // namespace levee
