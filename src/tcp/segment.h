// Segments as the TCP rooms see them: parsed, in host byte order, without addresses. SEG.SEQ is `seq` and so on
// (RFC 9293 3.3.1).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/block.h"
#include "tcp/seq.h"
#include "wire/ecn.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"

namespace levee::tcp {

// A received segment. The payload is borrowed: whoever keeps a piece takes a ref of its block.
struct Segment {
  Seq seq, ack;
  std::uint16_t window = 0;  // SEG.WND as on the wire, unscaled
  std::uint8_t flags = 0;
  std::uint8_t ecn = wire::kNotEct;  // the ECN field of the IP header (RFC 3168 5),
  std::uint16_t urgent_pointer = 0;
  wire::SegmentOptions options;
  std::span<const Slice> payload;
  std::uint32_t payload_length = 0;

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // SEG.LEN: SYN and FIN count (RFC 9293 3.4).
  [[nodiscard]] std::uint32_t length() const {
    return payload_length + (has(wire::kSyn) ? 1U : 0U) + (has(wire::kFin) ? 1U : 0U);
  }
};

inline constexpr std::size_t kMaxOutSlices = 8;

// A segment to send. The payload is borrowed from the send queue until the next call that changes it.
struct OutSegment {
  Seq seq, ack;
  std::uint16_t window = 0;
  std::uint8_t flags = 0;
  std::uint8_t traffic_class = 0;  // DSCP 6 bits, ECN 2 (RFC 2474, RFC 3168)
  std::uint8_t ttl = 64;
  std::uint16_t urgent_pointer = 0;
  wire::SegmentOptions options;
  std::uint8_t slice_count = 0;
  std::array<Slice, kMaxOutSlices> slices{};
  std::uint32_t payload_length = 0;
};

}  // namespace levee::tcp
