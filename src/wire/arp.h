// ARP for IPv4 over Ethernet (RFC 826).
#pragma once

#include <cstdint>

#include "base/endian.h"
#include "levee/address.h"
#include "wire/ethernet.h"
#include "wire/view.h"

namespace levee::wire {

inline constexpr std::uint16_t kArpRequest = 1;
inline constexpr std::uint16_t kArpReply = 2;
inline constexpr std::uint16_t kArpHardwareEthernet = 1;

struct ArpPacket {
  be16 hardware_type;
  be16 protocol_type;
  std::uint8_t hardware_length;  // bytes of a MAC address
  std::uint8_t protocol_length;  // bytes of an IPv4 address
  be16 operation;
  MacAddress sender_mac;
  be32 sender_address;
  MacAddress target_mac;
  be32 target_address;

  [[nodiscard]] constexpr bool is_ipv4_over_ethernet() const {
    return hardware_type.value() == kArpHardwareEthernet && protocol_type.value() == kEtherTypeIpv4 &&
           hardware_length == 6 && protocol_length == 4;
  }
  constexpr void set_ipv4_over_ethernet() {
    hardware_type = kArpHardwareEthernet;
    protocol_type = kEtherTypeIpv4;
    hardware_length = 6;
    protocol_length = 4;
  }
};
static_assert(sizeof(ArpPacket) == 28 && Viewable<ArpPacket>);

}  // namespace levee::wire
