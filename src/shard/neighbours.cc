#include "shard/neighbours.h"

#include <algorithm>
#include <bit>
#include <span>

namespace levee::shard {

Neighbours::Neighbours(std::uint32_t capacity, const SipKey& key)
    : key_(key), buckets_(std::bit_ceil(std::max<std::size_t>(1, capacity / kWays))), entries_(buckets_ * kWays) {}

Neighbour* Neighbours::bucket(const IpAddress& address, std::uint16_t interface) {
  struct {
    Ipv6Address address;
    std::uint32_t interface;
  } const input{address.v6(), interface};
  const std::uint64_t hash = siphash_1_3(key_, std::as_bytes(std::span(&input, 1)));
  return &entries_[(hash & (buckets_ - 1)) * kWays];
}

Neighbour* Neighbours::find(const IpAddress& address, std::uint16_t interface) {
  const auto is_it = [&](const Neighbour& entry) {
    return entry.used && entry.address == address && entry.interface == interface;
  };
  // Most of what a shard sends goes to one router: no hash for the one that was asked for last.
  if (is_it(entries_[last_])) return &entries_[last_];
  Neighbour* first = bucket(address, interface);
  for (Neighbour* entry = first; entry != first + kWays; ++entry) {
    if (!is_it(*entry)) continue;
    last_ = static_cast<std::size_t>(entry - entries_.data());
    return entry;
  }
  return nullptr;
}

Neighbour* Neighbours::find_or_add(const IpAddress& address, std::uint16_t interface, Instant now, bool needed) {
  if (Neighbour* entry = find(address, interface)) return entry;
  Neighbour* first = bucket(address, interface);
  Neighbour* place = first;
  // One that is being asked about was never confirmed, and would be the first to go.
  const auto goes_before = [&](const Neighbour& one, const Neighbour& other) {
    const bool asked = expects_reply(one, now);
    return asked == expects_reply(other, now) ? one.confirmed < other.confirmed : !asked;
  };
  for (Neighbour* entry = first; entry != first + kWays; ++entry) {
    if (!entry->used) {
      place = entry;
      break;
    }
    if (goes_before(*entry, *place)) place = entry;
  }
  const bool in_use = expects_reply(*place, now) || (place->known && now - place->confirmed < kFresh);
  if (!needed && place->used && in_use) return nullptr;
  *place = {.address = address, .mac = {}, .interface = interface, .known = false, .used = true};
  return place;
}

void Neighbours::learn(Neighbour& neighbour, const MacAddress& mac, Instant now) {
  neighbour.mac = mac;
  neighbour.known = true;
  neighbour.confirmed = now;
}

bool Neighbours::may_request(Neighbour& neighbour, Instant now) {
  if (neighbour.ever_requested && now - neighbour.requested < kRequestInterval) return false;
  neighbour.ever_requested = true;
  neighbour.requested = now;
  return true;
}

bool Neighbours::expects_reply(const Neighbour& neighbour, Instant now) {
  return neighbour.ever_requested && now - neighbour.requested < kReplyWindow;
}

}  // namespace levee::shard
