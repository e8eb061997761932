// The discard service (RFC 863): what arrives is thrown away and nothing is sent back. A peer's FIN is answered by
// ours, as the Service default does.
#pragma once

#include "levee/service.h"

namespace levee::service {

class Discard final : public Service {
 public:
  void on_data(Connection connection) override;
};

}  // namespace levee::service
