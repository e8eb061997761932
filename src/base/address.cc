// The text forms of include/levee/address.h.
#include "levee/address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace levee {
namespace {

// Takes a number of at most `max` off the front of `text`, without sign or leading zero (which some read as octal).
std::optional<std::uint32_t> take_decimal(std::string_view& text, std::uint32_t max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9')) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > max) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

constexpr std::size_t kGroups = 8;  // of 16 bits, in an IPv6 address
using Groups = std::array<std::uint16_t, kGroups>;

bool take(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes one to four hexadecimal digits off the front.
std::optional<std::uint16_t> take_group(std::string_view& text) {
  std::uint16_t value = 0;
  std::size_t digits = 0;
  for (; digits < 4 && digits < text.size(); ++digits) {
    const auto digit = hex_digit(text[digits]);
    if (!digit) break;
    value = static_cast<std::uint16_t>(value << 4 | *digit);
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

}  // namespace

std::optional<Ipv4Address> parse_ipv4(std::string_view text) {
  Ipv4Address address;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto octet = take_decimal(text, 255);
    if (!octet) return std::nullopt;
    address.value = address.value << 8 | *octet;
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

// RFC 4291 2.2: eight groups of one to four hexadecimal digits; "::" once, for one or more groups of zeros; the last
// two groups also as an IPv4 address.
std::optional<Ipv6Address> parse_ipv6(std::string_view text) {
  Groups groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // where "::" stands
  if (take(text, "::")) gap = 0;
  while (!text.empty()) {
    if (count == kGroups) return std::nullopt;
    if (const auto v4 = parse_ipv4(text)) {
      if (count > kGroups - 2) return std::nullopt;
      groups[count++] = static_cast<std::uint16_t>(v4->value >> 16);
      groups[count++] = static_cast<std::uint16_t>(v4->value);
      break;
    }
    const auto group = take_group(text);
    if (!group) return std::nullopt;
    groups[count++] = *group;
    if (text.empty()) break;
    if (take(text, "::")) {
      if (gap) return std::nullopt;
      gap = count;
    } else if (!take(text, ":") || text.empty()) {
      return std::nullopt;
    }
  }
  if (gap.has_value() == (count == kGroups)) return std::nullopt;
  // What stands behind the gap belongs to the end.
  if (gap) {
    std::rotate(groups.begin() + static_cast<std::ptrdiff_t>(*gap), groups.begin() + static_cast<std::ptrdiff_t>(count),
                groups.end());
  }
  Ipv6Address address;
  for (std::size_t i = 0; i < kGroups; ++i) {
    address.octets[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    address.octets[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return address;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (const auto v4 = parse_ipv4(text)) return IpAddress(*v4);
  const auto v6 = parse_ipv6(text);
  if (!v6 || v6->is_v4_mapped()) return std::nullopt;
  return IpAddress(*v6);
}

std::optional<SocketAddress> parse_socket_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view digits = text.substr(colon + 1);
  const auto tcp_port = take_decimal(digits, 65535);
  if (!tcp_port || !digits.empty()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = take(host, "[");
  if (bracketed) {
    if (host.empty() || host.back() != ']') return std::nullopt;
    host.remove_suffix(1);
  }
  const auto address = parse_ip(host);
  if (!address || address->is_v6() != bracketed) return std::nullopt;
  return SocketAddress{*address, static_cast<std::uint16_t>(*tcp_port)};
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  constexpr std::size_t kLength = 17;  // six times two digits and five colons
  if (text.size() != kLength) return std::nullopt;
  MacAddress mac;
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    const auto high = hex_digit(text[3 * i]);
    const auto low = hex_digit(text[3 * i + 1]);
    if (!high || !low || (i > 0 && text[3 * i - 1] != ':')) return std::nullopt;
    mac.octets[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return mac;
}

std::string to_string(Ipv4Address address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(address.value >> shift & 0xff);
    if (shift > 0) text += '.';
  }
  return text;
}

// RFC 5952 4: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as "::";
// 5: a v4-mapped address ends as an IPv4 address does.
std::string to_string(const Ipv6Address& address) {
  if (address.is_v4_mapped()) return "::ffff:" + to_string(IpAddress(address).v4());
  const auto group = [&](std::size_t i) { return address.octets[2 * i] << 8 | address.octets[2 * i + 1]; };
  std::size_t gap = kGroups;
  std::size_t longest = 1;
  for (std::size_t start = 0; start < kGroups; ++start) {
    std::size_t length = 0;
    while (start + length < kGroups && group(start + length) == 0) ++length;
    if (length > longest) {
      gap = start;
      longest = length;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < kGroups;) {
    if (i == gap) {
      text += "::";
      i += longest;
      continue;
    }
    if (i > 0 && text.back() != ':') text += ':';
    char digits[4];
    text.append(digits, std::to_chars(digits, digits + sizeof(digits), group(i), 16).ptr);
    ++i;
  }
  return text;
}

std::string to_string(const IpAddress& address) {
  return address.is_v4() ? to_string(address.v4()) : to_string(address.v6());
}

std::string to_string(const MacAddress& address) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : address.octets) {
    if (!text.empty()) text += ':';
    text += kDigits[octet >> 4];
    text += kDigits[octet & 0xf];
  }
  return text;
}

// RFC 5952 6: an IPv6 address before a TCP port stands in brackets.
std::string to_string(const SocketAddress& address) {
  const std::string host = to_string(address.address);
  return (address.address.is_v4() ? host : '[' + host + ']') + ':' + std::to_string(address.tcp_port);
}

}  // namespace levee
