// ICMP (RFC 792): echo and the errors share one header. An error is followed by the packet that caused it, or as much
// of it as its sender quotes.
#pragma once

#include <cstdint>

#include "base/endian.h"
#include "wire/view.h"

namespace levee::wire {

inline constexpr std::uint8_t kEchoReply = 0;
inline constexpr std::uint8_t kEchoRequest = 8;
inline constexpr std::uint8_t kUnreachable = 3;
inline constexpr std::uint8_t kTimeExceeded = 11;
inline constexpr std::uint8_t kParameterProblem = 12;
inline constexpr std::uint8_t kFragmentationNeeded = 4;  // a code of kUnreachable; `sequence` is the next hop's MTU

// An error that is acted upon. Source quench is none (RFC 6633).
[[nodiscard]] constexpr bool is_error(std::uint8_t type) {
  return type == kUnreachable || type == kTimeExceeded || type == kParameterProblem;
}

struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  be16 checksum;  // over the whole message
  be16 identifier;
  be16 sequence;
};
static_assert(sizeof(IcmpHeader) == 8 && Viewable<IcmpHeader>);

}  // namespace levee::wire
