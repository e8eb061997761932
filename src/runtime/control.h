// The control thread's part of a run: telemetry and the keys of cookies while it lasts, and the drain at its end.
#pragma once

#include <functional>
#include <optional>

#include "levee/endpoint.h"
#include "runtime/cookie_keys.h"
#include "runtime/crew.h"
#include "runtime/telemetry.h"
#include "runtime/wakeup.h"

namespace levee::runtime {

class Control {
 public:
  // `keys` as announced so far; none in a replay, which keeps its own time and key.
  Control(const EndpointOptions& options, Crew& crew, Wakeup& wakeup, const dpdk::TscClock& clock,
          const std::optional<KeySchedule>& keys);

  // Until a signal, a stop, the duration's end or the end of a replay.
  void supervise();
  // Stops accepting, lets connections finish until the deadline, resets the rest. A second signal ends the process;
  // `last_act` is called just before.
  void drain(const std::function<void()>& last_act);
  // The last words.
  void print_totals();

 private:
  [[nodiscard]] Duration time_to_next_event() const;
  // Waits at most this long, then does what is due by itself: stats, keys, a key file to be read again.
  [[nodiscard]] Wakeup::Cause wait(Duration at_most);
  void print_due_stats();
  void keep_utc();
  void reread_key_file();
  [[nodiscard]] bool wait_until_drained(Duration at_most, const std::function<void()>& last_act);

  const EndpointOptions* options_;
  Crew* crew_;
  Wakeup* wakeup_;
  const dpdk::TscClock* clock_;
  Telemetry telemetry_;
  std::optional<KeySchedule> keys_;
  std::optional<shard::KeyEpoch> unsent_;
  Instant started_;
  Instant next_stats_ = kNever;
  Instant end_ = kNever;
  bool replayed_ = false;  // the captures ended by themselves
};

}  // namespace levee::runtime
