// Test frames: builds and dissects Ethernet, ARP, IPv4, ICMP echo and TCP byte by byte. On purpose it shares no code
// with src/wire, so that each checks the other: checksums are summed 16 bits at a time, options are walked plainly.
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

inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20;

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
  std::uint16_t vlan = 0;  // 0: untagged
  Ipv4Address source{}, destination{};
  std::uint8_t ttl = 64;
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

struct IcmpEcho {
  MacAddress source_mac{}, destination_mac{};
  Ipv4Address source{}, destination{};
  std::uint8_t type = 8;  // 8 request, 0 reply
  std::uint16_t identifier = 0, sequence = 0;
  Bytes payload;
};

[[nodiscard]] Bytes build(const TcpPacket& packet);
[[nodiscard]] Bytes build(const ArpMessage& message);
[[nodiscard]] Bytes build(const IcmpEcho& echo);

// What a frame is. `error` is not empty if anything in it is malformed or a checksum is wrong.
struct Dissected {
  std::optional<TcpPacket> tcp;
  std::optional<ArpMessage> arp;
  std::optional<IcmpEcho> icmp;
  std::string error;
};

[[nodiscard]] Dissected dissect(std::span<const std::byte> frame);

// One line in tcpdump's manner; sequence numbers are shown relative to the given ones.
[[nodiscard]] std::string describe(const TcpPacket& packet, std::uint32_t sequence_base = 0,
                                   std::uint32_t acknowledgment_base = 0);
[[nodiscard]] std::string describe(std::span<const std::byte> frame);

// Computes the IPv4 and TCP checksums of a whole frame anew; for tests that change a byte and want it to arrive.
void fix_checksums(std::span<std::byte> frame);

}  // namespace levee::sim
