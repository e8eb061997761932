// A capture in memory: frames with time stamps that a test wrote down, and what was sent in answer.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "device/memory.h"
#include "sim/packet.h"

namespace levee::runtime {

class TimedDevice final : public device::Device {
 public:
  struct Sent {
    Instant at;
    sim::Bytes frame;
    friend bool operator==(const Sent&, const Sent&) = default;
  };

  explicit TimedDevice(device::SlabPool& pool) : pool_(&pool) {}

  void at(Duration since_1970, sim::Bytes frame) { waiting_.emplace_back(Instant(since_1970), std::move(frame)); }
  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }

  // At most `burst` frames of one instant, as a capture's port hands them over.
  std::size_t burst = 64;

  [[nodiscard]] device::Received receive(std::span<shard::Frame> frames) override {
    if (waiting_.empty()) return {.end = true};
    device::Received received{.time = waiting_.front().first};
    while (!waiting_.empty() && waiting_.front().first == received.time && received.frames < frames.size() &&
           received.frames < burst) {
      EXPECT_TRUE(queue_.push(waiting_.front().second));
      waiting_.pop_front();
      ++received.frames;
    }
    received.frames = queue_.pop(frames);
    return received;
  }
  [[nodiscard]] std::size_t send(Instant now, std::span<const shard::OutFrame> frames) override {
    for (const shard::OutFrame& frame : frames) {
      sent_.push_back({now, {}});
      device::gather(frame, sent_.back().frame);
      frame.head->refs = 0;
      pool_->put(frame.head);
    }
    return 0;
  }
  [[nodiscard]] Block* blank() override { return pool_->take(); }
  void release(Block* block) override { pool_->put(block); }

 private:
  device::SlabPool* pool_;
  device::ReceiveQueue queue_{*pool_};
  std::deque<std::pair<Instant, sim::Bytes>> waiting_;
  std::vector<Sent> sent_;
};

}  // namespace levee::runtime
