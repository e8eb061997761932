// Protocol numbers of IPv4's `protocol` and IPv6's `next header` (IANA, "Assigned Internet Protocol Numbers").
#pragma once

#include <cstdint>

namespace levee::wire {

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolIcmpv6 = 58;

// IPv6's extension headers (RFC 8200 4 and the registry "IPv6 Extension Header Types"): packets with one are counted
// and dropped.
inline constexpr std::uint8_t kHopByHopOptions = 0;
inline constexpr std::uint8_t kRoutingHeader = 43;
inline constexpr std::uint8_t kFragmentHeader = 44;
inline constexpr std::uint8_t kEncapsulatingSecurity = 50;
inline constexpr std::uint8_t kAuthentication = 51;
inline constexpr std::uint8_t kNoNextHeader = 59;
inline constexpr std::uint8_t kDestinationOptions = 60;
inline constexpr std::uint8_t kMobilityHeader = 135;
inline constexpr std::uint8_t kHostIdentity = 139;
inline constexpr std::uint8_t kShim6 = 140;

// The fragment header is one, too, as in RFC 6946's atomic fragments; a caller that counts fragments asks for it first.
[[nodiscard]] constexpr bool is_extension_header(std::uint8_t next_header) {
  switch (next_header) {
    case kHopByHopOptions:
    case kRoutingHeader:
    case kFragmentHeader:
    case kEncapsulatingSecurity:
    case kAuthentication:
    case kNoNextHeader:
    case kDestinationOptions:
    case kMobilityHeader:
    case kHostIdentity:
    case kShim6:
      return true;
    default:
      return false;
  }
}

}  // namespace levee::wire
