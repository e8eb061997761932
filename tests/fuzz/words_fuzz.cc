// Words of the command line: addresses, prefixes, listeners, times, sizes, rates. Each is refused with a sentence or
// means what it says, which is then said back and read again.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "apps/parse.h"
#include "base/check.h"
#include "fuzz/target.h"
#include "levee/address.h"

namespace levee::fuzz {
namespace {

// Nothing if the word is refused, for which there is a sentence.
template <typename Parse>
auto read(std::string_view word, Parse parse) -> std::optional<decltype(parse(word))> {
  try {
    return parse(word);
  } catch (const apps::BadWord& bad) {
    CHECK(!std::string_view(bad.what()).empty());
    return std::nullopt;
  }
}

void addresses6(const std::string& word) {
  const auto v6 = parse_ipv6(word);
  in6_addr theirs{};
  const bool known = word.find('\0') == std::string::npos && inet_pton(AF_INET6, word.c_str(), &theirs) == 1;
  CHECK(known == v6.has_value());
  if (!v6) return;
  CHECK(std::equal(v6->octets.begin(), v6->octets.end(), std::begin(theirs.s6_addr)));
  const std::string text = to_string(*v6);
  CHECK(parse_ipv6(text) == v6);
  // RFC 5952 5 leaves ::/96 to taste: inet_ntop takes it for an IPv4 address.
  char usual[INET6_ADDRSTRLEN];
  CHECK(inet_ntop(AF_INET6, &theirs, usual, sizeof(usual)) == usual);
  if (!v6->is_within({}, 96)) CHECK(text == usual);
  CHECK(parse_ip(word).has_value() == !v6->is_v4_mapped());
}

void addresses(const std::string& word) {
  const auto v4 = parse_ipv4(word);
  in_addr theirs{};
  const bool known = word.find('\0') == std::string::npos && inet_pton(AF_INET, word.c_str(), &theirs) == 1;
  CHECK(known == v4.has_value());
  if (v4) {
    CHECK(ntohl(theirs.s_addr) == v4->value);
    CHECK(parse_ipv4(to_string(*v4)) == v4);
    CHECK(to_string(*v4) == word);
  }
  if (const auto mac = parse_mac(word)) CHECK(parse_mac(to_string(*mac)) == mac);
}

std::string text_of(const LinkId& link) {
  return link.vlan == 0 ? fmt::format("@{}", link.port) : fmt::format("@{}.{}", link.port, link.vlan);
}

void interfaces(std::string_view word) {
  if (const auto address = read(word, apps::parse_address)) {
    CHECK(address->prefix_length <= address->address.bits() && address->link.vlan <= 4094);
    const std::string text = fmt::format("{}/{}", to_string(address->address), address->prefix_length);
    const auto again = apps::parse_address(text + text_of(address->link));
    CHECK(again.address == address->address && again.prefix_length == address->prefix_length);
    CHECK(again.link == address->link);
  }
  if (const auto route = read(word, apps::parse_gateway)) {
    CHECK(route->prefix_length == 0 && route->prefix.is_unspecified());
    const auto again = apps::parse_gateway(to_string(route->next_hop) + (route->link ? text_of(*route->link) : ""));
    CHECK(again.next_hop == route->next_hop && again.link == route->link);
  }
  const std::size_t comma = word.find(',');
  if (comma == std::string_view::npos) return;
  const auto parse = [&](std::string_view prefix) { return apps::parse_route(prefix, word.substr(comma + 1)); };
  if (const auto route = read(word.substr(0, comma), parse)) CHECK(route->prefix_length <= route->prefix.bits());
}

void listeners(std::string_view word) {
  const auto listener = read(word, apps::parse_listener);
  if (!listener) return;
  CHECK(listener->local.tcp_port != 0 && !listener->service.empty());
  CHECK(listener->service.find('/') == std::string::npos);
  const std::string text = fmt::format("{}/{}", to_string(listener->local), listener->service);
  const auto again = apps::parse_listener(text + (listener->server_first ? "/server_first" : ""));
  CHECK(again.service == listener->service && again.server_first == listener->server_first);
  CHECK(again.local == listener->local);
}

// Digits, a point, digits and a power of 1024, without floating point; nothing for more digits than a double holds.
std::optional<std::uint64_t> exact_size(std::string_view word) {
  constexpr std::string_view kSuffixes = "kmg";
  std::uint64_t value = 0, parts = 1, factor = 1;
  const std::size_t suffix = kSuffixes.find(word.back());
  if (suffix != std::string_view::npos) factor = std::uint64_t{1024} << 10 * suffix;
  bool behind_point = false;
  if (word.size() > 12) return std::nullopt;
  for (const char c : word) {
    if (c >= '0' && c <= '9') {
      value = 10 * value + static_cast<std::uint64_t>(c - '0');
      if (behind_point) parts *= 10;
    }
    behind_point |= c == '.';
  }
  CHECK(static_cast<unsigned __int128>(value) * factor % parts == 0);
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(value) * factor / parts);
}

void quantities(std::string_view word) {
  if (const auto duration = read(word, apps::parse_duration)) {
    CHECK(*duration >= Duration{} && *duration <= std::chrono::hours(24 * 365));
    // Beyond 2^53 a number of nanoseconds is not exact.
    if (duration->count() <= std::int64_t{1} << 53) {
      CHECK(apps::parse_duration(fmt::format("{}ns", duration->count())) == *duration);
    }
  }
  if (const auto size = read(word, apps::parse_size)) {
    CHECK(apps::parse_size(std::to_string(*size)) == *size);
    CHECK(exact_size(word).value_or(*size) == *size);
  }
  if (const auto rate = read(word, apps::parse_rate)) CHECK(apps::parse_rate(std::to_string(*rate)) == *rate);
  const auto number = read(word, [](std::string_view text) { return apps::parse_number(text, 3, 70000); });
  if (number) CHECK(*number >= 3 && *number <= 70000);
}

}  // namespace

FUZZ_TARGET(words, input) {
  const std::string word(input.text(64));
  addresses(word);
  addresses6(word);
  interfaces(word);
  listeners(word);
  quantities(word);
  std::string joined;
  const auto parts = apps::split(word, ',');
  for (std::size_t i = 0; i < parts.size(); ++i) joined.append(i == 0 ? "" : ",").append(parts[i]);
  CHECK(joined == word);
}

}  // namespace levee::fuzz
