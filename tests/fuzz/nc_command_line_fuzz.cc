// levee-nc's command line: HOST PORT, or -l PORT, among flags and EAL's words; read as it stands there or refused with
// a sentence. See flag_file.h for how an input says it.
#include <arpa/inet.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <string>

#include "apps/command_line.h"
#include "apps/nc_flags.h"
#include "base/check.h"
#include "fuzz/flag_file.h"
#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

const FlagFile flag_file;

// The word is this address in some notation.
bool is_text_of(const std::string& word, const IpAddress& address) {
  in_addr v4{};
  in6_addr v6{};
  if (address.is_v4()) {
    return inet_pton(AF_INET, word.c_str(), &v4) == 1 && ntohl(v4.s_addr) == address.v4().value;
  }
  return inet_pton(AF_INET6, word.c_str(), &v6) == 1 &&
         std::equal(std::begin(v6.s6_addr), std::end(v6.s6_addr), address.v6().octets.begin());
}

bool is_text_of(const std::string& word, std::uint16_t port) {
  const std::size_t digits = word.find_first_not_of('0');
  return digits != std::string::npos && word.substr(digits) == std::to_string(port);
}

void check(const apps::NcSettings& settings, const std::vector<std::string>& words) {
  const EndpointOptions& options = settings.endpoint;
  CHECK(!options.announce);
  const bool listens = settings.remote.tcp_port == 0;
  CHECK(options.listeners.size() == (listens ? 1U : 0U) && options.clients.size() == (listens ? 0U : 1U));
  const std::uint16_t port = listens ? options.listeners.front().local.tcp_port : settings.remote.tcp_port;
  // Both stand in the command line in that order, whatever stands around them.
  auto host = words.begin();
  const auto names_host = [&](const std::string& word) { return is_text_of(word, settings.remote.address); };
  const auto names_port = [&](const std::string& word) { return is_text_of(word, port); };
  if (!listens) host = std::find_if(words.begin(), words.end(), names_host);
  CHECK(port != 0 && host != words.end() && std::find_if(host, words.end(), names_port) != words.end());
}

}  // namespace

FUZZ_TARGET(nc_command_line, input) {
  const std::string_view all = input.text(input.left());
  if (names_a_file(all)) return;
  const google::FlagSaver as_it_was;
  const std::vector<std::string> words = flag_file.read(all);
  try {
    const apps::NcSettings settings = apps::read_nc_settings(words);
    if (settings.task == apps::Task::Help) CHECK(!apps::nc_help_text().empty());
    if (settings.task == apps::Task::Run) check(settings, words);
  } catch (const apps::UsageError& refused) {
    CHECK(!std::string_view(refused.what()).empty());
  }
}

}  // namespace levee::fuzz
