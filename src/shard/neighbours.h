// Neighbours of one shard, of both families (RFC 826, RFC 4861): a fixed table from next hop to MAC. An entry comes
// from an ARP reply or neighbour advertisement that was asked for, from another shard's mail, or from a validated
// handshake ACK, never from a SYN or from what nobody asked for. Requests are sent on demand only, at most one a second
// for an address.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/siphash.h"
#include "levee/address.h"
#include "levee/time.h"

namespace levee::shard {

struct Neighbour {
  IpAddress address;
  MacAddress mac;
  std::uint16_t interface = 0;
  bool known = false;  // `mac` is valid
  bool used = false;
  Instant confirmed{};  // when the peer last proved to be there
  Instant requested{};  // when the last request went out
  bool ever_requested = false;
};

class Neighbours {
 public:
  Neighbours(std::uint32_t capacity, const SipKey& key);

  // nullptr when there is no entry.
  [[nodiscard]] Neighbour* find(const IpAddress& address, std::uint16_t interface);
  // The entry, made if need be; takes the place of the one confirmed longest ago when its bucket is full, unless all
  // were confirmed within `kFresh` or are being asked about: then nullptr, unless a place is needed whoever has it.
  [[nodiscard]] Neighbour* find_or_add(const IpAddress& address, std::uint16_t interface, Instant now,
                                       bool needed = false);
  // `now` is when the knowledge was gained.
  static void learn(Neighbour& neighbour, const MacAddress& mac, Instant now);
  // True, and remembered, when a request for it may go out now.
  [[nodiscard]] static bool may_request(Neighbour& neighbour, Instant now);
  // A request is outstanding, so that a reply is expected.
  [[nodiscard]] static bool expects_reply(const Neighbour& neighbour, Instant now);

  static constexpr Duration kFresh = std::chrono::seconds(60);
  static constexpr Duration kRequestInterval = std::chrono::seconds(1);
  static constexpr Duration kReplyWindow = std::chrono::seconds(3);

 private:
  static constexpr std::size_t kWays = 8;
  [[nodiscard]] Neighbour* bucket(const IpAddress& address, std::uint16_t interface);

  SipKey key_;
  std::size_t buckets_;
  std::vector<Neighbour> entries_;
  std::size_t last_ = 0;  // of `entries_`, found last
};

}  // namespace levee::shard
