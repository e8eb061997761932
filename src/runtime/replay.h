// Drives a worker by the time stamps of captures: virtual time starts with the earliest frame, jumps from frame to
// frame and from timer to timer, and goes on after the last frame until no timer is armed. The same captures and
// secrets give the same frames out. The keys of cookies follow the time stamps, not the wall clock.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "runtime/cookie_keys.h"
#include "runtime/worker.h"

namespace levee::runtime {

class Replay {
 public:
  // Every port of the worker must carry time. `writer` may be null; it is told what virtual zero means.
  Replay(Worker& worker, device::PcapWriter* writer, const KeySchedule& keys);

  // Runs to the end of the captures and of the timers, or until the worker's status cuts it short.
  void run();
  // Virtual time, as far as it got.
  [[nodiscard]] Instant now() const { return now_; }

 private:
  // What a port brought and the shard has not seen yet; all of one instant.
  struct Source {
    device::Device* port = nullptr;
    std::array<shard::Frame, Worker::kBurst> frames{};
    device::Received received{};
  };

  [[nodiscard]] Source* earliest();
  void receive(Source& source);
  void run_timers_until(Instant limit);
  void serve_all();
  [[nodiscard]] bool cut_short() { return worker_->status().cut_short.load(std::memory_order_acquire); }

  Worker* worker_;
  device::PcapWriter* writer_;
  KeySchedule keys_;
  std::vector<Source> sources_;
  std::optional<Duration> origin_;  // of virtual time, since 1970
  Instant stamp_{};                 // of the last frames, before clamping
  Instant now_{};
};

// Runs a replay, then waits, time standing still, for the control thread's mail until `worker.status().stop`.
void run_replay(Worker& worker, device::PcapWriter* writer, const KeySchedule& keys);

}  // namespace levee::runtime
