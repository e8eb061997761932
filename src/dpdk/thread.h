// What a worker's thread needs of EAL: to be known to it, so that it gets a cache of packet buffers, and the clock.
#pragma once

#include <cstdint>

#include "levee/time.h"

namespace levee::dpdk {

// Makes the calling thread known to EAL for the life of the object. Throws StartupError (exit code 3).
class RegisteredThread {
 public:
  // Where the operator named lcores before `--`, the thread of worker `index` runs on the index-th of the workers'.
  explicit RegisteredThread(unsigned index);
  ~RegisteredThread();
  RegisteredThread(const RegisteredThread&) = delete;
  RegisteredThread& operator=(const RegisteredThread&) = delete;
};

// The time stamp counter as time since this object was made. Any thread; needs EAL, which measured the frequency.
class TscClock {
 public:
  TscClock();
  [[nodiscard]] Instant now() const;

 private:
  std::uint64_t origin_;
  std::uint64_t nanoseconds_per_tick_;  // 32.32 fixed point
};

}  // namespace levee::dpdk
