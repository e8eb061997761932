// RFC 862. The one thing to remember per connection, that the peer has sent its FIN, fits into its user_data.
#include "service/echo.h"

namespace levee::service {
namespace {

constexpr std::uint64_t kPeerClosed = 1;

void echo(Connection connection) {
  // A pass that hands over less than is readable leaves the rest to on_writable.
  while (connection.readable() > 0) {
    if (connection.forward(connection, connection.readable()) == 0) return;
  }
  if (connection.user_data() == kPeerClosed) connection.close();
}

}  // namespace

void Echo::on_data(Connection connection) { echo(connection); }

void Echo::on_peer_closed(Connection connection) {
  connection.set_user_data(kPeerClosed);
  echo(connection);
}

void Echo::on_writable(Connection connection) { echo(connection); }

}  // namespace levee::service
