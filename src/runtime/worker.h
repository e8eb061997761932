// One core's loop: takes mail and frames to its shard, events to the services, and what comes out back to the devices.
// A worker reads no clock: whoever drives it (live.h, replay.h) passes the time in. One thread, except `status`.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "device/device.h"
#include "device/pcap_writer.h"
#include "levee/service.h"
#include "shard/shard.h"

namespace levee::runtime {

// How far a worker is; written by it, read by the control thread.
enum class Phase : std::uint8_t {
  Running,
  Ended,     // a replay is through, its timers too
  Draining,  // was told to stop accepting
  Drained,   // and nothing is left to send, to tell or to time
};

struct WorkerStatus {
  std::atomic<Phase> phase{Phase::Running};
  std::atomic<bool> cut_short{false};  // a replay: leave the rest of the captures and wait for mail
  std::atomic<bool> stop{false};       // leave the loop
};

struct WorkerParts {
  shard::Shard* shard = nullptr;
  std::vector<device::Device*> ports;  // by the port number that frames carry; null: not ours
  std::vector<shard::Mailbox*> inboxes;
  device::PcapWriter* writer = nullptr;  // null: no capture of what is sent
  Duration tick{};                       // of the services; zero: none
};

class Worker {
 public:
  static constexpr std::size_t kBurst = 64;

  explicit Worker(WorkerParts parts);

  // The services, by listener entry, then by client entry; from the worker's own thread, before `begin`.
  void employ(std::vector<std::unique_ptr<Service>> services) { services_ = std::move(services); }

  // Tells the services that they may begin. Once, before the first loop.
  void begin(Instant now);

  // One loop over everything. Returns whether there was anything to do, or more is left to do.
  bool poll(Instant now);

  // The parts of it, for a driver that brings the frames itself. `serve` handles what the shard made ready, runs timers
  // and sends; its result is as that of `poll`.
  bool take_mail(Instant now);
  void take_frames(Instant now, std::span<const shard::Frame> frames);
  bool serve(Instant now);

  // For a service's handler: opens a connection whose events go to `service`.
  [[nodiscard]] ConnectResult connect(const SocketAddress& remote, std::uint16_t service);

  // Ends the services and gives every buffer back. Call last, when no connection is left or none matters.
  void finish(Instant now);

  [[nodiscard]] shard::Shard& shard() { return *parts_.shard; }
  [[nodiscard]] std::span<device::Device* const> ports() const { return parts_.ports; }
  [[nodiscard]] WorkerStatus& status() { return status_; }

 private:
  void tick(Instant now);
  void fill_blanks();
  std::size_t send(Instant now);
  void give_back();

  WorkerParts parts_;
  std::vector<std::unique_ptr<Service>> services_;
  Instant now_{};  // of the loop that the services are called in
  Instant next_tick_ = kNever;
  bool begun_ = false;
  device::Device* pool_ = nullptr;  // any port: all draw on the same buffers
  WorkerStatus status_;
  std::array<shard::Frame, kBurst> frames_{};
};

}  // namespace levee::runtime
