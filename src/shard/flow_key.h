// What names a flow: the 4-tuple, seen from our side. IPv4's key is 12 bytes; IPv6's will be its own type, so that IPv4
// never pays for it.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "base/siphash.h"
#include "levee/address.h"

namespace levee::shard {

struct FlowKey4 {
  Ipv4Address local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  friend constexpr bool operator==(const FlowKey4&, const FlowKey4&) = default;
};
static_assert(sizeof(FlowKey4) == 12);

// SipHash-1-3 for tables (a flooder must not find collisions), 2-4 for what peers see (ISN, timestamp offset).
[[nodiscard]] inline std::uint64_t table_hash(const SipKey& key, const FlowKey4& flow) {
  return siphash_1_3(key, std::as_bytes(std::span(&flow, 1)));
}
[[nodiscard]] inline std::uint64_t secret_hash(const SipKey& key, const FlowKey4& flow) {
  return siphash_2_4(key, std::as_bytes(std::span(&flow, 1)));
}

}  // namespace levee::shard
