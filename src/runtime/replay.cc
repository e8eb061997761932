// Virtual time over captures; see replay.h.
#include "runtime/replay.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace levee::runtime {

namespace {

// Retransmissions give up after about 15 minutes, TIME-WAIT lasts minutes: beyond this a timer re-arms itself for ever,
// as a zero-window probe does (RFC 9293 3.8.6.1).
constexpr Duration kLongestTail = std::chrono::hours(2);
// Rounds of transmit at one instant; each writes at least one frame, and a send buffer is bounded.
constexpr unsigned kRoundsPerInstant = 100'000;
constexpr Duration kTick = std::chrono::milliseconds(1);

}  // namespace

Replay::Replay(Worker& worker, device::PcapWriter* writer, const KeySchedule& keys)
    : worker_(&worker), writer_(writer), keys_(keys) {
  for (device::Device* port : worker.ports()) {
    if (port != nullptr) sources_.push_back({.port = port});
  }
}

void Replay::run() {
  while (!cut_short()) {
    Source* source = earliest();
    if (source != nullptr) {
      receive(*source);
      continue;
    }
    const bool all_ended = std::all_of(sources_.begin(), sources_.end(), [](const auto& s) { return s.received.end; });
    if (all_ended) break;
  }
  // Cut short: what was taken from a capture and waits for its turn still goes in, or its buffers would not come back.
  for (Source& source : sources_) {
    if (source.received.frames > 0) receive(source);
  }
  run_timers_until(now_ + kLongestTail);
}

// Asks every port for frames that has none waiting; nullptr if none has any.
Replay::Source* Replay::earliest() {
  Source* best = nullptr;
  for (Source& source : sources_) {
    if (source.received.frames == 0 && !source.received.end) source.received = source.port->receive(source.frames);
    if (source.received.frames == 0) continue;
    if (best == nullptr || source.received.time < best->received.time) best = &source;
  }
  return best;
}

void Replay::receive(Source& source) {
  const Instant stamp = source.received.time;
  if (!origin_) {
    origin_ = stamp.time_since_epoch();
    stamp_ = stamp;
    if (writer_ != nullptr) writer_->set_origin(*origin_);
  }
  // Time does not run backwards for timers: a step back is taken as no step.
  if (stamp < stamp_) worker_->shard().stats().count(Counter::ClockWentBack);
  stamp_ = stamp;
  const Instant when = std::max(now_, Instant(stamp.time_since_epoch() - *origin_));
  run_timers_until(when);
  now_ = when;
  // Only frames make or try cookies: keys between them would be used by nobody.
  if (const auto epoch = keys_.due(*origin_ + now_.time_since_epoch())) worker_->shard().deliver(now_, *epoch);
  worker_->take_frames(now_, std::span(source.frames).first(source.received.frames));
  source.received.frames = 0;
  serve_all();
}

// Deadline by deadline, so that each timer fires at its own time and not at that of the next frame.
void Replay::run_timers_until(Instant limit) {
  while (!cut_short()) {
    const Instant deadline = worker_->shard().next_deadline();
    if (deadline == kNever || deadline > limit) return;
    now_ = std::max(now_, deadline);
    serve_all();
    // Timers are lazy: a deadline may prove early, but the one after it must not stand still.
    if (worker_->shard().next_deadline() <= now_) {
      if (now_ + kTick > limit) return;
      now_ += kTick;
    }
  }
}

void Replay::serve_all() {
  for (unsigned round = 0; round < kRoundsPerInstant && worker_->serve(now_); ++round) {
  }
}

void run_replay(Worker& worker, device::PcapWriter* writer, const KeySchedule& keys) {
  Replay replay(worker, writer, keys);
  worker.begin(replay.now());
  replay.run();
  Phase running = Phase::Running;
  worker.status().phase.compare_exchange_strong(running, Phase::Ended, std::memory_order_acq_rel);
  while (!worker.status().stop.load(std::memory_order_acquire)) {
    const bool mail = worker.take_mail(replay.now());
    if (!worker.serve(replay.now()) && !mail) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  worker.finish(replay.now());
}

}  // namespace levee::runtime
