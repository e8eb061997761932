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
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto share = static_cast<std::uint32_t>(window >> (bit + 1));  // of the value 1 << bit alone
      for (unsigned lower = 0; lower < 1U << bit; ++lower) table_[at][1U << bit | lower] = share ^ table_[at][lower];
    }
  }
}

std::uint32_t Toeplitz::hash(const Ipv6Address& source, const Ipv6Address& destination, std::uint16_t source_port,
                             std::uint16_t destination_port) const {
  std::uint32_t result = word(32, static_cast<std::uint32_t>(source_port) << 16 | destination_port);
  for (std::size_t at = 0; at < source.octets.size(); ++at) {
    result ^= table_[at][source.octets[at]] ^ table_[source.octets.size() + at][destination.octets[at]];
  }
  return result;
}

std::uint32_t Toeplitz::hash(std::span<const std::byte> input) const {
  CHECK(input.size() <= kMaxInput);
  std::uint32_t result = 0;
  for (std::size_t at = 0; at < input.size(); ++at) result ^= table_[at][std::to_integer<unsigned>(input[at])];
  return result;
}

}  // namespace levee
