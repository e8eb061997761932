// Words of the command line turned into values. Each function accepts exactly one notation and throws BadWord, whose
// text completes the sentence "--flag=WORD: ...".
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "levee/endpoint.h"

namespace levee::apps {

class BadWord : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// "500ms", "60s", "2m", "1.5h", "250us"; a bare number is seconds.
[[nodiscard]] Duration parse_duration(std::string_view word);
// "65536", "64k", "1.5m", "2g": powers of 1024. Whole bytes only.
[[nodiscard]] std::uint64_t parse_size(std::string_view word);
// "1000", "1k", "2.5k/s", "1m": events a second, powers of 1000. Whole numbers only.
[[nodiscard]] std::uint64_t parse_rate(std::string_view word);
// A decimal number, no sign.
[[nodiscard]] std::uint64_t parse_number(std::string_view word, std::uint64_t least, std::uint64_t most);

// "10.0.0.2/24", "fd00::2/64@1", "10.0.0.2/24@1.100"; an IPv6 link-local address needs its link.
[[nodiscard]] EndpointAddress parse_address(std::string_view word);
// "10.0.0.1", "fd00::1", "fe80::1@1.100": the default route of its family.
[[nodiscard]] EndpointRoute parse_gateway(std::string_view word);
// "PREFIX/LENGTH" and what parse_gateway takes.
[[nodiscard]] EndpointRoute parse_route(std::string_view prefix, std::string_view next_hop);
// "80/http", "10.0.0.2:7/echo", "[fd00::2]:9/discard", "19/chargen/server_first". The service is not looked up.
[[nodiscard]] EndpointListener parse_listener(std::string_view word);

// The words between separators; none for an empty text. An empty word between two separators is kept.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace levee::apps
