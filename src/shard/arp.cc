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
  if (!topology_.is_ours(target)) return Drop::ArpNotForUs;
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

void Shard::Impl::request_neighbour(Neighbour& neighbour) {
  if (!Neighbours::may_request(neighbour, now_)) return;
  const auto hop = topology_.route(neighbour.address);
  Block* blank = hop && !outgoing_.full() ? stash_.take() : nullptr;
  if (blank == nullptr) return;
  const InterfaceOptions& interface = topology_.interface(neighbour.interface);
  std::byte* data = blank->base + kHeadroom;
  auto& ethernet = *reinterpret_cast<wire::EthernetHeader*>(data);
  ethernet.destination = MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  ethernet.source = interface.mac;
  std::byte* at = data + sizeof(wire::EthernetHeader);
  if (interface.vlan != 0) {
    ethernet.ether_type = wire::kEtherTypeVlan;
    auto& tag = *reinterpret_cast<wire::VlanTag*>(at);
    tag.tci = interface.vlan;
    tag.ether_type = wire::kEtherTypeArp;
    at += sizeof(wire::VlanTag);
  } else {
    ethernet.ether_type = wire::kEtherTypeArp;
  }
  auto& arp = *reinterpret_cast<wire::ArpPacket*>(at);
  arp.set_ipv4_over_ethernet();
  arp.operation = wire::kArpRequest;
  arp.sender_mac = interface.mac;
  arp.sender_address = hop->source.value;
  arp.target_mac = {};
  arp.target_address = neighbour.address.value;
  OutFrame frame;
  frame.head = blank;
  frame.data = data;
  frame.length = static_cast<std::uint32_t>(at - data + static_cast<std::ptrdiff_t>(sizeof(wire::ArpPacket)));
  frame.port = interface.port;
  emit(frame);
  stats_.count(Counter::ArpRequestsSent);
  tell_others(NeighbourAsked{neighbour.address, neighbour.interface});
}

// Keeps what is fresh: a different MAC is believed only when the old one has been silent, or was asked about.
void Shard::Impl::learn_neighbour(Ipv4Address address, std::uint16_t interface, const MacAddress& mac) {
  Neighbour* entry = neighbours_.find_or_add(address, interface, now_);
  if (entry == nullptr) {
    stats_.count(Counter::NeighbourTableFull);
    return;
  }
  const bool fresh = entry->known && now_ - entry->confirmed < Neighbours::kFresh;
  if (fresh && entry->mac != mac && !Neighbours::expects_reply(*entry, now_)) return;
  const bool answers = entry->ever_requested && entry->confirmed < entry->requested;  // perhaps another shard's request
  const bool news = !entry->known || entry->mac != mac;
  Neighbours::learn(*entry, mac, now_);
  if (!news && !answers) return;
  if (news) stats_.count(Counter::NeighboursLearnt);
  tell_others(NeighbourLearnt{address, mac, interface});
  wake_waiting();
}

void Shard::Impl::tell_others(const Message& message) {
  for (Mailbox* outbox : outboxes_) {
    if (outbox != nullptr) stats_.count(outbox->push(message) ? Counter::MailSent : Counter::MailDropped);
  }
}

void Shard::Impl::confirm_neighbour(const ConnectionRecord& record, const MacAddress& mac) {
  Neighbour* entry = neighbours_.find(record.next_hop, record.interface);
  if (entry != nullptr && entry->known && entry->mac == mac) entry->confirmed = now_;
}

void Shard::Impl::wake_waiting() {
  for (const Waiting& waiting : waiting_) {
    if (resolve(waiting.index, waiting.generation) != nullptr) push_output(waiting.index);
  }
  waiting_.clear();
}

}  // namespace levee::shard
