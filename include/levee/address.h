// Addresses as configuration and services see them. An `IpAddress` holds either family in 16 bytes (IPv4 in its
// IPv4-mapped form, RFC 4291 2.5.5.2); the flow tables keep families apart so that IPv4 never pays for IPv6.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
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
  [[nodiscard]] constexpr bool is_link_local() const { return (value >> 16) == 0xa9fe; }  // RFC 3927
  [[nodiscard]] constexpr bool is_limited_broadcast() const { return value == 0xffffffffU; }
  // May be the source of a unicast packet: not 0/8, not 127/8, not 224/4 and above (RFC 6890).
  [[nodiscard]] constexpr bool is_valid_source() const {
    return (value >> 24) != 0 && !is_loopback() && (value >> 28) < 0xe;
  }
  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) = default;
};

// An IPv6 address, as it stands in a packet.
struct Ipv6Address {
  std::array<std::uint8_t, 16> octets{};

  // The first `length` bits are those of `prefix`; `length`: at most 128.
  [[nodiscard]] constexpr bool is_within(const Ipv6Address& prefix, unsigned length) const {
    for (std::size_t i = 0; i < length / 8; ++i) {
      if (octets[i] != prefix.octets[i]) return false;
    }
    const unsigned rest = length % 8;
    return rest == 0 || (octets[length / 8] ^ prefix.octets[length / 8]) >> (8 - rest) == 0;
  }
  [[nodiscard]] constexpr bool is_unspecified() const { return is_within({}, 128); }
  [[nodiscard]] constexpr bool is_loopback() const { return is_within({}, 120) && octets[15] == 1; }
  [[nodiscard]] constexpr bool is_multicast() const { return octets[0] == 0xff; }
  [[nodiscard]] constexpr bool is_link_local() const { return octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80; }
  // RFC 4291 2.5.5.2: an IPv4 address in a program's memory. In a packet it is forged or a mistake.
  [[nodiscard]] constexpr bool is_v4_mapped() const {
    return is_within({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, 96);
  }
  // May be the source of a packet that wants an answer (RFC 4291 2.5.2, 2.5.3, 2.7); MUST-63's rule for IPv6.
  [[nodiscard]] constexpr bool is_valid_source() const {
    return !is_unspecified() && !is_loopback() && !is_multicast() && !is_v4_mapped();
  }
  friend constexpr auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
};
static_assert(sizeof(Ipv6Address) == 16 && alignof(Ipv6Address) == 1);

// Either family. A v4-mapped IPv6 address put in is the IPv4 address, so what came from an IPv6 header is checked
// before: Ipv6Address::is_valid_source.
class IpAddress {
 public:
  constexpr IpAddress() = default;     // the unspecified IPv4 address
  constexpr IpAddress(Ipv4Address v4)  // NOLINT(google-explicit-constructor): every IPv4 address is an IP address
      : address_{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, static_cast<std::uint8_t>(v4.value >> 24),
                  static_cast<std::uint8_t>(v4.value >> 16), static_cast<std::uint8_t>(v4.value >> 8),
                  static_cast<std::uint8_t>(v4.value)}} {}
  constexpr IpAddress(const Ipv6Address& v6) : address_(v6) {}  // NOLINT(google-explicit-constructor): as above

  [[nodiscard]] constexpr bool is_v4() const { return address_.is_v4_mapped(); }
  [[nodiscard]] constexpr bool is_v6() const { return !is_v4(); }
  // REQUIRES: is_v4().
  [[nodiscard]] constexpr Ipv4Address v4() const {
    const auto& octets = address_.octets;
    return {static_cast<std::uint32_t>(octets[12]) << 24 | static_cast<std::uint32_t>(octets[13]) << 16 |
            static_cast<std::uint32_t>(octets[14]) << 8 | octets[15]};
  }
  // An IPv4 address in its IPv4-mapped form.
  [[nodiscard]] constexpr const Ipv6Address& v6() const { return address_; }
  [[nodiscard]] constexpr unsigned bits() const { return is_v4() ? 32 : 128; }  // the longest prefix

  [[nodiscard]] constexpr bool is_unspecified() const {
    return is_v4() ? v4().is_unspecified() : address_.is_unspecified();
  }
  [[nodiscard]] constexpr bool is_multicast() const { return is_v4() ? v4().is_multicast() : address_.is_multicast(); }
  [[nodiscard]] constexpr bool is_loopback() const { return is_v4() ? v4().is_loopback() : address_.is_loopback(); }
  [[nodiscard]] constexpr bool is_link_local() const {
    return is_v4() ? v4().is_link_local() : address_.is_link_local();
  }
  [[nodiscard]] constexpr bool is_valid_source() const {
    return is_v4() ? v4().is_valid_source() : address_.is_valid_source();
  }
  // Of the same family, and the first `length` bits (at most bits()) are those of `prefix`.
  [[nodiscard]] constexpr bool is_within(const IpAddress& prefix, unsigned length) const {
    return is_v4() == prefix.is_v4() && address_.is_within(prefix.address_, length + (is_v4() ? 96 : 0));
  }
  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  Ipv6Address address_{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
};

// An IP address and a TCP port (host byte order).
struct SocketAddress {
  IpAddress address;
  std::uint16_t tcp_port = 0;
  friend constexpr bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

// Text forms. Parsing accepts exactly the usual notation ("10.0.0.1", "fd00::2", "02:00:00:00:00:01", "10.0.0.1:80",
// "[fd00::2]:80") and nothing around it: no zone, no prefix length. IPv6 is read in every form of RFC 4291 2.2 and
// written as RFC 5952 wants.
[[nodiscard]] std::optional<Ipv4Address> parse_ipv4(std::string_view text);
[[nodiscard]] std::optional<Ipv6Address> parse_ipv6(std::string_view text);
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);  // nothing for a v4-mapped address
[[nodiscard]] std::optional<SocketAddress> parse_socket_address(std::string_view text);
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);
[[nodiscard]] std::string to_string(Ipv4Address address);
[[nodiscard]] std::string to_string(const Ipv6Address& address);
[[nodiscard]] std::string to_string(const IpAddress& address);
[[nodiscard]] std::string to_string(const MacAddress& address);
[[nodiscard]] std::string to_string(const SocketAddress& address);

}  // namespace levee
