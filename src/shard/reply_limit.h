// Limits RSTs to strays per destination (RFC 5961 7 in spirit): a flood cannot use levee as a reflector, and no counter
// is shared between destinations that one of them could probe. An IPv6 destination is a /64, since whoever has one
// address there has them all. Fixed memory; two destinations may share a cell.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/siphash.h"
#include "levee/address.h"
#include "levee/time.h"

namespace levee::shard {

class ReplyLimit {
 public:
  static constexpr std::uint32_t kPerSecond = 100;

  explicit ReplyLimit(const SipKey& key) : key_(key) {}

  [[nodiscard]] bool allow(Ipv4Address destination, Instant now) {
    return take(siphash_1_3(key_, std::as_bytes(std::span(&destination.value, 1))), now);
  }
  [[nodiscard]] bool allow(const Ipv6Address& destination, Instant now) {
    return take(siphash_1_3(key_, std::as_bytes(std::span(destination.octets)).first(8)), now);
  }

 private:
  struct Cell {
    std::uint32_t second = 0, sent = 0;
  };

  bool take(std::uint64_t hash, Instant now) {
    Cell& cell = cells_[hash % cells_.size()];
    const auto second = static_cast<std::uint32_t>(to_milliseconds(now) / 1000);
    if (cell.second != second) cell = {second, 0};
    if (cell.sent >= kPerSecond) return false;
    ++cell.sent;
    return true;
  }

  SipKey key_;
  std::array<Cell, 1024> cells_{};
};

}  // namespace levee::shard
