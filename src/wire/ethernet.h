// Ethernet II and the 802.1Q tag.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

// A frame turned round. Four loads and four stores: a MacAddress by itself would be copied in more.
inline void swap_macs(std::byte* ethernet) {
  std::uint32_t to_begin = 0, from_begin = 0;
  std::uint16_t to_end = 0, from_end = 0;
  std::memcpy(&to_begin, ethernet, 4);
  std::memcpy(&to_end, ethernet + 4, 2);
  std::memcpy(&from_begin, ethernet + 6, 4);
  std::memcpy(&from_end, ethernet + 10, 2);
  std::memcpy(ethernet, &from_begin, 4);
  std::memcpy(ethernet + 4, &from_end, 2);
  std::memcpy(ethernet + 6, &to_begin, 4);
  std::memcpy(ethernet + 10, &to_end, 2);
}

// What follows an EthernetHeader of type kEtherTypeVlan.
struct VlanTag {
  be16 tci;         // priority 3 bits, drop eligible 1, VLAN id 12
  be16 ether_type;  // of what follows the tag

  [[nodiscard]] constexpr std::uint16_t id() const { return tci.value() & 0x0fff; }
};
static_assert(sizeof(VlanTag) == 4 && Viewable<VlanTag>);

}  // namespace levee::wire
