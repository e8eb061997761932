// What building and dissecting test frames share: numbers in network byte order, one by one, and the Internet checksum
// the slow way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/packet.h"

namespace levee::sim {

inline constexpr std::size_t kEthernet = 14, kIpv4 = 20, kIpv6 = 40, kTcp = 20;
inline constexpr unsigned kTypeIpv4 = 0x0800, kTypeArp = 0x0806, kTypeVlan = 0x8100, kTypeIpv6 = 0x86dd;
inline constexpr unsigned kIcmp = 1, kTcpProtocol = 6, kIcmpv6 = 58;

inline std::uint8_t u8(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
inline std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(u8(bytes, at) << 8 | u8(bytes, at + 1));
}
inline std::uint32_t u32(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(u16(bytes, at)) << 16 | u16(bytes, at + 2);
}
inline MacAddress mac_at(std::span<const std::byte> bytes, std::size_t at) {
  MacAddress mac;
  for (std::size_t i = 0; i < 6; ++i) mac.octets[i] = u8(bytes, at + i);
  return mac;
}

inline Ipv6Address v6_at(std::span<const std::byte> bytes, std::size_t at) {
  Ipv6Address address;
  for (std::size_t i = 0; i < 16; ++i) address.octets[i] = u8(bytes, at + i);
  return address;
}

inline void put8(Bytes& to, unsigned value) { to.push_back(static_cast<std::byte>(value)); }
inline void put16(Bytes& to, unsigned value) {
  put8(to, value >> 8 & 0xff);
  put8(to, value & 0xff);
}
inline void put32(Bytes& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
inline void put(Bytes& to, const MacAddress& mac) {
  for (auto octet : mac.octets) put8(to, octet);
}
inline void put(Bytes& to, const Ipv6Address& address) {
  for (auto octet : address.octets) put8(to, octet);
}
inline void put(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
inline void patch16(std::span<std::byte> bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::byte>(value >> 8 & 0xff);
  bytes[at + 1] = static_cast<std::byte>(value & 0xff);
}

// RFC 1071, the slow way.
inline std::uint32_t add_words(std::span<const std::byte> bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(u8(bytes, i)) << 8;
    if (i + 1 < bytes.size()) sum += u8(bytes, i + 1);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}
inline std::uint16_t checksum(std::uint32_t sum) { return static_cast<std::uint16_t>(~sum & 0xffff); }

// The sum of the pseudo-header of either family, for the packet whose IP header is at the front of `ip`.
inline std::uint32_t pseudo_header(std::span<const std::byte> ip, std::size_t length) {
  const bool v6 = u8(ip, 0) >> 4 == 6;
  std::uint32_t sum = v6 ? add_words(ip.subspan(8, 32), 0) : add_words(ip.subspan(12, 8), 0);
  sum += u8(ip, v6 ? 6 : 9);
  sum += static_cast<std::uint32_t>(length);
  return (sum & 0xffff) + (sum >> 16);
}

}  // namespace levee::sim
