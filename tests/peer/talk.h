// A client in virtual time and a server that does only what the test says.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "peer/clients.h"

namespace levee::peer {

inline constexpr std::uint32_t kIss = 5000;

class Talk {
 public:
  explicit Talk(const Plan& plan, const Rules& rules = {}) : clients_(options(rules), sink()) {
    plan_ = plan;
    plan_.address = {0x0a010001};
    plan_.tcp_port = 40000;
    static_cast<void>(clients_.start(now_, plan_));
  }

  Segment next() {
    if (frames_.empty()) {
      ADD_FAILURE() << "the client sent nothing";
      return {};
    }
    last_ = frames_.front();
    frames_.pop_front();
    return read(last_).value();
  }
  [[nodiscard]] bool quiet() const { return frames_.empty(); }
  void advance(Duration duration) {
    const Instant end = now_ + duration;
    while (clients_.next_deadline() <= end) {
      now_ = clients_.next_deadline();
      clients_.expire(now_);
    }
    now_ = end;
  }
  void sends(Segment segment) {
    segment.source = {0x0a000001};
    segment.destination = plan_.address;
    segment.source_port = 80;
    segment.destination_port = plan_.tcp_port;
    if (segment.window == 0) segment.window = 65535;
    FrameBuffer buffer;
    clients_.receive(now_, write(segment, Link{}, buffer));
  }
  void answers_syn(bool sack = false) {
    const Segment syn = next();
    client_iss = syn.sequence;
    Segment answer = to_client(kSyn | kAck, kIss, syn.sequence + 1);
    answer.mss = std::uint16_t{1460};
    answer.sack_permitted = sack;
    if (syn.timestamps) answer.timestamps = Clock{900, syn.timestamps->value};
    sends(answer);
  }
  [[nodiscard]] Segment to_client(std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledgment) const {
    Segment segment;
    segment.flags = flags;
    segment.sequence = sequence;
    segment.acknowledgment = acknowledgment;
    return segment;
  }
  [[nodiscard]] const Client& client() const { return clients_[0]; }
  [[nodiscard]] Instant now() const { return now_; }

  std::uint32_t client_iss = 0;

 private:
  static ClientsOptions options(const Rules& rules) {
    ClientsOptions chosen;
    chosen.rules = rules;
    return chosen;
  }
  Clients::Sink sink() {
    return [this](Duration, std::span<const std::byte> frame) { frames_.emplace_back(frame.begin(), frame.end()); };
  }

  Plan plan_;
  Instant now_{std::chrono::hours(1)};
  std::deque<std::vector<std::byte>> frames_;
  std::vector<std::byte> last_;
  Clients clients_;
};

inline Plan without_timestamps() {
  Plan plan;
  plan.timestamps = false;
  return plan;
}

}  // namespace levee::peer
