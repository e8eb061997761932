// One simulated world: two hosts, a bad link between them and virtual time that jumps from event to event. Invariants
// are checked after every step, oracles at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "device/impaired.h"
#include "sim/host.h"
#include "sim/scenario.h"

namespace levee::sim {

// What a run came to.
struct Outcome {
  std::string failure;                  // empty: everything held
  std::uint64_t trace_hash = 0;         // of every frame sent and its virtual time
  std::uint64_t connections = 0;        // that the client's side began
  std::uint64_t lossy_connections = 0;  // of them, over links that lose much
  std::uint64_t refused = 0;            // for want of room, in seeds with small tables
  std::uint64_t aborted = 0;    // of them, established, or refused, and then not closed normally; without black holes
  std::uint64_t timed_out = 0;  // of the aborted: by R2
  std::uint64_t rogues = 0;     // worlds with a misbehaving peer
  std::uint64_t frames = 0, lost = 0, retransmitted = 0, bytes = 0, steps = 0;
  std::uint64_t predicted = 0, left_out = 0;  // segments that the model was asked about; model_oracle.h
  Duration elapsed{};                         // virtual time

  Outcome& operator+=(const Outcome& other);
};

class World {
 public:
  // `watch` sees every frame sent; the time is since the start.
  using Watch = std::function<void(Duration, std::size_t from, std::span<const std::byte>, const device::Fate&)>;

  explicit World(Scenario scenario, Watch watch = {});
  // The walk over every queue, buffer and bucket of a host is taken at every n-th step instead of every 32nd, and
  // always at the end; the other invariants are checked at each step of each host that has done something.
  void walk_every(std::uint64_t steps) { walk_every_ = steps; }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Before `run`: every segment is compared with the model of RFC 9293 3.10.7.
  void ask_model();
  [[nodiscard]] Outcome run();

 private:
  friend Scenario steered(const Scenario& scenario);
  bool start_connections();
  void step();
  [[nodiscard]] Instant next_event() const;
  [[nodiscard]] bool streams_ended() const;
  void check(std::size_t host, shard::Walk walk);
  [[nodiscard]] std::string check_liveness() const;
  void finish();
  [[nodiscard]] bool is_replay(const Talk& talk, const Application& application) const;
  [[nodiscard]] bool other_side_is_over(const Talk& talk) const;
  void judge(const Talk& talk, const Application& application);

  Scenario scenario_;
  Watch watch_;
  Outcome outcome_;
  PlanBook plans_;
  Toeplitz toeplitz_[2];
  device::SlabPool pools_[2];
  device::ImpairedLink link_;
  Host hosts_[2];
  Instant now_;
  std::size_t next_connection_ = 0;
  bool faults_on_ = true;
  bool misled_ = false;  // a bit of an ARP reply was flipped
  std::uint64_t walk_every_ = 32;
};

// The scenario with its start moved so that the number which `wrap` names is just below 2^32 when the first connection
// opens: a dry run shows what the number is, and the clocks behind it tick at known rates (RFC 6528: 4 us; RFC 7323:
// 1 ms). The draws, and so everything else, stay as they are.
[[nodiscard]] Scenario steered(const Scenario& scenario);

}  // namespace levee::sim
