// The one loop over the bytes of a packet: 32 bytes a turn, and no branch on a carry.
#include "wire/checksum.h"

#include <cstring>

#include "base/endian.h"

namespace levee::wire {
namespace {

// Two halves of 32 bits each into a sum that has 32 bits of headroom: no carry to look after for 16 GiB.
std::uint64_t halves(const std::byte* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return (word >> 32) + (word & 0xffffffffU);
}

}  // namespace

// Adds words as the machine reads them and swaps the bytes of the folded result: ones' complement addition does not
// mind (RFC 1071 2 (B)).
std::uint64_t sum(std::span<const std::byte> bytes, std::uint64_t initial) {
  const std::byte* from = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t even = 0;
  std::uint64_t odd = 0;
  for (; left >= 32; from += 32, left -= 32) {
    even += halves(from) + halves(from + 8);
    odd += halves(from + 16) + halves(from + 24);
  }
  std::uint64_t total = even + odd;
  for (; left >= 8; from += 8, left -= 8) total += halves(from);
  if (left >= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, from, sizeof(word));
    total += word;
    from += 4;
    left -= 4;
  }
  if (left > 0) {
    std::byte rest[4] = {};
    for (std::size_t i = 0; i < left; ++i) rest[i] = from[i];
    std::uint32_t word = 0;
    std::memcpy(&word, rest, sizeof(word));
    total += word;
  }
  return initial + swap_if_little_endian(fold(total));
}

}  // namespace levee::wire
