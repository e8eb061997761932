// TCP segments in Ethernet frames as the test client makes and reads them: IPv4 without options, Linux's option
// layouts. Written for populations of clients (no allocation), and with code of its own: neither src/wire nor
// sim/packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "levee/address.h"

namespace levee::peer {

inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10;

inline constexpr std::size_t kMaxFrame = 14 + 20 + 60 + 1460;
using FrameBuffer = std::array<std::byte, kMaxFrame>;

// Both directions' MAC addresses, as seen by the sender.
struct Link {
  MacAddress from{}, to{};
};

struct Clock {
  std::uint32_t value = 0, echo = 0;
};

struct Segment {
  Ipv4Address source{}, destination{};
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint32_t sequence = 0, acknowledgment = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::optional<std::uint16_t> mss{};
  std::optional<std::uint8_t> window_scale{};
  bool sack_permitted = false;
  std::optional<Clock> timestamps{};
  std::span<const std::byte> payload{};

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // RFC 9293 3.4: SYN and FIN count.
  [[nodiscard]] std::uint32_t length() const {
    return static_cast<std::uint32_t>(payload.size()) + (has(kSyn) ? 1U : 0U) + (has(kFin) ? 1U : 0U);
  }
};

// The whole frame with its checksums, in `to`. Options are laid out as Linux's tcp_options_write does.
[[nodiscard]] std::span<const std::byte> write(const Segment& segment, const Link& link, FrameBuffer& to);

// A TCP segment over IPv4; nothing if it is something else, malformed, or a checksum is wrong. The payload lies in
// `frame`.
[[nodiscard]] std::optional<Segment> read(std::span<const std::byte> frame);

[[nodiscard]] bool is_arp(std::span<const std::byte> frame);

}  // namespace levee::peer
