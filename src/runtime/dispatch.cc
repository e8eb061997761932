// From the ready list to the services; see dispatch.h.
#include "runtime/dispatch.h"

namespace levee::runtime {

namespace {

// Order within one connection: open, urgent, data, peer closed, writable, error report, closed. A handler may abort the
// connection; then the handle is dead for those that follow, and the shard reports `closed` next time.
void serve(Service& service, const shard::Ready& ready) {
  const Connection& connection = ready.connection;
  if (ready.opened) service.on_opened(connection);
  if (ready.urgent) service.on_urgent(connection, ready.urgent_offset);
  if (ready.data) service.on_data(connection);
  if (ready.peer_closed) service.on_peer_closed(connection);
  if (ready.writable) service.on_writable(connection);
  if (ready.reported) service.on_error_report(connection, ready.report);
  if (ready.closed) service.on_closed(connection, ready.cause);
}

}  // namespace

std::size_t dispatch(shard::Shard& shard, std::span<const std::unique_ptr<Service>> services) {
  // The list grows at its end while handlers run, and holds each connection once: as many as there were connections at
  // the start is a bound that no service can stretch.
  const std::size_t bound = shard.connections();
  std::size_t served = 0;
  while (served < bound) {
    const std::optional<shard::Ready> ready = shard.next_ready();
    if (!ready) break;
    serve(*services[ready->service], *ready);
    ++served;
  }
  return served;
}

}  // namespace levee::runtime
