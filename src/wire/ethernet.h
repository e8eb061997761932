// Ethernet II and the 802.1Q tag.
#pragma once

#include <cstdint>

#include "base/endian.h"
#include "levee/address.h"
#include "wire/view.h"

namespace levee::wire {

inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeArp = 0x0806;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  be16 ether_type;
};
static_assert(sizeof(EthernetHeader) == 14 && Viewable<EthernetHeader>);

// What follows an EthernetHeader of type kEtherTypeVlan.
struct VlanTag {
  be16 tci;         // priority 3 bits, drop eligible 1, VLAN id 12
  be16 ether_type;  // of what follows the tag

  [[nodiscard]] constexpr std::uint16_t id() const { return tci.value() & 0x0fff; }
};
static_assert(sizeof(VlanTag) == 4 && Viewable<VlanTag>);

}  // namespace levee::wire
