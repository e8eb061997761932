// Telemetry, keys and drain; see control.h.
#include "runtime/control.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "device/startup_error.h"
#include "runtime/key_file.h"
#include "runtime/utc.h"

namespace levee::runtime {

namespace {

// How often the control thread looks at the workers' phases and at the time.
constexpr Duration kGlance = std::chrono::milliseconds(10);
// What resetting every connection may take.
constexpr Duration kAbortTime = std::chrono::seconds(2);

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

Control::Control(const EndpointOptions& options, Crew& crew, Wakeup& wakeup, const dpdk::TscClock& clock,
                 const std::optional<KeySchedule>& keys)
    : options_(&options),
      crew_(&crew),
      wakeup_(&wakeup),
      clock_(&clock),
      telemetry_(options.json),
      keys_(keys),
      started_(clock.now()) {
  if (options.stats_interval > Duration::zero()) next_stats_ = started_ + options.stats_interval;
  if (options.duration > Duration::zero()) end_ = started_ + options.duration;
}

void Control::supervise() {
  for (;;) {
    const Wakeup::Cause cause = wait(time_to_next_event());
    if (cause == Wakeup::Cause::Stop || cause == Wakeup::Cause::Signal) return;
    if (clock_->now() >= end_) return;
    if (crew_->all_in(Phase::Ended)) {
      replayed_ = true;
      return;
    }
  }
}

Duration Control::time_to_next_event() const {
  return std::min<Duration>(kGlance, std::min(next_stats_, end_) - clock_->now());
}

Wakeup::Cause Control::wait(Duration at_most) {
  const Wakeup::Cause cause = wakeup_->wait(at_most);
  if (cause == Wakeup::Cause::Reload) reread_key_file();
  keep_utc();
  print_due_stats();
  return cause;
}

void Control::keep_utc() {
  if (!keys_) return;
  if (!options_->cookie_key_file.empty()) crew_->follow_utc(utc_now(), clock_->now());
  if (const auto epoch = keys_->due(utc_now())) unsent_ = epoch;
  // A shard that has no room for it now is told at the next glance.
  if (unsent_ && crew_->offer(*unsent_)) unsent_.reset();
}

void Control::reread_key_file() {
  if (!keys_) return;
  try {
    keys_->change_master(read_key_file(options_->cookie_key_file));
  } catch (const device::StartupError& error) {
    fmt::print(stderr, "levee: {}; the old key stays\n", error.what());
  }
}

void Control::print_due_stats() {
  const Instant now = clock_->now();
  if (now < next_stats_) return;
  print_line(telemetry_.line(now - started_, crew_->stats()));
  // A control thread that was held up skips lines instead of printing a heap of them.
  while (next_stats_ <= now) next_stats_ += options_->stats_interval;
}

void Control::drain(const std::function<void()>& last_act) {
  crew_->cut_short();
  crew_->post(shard::Drain{});
  // After a replay nobody is there to finish a connection, and its time stands still.
  if (wait_until_drained(replayed_ ? Duration::zero() : options_->drain, last_act)) return;
  crew_->post(shard::AbortAll{});
  // What is not gone after this shows as a fault at the end.
  static_cast<void>(wait_until_drained(kAbortTime, last_act));
}

bool Control::wait_until_drained(Duration at_most, const std::function<void()>& last_act) {
  const Instant deadline = clock_->now() + at_most;
  for (;;) {
    if (crew_->all_in(Phase::Drained)) return true;
    const Instant now = clock_->now();
    if (now >= deadline) return false;
    if (wait(std::min<Duration>(kGlance, deadline - now)) == Wakeup::Cause::Signal) {
      last_act();
      _exit(128 + wakeup_->signal());  // the shell's code for a death by this signal
    }
  }
}

void Control::print_totals() { print_line(telemetry_.totals(clock_->now() - started_, crew_->stats())); }

}  // namespace levee::runtime
