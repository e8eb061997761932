// ICMPv6 (RFC 4443): echo requests to our addresses are answered in place; neighbour discovery is in ndp.cc, errors are
// in icmp_errors.cc. What is for a group or from nobody has been dropped before, solicitations aside (packet.cc).
#include "shard/impl.h"
#include "wire/checksum.h"
#include "wire/icmpv6.h"
#include "wire/ndp.h"

namespace levee::shard {

std::optional<Drop> Shard::Impl::process_icmp6(Packet& packet, bool forwarded) {
  const Frame& frame = *packet.frame;
  if (packet.payload_length < sizeof(wire::Icmpv6Header)) return Drop::TooShort;
  const wire::Ipv6Header& ip = packet.ip6();
  const std::uint64_t pseudo = wire::pseudo_header(ip.source, ip.destination, wire::kProtocolIcmpv6,
                                                   static_cast<std::uint16_t>(packet.payload_length));
  if (!wire::verifies(sum_of(frame, packet.payload_offset, packet.payload_length, pseudo))) {
    return Drop::BadIcmpChecksum;
  }
  if (frame.length < packet.payload_offset + sizeof(wire::Icmpv6Header)) return Drop::UnhandledIcmp;
  const auto& header = *reinterpret_cast<const wire::Icmpv6Header*>(frame.data + packet.payload_offset);
  if (header.is_error()) return process_icmp_error(packet, forwarded);
  // Any other one that came in pieces is more than is needed.
  if (frame.length < packet.payload_offset + packet.payload_length) return Drop::UnhandledIcmp;
  switch (header.type) {
    case wire::kNeighbourSolicitation:
      return process_solicitation(packet);
    case wire::kNeighbourAdvertisement:
      return process_advertisement(packet);
    case wire::kIcmpv6EchoRequest:
      return header.code == 0 ? answer_echo6(packet) : std::optional(Drop::UnhandledIcmp);
    default:
      return Drop::UnhandledIcmp;
  }
}

std::optional<Drop> Shard::Impl::answer_echo6(Packet& packet) {
  stats_.count(Counter::IcmpInEchos);
  const std::uint32_t length = packet.payload_offset + packet.payload_length;
  ReplyBuffer buffer;
  if (const std::optional<Drop> drop = turn_around(packet, length, buffer)) return drop;
  if (buffer.block == nullptr) return std::nullopt;
  auto& ip = *reinterpret_cast<wire::Ipv6Header*>(buffer.data + packet.l3_offset);
  ip.set_class_and_flow(ip.traffic_class(), 0);
  ip.hop_limit = 64;
  const Ipv6Address from = ip.source;
  ip.source = ip.destination;
  ip.destination = from;
  auto& icmp = *reinterpret_cast<wire::Icmpv6Header*>(buffer.data + packet.payload_offset);
  icmp.type = wire::kIcmpv6EchoReply;
  // The addresses have changed places, which no sum notices.
  icmp.checksum = wire::update(icmp.checksum.value(), std::uint16_t{wire::kIcmpv6EchoRequest} << 8,
                               std::uint16_t{wire::kIcmpv6EchoReply} << 8);
  emit_echo(packet, buffer, length);
  return std::nullopt;
}

}  // namespace levee::shard
