// The TCP header (RFC 9293 3.1). Options follow it up to data_offset(); wire/tcp_options.h reads and writes them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "wire/view.h"

namespace levee::wire {

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrg = 0x20;
inline constexpr std::uint8_t kEce = 0x40;  // RFC 3168
inline constexpr std::uint8_t kCwr = 0x80;

// Of a SYN (RFC 3168 6.1.1).
[[nodiscard]] constexpr bool asks_for_ecn(std::uint8_t flags) {
  return (flags & (kSyn | kEce | kCwr | kAck)) == (kSyn | kEce | kCwr);
}

struct TcpHeader {
  be16 source_port;
  be16 destination_port;
  be32 sequence;
  be32 acknowledgment;
  std::uint8_t offset_and_reserved;  // 4 bits each; the offset in words of 4 bytes
  std::uint8_t flags;
  be16 window;  // as on the wire, unscaled
  be16 checksum;
  be16 urgent_pointer;

  // Bytes, options included; may be below 20 in a malformed segment.
  [[nodiscard]] constexpr std::size_t data_offset() const { return std::size_t{4} * (offset_and_reserved >> 4); }
  // `bytes`: a multiple of 4 from 20 to 60. Clears the reserved bits, as RFC 9293 3.1 wants them sent.
  constexpr void set_data_offset(std::size_t bytes) { offset_and_reserved = static_cast<std::uint8_t>(bytes / 4 << 4); }
  [[nodiscard]] constexpr bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(TcpHeader) == 20 && Viewable<TcpHeader>);

}  // namespace levee::wire
