// The IPv6 header (RFC 8200 3). What follows it is named by `next_header`: wire/protocol.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "levee/address.h"
#include "wire/protocol.h"
#include "wire/view.h"

namespace levee::wire {

inline constexpr std::size_t kIpv6HeaderLength = 40;
inline constexpr std::uint16_t kMinIpv6Mtu = 1280;  // RFC 8200 5: every link carries it
inline constexpr std::uint32_t kFlowLabelMask = 0xfffff;

struct Ipv6Header {
  be32 version_class_flow;  // 4, 8 and 20 bits
  be16 payload_length;      // bytes behind this header
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  Ipv6Address source;
  Ipv6Address destination;

  [[nodiscard]] constexpr unsigned version() const { return version_class_flow.value() >> 28; }
  // DSCP 6 bits, ECN 2.
  [[nodiscard]] constexpr std::uint8_t traffic_class() const {
    return static_cast<std::uint8_t>(version_class_flow.value() >> 20);
  }
  [[nodiscard]] constexpr std::uint32_t flow_label() const { return version_class_flow.value() & kFlowLabelMask; }
  // Bytes, this header included, as the packet claims.
  [[nodiscard]] constexpr std::size_t total_length() const { return kIpv6HeaderLength + payload_length.value(); }

  // Version 6; bits of `flow_label` beyond 20 are dropped.
  constexpr void set_class_and_flow(std::uint8_t traffic_class, std::uint32_t flow_label) {
    version_class_flow = std::uint32_t{6} << 28 | std::uint32_t{traffic_class} << 20 | (flow_label & kFlowLabelMask);
  }
};
static_assert(sizeof(Ipv6Header) == kIpv6HeaderLength && Viewable<Ipv6Header>);

}  // namespace levee::wire
