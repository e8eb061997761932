// The loop of a core over live devices, and its figures; see live.h.
#include "runtime/live.h"

#include <sys/prctl.h>

#include <algorithm>
#include <ctime>
#include <utility>

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
  Stats& stats = worker.shard().stats();
  unsigned idle_rounds = 0;
  Instant clock_now = clock.now();
  Instant now = offset.shard_time(clock_now);
  worker.begin(now);
  while (!worker.status().stop.load(std::memory_order_acquire)) {
    now = std::max(now, offset.shard_time(clock_now));
    const std::uint64_t frames_before = stats.value(Counter::FramesReceived);
    const bool busy = worker.poll(now);
    // One reading a loop: it ends this one and is the time of the next.
    const Instant begun = std::exchange(clock_now, clock.now());
    stats.count(Counter::Polls);
    if (stats.value(Counter::FramesReceived) != frames_before) stats.count(Counter::PollsWithFrames);
    if (busy) {
      stats.count(Counter::BusyNanoseconds, static_cast<std::uint64_t>((clock_now - begun).count()));
      idle_rounds = 0;
      continue;
    }
    if (!may_sleep) continue;
    ++idle_rounds;
    const Duration nap = nap_until(now, worker.shard().next_deadline(), idle_rounds);
    if (nap <= Duration::zero()) continue;
    sleep_for(nap);
    clock_now = clock.now();
  }
  worker.finish(now);
}

}  // namespace levee::runtime
