// levee: a TCP endpoint over any DPDK device. From here the tour goes to runtime/endpoint.cc, which starts devices and
// workers, and from there along one packet: README.md names its seven stops.
#include <fmt/core.h>

#include <exception>
#include <string>
#include <vector>

#include "apps/command_line.h"
#include "apps/flags.h"
#include "device/startup_error.h"
#include "levee/endpoint.h"
#include "service/registry.h"

namespace {

int refuse(const std::string& sentence, int exit_code) {
  fmt::print(stderr, "levee: {}\n", sentence);
  return exit_code;
}

int run(const levee::apps::Settings& settings) {
  using levee::apps::Task;
  const std::string fault = levee::service::check(settings.services);
  if (!fault.empty()) return refuse(fault, levee::device::kExitUsage);

  levee::Endpoint endpoint(settings.endpoint);
  for (const levee::service::Entry& entry : levee::service::builtin(settings.services)) {
    endpoint.add_service(std::string(entry.name), entry.factory);
  }
  if (settings.task == Task::CheckConfig || settings.task == Task::PrintConfig) {
    const std::string wrong = endpoint.check();
    if (!wrong.empty()) return refuse(wrong, levee::device::kExitUsage);
    if (settings.task == Task::PrintConfig) fmt::print("{}", levee::apps::print_config());
    return 0;
  }
  const levee::EndpointResult result = endpoint.run();
  return result.exit_code == 0 ? 0 : refuse(result.error, result.exit_code);
}

}  // namespace

int main(int argc, char** argv) try {
  using levee::apps::Task;
  const levee::apps::Settings settings = levee::apps::read_settings(std::vector<std::string>(argv + 1, argv + argc));
  if (settings.task == Task::Help) {
    fmt::print("{}", levee::apps::help_text());
    return 0;
  }
  if (settings.task == Task::Version) {
    fmt::print("levee {}\n", levee::apps::kVersion);
    return 0;
  }
  return run(settings);
} catch (const levee::apps::UsageError& error) {
  return refuse(error.what(), levee::device::kExitUsage);
} catch (const std::exception& error) {
  return refuse(error.what(), levee::device::kExitDevice);
}
