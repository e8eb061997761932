// What an application implements. One Service object exists per worker and listener or client entry; all its calls come
// from that worker's thread, between `receive` and `transmit` of one loop, so it needs no lock and its answers leave in
// the same loop. A handler must not block and must not keep spans beyond its own return.
#pragma once

#include <functional>
#include <memory>
#include <string>
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

  // Once, before the worker's first frame: from here on ServiceContext::connect may be called.
  virtual void on_started() {}
  // Every EndpointOptions::tick, never per packet: for what is not a connection, a file descriptor for instance. Over
  // captures time moves with frames and timers alone, and ticks with it.
  virtual void on_tick() {}

  // Events of one connection come in this order within one burst: opened, urgent, data, peer closed, writable, error
  // report, closed.

  // The handshake is complete, whichever side began it. `user_data()` is 0 unless it was set since `connect`.
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
  // Trouble that does not end the connection (RFC 9293 3.9.1.8); the newest, if there were several. An active open may
  // meet some before `opened`. Not overriding this is how a service disables such reports (SHLD-20).
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
  std::function<StatsSnapshot()> snapshot{};
  // Opens a connection (RFC 9293 3.9.1.1) from this shard; its events go to the Service that this context was made for:
  // `on_opened`, or `on_closed` with Refused, or with TimedOut after R2, also if the next hop does not answer. Once
  // the endpoint stops it is refused with Draining. From handlers only, `on_started` the first of them.
  std::function<ConnectResult(const SocketAddress& remote)> connect{};
  // Asks the endpoint to stop, as Endpoint::stop does, and says with what its result shall come: an exit code and,
  // unless that is 0, one sentence. The first call counts. From any handler, and from the service's destructor, which
  // runs when the worker has ended: what it says holds unless somebody has said something before.
  std::function<void(int exit_code, const std::string& error)> stop{};
};

// Called once per worker and listener or client entry, in the worker's thread, before any event.
using ServiceFactory = std::function<std::unique_ptr<Service>(const ServiceContext&)>;

}  // namespace levee
