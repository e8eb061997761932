// Addresses as configuration and services see them. An `IpAddress` holds either family in 16 bytes (IPv4 in its
// IPv4-mapped form, RFC 4291 2.5.5.2); the flow tables keep families apart so that IPv4 never pays for IPv6.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace levee {

struct MacAddress {
  std::array<std::uint8_t, 6> octets{};

  [[nodiscard]] constexpr bool is_multicast() const { return (octets[0] & 1) != 0; }  // broadcast included
  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

// An IPv4 address; `value` is in host byte order, so 10.0.0.1 is 0x0a000001.
struct Ipv4Address {
  std::uint32_t value = 0;

  [[nodiscard]] constexpr bool is_unspecified() const { return value == 0; }
  [[nodiscard]] constexpr bool is_multicast() const { return (value >> 28) == 0xe; }
  [[nodiscard]] constexpr bool is_loopback() const { return (value >> 24) == 127; }
  [[nodiscard]] constexpr bool is_limited_broadcast() const { return value == 0xffffffffU; }
  // May be the source of a unicast packet: not 0/8, not 127/8, not 224/4 and above (RFC 6890).
  [[nodiscard]] constexpr bool is_valid_source() const {
    return (value >> 24) != 0 && !is_loopback() && (value >> 28) < 0xe;
  }
  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) = default;
};

class IpAddress {
 public:
  constexpr IpAddress() = default;     // the unspecified IPv4 address
  constexpr IpAddress(Ipv4Address v4)  // NOLINT(google-explicit-constructor): every IPv4 address is an IP address
      : bytes_{0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0xff,
               0xff,
               static_cast<std::uint8_t>(v4.value >> 24),
               static_cast<std::uint8_t>(v4.value >> 16),
               static_cast<std::uint8_t>(v4.value >> 8),
               static_cast<std::uint8_t>(v4.value)} {}
  constexpr explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  [[nodiscard]] constexpr bool is_v4() const {
    for (int i = 0; i < 10; ++i) {
      if (bytes_[static_cast<std::size_t>(i)] != 0) return false;
    }
    return bytes_[10] == 0xff && bytes_[11] == 0xff;
  }
  [[nodiscard]] constexpr Ipv4Address v4() const {
    return {static_cast<std::uint32_t>(bytes_[12]) << 24 | static_cast<std::uint32_t>(bytes_[13]) << 16 |
            static_cast<std::uint32_t>(bytes_[14]) << 8 | bytes_[15]};
  }
  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
};

// An IP address and a TCP port (host byte order).
struct SocketAddress {
  IpAddress address;
  std::uint16_t tcp_port = 0;
  friend constexpr bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

// Text forms. Parsing accepts exactly the usual notation ("10.0.0.1", "02:00:00:00:00:01") and nothing around it.
[[nodiscard]] std::optional<Ipv4Address> parse_ipv4(std::string_view text);
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);
[[nodiscard]] std::string to_string(Ipv4Address address);
[[nodiscard]] std::string to_string(const IpAddress& address);
[[nodiscard]] std::string to_string(const MacAddress& address);
[[nodiscard]] std::string to_string(const SocketAddress& address);

}  // namespace levee
