// ICMP (RFC 792): echo requests to our addresses are answered in place; errors are in icmp_errors.cc. Nothing else is
// acted upon, so a source quench is silently discarded (RFC 9293 3.9.2.2, MUST-55; RFC 6633).
#include <cstring>

#include "shard/egress.h"
#include "shard/impl.h"
#include "wire/checksum.h"

namespace levee::shard {

std::optional<Drop> Shard::Impl::process_icmp(Packet& packet, bool forwarded) {
  const Frame& frame = *packet.frame;
  if (packet.payload_length < sizeof(wire::IcmpHeader)) return Drop::TooShort;
  if (!wire::verifies(sum_of(frame, packet.payload_offset, packet.payload_length, 0))) return Drop::BadIcmpChecksum;
  if (frame.length < packet.payload_offset + sizeof(wire::IcmpHeader)) return Drop::UnhandledIcmp;
  const auto& header = *reinterpret_cast<const wire::IcmpHeader*>(frame.data + packet.payload_offset);
  if (wire::is_error(header.type)) return process_icmp_error(packet, forwarded);
  return header.type == wire::kEchoRequest && header.code == 0 ? answer_echo(packet)
                                                               : std::optional(Drop::UnhandledIcmp);
}

std::optional<Drop> Shard::Impl::answer_echo(Packet& packet) {
  const Frame& frame = *packet.frame;
  // An echo that came in pieces, or with IP options, is more than a ping needs.
  const std::uint32_t length = packet.payload_offset + packet.payload_length;
  if (frame.length < length || packet.ip().header_length() != sizeof(wire::Ipv4Header)) return Drop::UnhandledIcmp;
  stats_.count(Counter::IcmpInEchos);

  ReplyBuffer buffer;
  if (const std::optional<Drop> drop = turn_around(packet, length, buffer)) return drop;
  if (buffer.block == nullptr) return std::nullopt;
  auto& ip = *reinterpret_cast<wire::Ipv4Header*>(buffer.data + packet.l3_offset);
  const Ipv4Address from = ip.source();
  ip.set_source(ip.destination());
  ip.set_destination(from);
  ip.ttl = 64;
  ip.checksum = 0;
  ip.checksum = wire::finish(wire::sum({buffer.data + packet.l3_offset, sizeof(wire::Ipv4Header)}));
  auto& icmp = *reinterpret_cast<wire::IcmpHeader*>(buffer.data + packet.payload_offset);
  icmp.type = wire::kEchoReply;
  // The two zeros are the same to who verifies, except over a message that is all zeros: there only 0xffff is right.
  const std::uint16_t checksum = wire::update(icmp.checksum.value(), std::uint16_t{wire::kEchoRequest} << 8, 0);
  icmp.checksum = checksum == 0 ? std::uint16_t{0xffff} : checksum;
  emit_echo(packet, buffer, length);
  return std::nullopt;
}

// The whole packet, in its own frame or in a blank, on its way back to the MAC that it came from; no block: there was
// no buffer.
std::optional<Drop> Shard::Impl::turn_around(Packet& packet, std::uint32_t length, ReplyBuffer& buffer) {
  const MacAddress back_to = packet.ethernet().source;
  const std::byte* asked = packet.frame->data;
  buffer = reply_buffer(packet, length);
  if (buffer.block == nullptr) return std::nullopt;
  if (buffer.data != asked) {
    if (buffer.data + length > buffer.block->base + buffer.block->size) {
      stash_.drop(buffer.block);
      return Drop::UnhandledIcmp;
    }
    std::memcpy(buffer.data, asked, length);
  }
  auto& ethernet = *reinterpret_cast<wire::EthernetHeader*>(buffer.data);
  ethernet.destination = back_to;
  ethernet.source = topology_.interface(packet.interface).mac;
  return std::nullopt;
}

void Shard::Impl::emit_echo(const Packet& packet, const ReplyBuffer& buffer, std::uint32_t length) {
  OutFrame out;
  out.head = buffer.block;
  out.data = buffer.data;
  out.length = length;
  out.port = topology_.interface(packet.interface).port;
  emit(out);
  stats_.count(Counter::IcmpOutEchoReps);
}

}  // namespace levee::shard
