// The ECN field: the low two bits of IPv4's type of service and of IPv6's traffic class (RFC 3168 5).
#pragma once

#include <cstdint>

namespace levee::wire {

inline constexpr std::uint8_t kNotEct = 0;  // the sender's transport knows no ECN
inline constexpr std::uint8_t kEct1 = 1;
inline constexpr std::uint8_t kEct0 = 2;
inline constexpr std::uint8_t kCe = 3;  // congestion experienced
inline constexpr std::uint8_t kEcnMask = 3;

}  // namespace levee::wire
