// What a router says when a packet is larger than the next link carries: ICMP's "fragmentation needed and DF set" (RFC
// 792, RFC 1191 4) or ICMPv6's "packet too big" (RFC 4443 3.2), each with the next link's MTU. It quotes as little as
// RFC 792 allows, the IP header and 8 bytes; of IPv6 packets the 1232 bytes that RFC 4443 asks for.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "levee/address.h"

namespace levee::device {

inline constexpr Ipv4Address kRouterAddress{0x0a0000fe};
inline constexpr Ipv6Address kRouterAddress6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe}};

// The packet of a frame is longer than `mtu`.
[[nodiscard]] bool exceeds(std::span<const std::byte> frame, std::size_t mtu);

// The router's answer to the sender of `frame`, as a frame from the MAC address that the sender sent to. Empty for what
// no router answers: not IP, not a first fragment, or itself an ICMP message.
[[nodiscard]] std::vector<std::byte> too_big(std::span<const std::byte> frame, std::size_t mtu);

}  // namespace levee::device
