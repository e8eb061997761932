// The device seam: one receive and one transmit queue of one or more ports, as a worker uses them. One virtual call per
// burst. Implementations: dpdk/ (any DPDK port), device/memory (two queues back to back, in tests), device/impaired.
#pragma once

#include <cstddef>
#include <span>

#include "base/block.h"
#include "levee/time.h"
#include "shard/frame.h"

namespace levee::device {

// What one `receive` brought.
struct Received {
  std::size_t frames = 0;
  bool end = false;       // the device is at its end (a capture file) and will never bring more
  Instant time = kNever;  // with a device that carries time: all these frames arrived at this instant
};

class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  // Fills `frames`; the refs of their blocks (1 each) pass to the caller. Chained pieces stay valid until the next
  // call.
  [[nodiscard]] virtual Received receive(std::span<shard::Frame> frames) = 0;
  // Takes every frame: its head's ref passes here whether it was sent or there was no room. Slices are attached or
  // copied before this returns. Returns how many had no room.
  [[nodiscard]] virtual std::size_t send(Instant now, std::span<const shard::OutFrame> frames) = 0;
  // A blank buffer with refs == 1, or nullptr when the pool is empty.
  [[nodiscard]] virtual Block* blank() = 0;
  // Takes back a buffer whose refs are 0.
  virtual void release(Block* block) = 0;
};

}  // namespace levee::device
