// The text forms of include/levee/address.h.
#include "levee/address.h"

#include <arpa/inet.h>

#include <charconv>

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

std::string to_string(const IpAddress& address) {
  if (address.is_v4()) return to_string(address.v4());
  char text[INET6_ADDRSTRLEN] = {};
  return ::inet_ntop(AF_INET6, address.bytes().data(), text, sizeof(text)) != nullptr ? text : std::string();
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
