// The flags that levee's programs share, and what each needs to have flags of its own, by gflags. All but the switches
// are strings, so that a wrong value gets our sentence.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/command_line.h"
#include "apps/parse.h"
#include "levee/endpoint.h"

namespace levee::apps {

// Reads one flag's value; a BadWord becomes a sentence with the flag's name.
template <typename Read>
[[nodiscard]] auto value_of(std::string_view flag, std::string_view word, Read read) {
  try {
    return read(word);
  } catch (const BadWord& bad) {
    throw UsageError(fmt::format("--{}={}: {}", flag, word, bad.what()));
  }
}

template <typename T>
[[nodiscard]] T number_of(std::string_view flag, std::string_view word, std::uint64_t least) {
  return value_of(flag, word, [&](std::string_view text) {
    return static_cast<T>(parse_number(text, least, std::numeric_limits<T>::max()));
  });
}

// A size or a rate, as `parse` reads it.
[[nodiscard]] std::uint32_t quantity_of(std::string_view flag, std::string_view word,
                                        std::uint64_t (*parse)(std::string_view));

// What a program that has the flags `names`, beside --help and --version, calls `name`.
[[nodiscard]] FlagKind look_up(std::string_view name, std::span<const char* const> names);
// Sets the flags; ends the program with 2 where gflags would do so with 1.
void parse_with_gflags(const std::vector<std::string>& flags);
// --dev, --address, --gateway, --route, --mtu, --mac, --poll, --pcap_out; --receive_buffer, --send_buffer and the
// flags of keepalive as `active`. Throws UsageError.
void read_common_flags(EndpointOptions& options);
// The flags in this order with their defaults, for --help.
[[nodiscard]] std::string describe(std::span<const char* const> names);

}  // namespace levee::apps
