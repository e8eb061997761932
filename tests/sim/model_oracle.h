// RFC 9293 3.10.7 as an oracle: gives a shard its frames one by one, predicts by the model (tests/model) what each
// segment does to a connection, a half-open record or a TIME-WAIT entry, and compares. What a shard may refuse for want
// of memory, what a cookie decides, and a tuple that is being reopened are left out; `Tally` says how much that was.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"
#include "shard/shard.h"
#include "sim/packet.h"

namespace levee::sim {

class ModelOracle {
 public:
  struct Tally {
    std::uint64_t predicted = 0;  // segments compared
    std::uint64_t left_out = 0;   // segments to a known flow that were not
    Tally& operator+=(const Tally& other);
  };

  // `listening`: the TCP ports on which the shard listens.
  ModelOracle(shard::Shard& shard, std::vector<std::uint16_t> listening)
      : shard_(&shard), listening_(std::move(listening)) {}

  // In place of Shard::receive: after each frame `serve` tells the services, and `send` takes what went out and gives
  // blanks, before the next one is received.
  void receive(Instant now, std::span<const shard::Frame> frames, const std::function<void()>& serve,
               const std::function<void()>& send);

  // The first difference, in words, or an empty string.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  struct Expectation {
    SocketAddress local, remote;
    model::Variables before;
    model::Segment segment;
    model::Outcome outcome;
    std::uint32_t window_edge = 0;  // RCV.NXT+RCV.WND before
    bool ack_waits = false;
  };

  [[nodiscard]] std::optional<Expectation> predict(const shard::Frame& frame);
  [[nodiscard]] std::string compare(const Expectation& expected) const;
  [[nodiscard]] std::string compare_replies(const Expectation& expected) const;
  void transmit(Instant now, const std::function<void()>& send);
  [[nodiscard]] std::uint64_t dropped_before_tcp() const;
  [[nodiscard]] std::uint64_t refusals() const;

  shard::Shard* shard_;
  std::vector<std::uint16_t> listening_;
  std::vector<TcpPacket> sent_;  // since the segment arrived
  std::string failure_;
  Tally tally_;
};

}  // namespace levee::sim
