// The application at either end of the simulated connections: sends a seeded stream, checks the peer's byte by byte,
// closes in the planned order and reads slowly where the plan says so. One per shard, a Service like any other.
#pragma once

#include <cstdint>
#include <deque>
#include <queue>
#include <string>
#include <vector>

#include "levee/service.h"
#include "shard/shard.h"
#include "sim/plan.h"
#include "sim/stream.h"

namespace levee::sim {

// How one side of a connection fared.
struct Talk {
  const ConnectionPlan* plan = nullptr;
  bool is_client = false;
  Connection connection;
  StreamOracle outgoing{0}, incoming{0};
  std::uint64_t to_send = 0, sent = 0;
  std::uint64_t to_receive = 0, received = 0;
  std::uint32_t pauses_left = 0;
  bool opened = false, paused = false, peer_closed = false, close_called = false, closed = false;
  CloseCause cause = CloseCause::Normal;
};

class Application final : public Service {
 public:
  explicit Application(PlanBook& plans) : plans_(&plans) {}

  void attach(shard::Shard& shard) { shard_ = &shard; }

  // Opens the planned connection to `server`. False if the shard has no room for it now.
  [[nodiscard]] bool start(Instant now, const ConnectionPlan& plan, SocketAddress server);
  // Ends the pauses that are over by now. Call it before the shard transmits.
  void wake(Instant now);
  [[nodiscard]] Instant next_wake() const { return pauses_.empty() ? kNever : pauses_.top().until; }

  // Everything that happened here; a Talk's address is stable.
  [[nodiscard]] const std::deque<Talk>& talks() const { return talks_; }
  // The first thing that must not happen (a wrong byte, an event out of order), or an empty string.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] std::size_t unfinished() const { return unfinished_; }

  void on_opened(Connection connection) override;
  void on_data(Connection connection) override;
  void on_peer_closed(Connection connection) override;
  void on_writable(Connection connection) override;
  void on_closed(Connection connection, CloseCause cause) override;

 private:
  struct Pause {
    Instant until;
    std::size_t talk = 0;
    bool operator>(const Pause& other) const { return until != other.until ? until > other.until : talk > other.talk; }
  };

  [[nodiscard]] Talk* talk_of(Connection connection);
  std::size_t begin(Connection connection, const ConnectionPlan& plan, bool is_client);
  void go_on(Talk& talk);
  void read(Talk& talk);
  void check_read(Talk& talk, std::size_t count);
  void write(Talk& talk);
  void echo(Talk& talk);
  void close_if_due(Talk& talk);
  void fail(const Talk& talk, const std::string& what);
  [[nodiscard]] static const TalkerPlan& part(const Talk& talk) {
    return talk.is_client ? talk.plan->client : talk.plan->server;
  }
  [[nodiscard]] static bool echoes(const Talk& talk) { return talk.plan->echo && !talk.is_client; }

  PlanBook* plans_;
  shard::Shard* shard_ = nullptr;
  std::deque<Talk> talks_;
  std::priority_queue<Pause, std::vector<Pause>, std::greater<>> pauses_;
  std::vector<std::byte> scratch_;
  std::string failure_;
  std::size_t unfinished_ = 0;
  Instant now_{};
};

[[nodiscard]] std::string describe(const Talk& talk);

}  // namespace levee::sim
