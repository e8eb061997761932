// What names a flow: the 4-tuple, seen from our side. IPv4's key is 12 bytes; IPv6's will be its own type, so that IPv4
// never pays for it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/siphash.h"
#include "base/siphash_lanes.h"
#include "levee/address.h"

namespace levee::shard {

// The lanes' words are numbers, and the hashes of one key are of its bytes: the same on a little-endian machine.
static_assert(std::endian::native == std::endian::little);

struct FlowKey4 {
  Ipv4Address local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  friend constexpr bool operator==(const FlowKey4&, const FlowKey4&) = default;

  // The key as two words of SipHash's input, for base/siphash_lanes.h; the second one has its upper half free.
  [[nodiscard]] constexpr std::uint64_t addresses() const { return std::uint64_t{remote.value} << 32 | local.value; }
  [[nodiscard]] constexpr std::uint64_t ports() const { return std::uint64_t{remote_port} << 16 | local_port; }
};
static_assert(sizeof(FlowKey4) == 12);

// The flow hash: SipHash-1-3, as its use is in tables, where a flooder must not find collisions.
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const FlowKey4& flow) {
  return siphash_1_3(key, std::as_bytes(std::span(&flow, 1)));
}

// The same for a burst: sets one lane's key, and reads it back.
inline void set_flow_key(const FlowKey4& flow, SipLanes<2>& lanes, std::size_t lane) {
  lanes.words[0][lane] = flow.addresses();
  lanes.words[1][lane] = std::uint64_t{sizeof(FlowKey4)} << 56 | flow.ports();
}
[[nodiscard]] inline FlowKey4 flow_key(const SipLanes<2>& lanes, std::size_t lane) {
  const std::uint64_t addresses = lanes.words[0][lane], ports = lanes.words[1][lane];
  return {{static_cast<std::uint32_t>(addresses)},
          {static_cast<std::uint32_t>(addresses >> 32)},
          static_cast<std::uint16_t>(ports),
          static_cast<std::uint16_t>(ports >> 16)};
}

// RFC 7323 5.4: what the tuple's timestamp clock is ahead by. Drawn from the flow hash in a way that tells a peer
// nothing about the flow's place: a multiplication by an odd number maps the hash's low half, which chooses the bucket,
// onto the product's low half alone, and of the product only the high half is seen.
inline constexpr std::uint64_t kOffsetFactor = 0x9e3779b97f4a7c15U;
[[nodiscard]] constexpr std::uint32_t timestamp_offset(std::uint64_t flow_hash) {
  return static_cast<std::uint32_t>(flow_hash * kOffsetFactor >> 32);
}

// SipHash-2-4 for what peers see whole: the ISN.
[[nodiscard]] inline std::uint64_t secret_hash(const SipKey& key, const FlowKey4& flow) {
  return siphash_2_4(key, std::as_bytes(std::span(&flow, 1)));
}

}  // namespace levee::shard
