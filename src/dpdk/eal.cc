// Starting and ending EAL; see eal.h.
#include "dpdk/eal.h"

#include <fmt/core.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string_view>

#include "base/check.h"
#include "device/startup_error.h"

namespace levee::dpdk {

namespace {

// Buffers for the default pool and DPDK's own needs. --no-huge alone would give 64 MB, and pools would be null.
constexpr std::uint64_t kMemoryBytes = 512ULL << 20;

[[noreturn]] void refuse(const std::string& sentence) { throw device::StartupError(device::kExitDevice, sentence); }

// True if a word is one of the options, alone or with "=value"; "-m512" and "-l0" count as "-m" and "-l".
bool has(std::span<const std::string> words, std::initializer_list<std::string_view> options) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::any_of(options.begin(), options.end(), [&](std::string_view option) {
      if (option.size() == 2) return word.size() >= 2 && word[1] != '-' && word.compare(0, 2, option) == 0;
      return word == option || word.compare(0, option.size() + 1, std::string(option) + "=") == 0;
    });
  });
}

bool is_usage(std::string_view line) { return line.rfind("Usage", 0) == 0; }

std::uint64_t free_huge_page_bytes() {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    std::uint64_t kilobytes = 0;
    std::uint64_t pages = 0;
    const std::string name = entry.path().filename();  // hugepages-2048kB
    if (name.rfind("hugepages-", 0) == 0) kilobytes = std::strtoull(name.c_str() + 10, nullptr, 10);
    std::ifstream(entry.path() / "free_hugepages") >> pages;
    bytes += kilobytes * 1024 * pages;
  }
  return bytes;
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

std::vector<std::string> eal_command_line(std::span<const std::string> operators_words, std::uint64_t huge_page_bytes,
                                          int process, std::span<const int> cpus) {
  std::vector<std::string> words{"levee"};
  words.insert(words.end(), operators_words.begin(), operators_words.end());
  const auto open = [&](std::initializer_list<std::string_view> options) { return !has(operators_words, options); };

  if (open({"-m", "--no-huge", "--in-memory", "--huge-dir", "--socket-mem", "--legacy-mem", "--proc-type"})) {
    if (huge_page_bytes < kMemoryBytes) {
      for (const char* word : {"--no-huge", "-m", "512", "--no-shconf"}) words.emplace_back(word);
    } else {
      words.emplace_back("--in-memory");
    }
  }
  if (open({"--no-pci", "-a", "--allow", "-b", "--block"})) words.emplace_back("--no-pci");
  if (open({"--telemetry", "--no-telemetry"})) words.emplace_back("--no-telemetry");
  if (open({"--log-level"})) words.emplace_back("--log-level=*:warning");
  if (open({"--file-prefix"})) words.push_back(fmt::format("--file-prefix=levee-{}", process));
  // One lcore, free to run where this process may: the workers are threads of ours.
  if (open({"-l", "-c", "--lcores", "-s", "--main-lcore"})) {
    std::string list;
    for (const int cpu : cpus) {
      if (!list.empty()) list += ',';
      list += std::to_string(cpu);
    }
    words.push_back(fmt::format("--lcores=0@({})", list));
  }
  return words;
}

Eal::Eal(std::span<const std::string> operators_words) : own_prefix_(!has(operators_words, {"--file-prefix"})) {
  std::vector<std::string> words = eal_command_line(operators_words, free_huge_page_bytes(), getpid(), allowed_cpus());
  std::vector<char*> argv;  // EAL permutes the pointers
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  std::string complaint;
  int result = 0;
  int error = 0;
  const std::uint32_t level = rte_log_get_global_level();
  rte_log_set_global_level(RTE_LOG_WARNING);  // until --log-level is read, EAL would say how many cores there are
  {
    CapturedOutput output;
    result = rte_eal_init(static_cast<int>(words.size()), argv.data());
    error = rte_errno;
    complaint = output.first_line();
  }
  rte_log_set_global_level(level);
  // Unknown options are told on stderr, everything else in the log, both followed by the usage on stdout.
  if (const std::string logged = log_.take_first_line(); complaint.empty() || is_usage(complaint)) complaint = logged;
  runtime_directory_ = rte_eal_get_runtime_dir();
  if (result < 0) {
    remove_runtime_directory();
    refuse(fmt::format("EAL did not start: {}; change the options before --",
                       complaint.empty() ? rte_strerror(error) : complaint));
  }
}

Eal::~Eal() {
  log_.keep();
  rte_eal_cleanup();
  remove_runtime_directory();
}

void Eal::remove_runtime_directory() const {
  std::error_code ignored;
  if (runtime_directory_.empty()) return;
  // Another process may share a prefix that the operator chose: then only an empty directory goes.
  if (own_prefix_) {
    std::filesystem::remove_all(runtime_directory_, ignored);
  } else {
    std::filesystem::remove(runtime_directory_, ignored);
  }
}

void Eal::add(const Vdev& vdev) {
  remove_stale_socket(vdev);
  if (rte_eal_hotplug_add("vdev", vdev.name.c_str(), vdev.arguments.c_str()) == 0) return;
  const std::string logged = log_.take_first_line();
  refuse(fmt::format("cannot start --dev={}: {}{}{}", vdev.text, logged, logged.empty() ? "" : "; ", advice(vdev)));
}

std::vector<std::uint16_t> Eal::ports() const {
  std::vector<std::uint16_t> ports;
  for (std::uint64_t port = 0;
       (port = rte_eth_find_next_owned_by(static_cast<std::uint16_t>(port), RTE_ETH_DEV_NO_OWNER)) < RTE_MAX_ETHPORTS;
       ++port) {
    ports.push_back(static_cast<std::uint16_t>(port));
  }
  return ports;
}

}  // namespace levee::dpdk
