// Honest clients, a flood and one server in virtual time. Frames of both meet in the server's receive queue in the
// order of their arrival. Time jumps from event to event; (options, plans) replays a run bit for bit. The cookies'
// keys change as the control thread would change them.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <vector>

#include "flood/server.h"
#include "flood/syn_source.h"
#include "peer/clients.h"
#include "runtime/cookie_keys.h"

namespace levee::flood {

struct WorldOptions {
  ServerOptions server;
  peer::ClientsOptions clients;
  SynSourceOptions flood;
  Instant start{std::chrono::hours(1)};
};

class World {
 public:
  using Frame = std::span<const std::byte>;

  explicit World(const WorldOptions& options);

  std::uint32_t start(const peer::Plan& plan) { return clients_.start(now_, plan); }
  // A frame that reaches the server's queue after `delay`, whoever may have sent it.
  void inject(Duration delay, Frame frame) { post(now_ + delay, true, frame); }
  // Something of the test's own, at its time.
  void call_at(Instant when, std::function<void()> what);
  // Lives through everything up to and at `end`, or until `done` says so after an event.
  void run_until(Instant end, const std::function<bool()>& done = {});
  void run_for(Duration duration) { run_until(now_ + duration); }

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] peer::Clients& clients() { return clients_; }
  [[nodiscard]] Server& server() { return server_; }
  [[nodiscard]] std::uint64_t key_changes() const { return key_changes_; }
  [[nodiscard]] std::uint64_t flooded() const { return flooded_; }              // SYNs of the flood that arrived
  [[nodiscard]] std::uint64_t dropped_flood() const { return dropped_flood_; }  // at the queue's tail
  [[nodiscard]] std::uint64_t arrived() const { return arrived_; }              // other frames
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  // Asked for every frame that is sent: true loses it.
  std::function<bool(Frame)> loses_to_server, loses_to_client;
  std::function<void(std::uint32_t client)> on_ended;

 private:
  struct InFlight {
    Instant at;
    std::uint64_t order = 0;
    std::uint32_t slot = 0;
    bool to_server = false;
    bool operator>(const InFlight& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct Call {
    Instant at;
    std::uint64_t order = 0;
    std::function<void()> what;
    bool operator>(const Call& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  [[nodiscard]] Instant next_event() const;
  void post(Instant at, bool to_server, Frame frame);
  void arrivals();
  void flood();
  void calls();
  void change_keys();
  void serve();

  WorldOptions options_;
  Instant now_;
  Server server_;
  SynSource flood_;
  peer::Clients clients_;
  std::vector<std::vector<std::byte>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> in_flight_;
  std::priority_queue<Call, std::vector<Call>, std::greater<>> calls_;
  runtime::KeySchedule keys_;
  Instant server_free_;  // when the burst in hand is done
  std::uint64_t order_ = 0, key_changes_ = 0;
  std::uint64_t flooded_ = 0, dropped_flood_ = 0, arrived_ = 0, dropped_ = 0;
};

}  // namespace levee::flood
