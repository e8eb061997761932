// A received frame, taken apart as far as no state is needed: addresses and lengths checked, checksums verified, flow
// key built. The views point into the frame's buffer.
#pragma once

#include <cstdint>
#include <optional>

#include "levee/stats.h"
#include "shard/flow_key.h"
#include "shard/frame.h"
#include "shard/topology.h"
#include "tcp/segment.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace levee::shard {

enum class PacketKind : std::uint8_t { Dropped, Arp, Icmp, Tcp };

struct Packet {
  const Frame* frame = nullptr;
  PacketKind kind = PacketKind::Dropped;
  Drop drop = Drop::TooShort;  // with Dropped
  bool frame_taken = false;    // a reply was written into the first piece: its ref has moved on
  std::uint16_t interface = kNoInterface;
  std::uint16_t vlan_tci = 0;  // with has_vlan: as received, priority included
  bool has_vlan = false;
  std::uint32_t l3_offset = 0, l4_offset = 0;
  std::uint32_t payload_offset = 0, payload_length = 0;  // TCP text, or the ICMP message
  wire::EthernetHeader* ethernet = nullptr;
  wire::ArpPacket* arp = nullptr;
  wire::Ipv4Header* ip = nullptr;
  wire::TcpHeader* tcp = nullptr;
  FlowKey4 key;
  std::uint64_t hash = 0;
};

// Never touches state; may pull headers of a chained frame together inside its first buffer.
[[nodiscard]] Packet take_apart(const Frame& frame, const Topology& topology);

// The segment in a TCP packet. Its payload is put into `pieces`, which it refers to.
[[nodiscard]] tcp::Segment segment_of(const Packet& packet, std::array<Slice, kMaxPieces>& pieces);

// Adds the chain's bytes [offset, offset + length) to a checksum.
[[nodiscard]] std::uint64_t sum_of(const Frame& frame, std::uint32_t offset, std::uint32_t length,
                                   std::uint64_t initial);

}  // namespace levee::shard
