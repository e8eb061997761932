// Shared flags; see common_flags.h.
#include "apps/common_flags.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdlib>
#include <iterator>

DEFINE_string(dev, "",
              "devices, separated by ';': tap:NAME, pcap:IN[,OUT], ring, memif:SOCKET[,server], virtio:SOCKET; "
              "they are ports 0, 1, ... in this order");
DEFINE_string(
    address, "",
    "our addresses of either family, ADDRESS/LENGTH[@PORT[.VLAN]],...; LENGTH is the on-link prefix, 32 or 128 a "
    "routed address");
DEFINE_string(gateway, "", "default routes, ADDRESS[@PORT[.VLAN]],...; each is its own family's");
DEFINE_string(route, "", "routes, PREFIX/LENGTH,NEXTHOP[@PORT[.VLAN]],...");
DEFINE_string(mtu, "1500",
              "bytes of an IP packet; MSS and options follow it; at most 1500 on a TAP, at least 1280 with IPv6");
DEFINE_string(mac, "", "our MAC address; default: the device's, or a locally administered one of our own behind a TAP");
DEFINE_string(poll, "auto",
              "adaptive: an idle worker sleeps up to 50 us; busy: never; auto: adaptive where all devices are virtual");
DEFINE_string(pcap_out, "", "write every frame sent to this file, stamped with levee's own time");
DEFINE_string(receive_buffer, "256k", "receive buffer of a connection: the largest window advertised");
DEFINE_string(send_buffer, "256k", "send buffer of a connection");
DEFINE_bool(keepalive, false, "probe peers that have long been silent (RFC 9293 3.8.4)");
DEFINE_string(keepalive_idle, "2h", "with --keepalive: how long without a word from the peer before it is probed");
DEFINE_string(keepalive_interval, "75s", "with --keepalive: from one unanswered probe to the next");
DEFINE_string(keepalive_probes, "10", "with --keepalive: unanswered probes that end the connection");

namespace google {
extern void (*gflags_exitfunc)(int);  // gflags' own hook; by default it exits with 1
}

namespace levee::apps {

namespace {

PollMode poll_mode() {
  if (FLAGS_poll == "auto") return PollMode::Auto;
  if (FLAGS_poll == "adaptive") return PollMode::Adaptive;
  if (FLAGS_poll == "busy") return PollMode::Busy;
  throw UsageError(fmt::format("--poll={}: give auto, adaptive or busy", FLAGS_poll));
}

std::vector<EndpointRoute> routes() {
  std::vector<EndpointRoute> routes;
  for (const std::string_view word : split(FLAGS_gateway, ',')) {
    routes.push_back(value_of("gateway", word, parse_gateway));
  }
  const std::vector<std::string_view> words = split(FLAGS_route, ',');
  if (words.size() % 2 != 0) throw UsageError(fmt::format("--route={}: give PREFIX/LENGTH,NEXTHOP pairs", FLAGS_route));
  for (std::size_t i = 0; i < words.size(); i += 2) {
    routes.push_back(
        value_of("route", words[i], [&](std::string_view prefix) { return parse_route(prefix, words[i + 1]); }));
  }
  return routes;
}

}  // namespace

std::uint32_t quantity_of(std::string_view flag, std::string_view word, std::uint64_t (*parse)(std::string_view)) {
  const std::uint64_t value = value_of(flag, word, parse);
  if (value > std::numeric_limits<std::uint32_t>::max())
    throw UsageError(fmt::format("--{}={}: too large", flag, word));
  return static_cast<std::uint32_t>(value);
}

FlagKind look_up(std::string_view name, std::span<const char* const> names) {
  if (name == "help" || name == "version") return FlagKind::Boolean;
  for (const char* ours : names) {
    if (ours != name) continue;
    google::CommandLineFlagInfo info;
    google::GetCommandLineFlagInfo(ours, &info);
    return info.type == "bool" ? FlagKind::Boolean : FlagKind::Valued;
  }
  return FlagKind::Unknown;
}

void parse_with_gflags(const std::vector<std::string>& flags) {
  google::gflags_exitfunc = [](int) { std::exit(2); };
  std::vector<std::string> words{"levee"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  char** arguments = argv.data();
  google::ParseCommandLineNonHelpFlags(&argc, &arguments, true);
}

void read_common_flags(EndpointOptions& options) {
  for (const std::string_view word : split(FLAGS_dev, ';')) options.devices.emplace_back(word);
  for (const std::string_view word : split(FLAGS_address, ',')) {
    options.addresses.push_back(value_of("address", word, parse_address));
  }
  options.routes = routes();
  options.mtu = number_of<std::uint16_t>("mtu", FLAGS_mtu, 1);
  if (!FLAGS_mac.empty()) {
    options.mac = parse_mac(FLAGS_mac);
    if (!options.mac) throw UsageError(fmt::format("--mac={}: give an address like 02:00:00:00:00:02", FLAGS_mac));
  }
  options.poll = poll_mode();
  options.pcap_out = FLAGS_pcap_out;
  options.active.receive_buffer = quantity_of("receive_buffer", FLAGS_receive_buffer, parse_size);
  options.active.send_buffer = quantity_of("send_buffer", FLAGS_send_buffer, parse_size);
  // RFC 9293 MUST-24, MUST-25: an option, and off by default; MUST-27: its times can be set.
  options.active.keepalive = FLAGS_keepalive;
  options.active.keepalive_idle = value_of("keepalive_idle", FLAGS_keepalive_idle, parse_duration);
  options.active.keepalive_interval = value_of("keepalive_interval", FLAGS_keepalive_interval, parse_duration);
  options.active.keepalive_probes = number_of<std::uint8_t>("keepalive_probes", FLAGS_keepalive_probes, 1);
}

std::string describe(std::span<const char* const> names) {
  std::string text;
  for (const char* name : names) {
    google::CommandLineFlagInfo info;
    google::GetCommandLineFlagInfo(name, &info);
    fmt::format_to(std::back_inserter(text), "  --{}={}\n      {}\n", name, info.default_value, info.description);
  }
  return text;
}

}  // namespace levee::apps
