// What clients send: distinct tuples in a random order, SYNs in the option layouts of the systems that are out there,
// and the segments that follow. Built byte by byte, with no code of src/wire, so that a run checks levee and not
// itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "bench/device.h"
#include "levee/address.h"

namespace levee::bench {

inline constexpr MacAddress kServerMac{{0x02, 0, 0, 0, 0, 1}};
inline constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 2}};  // the router's: all clients are behind it
inline constexpr Ipv4Address kServer{0x0a000001};
inline constexpr Ipv4Address kRouter{0x0a000002};
inline constexpr Ipv6Address kServer6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
inline constexpr Ipv6Address kRouter6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
inline constexpr std::uint16_t kServerPort = 80;

struct Client {
  Ipv4Address address;
  std::uint16_t tcp_port = 0;
  bool ipv6 = false;  // its address is address6() then
  // 2001:db8::/32, with the address spread over what is behind it (RFC 3849).
  [[nodiscard]] Ipv6Address address6() const;
  [[nodiscard]] std::uint64_t key() const { return std::uint64_t{address.value} << 16 | tcp_port; }
};

// The client of a number: no two numbers below 2^43 share one, and neighbouring numbers have nothing in common.
[[nodiscard]] Client client_of(std::uint64_t number);

enum class Mix : std::uint8_t {
  Mixed,  // 60 % Linux, 25 % Windows, 10 % Apple, 5 % odd
  Linux,
};

// What a client's SYN offers.
struct Offer {
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;
  bool sack = false;
  std::optional<std::uint32_t> timestamp;  // TSval
  bool ecn = false;                        // asked for (RFC 3168 6.1.1)
};

struct Syn {
  Client client;
  std::uint32_t sequence = 0;
  Offer offer;
  Packet packet;
};

// The SYN of client `number`. All of it follows from the number, except that `later` (in milliseconds) moves its
// sequence number and its timestamp on, as a client does when it comes back (RFC 6528, RFC 7323 5.4).
[[nodiscard]] Syn syn_of(std::uint64_t number, Mix mix, std::uint32_t later = 0, bool ipv6 = false);

[[nodiscard]] std::vector<Packet> packets_of(std::span<const Syn> syns);

struct Segment {
  std::uint32_t sequence = 0, acknowledgment = 0;
  std::uint8_t flags = 0;
  std::optional<std::uint32_t> timestamp{}, echo{};  // both or none
  std::size_t text = 0;                              // bytes of payload
};
[[nodiscard]] Packet segment_of(const Client& client, const Segment& segment);

}  // namespace levee::bench
