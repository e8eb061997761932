// The loop of a core over live devices; see live.h.
#include "runtime/live.h"

#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

#include "runtime/poll.h"

namespace levee::runtime {

namespace {

void sleep_for(Duration nap) {
  // An early return, as a TAP's signal about a frame brings it, is welcome.
  const timespec request{.tv_sec = 0, .tv_nsec = static_cast<long>(nap.count())};
  nanosleep(&request, nullptr);
}

}  // namespace

void run_live(Worker& worker, const dpdk::TscClock& clock, const UtcOffset& offset, bool may_sleep) {
  // The kernel would add its default of 50 us to every nap.
  if (may_sleep) prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  unsigned idle_rounds = 0;
  Instant now = offset.shard_time(clock.now());
  while (!worker.status().stop.load(std::memory_order_acquire)) {
    now = std::max(now, offset.shard_time(clock.now()));
    if (worker.poll(now)) {
      idle_rounds = 0;
      continue;
    }
    if (!may_sleep) continue;
    ++idle_rounds;
    const Duration nap = nap_until(now, worker.shard().next_deadline(), idle_rounds);
    if (nap > Duration::zero()) sleep_for(nap);
  }
  worker.finish(now);
}

}  // namespace levee::runtime
