// Limits RSTs to strays per destination (RFC 5961 7 in spirit): a flood cannot use levee as a reflector, and no counter
// is shared between destinations that one of them could probe. Fixed memory; two destinations may share a cell.
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
    const std::uint64_t hash = siphash_1_3(key_, std::as_bytes(std::span(&destination.value, 1)));
    Cell& cell = cells_[hash % cells_.size()];
    const auto second = static_cast<std::uint32_t>(to_milliseconds(now) / 1000);
    if (cell.second != second) cell = {second, 0};
    if (cell.sent >= kPerSecond) return false;
    ++cell.sent;
    return true;
  }

 private:
  struct Cell {
    std::uint32_t second = 0, sent = 0;
  };
  SipKey key_;
  std::array<Cell, 1024> cells_{};
};

}  // namespace levee::shard
