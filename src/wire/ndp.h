// Neighbour discovery for IPv6 (RFC 4861): solicitation and advertisement, their options, and the multicast addresses
// that they go to. Its other messages are only counted. Whether a message is valid (hop limit 255, checksum, a target
// that is not multicast; 7.1.1 and 7.1.2) is for the caller to check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/endian.h"
#include "levee/address.h"
#include "wire/view.h"

namespace levee::wire {

// ICMPv6 types.
inline constexpr std::uint8_t kRouterSolicitation = 133;
inline constexpr std::uint8_t kRouterAdvertisement = 134;
inline constexpr std::uint8_t kNeighbourSolicitation = 135;
inline constexpr std::uint8_t kNeighbourAdvertisement = 136;
inline constexpr std::uint8_t kRedirect = 137;

inline constexpr std::uint8_t kNdpHopLimit = 255;  // any other one has come through a router

// In the word of flags of an advertisement; 0 in a solicitation.
inline constexpr std::uint32_t kNdpRouter = 0x80000000;
inline constexpr std::uint32_t kNdpSolicited = 0x40000000;
inline constexpr std::uint32_t kNdpOverride = 0x20000000;

// A solicitation or an advertisement (RFC 4861 4.3, 4.4); options follow.
struct NeighbourMessage {
  std::uint8_t type;
  std::uint8_t code;
  be16 checksum;
  be32 flags;
  Ipv6Address target;

  [[nodiscard]] constexpr bool has(std::uint32_t flag) const { return (flags.value() & flag) != 0; }
};
static_assert(sizeof(NeighbourMessage) == 24 && Viewable<NeighbourMessage>);

inline constexpr std::uint8_t kSourceLinkLayerAddress = 1;
inline constexpr std::uint8_t kTargetLinkLayerAddress = 2;

// Either of them over Ethernet (RFC 2464 6).
struct LinkLayerOption {
  std::uint8_t type;
  std::uint8_t length;  // of the option, in words of 8 bytes
  MacAddress mac;
};
static_assert(sizeof(LinkLayerOption) == 8 && Viewable<LinkLayerOption>);

// What a solicitation or an advertisement may say beside its target.
struct NdpOptions {
  std::optional<MacAddress> source;
  std::optional<MacAddress> target;
};

inline constexpr std::size_t kMaxNdpOptions = 16;

// Reads the bytes behind a NeighbourMessage. Unknown options are skipped; of a repeated one the first counts. Nothing
// if an option's length is 0 or beyond the end (RFC 4861 4.6, 7.1: the message is to be discarded), or there are more
// than kMaxNdpOptions: nobody who is honest sends so many, and the work per packet stays bounded.
[[nodiscard]] std::optional<NdpOptions> parse_ndp_options(std::span<const std::byte> bytes);

// ff02::1 (RFC 4291 2.7.1): whom an advertisement without an addressee goes to.
inline constexpr Ipv6Address kAllNodes{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// RFC 4291 2.7.1: ff02::1:ffXX:XXXX, whom a solicitation for `address` goes to.
[[nodiscard]] constexpr Ipv6Address solicited_node(const Ipv6Address& address) {
  return {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, address.octets[13], address.octets[14], address.octets[15]}};
}

// RFC 2464 7: 33:33 and the last four octets.
[[nodiscard]] constexpr MacAddress multicast_mac(const Ipv6Address& group) {
  return {{0x33, 0x33, group.octets[12], group.octets[13], group.octets[14], group.octets[15]}};
}

}  // namespace levee::wire
