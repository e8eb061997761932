// A received frame, taken apart as far as no state is needed: addresses and lengths checked, checksums verified, flow
// key built. The views point into the frame's buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "levee/stats.h"
#include "shard/flow_key.h"
#include "shard/frame.h"
#include "shard/topology.h"
#include "tcp/segment.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/syn_offer.h"
#include "wire/tcp.h"
#include "wire/view.h"

namespace levee::shard {

enum class PacketKind : std::uint8_t { Dropped, Arp, Icmp, Icmp6, Tcp };

struct Packet {
  const Frame* frame = nullptr;
  std::uint64_t hash = 0;
  FlowKey4 key;  // with Tcp; of IPv6 a stand-in, and the addresses are in the header
  PacketKind kind = PacketKind::Dropped;
  Drop drop = Drop::TooShort;  // with Dropped
  bool frame_taken = false;    // a reply was written into the first piece: its ref has moved on
  bool has_vlan = false;
  std::uint16_t interface = kNoInterface;
  std::uint16_t vlan_tci = 0;  // with has_vlan: as received, priority included
  std::uint32_t l3_offset = 0, l4_offset = 0;
  std::uint32_t payload_offset = 0, payload_length = 0;  // TCP text, or the ICMP message

  [[nodiscard]] wire::EthernetHeader& ethernet() const { return at<wire::EthernetHeader>(0); }
  [[nodiscard]] wire::ArpPacket& arp() const { return at<wire::ArpPacket>(l3_offset); }
  [[nodiscard]] wire::Ipv4Header& ip() const { return at<wire::Ipv4Header>(l3_offset); }
  [[nodiscard]] wire::Ipv6Header& ip6() const { return at<wire::Ipv6Header>(l3_offset); }
  [[nodiscard]] const Addresses6& addresses6() const {
    return at<Addresses6>(l3_offset + static_cast<std::uint32_t>(offsetof(wire::Ipv6Header, source)));
  }
  [[nodiscard]] FlowKey6 key6() const { return {addresses6(), key.local_port, key.remote_port}; }
  [[nodiscard]] FlowKey flow() const { return key.is_v4() ? FlowKey(key) : FlowKey(key6()); }
  [[nodiscard]] wire::TcpHeader& tcp() const { return at<wire::TcpHeader>(l4_offset); }
  // A SYN without options leaves 4 bytes of the shortest Ethernet frame unused: not behind a tag, not over IPv6.
  [[nodiscard]] bool has_room() const { return key.is_v4() && !has_vlan; }
  [[nodiscard]] std::span<const std::byte> tcp_options() const {
    const std::uint32_t begin = l4_offset + static_cast<std::uint32_t>(sizeof(wire::TcpHeader));
    return {frame->data + begin, payload_offset - begin};
  }

 private:
  template <wire::Viewable H>
  [[nodiscard]] H& at(std::uint32_t offset) const {
    return *reinterpret_cast<H*>(frame->data + offset);
  }
};

// Any frame. Never touches state; may pull headers of a chained frame together inside its first buffer. Sets all of
// `packet` that its kind has, but for the hash. See plain_packet.h for the short way.
void take_any(const Frame& frame, const Topology& topology, Packet& packet);

// The segment in a TCP packet. Its payload is put into `pieces`, which it refers to.
[[nodiscard]] tcp::Segment segment_of(const Packet& packet, std::array<Slice, kMaxPieces>& pieces);

// What a SYN offers, ECN by its flags included.
[[nodiscard]] inline wire::SynOffer offer_of(const Packet& packet) {
  wire::SynOffer offer = wire::syn_offer(packet.tcp_options());
  if (!packet.key.is_v4() && (offer.options & wire::SynOffer::kMss) == 0) offer.mss = tcp::kDefaultMss6;
  if (wire::asks_for_ecn(packet.tcp().flags)) offer.options |= wire::SynOffer::kEcn;
  return offer;
}

// Adds the chain's bytes [offset, offset + length) to a checksum.
[[nodiscard]] std::uint64_t sum_of(const Frame& frame, std::uint32_t offset, std::uint32_t length,
                                   std::uint64_t initial);

}  // namespace levee::shard
