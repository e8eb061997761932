// levee as the benchmarks run it: one shard and the runtime's own worker over the bench device. Its clock is moved on
// by a fixed step per loop, so a run can be repeated exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/device.h"
#include "bench/traffic.h"
#include "levee/options.h"
#include "runtime/worker.h"
#include "shard/shard.h"

namespace levee::bench {

// Something was not as it must be: the figures of the whole run are worth nothing.
class VoidRun : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Endpoint {
 public:
  struct Options {
    SynCookies cookies = SynCookies::Always;
    ShardLimits limits{};
    bool offload = false;        // the device completes checksums
    bool ipv6 = false;           // there is an IPv6 address, too
    bool close_at_once = false;  // the service closes each connection when it opens; else it only listens
    bool sends = false;          // the service sends as much as its connections take when they open
    bool refills = false;        // and later, too
    bool holds_text = false;     // connections may keep received buffers from one pass to the next
    levee::TcpOptions tcp{};
    std::uint64_t seed = 1;         // of the secrets
    std::uint64_t break_reply = 0;  // flips a bit of that reply, counted from 1: a run must notice
  };

  Endpoint(BenchDevice& device, const Options& options);

  // Loops until the device has nothing more. This is what is timed.
  void drain() {
    while (!device_->exhausted()) {
      now_ += kStep;
      worker_.poll(now_);
    }
  }
  // The same until nothing more is to be sent, so that no work is put off to where it is not timed.
  void drain_whole();
  // Time passes: a round trip.
  void wait(Duration time) { now_ += time; }
  // Everything that was sent by drain(). Throws VoidRun if a buffer of the device is not back.
  [[nodiscard]] std::vector<Packet> collect();
  [[nodiscard]] std::vector<LongPacket> collect_long();
  // The three steps for frames that are not measured, in parts that no table overflows from.
  std::vector<Packet> exchange(std::span<const Packet> packets);

  // Ends the worker and throws VoidRun if a table, a counter or a buffer does not add up.
  void finish();

  [[nodiscard]] shard::Shard& shard() { return shard_; }
  [[nodiscard]] std::uint64_t count(Counter counter) const { return shard_.stats().value(counter); }
  [[nodiscard]] std::uint64_t count(Drop drop) const { return shard_.stats().value(drop); }
  [[nodiscard]] BenchDevice& device() { return *device_; }
  [[nodiscard]] Instant now() const { return now_; }

  // The default tables, without the large ones: what a benchmark needs many of it says itself.
  [[nodiscard]] static ShardLimits small_limits();

 private:
  static constexpr Duration kStep = std::chrono::microseconds(20);

  BenchDevice* device_;
  std::uint64_t break_reply_, replies_ = 0;
  bool holds_text_;
  Instant now_{std::chrono::hours(1)};
  shard::Shard shard_;
  runtime::Worker worker_;
};

}  // namespace levee::bench
