// Shard time that stays near UTC, for hosts that accept each other's cookies (--cookie_key_file): the echoed timestamp
// of a cookie that another host made is only fresh if both count from the same zero. It starts at UTC and is slewed,
// never set: a step would fire timers early or make timestamps go back (RFC 7323 5.4). A clock that an operator set
// hours away is therefore not followed in useful time; restart levee then.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "levee/time.h"

namespace levee::runtime {

class UtcOffset {
 public:
  // Faster than a quartz drifts, slow enough for every timer: half a millisecond a second, as adjtime does.
  static constexpr std::int64_t kSlewedOutOf = 2000;
  // At once, when the caller was held up.
  static constexpr Duration kLargestStep = std::chrono::milliseconds(1);

  // Control thread. `clock` is the process's own clock now. Call `start` before any worker runs.
  void start(Duration utc, Instant clock) {
    offset_.store((utc - clock.time_since_epoch()).count(), std::memory_order_relaxed);
    last_ = clock;
  }
  void follow(Duration utc, Instant clock) {
    const Duration offset(offset_.load(std::memory_order_relaxed));
    const Duration most = std::clamp((clock - last_) / kSlewedOutOf, Duration::zero(), kLargestStep);
    const Duration wanted = utc - clock.time_since_epoch() - offset;
    offset_.store((offset + std::clamp(wanted, -most, most)).count(), std::memory_order_relaxed);
    last_ = clock;
  }

  // Any thread. Two calls may see time go back by kLargestStep at most: the caller keeps the later one.
  [[nodiscard]] Instant shard_time(Instant clock) const {
    return clock + Duration(offset_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<Duration::rep> offset_{0};  // 0 where nobody calls start: time since the process began
  Instant last_{};
};

}  // namespace levee::runtime
