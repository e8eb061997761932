// A simulated world in which one host is a misbehaving peer: levee with an honest application at one end of a link, a
// RoguePeer at the other. After every step: the shards' invariants, the balance of buffers and counters, and what the
// peer and the application hold against levee. At the end: both streams whole, where the peer became honest; all tables
// empty within the sum of levee's timers, where it fell silent.
#pragma once

#include <memory>

#include "sim/host.h"
#include "sim/rogue.h"
#include "sim/world.h"

namespace levee::sim {

class RogueWorld {
 public:
  RogueWorld(std::uint64_t seed, const RogueKind& kind, World::Watch watch = {});
  RogueWorld(const RogueWorld&) = delete;
  RogueWorld& operator=(const RogueWorld&) = delete;

  // Before `run`: every segment is compared with the model of RFC 9293 3.10.7.
  void ask_model() { host_.ask_model(); }
  [[nodiscard]] Outcome run();
  void walk_every(std::uint64_t steps) { walk_every_ = steps; }
  [[nodiscard]] std::string describe() const;

 private:
  void step();
  void let_peer_hear();
  void answer_neighbour_discovery(const Dissected& parts);
  void send(Instant now, const Bytes& frame);
  void check(shard::Walk walk);
  [[nodiscard]] std::string still_there() const;
  void finish();

  const RogueKind* kind_;
  Scenario scenario_;
  World::Watch watch_;
  Outcome outcome_;
  PlanBook plans_;
  Toeplitz toeplitz_;
  device::SlabPool peer_pool_, pool_;
  std::unique_ptr<RoguePeer> peer_;
  device::ImpairedLink link_;
  Host host_;
  Instant now_;
  Instant empty_by_;
  std::uint64_t walk_every_ = 32;
  bool levee_opened_ = false;
};

// Which seeds of a long run are played with a misbehaving peer, and with which one; nullptr: none.
[[nodiscard]] const RogueKind* rogue_of(std::uint64_t seed);

}  // namespace levee::sim
