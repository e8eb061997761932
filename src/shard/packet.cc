#include "shard/packet.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/ndp.h"
#include "wire/tcp_options.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t kMinIpv4Header = 20, kIpv6Header = wire::kIpv6HeaderLength, kMinTcpHeader = 20;

// All lengths in sum; nothing for a chain of too many pieces.
std::optional<std::uint32_t> total_length(const Frame& frame) {
  std::uint32_t total = frame.length;
  std::uint32_t pieces = 1;
  for (const Frame* piece = frame.next; piece != nullptr; piece = piece->next) {
    total += piece->length;
    if (++pieces > kMaxPieces) return std::nullopt;
  }
  return total;
}

bool pull_up_chain(const Frame& frame, std::uint32_t wanted) {
  const std::byte* room_end = frame.block->base + frame.block->size;
  if (!frame.exclusive || frame.data + wanted > room_end) return false;
  std::uint32_t have = frame.length;
  for (const Frame* piece = frame.next; piece != nullptr && have < wanted; piece = piece->next) {
    const std::uint32_t length = std::min(piece->length, wanted - have);
    std::memcpy(frame.data + have, piece->data, length);
    have += length;
  }
  return have >= wanted;
}

// Makes the first `wanted` bytes of a chain contiguous by copying from the later pieces into the room behind the first.
// The pieces keep their lengths: offsets into the chain stay what they were.
bool pull_up(const Frame& frame, std::uint32_t wanted) {
  return frame.length >= wanted || pull_up_chain(frame, wanted);
}

// Everything below returns the reason to drop, or nothing. The first `front` bytes are contiguous.
std::optional<Drop> take_ethernet(const Frame& frame, std::uint32_t front, const Topology& topology, Packet& packet,
                                  std::uint16_t& type) {
  packet.l3_offset = sizeof(wire::EthernetHeader);
  type = packet.ethernet().ether_type.value();
  std::uint16_t vlan = 0;
  if (type == wire::kEtherTypeVlan) {
    const auto* tag = wire::view<wire::VlanTag>(std::span(frame.data, front).subspan(packet.l3_offset));
    if (tag == nullptr) return Drop::TooShort;
    packet.has_vlan = true;
    packet.vlan_tci = tag->tci.value();
    vlan = tag->id();  // 0: a priority tag, the untagged interface
    type = tag->ether_type.value();
    packet.l3_offset += sizeof(wire::VlanTag);
  }
  packet.interface = topology.interface_of(frame.port, vlan);
  if (packet.interface == kNoInterface) return Drop::UnknownVlan;
  const MacAddress& to = packet.ethernet().destination;
  const bool broadcast = to == MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  if (to != topology.interface(packet.interface).mac && !(broadcast && type == wire::kEtherTypeArp) &&
      !(type == wire::kEtherTypeIpv6 && topology.is_our_group(to))) {
    return Drop::NotForUs;
  }
  if (packet.ethernet().source.is_multicast()) return Drop::BadSource;
  return std::nullopt;
}

std::optional<Drop> take_ipv4(const Frame& frame, std::uint32_t total, const Topology& topology, Packet& packet) {
  if (total < packet.l3_offset + kMinIpv4Header) return Drop::TooShort;
  const wire::Ipv4Header& ip = packet.ip();
  const auto header = static_cast<std::uint32_t>(ip.header_length());
  if (ip.version() != 4 || header < kMinIpv4Header || ip.total_length() < header) return Drop::BadIpHeader;
  if (packet.l3_offset + ip.total_length() > total) return Drop::BadIpHeader;
  if (!pull_up(frame, packet.l3_offset + header)) return Drop::HeaderSplit;
  // The header is short and everything hangs on it: summed whatever the device says, unless it is trusted.
  if (frame.ip_checksum != ChecksumState::Verified &&
      !wire::verifies(wire::sum(std::span(frame.data + packet.l3_offset, header)))) {
    return Drop::BadIpChecksum;
  }
  const Ipv4Address source = ip.source();
  if (!source.is_valid_source() || topology.is_ours(source) || topology.is_directed_broadcast(source)) {
    return Drop::BadSource;  // LAND and its kin; MUST-63
  }
  if (!topology.is_ours(ip.destination())) return Drop::UnknownDestination;  // MUST-57: broadcast and multicast too
  if (ip.is_fragment()) return Drop::Fragment;
  packet.l4_offset = packet.l3_offset + header;  // IP options are stepped over (MUST-50)
  return std::nullopt;
}

// A neighbour solicitation, which alone may come from nobody (RFC 4862 5.4.2) or be for a group (RFC 4861 7.2.2).
bool is_solicitation(const Frame& frame, const Packet& packet) {
  const auto* type = frame.data + packet.l3_offset + kIpv6Header;
  return packet.ip6().next_header == wire::kProtocolIcmpv6 && packet.ip6().payload_length.value() > 0 &&
         std::to_integer<std::uint8_t>(*type) == wire::kNeighbourSolicitation;
}

std::optional<Drop> take_ipv6(const Frame& frame, std::uint32_t total, const Topology& topology, Packet& packet) {
  if (total < packet.l3_offset + kIpv6Header) return Drop::TooShort;
  const std::uint32_t front = std::min<std::uint32_t>(total, packet.l3_offset + kIpv6Header + 1);
  if (!pull_up(frame, front)) return Drop::HeaderSplit;
  const wire::Ipv6Header& ip = packet.ip6();
  if (ip.version() != 6 || packet.l3_offset + ip.total_length() > total) return Drop::BadIpHeader;
  const bool solicitation = is_solicitation(frame, packet);
  const bool from_nobody = solicitation && ip.source.is_unspecified();
  // LAND and its kin; MUST-63.
  if (!from_nobody && (!ip.source.is_valid_source() || topology.is_ours(ip.source))) return Drop::BadSource;
  // MUST-57: multicast, too. Who uses a multicast MAC means a group.
  const bool to_group = packet.ethernet().destination.is_multicast();
  if (to_group || !topology.is_ours(ip.destination)) {
    if (!solicitation || !topology.is_our_group(ip.destination)) return Drop::UnknownDestination;
  }
  // RFC 8200 4: none of them is needed to reach us, and a chain of them is work that a sender chooses.
  if (ip.next_header == wire::kFragmentHeader) return Drop::Fragment;  // RFC 6946's atomic ones as well
  if (wire::is_extension_header(ip.next_header)) return Drop::ExtensionHeader;
  packet.l4_offset = packet.l3_offset + kIpv6Header;
  return std::nullopt;
}

// `length`: of the segment. Leaves the key's addresses to the caller.
template <typename PseudoHeader>
std::optional<Drop> take_tcp(const Frame& frame, std::uint32_t length, Packet& packet, PseudoHeader&& pseudo_header) {
  if (length < kMinTcpHeader) return Drop::BadTcpHeader;
  if (!pull_up(frame, packet.l4_offset + kMinTcpHeader)) return Drop::HeaderSplit;
  const auto offset = static_cast<std::uint32_t>(packet.tcp().data_offset());
  if (offset < kMinTcpHeader || offset > length) return Drop::BadTcpHeader;
  if (!pull_up(frame, packet.l4_offset + offset)) return Drop::HeaderSplit;
  if (frame.tcp_checksum == ChecksumState::Unverified) {
    // MUST-3: by summing, never by computing and comparing: both zeros are right (RFC 1071).
    if (!wire::verifies(sum_of(frame, packet.l4_offset, length, pseudo_header(static_cast<std::uint16_t>(length))))) {
      return Drop::BadTcpChecksum;
    }
  }
  packet.payload_offset = packet.l4_offset + offset;
  packet.payload_length = length - offset;
  packet.key.local_port = packet.tcp().destination_port.value();
  packet.key.remote_port = packet.tcp().source_port.value();
  if (packet.key.local_port == 0 || packet.key.remote_port == 0) return Drop::TcpPortZero;
  const std::uint8_t flags = packet.tcp().flags;
  const bool syn = (flags & wire::kSyn) != 0;
  if ((syn && (flags & (wire::kFin | wire::kRst)) != 0) || (flags & (wire::kSyn | wire::kRst | wire::kAck)) == 0) {
    return Drop::BadTcpFlags;
  }
  return std::nullopt;
}

std::optional<Drop> take_payload4(const Frame& frame, Packet& packet) {
  const wire::Ipv4Header& ip = packet.ip();
  const auto length = static_cast<std::uint32_t>(ip.total_length()) - (packet.l4_offset - packet.l3_offset);
  if (ip.protocol == wire::kProtocolTcp) {
    packet.key.local = ip.destination();
    packet.key.remote = ip.source();
    packet.kind = PacketKind::Tcp;
    return take_tcp(frame, length, packet, [&](std::uint16_t bytes) {
      return wire::pseudo_header(packet.key.remote, packet.key.local, wire::kProtocolTcp, bytes);
    });
  }
  if (ip.protocol != wire::kProtocolIcmp) return Drop::UnknownProtocol;
  packet.payload_offset = packet.l4_offset;
  packet.payload_length = length;
  packet.kind = PacketKind::Icmp;
  return std::nullopt;
}

std::optional<Drop> take_payload6(const Frame& frame, Packet& packet) {
  const std::uint32_t length = packet.ip6().payload_length.value();
  if (packet.ip6().next_header == wire::kProtocolTcp) {
    packet.key = FlowKey4::stand_in(0, 0, 0);
    packet.kind = PacketKind::Tcp;
    return take_tcp(frame, length, packet, [&](std::uint16_t bytes) {
      return wire::pseudo_header(packet.addresses6().remote, packet.addresses6().local, wire::kProtocolTcp, bytes);
    });
  }
  if (packet.ip6().next_header != wire::kProtocolIcmpv6) return Drop::UnknownProtocol;
  packet.payload_offset = packet.l4_offset;
  packet.payload_length = length;
  packet.kind = PacketKind::Icmp6;
  return std::nullopt;
}

std::optional<Drop> take_apart_into(const Frame& frame, const Topology& topology, Packet& packet) {
  const std::optional<std::uint32_t> all = total_length(frame);
  if (!all) return Drop::HeaderSplit;
  const std::uint32_t total = *all;
  if (total < sizeof(wire::EthernetHeader)) return Drop::TooShort;
  const std::uint32_t front = std::min<std::uint32_t>(total, 14 + 4 + kMinIpv4Header);
  if (!pull_up(frame, front)) return Drop::HeaderSplit;
  std::uint16_t type = 0;
  if (const auto drop = take_ethernet(frame, front, topology, packet, type)) return drop;
  if (type == wire::kEtherTypeArp) {
    if (total < packet.l3_offset + sizeof(wire::ArpPacket)) return Drop::TooShort;
    if (!pull_up(frame, packet.l3_offset + static_cast<std::uint32_t>(sizeof(wire::ArpPacket)))) {
      return Drop::HeaderSplit;
    }
    packet.kind = PacketKind::Arp;
    return std::nullopt;
  }
  if (type == wire::kEtherTypeIpv4) {
    if (const auto drop = take_ipv4(frame, total, topology, packet)) return drop;
    return take_payload4(frame, packet);
  }
  if (type == wire::kEtherTypeIpv6 && topology.has_ipv6()) {
    if (const auto drop = take_ipv6(frame, total, topology, packet)) return drop;
    return take_payload6(frame, packet);
  }
  return Drop::UnknownEtherType;
}

// Calls `use` for each contiguous part of the chain's bytes [offset, offset + length).
template <typename Use>
void for_each_part(const Frame& frame, std::uint32_t offset, std::uint32_t length, Use&& use) {
  for (const Frame* piece = &frame; piece != nullptr && length > 0; piece = piece->next) {
    if (offset >= piece->length) {
      offset -= piece->length;
      continue;
    }
    const std::uint32_t part = std::min(piece->length - offset, length);
    use(*piece, offset, part);
    offset = 0;
    length -= part;
  }
}

}  // namespace

void take_any(const Frame& frame, const Topology& topology, Packet& packet) {
  packet.frame = &frame;
  packet.frame_taken = false;
  packet.has_vlan = false;
  if (const auto drop = take_apart_into(frame, topology, packet)) {
    packet.kind = PacketKind::Dropped;
    packet.drop = *drop;
  }
}

tcp::Segment segment_of(const Packet& packet, std::array<Slice, kMaxPieces>& pieces) {
  const wire::TcpHeader& header = packet.tcp();
  tcp::Segment segment;
  segment.seq = tcp::Seq(header.sequence.value());
  segment.ack = tcp::Seq(header.acknowledgment.value());
  segment.window = header.window.value();
  segment.flags = header.flags;
  segment.ecn = (packet.key.is_v4() ? packet.ip().type_of_service : packet.ip6().traffic_class()) & wire::kEcnMask;
  segment.urgent_pointer = header.urgent_pointer.value();
  segment.payload_length = packet.payload_length;
  wire::parse(packet.tcp_options(), segment.options);
  std::size_t count = 0;
  for_each_part(*packet.frame, packet.payload_offset, packet.payload_length,
                [&](const Frame& piece, std::uint32_t offset, std::uint32_t length) {
                  pieces[count++] = {piece.block, piece.data + offset, length};
                });
  segment.payload = std::span(pieces.data(), count);
  return segment;
}

std::uint64_t sum_of(const Frame& frame, std::uint32_t offset, std::uint32_t length, std::uint64_t initial) {
  wire::Checksum checksum(initial);
  for_each_part(frame, offset, length, [&](const Frame& piece, std::uint32_t at, std::uint32_t part) {
    checksum.add(std::span(piece.data + at, part));
  });
  return checksum.sum();
}

}  // namespace levee::shard
