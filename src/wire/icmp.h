// ICMP echo (RFC 792); other messages share the first 4 bytes.
#pragma once

#include <cstdint>

#include "base/endian.h"
#include "wire/view.h"

namespace levee::wire {

inline constexpr std::uint8_t kEchoReply = 0;
inline constexpr std::uint8_t kEchoRequest = 8;

struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  be16 checksum;  // over the whole message
  be16 identifier;
  be16 sequence;
};
static_assert(sizeof(IcmpHeader) == 8 && Viewable<IcmpHeader>);

}  // namespace levee::wire
