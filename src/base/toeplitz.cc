// The tables behind the Toeplitz hash, computed once from the key.
#include "base/toeplitz.h"

#include "base/check.h"

namespace levee {

// The hash is, for each 1 bit of the input, the 32 key bits that start at that bit's place, all XORed. Entry [i][v] is
// the share of byte i with value v.
Toeplitz::Toeplitz(std::span<const std::uint8_t> key) {
  CHECK(key.size() >= kMaxInput + 4);
  for (std::size_t at = 0; at < kMaxInput; ++at) {
    std::uint64_t window = 0;  // the 40 key bits from this byte on
    for (std::size_t i = 0; i < 5; ++i) window = window << 8 | key[at + i];
    for (unsigned value = 0; value < 256; ++value) {
      std::uint32_t share = 0;
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((value & 0x80U >> bit) != 0) share ^= static_cast<std::uint32_t>(window >> (8 - bit));
      }
      table_[at][value] = share;
    }
  }
}

std::uint32_t Toeplitz::hash(std::span<const std::byte> input) const {
  CHECK(input.size() <= kMaxInput);
  std::uint32_t result = 0;
  for (std::size_t at = 0; at < input.size(); ++at) result ^= table_[at][std::to_integer<unsigned>(input[at])];
  return result;
}

}  // namespace levee
