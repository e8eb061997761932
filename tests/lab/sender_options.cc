// The sender's command line; see sender_options.h.
#include "lab/sender_options.h"

#include <fmt/core.h>
#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "device/startup_error.h"

namespace levee::lab {

namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw device::StartupError(device::kExitUsage, sentence); }

std::uint64_t number_of(std::string_view name, std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number <= most) return number;
  refuse(fmt::format("--{}={}: give a number up to {}", name, text, most));
}

template <typename T>
T address_of(std::string_view name, const char* text, const std::optional<T>& address) {
  if (!address) refuse(fmt::format("--{}={}: give an address", name, text));
  return *address;
}

void set(SenderOptions& options, std::string_view name, const char* text) {
  const auto number = [&](std::uint64_t most) { return number_of(name, text, most); };
  if (name == "to") options.target.address = address_of(name, text, parse_ipv4(text));
  if (name == "to_mac") options.target.mac = address_of(name, text, parse_mac(text));
  if (name == "from_mac") options.target.our_mac = address_of(name, text, parse_mac(text));
  if (name == "port") options.target.tcp_port = static_cast<std::uint16_t>(number(65535));
  if (name == "seconds") options.seconds = number(600);
  if (name == "count") options.count = number(10'000'000'000);
  if (name == "rate") options.rate = number(100'000'000);
  if (name == "tuples") options.tuples = std::max<std::uint64_t>(number(1U << 26), 1);
  if (name == "check") options.check = number(1'000'000'000);
  if (name == "wait") options.wait = number(600);
  if (name == "linger") options.linger = number(600);
}

}  // namespace

SenderOptions read_sender_options(int argc, char** argv) {
  constexpr int kValue = required_argument;
  constexpr option kNames[] = {
      {"to", kValue, nullptr, 0},   {"to_mac", kValue, nullptr, 0},  {"from_mac", kValue, nullptr, 0},
      {"port", kValue, nullptr, 0}, {"seconds", kValue, nullptr, 0}, {"count", kValue, nullptr, 0},
      {"rate", kValue, nullptr, 0}, {"tuples", kValue, nullptr, 0},  {"check", kValue, nullptr, 0},
      {"wait", kValue, nullptr, 0}, {"linger", kValue, nullptr, 0},  {nullptr, 0, nullptr, 0}};
  SenderOptions options;
  options.target = {.our_mac = *parse_mac("02:00:00:00:00:01"),
                    .mac = *parse_mac("02:00:00:00:00:02"),
                    .address = {},
                    .tcp_port = 80};
  int index = 0;
  for (int found = 0; (found = getopt_long(argc, argv, "", kNames, &index)) != -1;) {
    if (found != 0) refuse(kSenderUsage);
    set(options, kNames[index].name, optarg);
  }
  if (optind + 1 != argc || options.target.address.is_unspecified()) refuse(kSenderUsage);
  options.device = argv[optind];
  return options;
}

}  // namespace levee::lab
