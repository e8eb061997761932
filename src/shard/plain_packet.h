// The short way through a frame's headers, for what nearly all frames are: an untagged IPv4 packet without options or
// fragments that carries TCP, whole and right in every way. A few words compared and two sums; whatever is different
// goes through take_any, which finds the reason. Where both say yes they say the same.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "shard/packet.h"
#include "wire/checksum.h"

namespace levee::shard {

template <typename T>
[[nodiscard]] inline T load_native(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// SYN alone, RST, ACK and what goes with them: by the low five bits of the flags, a bit for each that can be.
inline constexpr std::uint32_t kGoodFlags = [] {
  std::uint32_t good = 0;
  for (std::uint32_t flags = 0; flags < 32; ++flags) {
    const bool syn = (flags & wire::kSyn) != 0;
    const bool bad =
        (syn && (flags & (wire::kFin | wire::kRst)) != 0) || (flags & (wire::kSyn | wire::kRst | wire::kAck)) == 0;
    if (!bad) good |= 1U << flags;
  }
  return good;
}();

// The sum of a TCP header of `words` words: 5 to 15.
[[nodiscard]] inline std::uint64_t sum_tcp_header(const std::byte* tcp, std::uint32_t words, std::uint64_t sum) {
  switch (words) {
    case 15:
      sum += wire::native(tcp + 56);
      [[fallthrough]];
    case 14:
      sum += wire::native(tcp + 52);
      [[fallthrough]];
    case 13:
      sum += wire::native(tcp + 48);
      [[fallthrough]];
    case 12:
      sum += wire::native(tcp + 44);
      [[fallthrough]];
    case 11:
      sum += wire::native(tcp + 40);
      [[fallthrough]];
    case 10:
      sum += wire::native(tcp + 36);
      [[fallthrough]];
    case 9:
      sum += wire::native(tcp + 32);
      [[fallthrough]];
    case 8:
      sum += wire::native(tcp + 28);
      [[fallthrough]];
    case 7:
      sum += wire::native(tcp + 24);
      [[fallthrough]];
    case 6:
      sum += wire::native(tcp + 20);
      [[fallthrough]];
    default:
      break;
  }
  return sum + wire::native(tcp) + wire::native(tcp + 4) + wire::native(tcp + 8) + wire::native(tcp + 12) +
         wire::native(tcp + 16);
}

inline void set_plain(const Frame& frame, std::uint16_t interface, std::uint32_t tcp_offset,
                      std::uint32_t payload_offset, std::uint32_t payload_length, Packet& packet) {
  packet.frame = &frame;
  packet.kind = PacketKind::Tcp;
  packet.frame_taken = false;
  packet.has_vlan = false;
  packet.interface = interface;
  packet.l3_offset = 14;
  packet.l4_offset = tcp_offset;
  packet.payload_offset = payload_offset;
  packet.payload_length = payload_length;
}

// True: `packet` is as take_any would have set it. False: nothing is known, and `packet` may have been written to.
[[nodiscard]] inline bool take_plain(const Frame& frame, const Topology& topology, Packet& packet) {
  constexpr std::uint32_t kIp = 14, kTcp = 34, kIpHeader = 20, kLeast = 40;
  if (frame.length < kIp + kLeast || frame.next != nullptr) return false;
  const std::byte* const data = frame.data;

  const Topology::PlainLink* const link = topology.plain_link(frame.port);
  if (link == nullptr) return false;
  constexpr std::uint64_t kMacAndMulticastSource = 0x0001'ffff'ffff'ffff;
  if (((load_native<std::uint64_t>(data) ^ link->mac) & kMacAndMulticastSource) != 0) return false;
  // EtherType 0x0800, version 4, a header of 5 words; not a fragment, protocol TCP.
  if ((load_native<std::uint32_t>(data + 12) & 0x00ff'ffff) != 0x0045'0008) return false;
  if ((load_native<std::uint32_t>(data + 20) & 0xff00'ff3f) != 0x0600'0000) return false;
  const std::uint32_t length = load_be16(data + kIp + 2);
  if (length < kLeast || kIp + length > frame.length) return false;

  const std::uint64_t addresses = wire::native(data + 26) + wire::native(data + 30);
  if (frame.ip_checksum != ChecksumState::Verified) {
    const std::uint64_t sum = wire::native(data + 14) + wire::native(data + 18) + wire::native(data + 22) + addresses;
    if (!wire::native_verifies(sum)) return false;
  }
  const Ipv4Address source{load_be32(data + 26)}, destination{load_be32(data + 30)};
  if (!source.is_valid_source() || !topology.is_between(source, destination)) return false;

  const std::uint32_t segment = length - kIpHeader;
  const std::uint32_t words = std::to_integer<std::uint32_t>(data[kTcp + 12]) >> 4;
  if (words < 5 || 4 * words > segment) return false;
  if (frame.tcp_checksum == ChecksumState::Unverified) {
    const auto pseudo = addresses + wire::native_pseudo_header(wire::kProtocolTcp, static_cast<std::uint16_t>(segment));
    const bool right = 4 * words == segment
                           ? wire::native_verifies(sum_tcp_header(data + kTcp, words, pseudo))
                           : wire::verifies(wire::sum(std::span(data + kTcp, segment),
                                                      wire::pseudo_header(source, destination, wire::kProtocolTcp,
                                                                          static_cast<std::uint16_t>(segment))));
    if (!right) return false;
  }
  const std::uint32_t ports = load_be32(data + kTcp);
  if ((ports & 0xffff) == 0 || ports >> 16 == 0) return false;
  if ((kGoodFlags >> (std::to_integer<std::uint32_t>(data[kTcp + 13]) & 31) & 1) == 0) return false;

  packet.key = {destination, source, static_cast<std::uint16_t>(ports), static_cast<std::uint16_t>(ports >> 16)};
  set_plain(frame, link->interface, kTcp, kTcp + 4 * words, segment - 4 * words, packet);
  return true;
}

// A frame that is plain and bare (header_columns.h), with the place of its TCP header: of IPv4, or of IPv6. `key`: of
// IPv6 a stand-in.
inline constexpr std::uint32_t kBareTcp4 = 34, kBareTcp6 = 54;
template <std::uint32_t kTcp>
inline void take_bare(const Frame& frame, const FlowKey4& key, const Topology& topology, Packet& packet) {
  packet.key = key;
  const std::uint32_t words = std::to_integer<std::uint32_t>(frame.data[kTcp + 12]) >> 4;
  set_plain(frame, topology.plain_link(frame.port)->interface, kTcp, kTcp + 4 * words, 0, packet);
}
[[nodiscard]] inline std::span<const std::byte> bare_options(const Frame& frame, std::uint32_t tcp) {
  const std::size_t words = std::to_integer<std::size_t>(frame.data[tcp + 12]) >> 4;
  return {frame.data + tcp + sizeof(wire::TcpHeader), 4 * (words - 5)};
}

inline void take_apart(const Frame& frame, const Topology& topology, Packet& packet) {
  if (!take_plain(frame, topology, packet)) take_any(frame, topology, packet);
}

}  // namespace levee::shard
