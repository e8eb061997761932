// Command-line words; see parse.h.
#include "apps/parse.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace levee::apps {

namespace {

struct Suffix {
  std::string_view text;
  double factor;
};

// RFC 4007 4: every link has a fe80::/10 of its own.
constexpr const char* kLinkLocal = "a link-local address is one of a link, name its port like fe80::2@0";

// A number with an optional fraction and one of the suffixes; nothing if the word is anything else.
std::optional<double> number_with_suffix(std::string_view word, std::span<const Suffix> suffixes) {
  if (word.empty() || word.front() < '0' || word.front() > '9') return std::nullopt;
  double value = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(word.data() + word.size() - rest));
  for (const Suffix& known : suffixes) {
    if (known.text == suffix) return value * known.factor;
  }
  return std::nullopt;
}

IpAddress parse_address_word(std::string_view word) {
  if (const std::optional<IpAddress> address = parse_ip(word)) return *address;
  if (const std::optional<Ipv6Address> mapped = parse_ipv6(word)) {
    throw BadWord(
        fmt::format("'{}' is an IPv4 address in IPv6's notation, give {}", word, to_string(IpAddress(*mapped).v4())));
  }
  throw BadWord(fmt::format("'{}' is no IP address, give one like 10.0.0.2 or fd00::2", word));
}

// The part from '@' on is cut off `word`; nothing if there is none.
std::optional<LinkId> take_link(std::string_view& word) {
  const std::size_t at = word.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view link = word.substr(at + 1);
  word = word.substr(0, at);
  const std::size_t dot = link.find('.');
  LinkId id;
  id.port = static_cast<std::uint16_t>(parse_number(link.substr(0, dot), 0, 65535));
  if (dot != std::string_view::npos) id.vlan = static_cast<std::uint16_t>(parse_number(link.substr(dot + 1), 1, 4094));
  return id;
}

std::pair<IpAddress, std::uint8_t> parse_prefix(std::string_view word) {
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) {
    throw BadWord("the prefix length is missing, give one like 10.0.0.2/24 or fd00::2/64");
  }
  const IpAddress address = parse_address_word(word.substr(0, slash));
  return {address, static_cast<std::uint8_t>(parse_number(word.substr(slash + 1), 0, address.bits()))};
}

// "80", "10.0.0.2:80", "[fd00::2]:80".
SocketAddress parse_local(std::string_view word) {
  SocketAddress local;
  if (const std::size_t colon = word.rfind(':'); colon != std::string_view::npos) {
    std::string_view host = word.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    local.address = parse_address_word(host);
    if (local.address.is_v6() != bracketed) {
      throw BadWord("an IPv6 address, and no other, stands in brackets, give one like 10.0.0.2:80 or [fd00::2]:80");
    }
    word = word.substr(colon + 1);
  }
  local.tcp_port = static_cast<std::uint16_t>(parse_number(word, 1, 65535));
  return local;
}

}  // namespace

Duration parse_duration(std::string_view word) {
  constexpr std::array<Suffix, 7> kSuffixes{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  constexpr double kMost = 365.0 * 24 * 3600e9;
  const std::optional<double> nanoseconds = number_with_suffix(word, kSuffixes);
  if (!nanoseconds || *nanoseconds > kMost) throw BadWord("give a time of at most a year like 500ms, 60s or 2m");
  return Duration(std::llround(*nanoseconds));
}

std::uint64_t parse_size(std::string_view word) {
  constexpr std::array<Suffix, 4> kSuffixes{{{"", 1}, {"k", 1024}, {"m", 1048576}, {"g", 1073741824}}};
  constexpr double kMost = 0x1p50;
  const std::optional<double> bytes = number_with_suffix(word, kSuffixes);
  if (!bytes || *bytes > kMost || *bytes != std::floor(*bytes)) throw BadWord("give a size like 4096, 64k, 1.5m or 2g");
  return static_cast<std::uint64_t>(*bytes);
}

std::uint64_t parse_rate(std::string_view word) {
  constexpr std::array<Suffix, 6> kSuffixes{{{"", 1}, {"/s", 1}, {"k", 1e3}, {"k/s", 1e3}, {"m", 1e6}, {"m/s", 1e6}}};
  constexpr double kMost = 1e12;
  const std::optional<double> rate = number_with_suffix(word, kSuffixes);
  if (!rate || *rate > kMost || *rate != std::floor(*rate)) throw BadWord("give a rate like 1000, 1k or 1k/s");
  return static_cast<std::uint64_t>(*rate);
}

std::uint64_t parse_number(std::string_view word, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || rest != word.data() + word.size() || value < least || value > most) {
    throw BadWord(fmt::format("'{}' is not a number of {} to {}", word, least, most));
  }
  return value;
}

EndpointAddress parse_address(std::string_view word) {
  EndpointAddress address;
  const std::optional<LinkId> link = take_link(word);
  const std::pair<IpAddress, std::uint8_t> prefix = parse_prefix(word);
  address.address = prefix.first;
  address.prefix_length = prefix.second;
  if (!link && address.address.is_v6() && address.address.is_link_local()) throw BadWord(kLinkLocal);
  address.link = link.value_or(LinkId{});
  return address;
}

EndpointRoute parse_gateway(std::string_view word) {
  EndpointRoute route;
  route.link = take_link(word);
  route.next_hop = parse_address_word(word);
  if (!route.link && route.next_hop.is_v6() && route.next_hop.is_link_local()) throw BadWord(kLinkLocal);
  if (route.next_hop.is_v6()) route.prefix = Ipv6Address{};
  return route;
}

EndpointRoute parse_route(std::string_view prefix, std::string_view next_hop) {
  EndpointRoute route = parse_gateway(next_hop);
  const std::pair<IpAddress, std::uint8_t> parsed = parse_prefix(prefix);
  route.prefix = parsed.first;
  route.prefix_length = parsed.second;
  return route;
}

EndpointListener parse_listener(std::string_view word) {
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos || slash + 1 == word.size()) {
    throw BadWord("the service is missing, give one like 80/http");
  }
  constexpr std::string_view kServerFirst = "/server_first";
  EndpointListener listener;
  listener.service = word.substr(slash + 1);
  if (listener.service.ends_with(kServerFirst)) {
    listener.server_first = true;
    listener.service.resize(listener.service.size() - kServerFirst.size());
  }
  if (listener.service.empty() || listener.service.find('/') != std::string::npos) {
    throw BadWord("give one service, behind it nothing or /server_first, like 19/chargen/server_first");
  }
  listener.local = parse_local(word.substr(0, slash));
  return listener;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    words.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) words.push_back(text);
  }
  return words;
}

}  // namespace levee::apps
