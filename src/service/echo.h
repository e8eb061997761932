// The echo service (RFC 862): what arrives goes back. The payload is handed from the receive queue to the send buffer,
// never copied; what the send buffer has no room for stays unread, so the peer's window shrinks with it.
#pragma once

#include "levee/service.h"

namespace levee::service {

class Echo final : public Service {
 public:
  void on_data(Connection connection) override;
  void on_peer_closed(Connection connection) override;
  void on_writable(Connection connection) override;
};

}  // namespace levee::service
