// The wall clock, which floors below never read. It may be set back at any time: only the epochs of cookie keys use it.
#pragma once

#include <chrono>

#include "levee/time.h"

namespace levee::runtime {

// Since 1970, leap seconds left out. Any thread.
[[nodiscard]] inline Duration utc_now() {
  return std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace levee::runtime
