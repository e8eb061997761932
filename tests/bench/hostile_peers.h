// Peers with established connections, and what they send to cost levee work: text in the worst order, ACKs with the
// worst SACK blocks, segments that ask for challenges; beside them the honest traffic that they are compared with.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "bench/endpoint.h"
#include "bench/traffic.h"
#include "sim/packet.h"

namespace levee::bench {

inline constexpr std::uint32_t kMss = 1448;          // of both sides, with timestamps
inline constexpr std::uint32_t kFlight = 48 * 1024;  // levee's send buffer, all of which is on the road

struct Peer {
  Client client;
  std::uint32_t seq = 0;  // where its text goes on: levee's RCV.NXT when a round is over
  std::uint32_t una = 0;  // levee's SND.UNA: what this peer has acknowledged
  std::uint32_t nxt = 0;  // levee's SND.NXT, as far as this peer has seen it
  std::uint32_t stamp = 0, echo = 0;
};

// What levee's answer tells its peer.
void learn(Peer& peer, const sim::TcpPacket& answer);

// A bare ACK of what this peer has acknowledged.
[[nodiscard]] sim::TcpPacket bare_ack(const Peer& peer);

// By how much a counter moves for each peer in each round.
struct Expected {
  std::variant<Counter, Drop> what;
  std::uint64_t count = 0;
  bool at_least = false;
};

// What levee's service does.
enum class Task : std::uint8_t {
  Reads,
  Sends,      // as much as it may, always
  SendsOnce,  // what the send buffer takes at first
};

struct Attack {
  const char* name;
  Task task;
  unsigned frames;  // of one peer in one round
  unsigned turn;    // of these, so many go before levee's answers are looked at
  // The peer's frame number `k` of this round.
  sim::TcpPacket (*frame)(Peer& peer, unsigned k);
  std::vector<Expected> expected;
};

[[nodiscard]] std::span<const Attack> attacks();

// The honest ones that an attack is compared with: segments in order that are read; ACKs of two segments, which send
// two more; ACKs of one segment that send nothing.
[[nodiscard]] std::vector<const Attack*> honest(const Attack& attack);

}  // namespace levee::bench
