// What an application implements. One Service object exists per worker and listener entry; all its calls come from
// that worker's thread, between `receive` and `transmit` of one loop, so it needs no lock and its answers leave in the
// same loop. A handler must not block and must not keep spans beyond its own return.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "levee/connection.h"
#include "levee/state.h"
#include "levee/stats.h"

namespace levee {

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  // Events of one connection come in this order within one burst: opened, urgent, data, peer closed, writable, error
  // report, closed.

  // The handshake is complete. `user_data()` is 0.
  virtual void on_opened(Connection /*connection*/) {}
  // The peer has announced urgent data, or more of it: it ends `offset` bytes behind the first readable byte, perhaps
  // beyond what has arrived (RFC 9293 MUST-32; RFC 6093).
  virtual void on_urgent(Connection /*connection*/, std::size_t /*offset*/) {}
  // More in-order bytes are readable. They stay on the connection, and the window stays that much smaller, until
  // `consume`; the event is not repeated for bytes that were left unread.
  virtual void on_data(Connection connection) = 0;
  // The peer sent FIN: no byte will follow what is readable now. This side may go on sending (half-close).
  virtual void on_peer_closed(Connection connection) { connection.close(); }
  // `send` had accepted less than it was given; at least half of the send buffer is free again.
  virtual void on_writable(Connection /*connection*/) {}
  // Trouble that does not end the connection (RFC 9293 3.9.1.8); the newest, if there were several. Not overriding this
  // is how a service disables such reports (SHLD-20).
  virtual void on_error_report(Connection /*connection*/, ErrorReport /*report*/) {}
  // The connection is over; after this call the handle is dead. With `Normal` everything readable was consumed first,
  // otherwise unread bytes are dropped before this call (RFC 9293 3.9.1.4, 3.9.1.5).
  virtual void on_closed(Connection /*connection*/, CloseCause /*cause*/) {}
};

// What a service may know about the process that it runs in.
struct ServiceContext {
  unsigned shard = 0;  // index of the shard that it serves
  // Sums the live counters of all shards. May be called from any worker; figures of other shards are at most one poll
  // loop old and are not a consistent cut.
  std::function<StatsSnapshot()> snapshot;
};

// Called once per worker and listener entry, in the worker's thread, before any event.
using ServiceFactory = std::function<std::unique_ptr<Service>(const ServiceContext&)>;

}  // namespace levee
