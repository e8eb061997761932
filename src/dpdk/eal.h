// DPDK's environment layer for the life of one object: started with the operator's options or with sane ones, cleaned
// up with nothing left in /var/run/dpdk. EAL can be started once in a process; so can this.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dpdk/log.h"
#include "dpdk/vdev.h"

namespace levee::dpdk {

// The whole command line for EAL: the operator's words as they stand, behind them what they leave open. Memory: without
// free huge pages --no-huge. Buses: no PCI unless a PCI device is named. Threads: EAL makes none of its own.
// `free_huge_page_bytes` and `process` are arguments so that a test can choose them.
[[nodiscard]] std::vector<std::string> eal_command_line(std::span<const std::string> operators_words,
                                                        std::uint64_t free_huge_page_bytes, int process,
                                                        std::span<const int> cpus);

class Eal {
 public:
  // Throws StartupError (exit code 3).
  explicit Eal(std::span<const std::string> operators_words);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // Probes a virtual device; throws StartupError (exit code 3). rte_eal_init would not report a failed --vdev.
  void add(const Vdev& vdev);

  // Port numbers of all devices, in order of their appearance.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;

  // For a process that is about to end without cleaning up: takes away what it has in /var/run/dpdk.
  void forget() { remove_runtime_directory(); }

  // Log lines go to stderr from here on; before, they only explain a failure.
  void started() { log_.forward_to_stderr(); }

 private:
  void remove_runtime_directory() const;

  std::string runtime_directory_;
  Log log_;
  bool own_prefix_ = false;
};

}  // namespace levee::dpdk
