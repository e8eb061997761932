// RFC 863.
#include "service/discard.h"

namespace levee::service {

void Discard::on_data(Connection connection) { connection.consume(connection.readable()); }

}  // namespace levee::service
