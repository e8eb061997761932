// levee-nc's flags; see nc_flags.h.
#include "apps/nc_flags.h"

#include <fmt/core.h>
#include <gflags/gflags.h>

#include <array>
#include <chrono>
#include <optional>

#include "apps/command_line.h"
#include "apps/common_flags.h"
#include "apps/parse.h"

DEFINE_bool(l, false, "listen on PORT instead, and take the first connection; later ones are reset");
DECLARE_bool(help);
DECLARE_bool(version);

namespace levee::apps {

namespace {

constexpr std::array kFlagNames{"dev",
                                "address",
                                "gateway",
                                "route",
                                "l",
                                "mtu",
                                "mac",
                                "poll",
                                "pcap_out",
                                "receive_buffer",
                                "send_buffer",
                                "keepalive",
                                "keepalive_idle",
                                "keepalive_interval",
                                "keepalive_probes"};
constexpr std::size_t kMostOperands = 2;
// How often stdin, and a stdout that was full, are looked at.
constexpr Duration kTick = std::chrono::milliseconds(1);

std::uint16_t port_of(const std::string& word) {
  try {
    return static_cast<std::uint16_t>(parse_number(word, 1, 65535));
  } catch (const BadWord& bad) {
    throw UsageError(fmt::format("PORT: {}", bad.what()));
  }
}

IpAddress host_of(const std::string& word) {
  const std::optional<IpAddress> host = parse_ip(word);
  if (!host) throw UsageError(fmt::format("HOST: '{}' is no IP address, give one like 10.0.0.1 or fd00::1", word));
  return *host;
}

}  // namespace

NcSettings read_nc_settings(const std::vector<std::string>& words) {
  const CommandLine line = read_command_line(
      words, [](std::string_view name) { return look_up(name, kFlagNames); }, kMostOperands);
  parse_with_gflags(line.flags);
  NcSettings settings;
  if (FLAGS_help || FLAGS_version) {
    settings.task = FLAGS_help ? Task::Help : Task::Version;
    return settings;
  }
  if (line.operands.size() != (FLAGS_l ? 1U : 2U)) {
    throw UsageError(FLAGS_l ? "give PORT, and no HOST, with -l" : "give HOST PORT, or -l PORT; --help says more");
  }
  EndpointOptions& options = settings.endpoint;
  options.eal_arguments = line.eal;
  read_common_flags(options);
  options.active.fin_wait_2_timeout = {};  // the peer may take any time to answer our half-close
  const std::uint16_t port = port_of(line.operands.back());
  if (FLAGS_l) {
    // What stands in stdin goes out at once: the server may speak first.
    options.listeners = {{.local = {{}, port}, .service = kNcService, .server_first = true, .tcp = options.active}};
  } else {
    settings.remote = {host_of(line.operands.front()), port};
    options.clients = {kNcService};
  }
  options.tick = kTick;
  options.drain = Duration::zero();  // a signal ends the conversation at once
  options.announce = false;          // stdout is the peer's
  return settings;
}

std::string nc_help_text() {
  return "levee-nc [EAL options --] [flags] HOST PORT: stdin to a TCP connection, the connection to stdout.\n"
         "levee-nc [EAL options --] [flags] -l PORT: the same, but the other side connects.\n\n"
         "  levee-nc --dev=tap:levee0 --address=10.0.0.2/24 10.0.0.1 7\n"
         "      talks to the host behind a TAP; then: ip addr add 10.0.0.1/24 dev levee0\n"
         "  levee-nc --dev=tap:levee0 --address=fd00::2/64 -l 9000\n\n"
         "The end of stdin closes our side only; levee-nc ends when the peer has closed as well. Exit codes: 0 both\n"
         "sides have closed; 1 refused, reset, timed out or interrupted; 2 usage; 3 a device or EAL.\n\n" +
         describe(kFlagNames);
}

}  // namespace levee::apps
