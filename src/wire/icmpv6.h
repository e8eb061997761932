// ICMPv6 (RFC 4443): echo and the four errors share one header. Neighbour discovery's messages are in wire/ndp.h.
#pragma once

#include <cstdint>

#include "base/endian.h"
#include "wire/view.h"

namespace levee::wire {

// Types below 128 are errors: the header is followed by as much of the packet that caused it as fits.
inline constexpr std::uint8_t kIcmpv6Unreachable = 1;
inline constexpr std::uint8_t kIcmpv6PacketTooBig = 2;
inline constexpr std::uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr std::uint8_t kIcmpv6ParameterProblem = 4;
inline constexpr std::uint8_t kIcmpv6EchoRequest = 128;
inline constexpr std::uint8_t kIcmpv6EchoReply = 129;

// Codes of kIcmpv6Unreachable.
inline constexpr std::uint8_t kIcmpv6NoRoute = 0;
inline constexpr std::uint8_t kIcmpv6Prohibited = 1;
inline constexpr std::uint8_t kIcmpv6BeyondScope = 2;
inline constexpr std::uint8_t kIcmpv6AddressUnreachable = 3;
inline constexpr std::uint8_t kIcmpv6PortUnreachable = 4;

// Codes of kIcmpv6ParameterProblem.
inline constexpr std::uint8_t kIcmpv6BadField = 0;
inline constexpr std::uint8_t kIcmpv6BadNextHeader = 1;
inline constexpr std::uint8_t kIcmpv6BadOption = 2;

struct Icmpv6Header {
  std::uint8_t type;
  std::uint8_t code;
  be16 checksum;   // over the whole message and IPv6's pseudo-header (RFC 4443 2.3)
  be32 parameter;  // echo: identifier and sequence number; too big: the MTU; parameter problem: where; else unused

  [[nodiscard]] constexpr bool is_error() const { return type < 128; }
  [[nodiscard]] constexpr std::uint16_t identifier() const {
    return static_cast<std::uint16_t>(parameter.value() >> 16);
  }
  [[nodiscard]] constexpr std::uint16_t sequence() const { return static_cast<std::uint16_t>(parameter.value()); }
};
static_assert(sizeof(Icmpv6Header) == 8 && Viewable<Icmpv6Header>);

}  // namespace levee::wire
