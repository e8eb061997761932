// The server's side of peer/script.h: reads a request, checks every byte of it, writes the reply and closes as told.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "levee/service.h"
#include "peer/script.h"

namespace levee::flood {

class ScriptedService final : public Service {
 public:
  void on_data(Connection connection) override;
  void on_peer_closed(Connection connection) override;
  void on_writable(Connection connection) override;
  void on_closed(Connection connection, CloseCause cause) override;

  [[nodiscard]] std::uint64_t requests() const { return requests_; }        // complete and byte for byte right
  [[nodiscard]] std::uint64_t wrong_bytes() const { return wrong_bytes_; }  // or bytes beyond the request
  [[nodiscard]] std::uint64_t ended_well() const { return ended_well_; }
  [[nodiscard]] std::uint64_t ended_badly() const { return ended_badly_; }

 private:
  struct Session {
    std::array<std::byte, peer::kScriptLength> head{};
    peer::Script script;
    std::uint32_t received = 0, sent = 0;
    bool peer_closed = false;
  };

  [[nodiscard]] Session& session(Connection connection);
  void take(Session& session, std::byte byte);
  void write(Connection connection, Session& session);

  std::vector<Session> sessions_;
  std::vector<std::uint64_t> free_;
  std::uint64_t requests_ = 0, wrong_bytes_ = 0, ended_well_ = 0, ended_badly_ = 0;
};

}  // namespace levee::flood
