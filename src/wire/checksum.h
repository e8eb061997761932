// The Internet checksum (RFC 1071) of IPv4, ICMP of both families and TCP, and its incremental update (RFC 1624).
//
// A sum is a plain 64-bit number that adds up 16-bit words read in network byte order, so sums of different parts may
// be added; fold() brings one down to 16 bits. Every 16-bit checksum here is a number: `header.checksum = finish(sum)`
// with a be16, and `header.checksum.value()` back. To verify, sum everything including the checksum field: the result
// is all ones, whichever of its two zeros the sender wrote.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/endian.h"
#include "levee/address.h"

namespace levee::wire {

// Adds `bytes` to `initial`. An odd last byte counts as the high half of a word whose other half is 0, so only the last
// part may be of odd length; for pieces at odd places use Checksum.
[[nodiscard]] std::uint64_t sum(std::span<const std::byte> bytes, std::uint64_t initial = 0);

// RFC 9293 3.1; `length`: bytes of the segment, header and options included.
[[nodiscard]] constexpr std::uint64_t pseudo_header(Ipv4Address source, Ipv4Address destination, std::uint8_t protocol,
                                                    std::uint16_t length) {
  return (source.value >> 16) + (source.value & 0xffffU) + (destination.value >> 16) + (destination.value & 0xffffU) +
         std::uint64_t{protocol} + length;
}

// RFC 8200 8.1, of TCP and ICMPv6. Only its addresses are read as bytes; `length` has 32 bits there, which a packet
// without a jumbo payload does not need.
[[nodiscard]] inline std::uint64_t pseudo_header(const Ipv6Address& source, const Ipv6Address& destination,
                                                 std::uint8_t protocol, std::uint16_t length) {
  return sum(std::as_bytes(std::span(destination.octets)), sum(std::as_bytes(std::span(source.octets)))) +
         std::uint64_t{protocol} + length;
}

// To 16 bits in ones' complement, not inverted. 0 only for a sum of 0.
[[nodiscard]] constexpr std::uint16_t fold(std::uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffffffffU);
  const auto halves = static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(sum >> 32);
  // Both halves are added twice, so the lower sum's carry reaches the upper one.
  return static_cast<std::uint16_t>((halves + std::rotl(halves, 16)) >> 16);
}

// What goes into the checksum field. TCP sends a computed 0 as it is: only UDP knows "no checksum".
[[nodiscard]] constexpr std::uint16_t finish(std::uint64_t sum) { return static_cast<std::uint16_t>(~fold(sum)); }

// The same additions in the machine's own byte order, for a few words whose places are known: ones' complement does
// not mind (RFC 1071 2 (B)). native() reads a word where it lies, and native_fold gives the two bytes as they are to
// lie there. `bytes`: a multiple of 4.
[[nodiscard]] inline std::uint64_t native(const std::byte* from) {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}
[[nodiscard]] inline std::uint64_t native_sum(const std::byte* from, std::size_t bytes, std::uint64_t initial = 0) {
  for (std::size_t at = 0; at < bytes; at += 4) initial += native(from + at);
  return initial;
}
// Protocol and length of a pseudo-header; its addresses are added by the caller.
[[nodiscard]] constexpr std::uint64_t native_pseudo_header(std::uint8_t protocol, std::uint16_t length) {
  return std::uint64_t{swap_if_little_endian(std::uint16_t{protocol})} + swap_if_little_endian(length);
}
// Whether a sum that is not 0 and covers its checksum field is all ones: a multiple of 0xffff.
[[nodiscard]] constexpr bool native_verifies(std::uint64_t sum) { return sum % 0xffff == 0; }

// `sum` covers the checksum field too.
[[nodiscard]] constexpr bool verifies(std::uint64_t sum) { return fold(sum) == 0xffff; }

// The checksum after one word that it covers changed: RFC 1624, equation 3.
[[nodiscard]] constexpr std::uint16_t update(std::uint16_t checksum, std::uint16_t old_word, std::uint16_t new_word) {
  return finish(std::uint64_t{static_cast<std::uint16_t>(~checksum)} + static_cast<std::uint16_t>(~old_word) +
                new_word);
}

// Adds up pieces of any length, in order: a piece behind an odd number of bytes has its halves swapped.
class Checksum {
 public:
  explicit Checksum(std::uint64_t initial = 0) : sum_(initial) {}

  void add(std::span<const std::byte> piece) {
    const std::uint64_t part = wire::sum(piece);
    sum_ += odd_ ? swapped(fold(part)) : part;
    odd_ ^= (piece.size() & 1) != 0;
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  [[nodiscard]] std::uint16_t finish() const { return wire::finish(sum_); }

 private:
  static constexpr std::uint64_t swapped(std::uint16_t word) {
    return static_cast<std::uint16_t>(word << 8 | word >> 8);
  }

  std::uint64_t sum_;
  bool odd_ = false;
};

}  // namespace levee::wire
