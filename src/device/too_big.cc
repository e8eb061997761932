// The router of an impaired link; see too_big.h.
#include "device/too_big.h"

#include <algorithm>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/view.h"

namespace levee::device {
namespace {

constexpr std::size_t kQuoted = 8;  // bytes behind the quoted IP header
// RFC 4443 3.2: as much as fits into the least MTU.
constexpr std::size_t kMostOfIpv6 = wire::kMinIpv6Mtu - wire::kIpv6HeaderLength - sizeof(wire::Icmpv6Header);

// The IP packet of an untagged Ethernet frame, and what kind it is.
struct Carried {
  std::uint16_t ether_type = 0;
  std::span<const std::byte> packet;
};

Carried carried_by(std::span<const std::byte> frame) {
  const auto* ethernet = wire::view<wire::EthernetHeader>(frame);
  if (ethernet == nullptr) return {};
  return {ethernet->ether_type.value(), frame.subspan(sizeof(wire::EthernetHeader))};
}

std::vector<std::byte> fragmentation_needed(std::span<const std::byte> frame, std::span<const std::byte> packet,
                                            std::size_t mtu) {
  const auto* asked = wire::view<wire::Ipv4Header>(packet);
  if (asked == nullptr || asked->version() != 4 || asked->protocol == wire::kProtocolIcmp || asked->is_fragment())
    return {};
  const std::size_t quoted = std::min(packet.size(), asked->header_length() + kQuoted);
  const std::size_t message = sizeof(wire::IcmpHeader) + quoted;
  std::vector<std::byte> answer(sizeof(wire::EthernetHeader) + sizeof(wire::Ipv4Header) + message);
  const std::span<std::byte> bytes(answer);

  auto& ethernet = *wire::view<wire::EthernetHeader>(bytes);
  const auto& came = *wire::view<wire::EthernetHeader>(frame);
  ethernet.destination = came.source;
  ethernet.source = came.destination;
  ethernet.ether_type = wire::kEtherTypeIpv4;

  const auto ip_bytes = bytes.subspan(sizeof(wire::EthernetHeader));
  auto& ip = *wire::view<wire::Ipv4Header>(ip_bytes);
  ip.set_version_and_length(sizeof(wire::Ipv4Header));
  ip.set_total_length(sizeof(wire::Ipv4Header) + message);
  ip.ttl = 64;
  ip.protocol = wire::kProtocolIcmp;
  ip.set_source(kRouterAddress);
  ip.set_destination(asked->source());
  ip.checksum = wire::finish(wire::sum(ip_bytes.first(sizeof(wire::Ipv4Header))));

  const auto icmp_bytes = ip_bytes.subspan(sizeof(wire::Ipv4Header));
  auto& icmp = *wire::view<wire::IcmpHeader>(icmp_bytes);
  icmp.type = wire::kUnreachable;
  icmp.code = wire::kFragmentationNeeded;
  icmp.sequence = static_cast<std::uint16_t>(mtu);  // RFC 1191 4: the next hop's MTU is in the last 16 bits
  std::copy_n(packet.begin(), quoted, icmp_bytes.begin() + sizeof(wire::IcmpHeader));
  icmp.checksum = wire::finish(wire::sum(icmp_bytes));
  return answer;
}

std::vector<std::byte> packet_too_big(std::span<const std::byte> frame, std::span<const std::byte> packet,
                                      std::size_t mtu) {
  const auto* asked = wire::view<wire::Ipv6Header>(packet);
  if (asked == nullptr || asked->version() != 6 || asked->next_header == wire::kProtocolIcmpv6) return {};
  const std::size_t quoted = std::min(packet.size(), kMostOfIpv6);
  const std::size_t message = sizeof(wire::Icmpv6Header) + quoted;
  std::vector<std::byte> answer(sizeof(wire::EthernetHeader) + wire::kIpv6HeaderLength + message);
  const std::span<std::byte> bytes(answer);

  auto& ethernet = *wire::view<wire::EthernetHeader>(bytes);
  const auto& came = *wire::view<wire::EthernetHeader>(frame);
  ethernet.destination = came.source;
  ethernet.source = came.destination;
  ethernet.ether_type = wire::kEtherTypeIpv6;

  const auto ip_bytes = bytes.subspan(sizeof(wire::EthernetHeader));
  auto& ip = *wire::view<wire::Ipv6Header>(ip_bytes);
  ip.set_class_and_flow(0, 0);
  ip.payload_length = static_cast<std::uint16_t>(message);
  ip.next_header = wire::kProtocolIcmpv6;
  ip.hop_limit = 64;
  ip.source = kRouterAddress6;
  ip.destination = asked->source;

  const auto icmp_bytes = ip_bytes.subspan(wire::kIpv6HeaderLength);
  auto& icmp = *wire::view<wire::Icmpv6Header>(icmp_bytes);
  icmp.type = wire::kIcmpv6PacketTooBig;
  icmp.parameter = static_cast<std::uint32_t>(mtu);
  std::copy_n(packet.begin(), quoted, icmp_bytes.begin() + sizeof(wire::Icmpv6Header));
  wire::Checksum checksum(
      wire::pseudo_header(ip.source, ip.destination, wire::kProtocolIcmpv6, static_cast<std::uint16_t>(message)));
  checksum.add(icmp_bytes);
  icmp.checksum = checksum.finish();
  return answer;
}

}  // namespace

bool exceeds(std::span<const std::byte> frame, std::size_t mtu) {
  const Carried carried = carried_by(frame);
  const bool is_ip = carried.ether_type == wire::kEtherTypeIpv4 || carried.ether_type == wire::kEtherTypeIpv6;
  return is_ip && carried.packet.size() > mtu;
}

std::vector<std::byte> too_big(std::span<const std::byte> frame, std::size_t mtu) {
  const Carried carried = carried_by(frame);
  switch (carried.ether_type) {
    case wire::kEtherTypeIpv4:
      return fragmentation_needed(frame, carried.packet, mtu);
    case wire::kEtherTypeIpv6:
      return packet_too_big(frame, carried.packet, mtu);
    default:
      return {};
  }
}

}  // namespace levee::device
