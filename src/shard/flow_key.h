// What names a flow: the 4-tuple, seen from our side. IPv4's key is 12 bytes and lies in the record; IPv6's has 36, of
// which the 32 of the addresses lie in a pool of their own, so that IPv4 never pays for them.
#pragma once

#include <array>
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

// In a record and in a packet it also stands for an IPv6 flow: the TCP ports are that flow's, the remote address is
// 0.0.0.0, which no IPv4 flow has (Ipv4Address::is_valid_source), and in a record the local one says where the
// addresses lie. So neither family's key is ever taken for the other's, and IPv4's comparison is what it was.
struct FlowKey4 {
  Ipv4Address local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  friend constexpr bool operator==(const FlowKey4&, const FlowKey4&) = default;

  [[nodiscard]] constexpr bool is_v4() const { return remote.value != 0; }
  [[nodiscard]] static constexpr FlowKey4 stand_in(std::uint32_t place, std::uint16_t local_port,
                                                   std::uint16_t remote_port) {
    return {{place}, {}, local_port, remote_port};
  }
  // Of a stand-in.
  [[nodiscard]] constexpr std::uint32_t place() const { return local.value; }

  // The key as two words of SipHash's input, for base/siphash_lanes.h; the second one has its upper half free.
  [[nodiscard]] constexpr std::uint64_t addresses() const { return std::uint64_t{remote.value} << 32 | local.value; }
  [[nodiscard]] constexpr std::uint64_t ports() const { return std::uint64_t{remote_port} << 16 | local_port; }
};
static_assert(sizeof(FlowKey4) == 12);

// As the header of a received packet has them: its source, then its destination.
struct Addresses6 {
  Ipv6Address remote, local;
  friend constexpr bool operator==(const Addresses6&, const Addresses6&) = default;
};
static_assert(sizeof(Addresses6) == 32);

struct FlowKey6 {
  Addresses6 addresses;
  std::uint16_t local_port = 0, remote_port = 0;
  friend constexpr bool operator==(const FlowKey6&, const FlowKey6&) = default;
};
static_assert(sizeof(FlowKey6) == 36);

// Either one, by value: where speed does not count.
class FlowKey {
 public:
  FlowKey(const FlowKey4& key) : v4_(key) {}  // NOLINT(google-explicit-constructor): it holds either
  FlowKey(const FlowKey6& key)                // NOLINT(google-explicit-constructor): as above
      : v4_(FlowKey4::stand_in(0, key.local_port, key.remote_port)), addresses_(key.addresses) {}
  // REQUIRES: both addresses are of one family.
  FlowKey(const SocketAddress& local, const SocketAddress& remote)
      : FlowKey(local.address.is_v4()
                    ? FlowKey(FlowKey4{local.address.v4(), remote.address.v4(), local.tcp_port, remote.tcp_port})
                    : FlowKey(FlowKey6{{remote.address.v6(), local.address.v6()}, local.tcp_port, remote.tcp_port})) {}

  [[nodiscard]] bool is_v4() const { return v4_.is_v4(); }
  [[nodiscard]] const FlowKey4& v4() const { return v4_; }  // a stand-in unless is_v4()
  [[nodiscard]] FlowKey6 v6() const { return {addresses_, v4_.local_port, v4_.remote_port}; }
  [[nodiscard]] SocketAddress local() const {
    return {is_v4() ? IpAddress(v4_.local) : IpAddress(addresses_.local), v4_.local_port};
  }
  [[nodiscard]] SocketAddress remote() const {
    return {is_v4() ? IpAddress(v4_.remote) : IpAddress(addresses_.remote), v4_.remote_port};
  }

 private:
  FlowKey4 v4_;
  Addresses6 addresses_;
};

// The flow hash: SipHash-1-3, as its use is in tables, where a flooder must not find collisions.
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const FlowKey4& flow) {
  return siphash_1_3(key, std::as_bytes(std::span(&flow, 1)));
}
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const FlowKey6& flow) {
  return siphash_1_3(key, std::as_bytes(std::span(&flow, 1)));
}
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const FlowKey& flow) {
  return flow.is_v4() ? flow_hash(key, flow.v4()) : flow_hash(key, flow.v6());
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

inline void set_flow_key(const FlowKey6& flow, SipLanes<5>& lanes, std::size_t lane) {
  std::array<std::uint64_t, 4> words;
  std::memcpy(&words, &flow.addresses, sizeof(words));
  for (std::size_t word = 0; word < words.size(); ++word) lanes.words[word][lane] = words[word];
  lanes.words[4][lane] =
      std::uint64_t{sizeof(FlowKey6)} << 56 | std::uint64_t{flow.remote_port} << 16 | flow.local_port;
}
// Its stand-in.
[[nodiscard]] inline FlowKey4 flow_key(const SipLanes<5>& lanes, std::size_t lane) {
  const std::uint64_t ports = lanes.words[4][lane];
  return FlowKey4::stand_in(0, static_cast<std::uint16_t>(ports), static_cast<std::uint16_t>(ports >> 16));
}

// RFC 7323 5.4: what the tuple's timestamp clock is ahead by. Drawn from the flow hash in a way that tells a peer
// nothing about the flow's place: a multiplication by an odd number maps the hash's low half, which chooses the bucket,
// onto the product's low half alone, and of the product only the high half is seen.
inline constexpr std::uint64_t kOffsetFactor = 0x9e3779b97f4a7c15U;
[[nodiscard]] constexpr std::uint32_t timestamp_offset(std::uint64_t flow_hash) {
  return static_cast<std::uint32_t>(flow_hash * kOffsetFactor >> 32);
}

// RFC 6437 3: a flow's label is the same in all its packets and cannot be guessed from another flow's. So it is hashed,
// by a secret multiplier of its own, from what is at hand wherever a packet is written: the timestamp offset; and tells
// no more of the flow's place than that does. 0 would mean that there is no label.
[[nodiscard]] constexpr std::uint32_t flow_label(std::uint64_t multiplier, std::uint32_t timestamp_offset) {
  const auto label = static_cast<std::uint32_t>((multiplier | 1) * timestamp_offset >> 44);
  return label == 0 ? 1 : label;
}

// SipHash-2-4 for what peers see whole: the ISN.
[[nodiscard]] inline std::uint64_t secret_hash(const SipKey& key, const FlowKey4& flow) {
  return siphash_2_4(key, std::as_bytes(std::span(&flow, 1)));
}
[[nodiscard]] inline std::uint64_t secret_hash(const SipKey& key, const FlowKey& flow) {
  if (flow.is_v4()) return secret_hash(key, flow.v4());
  const FlowKey6 flow6 = flow.v6();
  return siphash_2_4(key, std::as_bytes(std::span(&flow6, 1)));
}

}  // namespace levee::shard
