// One connection played by the test, so that a service can be led through every event and every shortage of room
// without a shard. `levee::Connection` itself is defined in fake_connection.cc over this class, which keeps to the
// contract of levee/connection.h and levee/service.h, on_writable's conditions included.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "levee/service.h"

namespace levee::shard {
class Shard;
}

namespace levee::service {

struct Room {
  std::size_t send_buffer = 256 * 1024;  // bytes
  std::size_t block = 2048;              // bytes that one reserve() yields at most
};

class FakeConnection {
 public:
  explicit FakeConnection(Service& service, Room room = {});
  ~FakeConnection();
  FakeConnection(const FakeConnection&) = delete;
  FakeConnection& operator=(const FakeConnection&) = delete;

  // What the peer does; each ends with the events that it causes.
  void opens();
  void sends(std::string_view bytes);                // arrives as one piece
  void sends_without_event(std::string_view bytes);  // arrives behind what was told already
  void sends_fin();
  void resets();
  void acknowledges(std::size_t count);  // takes bytes out of the send buffer
  void acknowledges_everything();        // until the service has no more to send; never returns if it always has

  // What the peer has seen.
  std::string received;
  [[nodiscard]] bool fin_received() const { return closed_ && held_.empty() && !aborted_; }
  [[nodiscard]] bool rst_received() const { return aborted_; }

  // What the test looks at.
  [[nodiscard]] Connection connection() const;
  [[nodiscard]] std::size_t unread() const { return unread_; }
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] bool waits_for_room() const { return blocked_; }
  [[nodiscard]] std::optional<CloseCause> ended() const { return ended_; }
  [[nodiscard]] std::optional<bool> nagle() const { return nagle_; }

 private:
  friend class levee::Connection;
  void settle();
  void end(CloseCause cause);

  Service& service_;
  Room room_;
  shard::Shard* shard_;
  std::deque<std::string> pieces_;  // readable
  std::size_t unread_ = 0;
  std::string held_;      // accepted, not acknowledged
  std::string reserved_;  // what reserve() returned last
  std::uint64_t user_data_ = 0;
  std::optional<bool> nagle_;
  std::optional<CloseCause> ended_;
  bool live_ = true, opened_ = false, blocked_ = false, closed_ = false, aborted_ = false, peer_closed_ = false;
};

}  // namespace levee::service
