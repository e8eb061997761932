// One shard behind a receive queue of so many descriptors, served in bursts at so many frames a second of virtual time:
// what arrives at a full queue is dropped at its tail, whoever sent it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "device/memory.h"
#include "flood/scripted_service.h"
#include "levee/options.h"
#include "shard/shard.h"

namespace levee::flood {

struct ServerOptions {
  ServerOptions();  // 10.0.0.1/24 behind the router 10.0.0.2, TCP port 80 listens, tables of a test's size

  ShardOptions shard;
  shard::Secrets secrets;
  std::size_t queue = 1024;             // descriptors
  std::size_t burst = 32;               // frames served together
  std::uint64_t frames_per_second = 0;  // of frames in and frames out the greater number counts; 0: in no time
  // Each burst takes up to so much more or less than it should. Without it the cycle of bursts keeps step with clients'
  // timers, and whoever was dropped once is dropped again and again (Floyd and Jacobson, traffic phase effects).
  double jitter = 0.5;
  std::size_t buffers = 8192;
  bool exclusive = true;  // a reply may be written into the frame that asked for it
};

class Server {
 public:
  // A frame that leaves so long after the burst was taken up.
  using Sink = std::function<void(Duration after, std::span<const std::byte> frame)>;

  explicit Server(ServerOptions options);

  // False if the queue is full or no buffer is free: the frame is lost.
  [[nodiscard]] bool push(std::span<const std::byte> frame);
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] bool full() const { return queue_.size() == options_.queue; }
  // One loop of a worker. Returns how long it took.
  Duration serve(Instant now, const Sink& sink);
  // When to call `serve` next if nothing arrives meanwhile.
  [[nodiscard]] Instant next_serve(Instant now) const;

  [[nodiscard]] shard::Shard& shard() { return *shard_; }
  [[nodiscard]] const ScriptedService& service() const { return *service_; }
  [[nodiscard]] StatsSnapshot stats() const { return shard_->stats().snapshot(); }
  // Buffers that are neither free, nor queued, nor blank in the shard's stash.
  [[nodiscard]] std::size_t buffers_held() const;
  [[nodiscard]] std::size_t buffers_out() const { return pool_.out(); }

 private:
  void give_blanks();

  ServerOptions options_;
  device::SlabPool pool_;
  std::deque<shard::Frame> queue_;
  std::vector<shard::Frame> taken_;
  std::vector<std::byte> scratch_;
  std::unique_ptr<shard::Shard> shard_;
  std::vector<std::unique_ptr<Service>> services_;
  ScriptedService* service_ = nullptr;
  Random random_{3};
  bool more_ = false;
};

}  // namespace levee::flood
