// ARP (RFC 826): requests for our addresses are answered in place; replies teach only what was asked for.
#include <algorithm>

#include "base/check.h"
#include "shard/egress.h"
#include "shard/impl.h"

namespace levee::shard {

std::optional<Drop> Shard::Impl::process_arp(Packet& packet) {
  const wire::ArpPacket arp = packet.arp();
  if (!arp.is_ipv4_over_ethernet()) return Drop::BadArp;
  const Ipv4Address sender{arp.sender_address.value()};
  const Ipv4Address target{arp.target_address.value()};
  const std::uint16_t operation = arp.operation.value();
  if (operation != wire::kArpRequest && operation != wire::kArpReply) return Drop::BadArp;
  if (arp.sender_mac.is_multicast()) return Drop::BadArp;
  // An address of the interface that was asked: another link may have a host with that of ours here.
  if (!topology_.is_ours(target, packet.interface)) return Drop::ArpNotForUs;
  // 0.0.0.0 is a probe (RFC 5227 2.1.1) and may be answered; our own address as sender would be a conflict.
  if (topology_.is_ours(sender)) return Drop::BadSource;

  Neighbour* known = sender.is_valid_source() ? neighbours_.find(sender, packet.interface) : nullptr;
  if (operation == wire::kArpReply) {
    if (known == nullptr || !Neighbours::expects_reply(*known, now_)) return Drop::ArpNotForUs;
    learn_neighbour(sender, packet.interface, arp.sender_mac);
    return std::nullopt;
  }
  stats_.count(Counter::ArpRequestsReceived);
  // A request refreshes what is known, it never makes or changes an entry: anybody can send one.
  if (known != nullptr && known->known && known->mac == arp.sender_mac) known->confirmed = now_;

  const std::uint32_t length = packet.l3_offset + static_cast<std::uint32_t>(sizeof(wire::ArpPacket));
  const MacAddress back_to = packet.ethernet().source;
  const MacAddress& own = topology_.interface(packet.interface).mac;
  const std::byte* asked = packet.frame->data;
  const ReplyBuffer buffer = reply_buffer(packet, length);
  if (buffer.block == nullptr) return std::nullopt;
  if (buffer.data != asked) std::copy_n(asked, length, buffer.data);
  auto& ethernet = *reinterpret_cast<wire::EthernetHeader*>(buffer.data);
  ethernet.destination = back_to;
  ethernet.source = own;
  auto& answer = *reinterpret_cast<wire::ArpPacket*>(buffer.data + packet.l3_offset);
  answer.operation = wire::kArpReply;
  answer.target_mac = arp.sender_mac;
  answer.target_address = arp.sender_address;
  answer.sender_mac = own;
  answer.sender_address = target.value;
  OutFrame frame;
  frame.head = buffer.block;
  frame.data = buffer.data;
  frame.length = length;
  frame.port = topology_.interface(packet.interface).port;
  emit(frame);
  stats_.count(Counter::ArpRepliesSent);
  return std::nullopt;
}

void Shard::Impl::ask_by_arp(const Neighbour& neighbour, Ipv4Address source, Block* blank) {
  const InterfaceOptions& interface = topology_.interface(neighbour.interface);
  std::byte* data = blank->base + kHeadroom;
  std::byte* const at = write_link(data, {.destination = MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
                                          .source = interface.mac,
                                          .ether_type = wire::kEtherTypeArp,
                                          .has_vlan = interface.vlan != 0,
                                          .vlan_tci = interface.vlan});
  auto& arp = *reinterpret_cast<wire::ArpPacket*>(at);
  arp.set_ipv4_over_ethernet();
  arp.operation = wire::kArpRequest;
  arp.sender_mac = interface.mac;
  arp.sender_address = source.value;
  arp.target_mac = {};
  arp.target_address = neighbour.address.v4().value;
  OutFrame frame;
  frame.head = blank;
  frame.data = data;
  frame.length = static_cast<std::uint32_t>(at - data + static_cast<std::ptrdiff_t>(sizeof(wire::ArpPacket)));
  frame.port = interface.port;
  emit(frame);
  stats_.count(Counter::ArpRequestsSent);
}

}  // namespace levee::shard
