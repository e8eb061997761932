// What two applications of the simulation are going to do on one connection, chosen before it opens. Both ends look
// their plan up here, so that each knows what to expect of the other.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "levee/address.h"
#include "levee/time.h"

namespace levee::sim {

enum class CloseOrder : std::uint8_t {
  ClientFirst,  // the client closes when everything has arrived both ways, the server after it
  ServerFirst,
  Both,       // each side closes as soon as it has sent everything
  HalfClose,  // the client closes after sending; only then the server begins to send
};

// How one side treats its end of the connection.
struct TalkerPlan {
  std::uint64_t bytes = 0;           // to send; ignored by an echoing server
  std::uint32_t write_chunk = 4096;  // bytes per call of send
  bool writes_in_place = false;      // reserve and commit instead of send
  std::uint32_t read_chunk = 0;      // 0: reads everything at once; else this much, then a pause
  Duration read_pause{};
  std::uint32_t pauses = 0;  // how many pauses it allows itself
};

struct ConnectionPlan {
  std::uint32_t number = 0;
  Instant start{};
  std::uint64_t seed = 0;      // of both streams
  bool echo = false;           // the server returns what it receives
  bool echo_forwards = false;  // by Connection::forward, without copying
  CloseOrder close = CloseOrder::ClientFirst;
  TalkerPlan client, server;
  std::uint16_t client_shard = 0;
  std::uint16_t local_port = 0;  // 0: the shard chooses
};

// The plans of connections by the client's TCP port; one client address.
using PlanBook = std::map<std::uint16_t, const ConnectionPlan*>;

}  // namespace levee::sim
