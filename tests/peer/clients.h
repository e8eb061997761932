// A population of honest clients in virtual time: any number of tuples, one queue of timers, frames in and frames out.
// Whoever drives it carries the frames to a server and back, and moves time from deadline to deadline.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/siphash.h"
#include "peer/client.h"

namespace levee::peer {

struct ClientsOptions {
  Ipv4Address server{0x0a000001};
  std::uint16_t server_port = 80;
  Link link{MacAddress{{2, 0, 0, 0, 0, 2}}, MacAddress{{2, 0, 0, 0, 0, 1}}};
  Ipv4Address gateway{0x0a000002};  // the address that ARP is answered for; clients are behind it
  SipKey key{1, 2};                 // of ISNs and timestamp offsets
  Rules rules{};
};

class Clients final : private Wire {
 public:
  // Takes a frame on its way to the server; `delay` is the client's.
  using Sink = std::function<void(Duration delay, std::span<const std::byte> frame)>;

  Clients(const ClientsOptions& options, Sink sink);

  // Sends the SYN. A tuple that was used before is used again once its connection is over: the client keeps its number.
  std::uint32_t start(Instant now, const Plan& plan);
  void receive(Instant now, std::span<const std::byte> frame);
  void expire(Instant now);
  [[nodiscard]] Instant next_deadline() const { return timers_.empty() ? kNever : timers_.top().at; }

  [[nodiscard]] const Client& operator[](std::uint32_t number) const { return clients_[number]; }
  [[nodiscard]] const std::vector<Client>& all() const { return clients_; }
  // Clients that are over since the last call, in that order.
  [[nodiscard]] std::vector<std::uint32_t> take_ended();
  // Connections that are not over, and those of them that still wait for something.
  [[nodiscard]] std::size_t running() const { return running_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] const Client* find(Ipv4Address address, std::uint16_t tcp_port) const;

  // How long a frame from the server takes; nothing if it is to none of the clients.
  [[nodiscard]] Duration delay_to(std::span<const std::byte> frame) const;

  // Frames for addresses that no client has, and frames that are not well-formed: the latter are a fault.
  [[nodiscard]] std::uint64_t strays() const { return strays_; }
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }

 private:
  struct Timer {
    Instant at;
    std::uint32_t client = 0;
    bool operator>(const Timer& other) const { return at != other.at ? at > other.at : client > other.client; }
  };

  [[nodiscard]] const Rules& rules() const override { return options_.rules; }
  [[nodiscard]] std::uint32_t timestamp(const Client& client, Instant now) const override;
  void send(const Client& client, Segment& segment) override;
  [[nodiscard]] std::uint32_t initial_sequence_number(const Plan& plan, Instant now) const;
  void answer_arp(std::span<const std::byte> frame);
  void settle(std::uint32_t number, bool was_over, bool waited);
  [[nodiscard]] static bool waits(const Client& client) { return !client.over() && client.served == kNever; }

  ClientsOptions options_;
  Sink sink_;
  std::vector<Client> clients_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_tuple_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<std::uint32_t> ended_;
  FrameBuffer buffer_{};
  std::uint32_t nonces_ = 0;
  std::size_t running_ = 0, waiting_ = 0;
  std::uint64_t strays_ = 0, malformed_ = 0;
};

}  // namespace levee::peer
