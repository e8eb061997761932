// The neighbour table against a map that forgets nothing: what the table has is what the map has, and what was
// confirmed lately it still has (THREATS 2d: a flood of addresses must not push out who is there).
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

struct Known {
  MacAddress mac;
  Instant confirmed;
};
struct Case {
  Neighbours table;
  Instant now{std::chrono::hours(1)};
  std::map<std::pair<Ipv4Address, std::uint16_t>, Known> known;
  std::map<std::pair<Ipv4Address, std::uint16_t>, Instant> requested;

  explicit Case(Input& input) : table{8U << input.below(3), SipKey{input.u8(), 1}} {}
};

void check(Case& c) {
  for (const auto& [key, entry] : c.known) {
    const Neighbour* found = c.table.find(key.first, key.second);
    if (found == nullptr) {
      CHECK(c.now - entry.confirmed >= Neighbours::kFresh);
      continue;
    }
    CHECK(found->address == key.first && found->interface == key.second && found->used);
    if (found->known) CHECK(found->mac == entry.mac && found->confirmed == entry.confirmed);
    if (!found->known) CHECK(c.now - entry.confirmed >= Neighbours::kFresh);
  }
}

void step(Case& c, Input& input) {
  const Ipv4Address address{0x0a000000U + input.u8()};
  const auto interface = static_cast<std::uint16_t>(input.below(2));
  const std::uint8_t what = input.u8();
  if (what % 4 == 0) {
    c.now += std::chrono::milliseconds(input.u16());
    return;
  }
  Neighbour* entry = what % 4 == 1 ? c.table.find(address, interface) : c.table.find_or_add(address, interface, c.now);
  if (entry == nullptr) return;
  CHECK(entry->address == address && entry->interface == interface && entry->used);
  const std::pair key{address, interface};
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
