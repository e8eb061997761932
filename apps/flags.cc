// levee's flags, by gflags; see flags.h. Those that its other programs have as well are in common_flags.cc.
#include "apps/flags.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <array>
#include <iterator>
#include <string_view>

#include "apps/command_line.h"
#include "apps/common_flags.h"
#include "apps/parse.h"

DEFINE_string(listen, "80/http",
              "listeners, [ADDRESS:]PORT/SERVICE[/server_first],... with an IPv6 ADDRESS in brackets; services are "
              "http, echo, discard, chargen; a "
              "server_first one speaks first, so its SYNs are never answered by cookie");
DEFINE_string(time_wait, "60s", "how long TIME-WAIT lasts: 2MSL");
DEFINE_string(max_connections, "65536", "connections at a time; more are refused and counted");
DEFINE_string(max_time_wait, "65536", "connections in TIME-WAIT at a time; then the oldest makes room and is counted");
DEFINE_string(syn_cookies, "auto",
              "auto: SYNs are kept until the SYN queue is three quarters full, then answered by cookie until it has "
              "drained; always: by cookie; never: a full queue drops");
DEFINE_string(syn_queue, "4096", "SYNs kept until their handshake is complete");
DEFINE_string(accept_backlog, "4096",
              "connections of a listener that its service has not heard of yet; then the handshake's ACK is left "
              "unanswered and counted, and the client tries again");
DEFINE_string(synack_retries, "3", "how often a SYN-ACK of the SYN queue is repeated, 1, 2, 4, ... seconds apart");
DEFINE_string(synack_retransmit_rate, "1k/s",
              "SYN-ACKs repeated a second and worker, at most; while cookies are sent only where one would not do");
DEFINE_string(cookie_rotate, "30s",
              "how long cookies are made with one key; a cookie lives for nearly one to two of it");
DEFINE_string(cookie_key_file, "",
              "master key of cookies for hosts behind one address: 32 hexadecimal digits and a newline in a file of "
              "mode 0600; SIGHUP reads it again, for the next epoch on; default: a random key");
DEFINE_string(cookie_accept, "recent",
              "recent: stray ACKs are tried as cookies while some were sent within two rotations; always: at any time, "
              "which --cookie_key_file implies");
DEFINE_bool(
    cookie_require_ts, false,
    "refuse cookies without a fresh timestamp: a blind ACK then has odds of 2^-40, not 2^-24, and clients without "
    "timestamps are refused while cookies are sent");
DEFINE_string(cookie_idle, "10s",
              "a cookie's connection that has sent nothing is dropped after this time while the flow index or the "
              "connection table is above three quarters");
DEFINE_string(workers, "1", "poll-mode threads; this version runs one");
DEFINE_string(http_root, "", "directory whose files http serves; default: only the status page and /stats.json");
DEFINE_string(duration, "0s", "stop by itself after this time; 0s: run until SIGINT or SIGTERM");
DEFINE_string(drain, "5s", "how long a stop waits for connections to finish before it resets them");
DEFINE_string(stats, "0", "seconds between two lines of counters on stdout; 0: none");
DEFINE_bool(json, false, "counters as one JSON object a line");
DEFINE_string(seed, "", "fix all secrets to repeat a run; only with pcap and ring devices");
DEFINE_bool(check_config, false, "check everything, start nothing; exit code 0 or 2");
DEFINE_bool(print_config, false, "print all flags in force as a flag file");
DECLARE_bool(help);
DECLARE_bool(version);

namespace levee::apps {

namespace {

// In the order of help and print_config.
constexpr std::array kFlagNames{"dev",
                                "address",
                                "gateway",
                                "route",
                                "listen",
                                "mtu",
                                "mac",
                                "http_root",
                                "time_wait",
                                "max_time_wait",
                                "max_connections",
                                "receive_buffer",
                                "send_buffer",
                                "keepalive",
                                "keepalive_idle",
                                "keepalive_interval",
                                "keepalive_probes",
                                "syn_cookies",
                                "syn_queue",
                                "accept_backlog",
                                "synack_retries",
                                "synack_retransmit_rate",
                                "cookie_rotate",
                                "cookie_key_file",
                                "cookie_accept",
                                "cookie_require_ts",
                                "cookie_idle",
                                "workers",
                                "poll",
                                "duration",
                                "drain",
                                "stats",
                                "json",
                                "pcap_out",
                                "seed",
                                "check_config",
                                "print_config"};

SynCookies syn_cookies() {
  if (FLAGS_syn_cookies == "auto") return SynCookies::Auto;
  if (FLAGS_syn_cookies == "always") return SynCookies::Always;
  if (FLAGS_syn_cookies == "never") return SynCookies::Never;
  throw UsageError(fmt::format("--syn_cookies={}: give auto, always or never", FLAGS_syn_cookies));
}

bool cookie_accept_always() {
  if (FLAGS_cookie_accept == "recent") return false;
  if (FLAGS_cookie_accept == "always") return true;
  throw UsageError(fmt::format("--cookie_accept={}: give recent or always", FLAGS_cookie_accept));
}

// How SYNs are answered.
void read_syn_flags(EndpointOptions& options) {
  options.syn = {.cookies = syn_cookies(),
                 .rotate = value_of("cookie_rotate", FLAGS_cookie_rotate, parse_duration),
                 .accept_always = cookie_accept_always(),
                 .require_timestamps = FLAGS_cookie_require_ts,
                 .idle = value_of("cookie_idle", FLAGS_cookie_idle, parse_duration)};
  options.limits.half_open = number_of<std::uint32_t>("syn_queue", FLAGS_syn_queue, 1);
  options.synack_retries = number_of<std::uint8_t>("synack_retries", FLAGS_synack_retries, 0);
  options.synack_retransmit_rate = quantity_of("synack_retransmit_rate", FLAGS_synack_retransmit_rate, parse_rate);
  options.cookie_key_file = FLAGS_cookie_key_file;
}

EndpointOptions endpoint_options() {
  EndpointOptions options;
  read_common_flags(options);
  const auto accept_backlog = number_of<std::uint32_t>("accept_backlog", FLAGS_accept_backlog, 1);
  for (const std::string_view word : split(FLAGS_listen, ',')) {
    options.listeners.push_back(value_of("listen", word, parse_listener));
    options.listeners.back().accept_backlog = accept_backlog;
    options.listeners.back().tcp = options.active;
  }
  options.limits.connections = number_of<std::uint32_t>("max_connections", FLAGS_max_connections, 1);
  options.limits.time_wait = number_of<std::uint32_t>("max_time_wait", FLAGS_max_time_wait, 1);
  read_syn_flags(options);
  options.time_wait = value_of("time_wait", FLAGS_time_wait, parse_duration);
  options.workers = number_of<unsigned>("workers", FLAGS_workers, 1);
  options.duration = value_of("duration", FLAGS_duration, parse_duration);
  options.drain = value_of("drain", FLAGS_drain, parse_duration);
  options.stats_interval = value_of("stats", FLAGS_stats, parse_duration);
  options.json = FLAGS_json;
  if (!FLAGS_seed.empty()) options.seed = number_of<std::uint64_t>("seed", FLAGS_seed, 0);
  return options;
}

Task task_of() {
  if (FLAGS_help) return Task::Help;
  if (FLAGS_version) return Task::Version;
  if (FLAGS_check_config) return Task::CheckConfig;
  return FLAGS_print_config ? Task::PrintConfig : Task::Run;
}

}  // namespace

Settings read_settings(const std::vector<std::string>& words) {
  const CommandLine line = read_command_line(words, [](std::string_view name) { return look_up(name, kFlagNames); });
  parse_with_gflags(line.flags);
  Settings settings;
  settings.task = task_of();
  if (settings.task == Task::Help || settings.task == Task::Version) return settings;
  settings.endpoint = endpoint_options();
  settings.endpoint.eal_arguments = line.eal;
  settings.services = {.http_root = FLAGS_http_root, .version = kVersion};
  return settings;
}

std::string help_text() {
  std::string text =
      "levee [EAL options --] [flags]: a TCP endpoint in user space on DPDK.\n\n"
      "  levee --dev=tap:levee0 --address=10.0.0.2/24 --listen=80/http,7/echo\n"
      "      serves a status page and echo on a TAP; then: ip addr add 10.0.0.1/24 dev levee0\n"
      "  levee --dev=pcap:in.pcap --address=10.0.0.2/24 --seed=1 --pcap_out=out.pcap\n"
      "      answers a capture; the same capture gives the same answers, byte for byte\n"
      "  levee --flagfile=config/tap.flags --stats=1\n"
      "  levee -l 1 -a 0000:03:00.0 -- --address=192.0.2.7/24 --gateway=192.0.2.1\n"
      "      what stands before -- goes to DPDK's EAL\n\n"
      "Times take us, ms, s, m, h; sizes take k, m, g. --flagfile=FILE reads flags from a file.\n\n";
  return text + describe(kFlagNames);
}

std::string print_config() {
  std::string text;
  for (const std::string_view name : kFlagNames) {
    if (name == "check_config" || name == "print_config") continue;
    google::CommandLineFlagInfo info;
    google::GetCommandLineFlagInfo(name.data(), &info);
    fmt::format_to(std::back_inserter(text), "# {}\n--{}={}\n", info.description, name, info.current_value);
  }
  return text;
}

}  // namespace levee::apps
