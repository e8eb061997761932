// Test frames: builds and dissects Ethernet, ARP, IPv4, IPv6, neighbour discovery, ICMP of both families and TCP byte
// by byte. On purpose it shares no code with src/wire, so that each checks the other: checksums are summed 16 bits at a
// time, options are walked plainly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "levee/address.h"

namespace levee::sim {

using Bytes = std::vector<std::byte>;

[[nodiscard]] Bytes to_bytes(std::string_view text);
[[nodiscard]] std::string to_text(std::span<const std::byte> bytes);

inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20, kEce = 0x40,
                              kCwr = 0x80;

struct SackRange {
  std::uint32_t left = 0, right = 0;
  friend bool operator==(const SackRange&, const SackRange&) = default;
};

struct Timestamps {
  std::uint32_t value = 0, echo = 0;
  friend bool operator==(const Timestamps&, const Timestamps&) = default;
};

// One TCP segment in its frame. Sequence numbers are absolute.
struct TcpPacket {
  MacAddress source_mac{}, destination_mac{};
  std::uint16_t vlan = 0;             // 0: untagged
  IpAddress source{}, destination{};  // of one family, which is the packet's
  std::uint8_t ttl = 64;              // or hop limit
  std::uint8_t traffic_class = 0;     // or type of service: DSCP 6 bits, ECN 2
  std::uint32_t flow_label = 0;       // of IPv6
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint32_t sequence = 0, acknowledgment = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0, urgent_pointer = 0;
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  std::optional<Timestamps> timestamps;
  std::vector<SackRange> sack;
  Bytes raw_options;  // when building: used instead of the options above; when dissected: what was on the wire
  Bytes payload;

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // RFC 9293 3.4: SYN and FIN count.
  [[nodiscard]] std::uint32_t length() const {
    return static_cast<std::uint32_t>(payload.size()) + (has(kSyn) ? 1U : 0U) + (has(kFin) ? 1U : 0U);
  }
};

struct ArpMessage {
  MacAddress source_mac{}, destination_mac{};  // of the frame
  std::uint16_t operation = 1;                 // 1 request, 2 reply
  MacAddress sender_mac{}, target_mac{};
  Ipv4Address sender{}, target{};
};

// A neighbour solicitation or advertisement (RFC 4861 4.3, 4.4).
struct NdpMessage {
  MacAddress source_mac{}, destination_mac{};
  std::uint16_t vlan = 0;  // 0: untagged
  Ipv6Address source{}, destination{};
  std::uint8_t hop_limit = 255;
  std::uint8_t type = 135;  // 135 solicitation, 136 advertisement
  std::uint8_t code = 0;
  bool router = false, solicited = false, overrides = false;
  Ipv6Address target{};
  std::optional<MacAddress> source_option, target_option;
  Bytes raw_options;  // when building: behind the options above; when dissected: what was on the wire
};

struct IcmpEcho {
  MacAddress source_mac{}, destination_mac{};
  IpAddress source{}, destination{};
  std::uint8_t type = 8;  // 8 request, 0 reply; of ICMPv6 128 and 129
  std::uint16_t identifier = 0, sequence = 0;
  Bytes payload;
};

// What a router or a host says about a packet that it did not take: ICMP's types 3, 4, 5, 11 and 12, ICMPv6's 1 to 4.
struct IcmpError {
  MacAddress source_mac{}, destination_mac{};
  IpAddress source{}, destination{};
  std::uint8_t type = 3, code = 0;
  std::uint32_t parameter = 0;  // the second word: ICMP's next-hop MTU in its lower half, ICMPv6's MTU or pointer
  Bytes quoted;                 // of the packet, from its IP header on
};

[[nodiscard]] Bytes build(const TcpPacket& packet);
[[nodiscard]] Bytes build(const ArpMessage& message);
[[nodiscard]] Bytes build(const NdpMessage& message);
[[nodiscard]] Bytes build(const IcmpEcho& echo);
[[nodiscard]] Bytes build(const IcmpError& error);

// What a frame is. `error` is not empty if anything in it is malformed or a checksum is wrong.
struct Dissected {
  std::optional<TcpPacket> tcp;
  std::optional<ArpMessage> arp;
  std::optional<NdpMessage> ndp;
  std::optional<IcmpEcho> icmp;
  std::optional<IcmpError> icmp_error;
  std::string error;
};

[[nodiscard]] Dissected dissect(std::span<const std::byte> frame);

// One line in tcpdump's manner; sequence numbers are shown relative to the given ones.
[[nodiscard]] std::string describe(const TcpPacket& packet, std::uint32_t sequence_base = 0,
                                   std::uint32_t acknowledgment_base = 0);
[[nodiscard]] std::string describe(std::span<const std::byte> frame);

// ff02::1:ffXX:XXXX and 33:33:ff:XX:XX:XX, where a solicitation for `address` goes.
[[nodiscard]] Ipv6Address solicited_node(const Ipv6Address& address);
[[nodiscard]] MacAddress multicast_mac(const Ipv6Address& group);

// The IP packet of an untagged frame, as an IcmpError quotes it.
[[nodiscard]] Bytes packet_of(const Bytes& frame);

// An untagged IPv6 frame with an extension header of this type and length (a multiple of 8) in front of its payload;
// its contents are zeros, which for a fragment header says "atomic".
[[nodiscard]] Bytes with_extension_header(const Bytes& frame, std::uint8_t type, std::size_t length = 8);

// Computes the IPv4, TCP and ICMPv6 checksums of a whole frame anew; for tests that change a byte and want it to
// arrive.
void fix_checksums(std::span<std::byte> frame);

}  // namespace levee::sim
