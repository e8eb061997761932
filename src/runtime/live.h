// Drives a worker by the clock, for devices that bring frames when the world sends them.
#pragma once

#include "dpdk/thread.h"
#include "runtime/utc_offset.h"
#include "runtime/worker.h"

namespace levee::runtime {

// Returns after `worker.status().stop`; `may_sleep` is --poll=adaptive.
void run_live(Worker& worker, const dpdk::TscClock& clock, const UtcOffset& offset, bool may_sleep);

}  // namespace levee::runtime
