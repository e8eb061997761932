// The neighbour table against a map that forgets nothing: what the table has is what the map has, and what was
// confirmed lately it still has (THREATS 2d: a flood of addresses must not push out who is there), unless a router took
// its place.
#include <array>
#include <map>
#include <utility>

#include "base/check.h"
#include "fuzz/target.h"
#include "shard/neighbours.h"

namespace levee::fuzz {
namespace {

using shard::Neighbour;
using shard::Neighbours;

using Key = std::pair<Ipv6Address, std::uint16_t>;  // an IPv4 address in its mapped form, and the interface

struct Known {
  MacAddress mac;
  Instant confirmed;
};
struct Case {
  Neighbours table;
  Instant now{std::chrono::hours(1)};
  std::map<Key, Known> known;
  std::map<Key, Instant> requested;

  explicit Case(Input& input) : table{8U << input.below(3), SipKey{input.u8(), 1}} {}
};

void check(Case& c) {
  for (const auto& [key, entry] : c.known) {
    const IpAddress address = key.first;
    const Neighbour* found = c.table.find(address, key.second);
    if (found == nullptr) {
      CHECK(c.now - entry.confirmed >= Neighbours::kFresh);
      continue;
    }
    CHECK(found->address == address && found->interface == key.second && found->used);
    if (found->known) CHECK(found->mac == entry.mac && found->confirmed == entry.confirmed);
    if (!found->known) CHECK(c.now - entry.confirmed >= Neighbours::kFresh);
  }
}

// A router may have taken one place.
void forget_displaced(Case& c) {
  const auto is_gone = [&](const auto& entry) {
    const IpAddress address = entry.first.first;
    return c.now - entry.second.confirmed < Neighbours::kFresh && c.table.find(address, entry.first.second) == nullptr;
  };
  CHECK(std::erase_if(c.known, is_gone) <= 1);
}

void step(Case& c, Input& input) {
  const std::uint8_t host = input.u8();
  const std::uint8_t where = input.u8();
  const auto interface = static_cast<std::uint16_t>(where & 1);
  // The two families' addresses end alike.
  IpAddress address = Ipv4Address{0x0a000000U + host};
  if ((where & 2) != 0) address = Ipv6Address{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, host}};
  const std::uint8_t what = input.u8();
  if (what % 4 == 0) {
    c.now += std::chrono::milliseconds(input.u16());
    return;
  }
  const bool adds = what % 4 != 1, router = (what & 4) != 0;
  Neighbour* entry = adds ? c.table.find_or_add(address, interface, c.now, router) : c.table.find(address, interface);
  if (adds && router) {
    CHECK(entry != nullptr);
    forget_displaced(c);
  }
  if (entry == nullptr) return;
  CHECK(entry->address == address && entry->interface == interface && entry->used);
  const Key key{address.v6(), interface};
  if (!entry->known) c.known.erase(key);
  if (!entry->ever_requested) c.requested.erase(key);
  if (what % 4 == 2) {
    const MacAddress mac{{2, 0, 0, 0, 0, what}};
    Neighbours::learn(*entry, mac, c.now);
    c.known[key] = {mac, c.now};
  } else if (what % 4 == 3) {
    const auto asked = c.requested.find(key);
    const bool may = Neighbours::may_request(*entry, c.now);
    CHECK(may == (asked == c.requested.end() || c.now - asked->second >= Neighbours::kRequestInterval));
    if (may) c.requested[key] = c.now;
    CHECK(Neighbours::expects_reply(*entry, c.now));
  }
}

}  // namespace

FUZZ_TARGET(neighbours, input) {
  Case c(input);
  for (int steps = 0; steps < 300 && !input.empty(); ++steps) {
    step(c, input);
    check(c);
  }
}

}  // namespace levee::fuzz
