#include "shard/packet.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/tcp_options.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t kMinIpv4Header = 20, kMinTcpHeader = 20;

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
  if (to != topology.interface(packet.interface).mac && !(broadcast && type == wire::kEtherTypeArp)) {
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
  packet.l4_offset = packet.l3_offset + header;
  return std::nullopt;
}

std::optional<Drop> take_tcp(const Frame& frame, Packet& packet) {
  const auto length = static_cast<std::uint32_t>(packet.ip().total_length()) - (packet.l4_offset - packet.l3_offset);
  if (length < kMinTcpHeader) return Drop::BadTcpHeader;
  if (!pull_up(frame, packet.l4_offset + kMinTcpHeader)) return Drop::HeaderSplit;
  const auto offset = static_cast<std::uint32_t>(packet.tcp().data_offset());
  if (offset < kMinTcpHeader || offset > length) return Drop::BadTcpHeader;
  if (!pull_up(frame, packet.l4_offset + offset)) return Drop::HeaderSplit;
  if (frame.tcp_checksum == ChecksumState::Unverified) {
    // By summing, never by computing and comparing: both zeros are right (RFC 1071).
    const std::uint64_t pseudo = wire::pseudo_header(packet.ip().source(), packet.ip().destination(),
                                                     wire::kProtocolTcp, static_cast<std::uint16_t>(length));
    if (!wire::verifies(sum_of(frame, packet.l4_offset, length, pseudo))) return Drop::BadTcpChecksum;
  }
  packet.payload_offset = packet.l4_offset + offset;
  packet.payload_length = length - offset;
  packet.key = {packet.ip().destination(), packet.ip().source(), packet.tcp().destination_port.value(),
                packet.tcp().source_port.value()};
  if (packet.key.local_port == 0 || packet.key.remote_port == 0) return Drop::TcpPortZero;
  const std::uint8_t flags = packet.tcp().flags;
  const bool syn = (flags & wire::kSyn) != 0;
  if ((syn && (flags & (wire::kFin | wire::kRst)) != 0) || (flags & (wire::kSyn | wire::kRst | wire::kAck)) == 0) {
    return Drop::BadTcpFlags;
  }
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
  if (type != wire::kEtherTypeIpv4) return Drop::UnknownEtherType;
  if (const auto drop = take_ipv4(frame, total, topology, packet)) return drop;
  if (packet.ip().protocol == wire::kProtocolTcp) {
    if (const auto drop = take_tcp(frame, packet)) return drop;
    packet.kind = PacketKind::Tcp;
    return std::nullopt;
  }
  if (packet.ip().protocol == wire::kProtocolIcmp) {
    packet.payload_offset = packet.l4_offset;
    packet.payload_length =
        static_cast<std::uint32_t>(packet.ip().total_length()) - (packet.l4_offset - packet.l3_offset);
    packet.kind = PacketKind::Icmp;
    return std::nullopt;
  }
  return Drop::UnknownProtocol;
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
