// The IPv4 header (RFC 791 3.1). Options may follow it: header_length() says where the payload starts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "levee/address.h"
#include "wire/protocol.h"
#include "wire/view.h"

namespace levee::wire {

// In the word of flags and fragment offset.
inline constexpr std::uint16_t kDontFragment = 0x4000;
inline constexpr std::uint16_t kMoreFragments = 0x2000;
inline constexpr std::uint16_t kFragmentOffset = 0x1fff;

struct Ipv4Header {
  std::uint8_t version_and_length;  // 4 bits each; the length in words of 4 bytes
  std::uint8_t type_of_service;     // DSCP 6 bits, ECN 2
  be16 packet_length;
  be16 identification;
  be16 flags_and_offset;
  std::uint8_t ttl;
  std::uint8_t protocol;
  be16 checksum;
  be32 source_address;
  be32 destination_address;

  [[nodiscard]] constexpr unsigned version() const { return version_and_length >> 4; }
  // Bytes; may be below 20 in a malformed packet.
  [[nodiscard]] constexpr std::size_t header_length() const { return std::size_t{4} * (version_and_length & 0x0f); }
  // Bytes, header included, as the packet claims.
  [[nodiscard]] constexpr std::size_t total_length() const { return packet_length.value(); }
  [[nodiscard]] constexpr bool is_fragment() const {
    return (flags_and_offset.value() & (kMoreFragments | kFragmentOffset)) != 0;
  }
  [[nodiscard]] constexpr bool dont_fragment() const { return (flags_and_offset.value() & kDontFragment) != 0; }
  [[nodiscard]] constexpr Ipv4Address source() const { return {source_address.value()}; }
  [[nodiscard]] constexpr Ipv4Address destination() const { return {destination_address.value()}; }

  // `bytes`: a multiple of 4 from 20 to 60.
  constexpr void set_version_and_length(std::size_t bytes) {
    version_and_length = static_cast<std::uint8_t>(0x40 | bytes / 4);
  }
  // `bytes`: at most 65535.
  constexpr void set_total_length(std::size_t bytes) { packet_length = static_cast<std::uint16_t>(bytes); }
  constexpr void set_source(Ipv4Address address) { source_address = address.value; }
  constexpr void set_destination(Ipv4Address address) { destination_address = address.value; }
};
static_assert(sizeof(Ipv4Header) == 20 && Viewable<Ipv4Header>);

}  // namespace levee::wire
