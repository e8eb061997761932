// Threads known to EAL, and the TSC; see thread.h.
#include "dpdk/thread.h"

#include <fmt/core.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "device/startup_error.h"

namespace levee::dpdk {

RegisteredThread::RegisteredThread(unsigned index) {
  unsigned lcore = 0;
  unsigned number = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) {
    if (rte_lcore_has_role(lcore, ROLE_RTE) == 0 || number++ != index) continue;
    const rte_cpuset_t cpus = rte_lcore_cpuset(lcore);
    pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
    break;
  }
  if (rte_thread_register() == 0) return;
  throw device::StartupError(
      device::kExitDevice,
      fmt::format("worker {} cannot join EAL: {}; name fewer lcores before --", index, rte_strerror(rte_errno)));
}

RegisteredThread::~RegisteredThread() { rte_thread_unregister(); }

TscClock::TscClock()
    : origin_(rte_rdtsc()),
      nanoseconds_per_tick_(
          static_cast<std::uint64_t>((static_cast<unsigned __int128>(1'000'000'000) << 32) / rte_get_tsc_hz())) {}

Instant TscClock::now() const {
  const auto ticks = static_cast<unsigned __int128>(rte_rdtsc() - origin_);
  return Instant(Duration(static_cast<Duration::rep>((ticks * nanoseconds_per_tick_) >> 32)));
}

}  // namespace levee::dpdk
