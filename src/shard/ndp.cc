// Neighbour discovery (RFC 4861), as much of it as ARP is for IPv4: solicitations of our addresses are answered in
// place; advertisements teach only what was asked for. Routers, prefixes and redirects are configuration here.
#include <algorithm>

#include "shard/egress.h"
#include "shard/impl.h"
#include "wire/checksum.h"
#include "wire/ndp.h"

namespace levee::shard {
namespace {

constexpr auto kMessage = static_cast<std::uint32_t>(sizeof(wire::NeighbourMessage));
constexpr auto kOption = static_cast<std::uint32_t>(sizeof(wire::LinkLayerOption));
constexpr std::uint32_t kIp6Header = wire::kIpv6HeaderLength;

// The message in the packet and its options, if it is what RFC 4861 7.1.1 and 7.1.2 accept of either kind. Its checksum
// has been verified. A target that no packet may come from is nobody's address, and a v4-mapped one would be ARP's.
const wire::NeighbourMessage* valid_message(const Packet& packet, wire::NdpOptions& options) {
  if (packet.ip6().hop_limit != wire::kNdpHopLimit || packet.payload_length < kMessage) return nullptr;
  const std::span<const std::byte> bytes(packet.frame->data + packet.payload_offset, packet.payload_length);
  const auto* message = wire::view<wire::NeighbourMessage>(bytes);
  if (message->code != 0 || !message->target.is_valid_source()) return nullptr;
  const auto found = wire::parse_ndp_options(bytes.subspan(kMessage));
  if (!found) return nullptr;
  options = *found;
  return message;
}

struct Draft {
  Ipv6Address source, destination;
  std::uint8_t type = 0;
  std::uint32_t flags = 0;
  Ipv6Address target;
  std::uint8_t option = 0;  // a link-layer address option, which carries our MAC
  MacAddress mac;
};

// The packet from its IPv6 header on; returns its length.
std::uint32_t write_message(std::byte* at, const Draft& draft) {
  auto& ip = *reinterpret_cast<wire::Ipv6Header*>(at);
  ip.set_class_and_flow(0, 0);
  ip.payload_length = kMessage + kOption;
  ip.next_header = wire::kProtocolIcmpv6;
  ip.hop_limit = wire::kNdpHopLimit;
  ip.source = draft.source;
  ip.destination = draft.destination;
  auto& message = *reinterpret_cast<wire::NeighbourMessage*>(at + kIp6Header);
  message.type = draft.type;
  message.code = 0;
  message.checksum = 0;
  message.flags = draft.flags;
  message.target = draft.target;
  auto& option = *reinterpret_cast<wire::LinkLayerOption*>(at + kIp6Header + kMessage);
  option.type = draft.option;
  option.length = 1;
  option.mac = draft.mac;
  const std::uint64_t pseudo =
      wire::pseudo_header(draft.source, draft.destination, wire::kProtocolIcmpv6, kMessage + kOption);
  message.checksum = wire::finish(wire::sum({at + kIp6Header, kMessage + kOption}, pseudo));
  return kIp6Header + kMessage + kOption;
}

}  // namespace

std::optional<Drop> Shard::Impl::process_solicitation(Packet& packet) {
  wire::NdpOptions options;
  const wire::NeighbourMessage* asked = valid_message(packet, options);
  if (asked == nullptr || (options.source && options.source->is_multicast())) return Drop::BadNdp;
  const Ipv6Address sender = packet.ip6().source;
  const bool from_nobody = sender.is_unspecified();  // it looks for others that have the address (RFC 4862 5.4.3)
  if (from_nobody && (options.source || !packet.ip6().destination.is_multicast())) return Drop::BadNdp;
  const Ipv6Address target = asked->target;
  // RFC 4861 7.2.3: an address of the interface that was asked, as in ARP.
  if (!topology_.is_ours(target, packet.interface)) return Drop::NdpNotForUs;
  stats_.count(Counter::NdpSolicitsReceived);
  // A solicitation refreshes what is known, it never makes or changes an entry: anybody can send one.
  if (options.source) {
    Neighbour* known = neighbours_.find(sender, packet.interface);
    if (known != nullptr && known->known && known->mac == *options.source) known->confirmed = now_;
  }

  // RFC 4861 7.2.4: to all nodes if it is not known who asked.
  const InterfaceOptions& interface = topology_.interface(packet.interface);
  const LinkHeader link{.destination = from_nobody ? wire::multicast_mac(wire::kAllNodes) : packet.ethernet().source,
                        .source = interface.mac,
                        .ether_type = wire::kEtherTypeIpv6,
                        .has_vlan = packet.has_vlan,
                        .vlan_tci = packet.vlan_tci};
  const ReplyBuffer buffer = reply_buffer(packet, packet.l3_offset + kIp6Header + kMessage + kOption);
  if (buffer.block == nullptr) return std::nullopt;
  std::byte* const at = write_link(buffer.data, link);
  const std::uint32_t length = write_message(at, {.source = target,
                                                  .destination = from_nobody ? wire::kAllNodes : sender,
                                                  .type = wire::kNeighbourAdvertisement,
                                                  .flags = wire::kNdpOverride | (from_nobody ? 0 : wire::kNdpSolicited),
                                                  .target = target,
                                                  .option = wire::kTargetLinkLayerAddress,
                                                  .mac = interface.mac});
  OutFrame frame;
  frame.head = buffer.block;
  frame.data = buffer.data;
  frame.length = static_cast<std::uint32_t>(at - buffer.data) + length;
  frame.port = interface.port;
  emit(frame);
  stats_.count(Counter::NdpAdvertsSent);
  return std::nullopt;
}

std::optional<Drop> Shard::Impl::process_advertisement(const Packet& packet) {
  wire::NdpOptions options;
  const wire::NeighbourMessage* told = valid_message(packet, options);
  if (told == nullptr || (options.target && options.target->is_multicast())) return Drop::BadNdp;
  if (topology_.is_ours(told->target)) return Drop::BadSource;  // somebody has an address of ours
  Neighbour* known = neighbours_.find(told->target, packet.interface);
  const bool expected = known != nullptr && told->has(wire::kNdpSolicited) && Neighbours::expects_reply(*known, now_);
  if (!expected) return Drop::NdpNotForUs;
  // RFC 4861 7.2.5: without an address it says nothing about a neighbour that is not known; without the override flag
  // it does not change one that is.
  const MacAddress mac = options.target ? *options.target : known->mac;
  if (!options.target && !known->known) return Drop::NdpNotForUs;
  if (known->known && known->mac != mac && !told->has(wire::kNdpOverride)) return Drop::NdpNotForUs;
  learn_neighbour(told->target, packet.interface, mac);
  return std::nullopt;
}

// RFC 4861 7.2.2.
void Shard::Impl::ask_by_ndp(const Neighbour& neighbour, const Ipv6Address& source, Block* blank) {
  const InterfaceOptions& interface = topology_.interface(neighbour.interface);
  const Ipv6Address& target = neighbour.address.v6();
  const Ipv6Address group = wire::solicited_node(target);
  std::byte* const data = blank->base + kHeadroom;
  std::byte* const at = write_link(data, {.destination = wire::multicast_mac(group),
                                          .source = interface.mac,
                                          .ether_type = wire::kEtherTypeIpv6,
                                          .has_vlan = interface.vlan != 0,
                                          .vlan_tci = interface.vlan});
  const std::uint32_t length = write_message(at, {.source = source,
                                                  .destination = group,
                                                  .type = wire::kNeighbourSolicitation,
                                                  .target = target,
                                                  .option = wire::kSourceLinkLayerAddress,
                                                  .mac = interface.mac});
  OutFrame frame;
  frame.head = blank;
  frame.data = data;
  frame.length = static_cast<std::uint32_t>(at - data) + length;
  frame.port = interface.port;
  emit(frame);
  stats_.count(Counter::NdpSolicitsSent);
}

}  // namespace levee::shard
