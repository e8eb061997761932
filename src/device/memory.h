// Devices without hardware: a pool of heap buffers with levee's Block headers, and a pair of ends back to back. What
// one end sends is copied ("by DMA") into buffers of the other end's pool and waits there to be received, chained where
// it is longer than a buffer. One thread drives both ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/block.h"
#include "device/device.h"

namespace levee::device {

// At most a fixed number of buffers, each an allocation of its own: a step beyond one is seen by AddressSanitizer, and
// so is the use of a buffer that lies in the pool. A buffer is allocated when it is first needed: many short
// simulations need few of theirs.
class SlabPool {
 public:
  // Bytes before a received frame, as an mbuf's headroom.
  static constexpr std::uint32_t kHeadroom = 128;

  // `data_size` is what fits behind the headroom; at least shard::kMaxHeader.
  SlabPool(std::size_t buffers, std::uint32_t data_size);
  ~SlabPool();
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // A buffer with refs == 1, or nullptr (counted) when all are out.
  [[nodiscard]] Block* take();
  // Takes a buffer back; its refs must be 0, and it must be out.
  void put(Block* block);

  [[nodiscard]] std::size_t total() const { return total_; }
  [[nodiscard]] std::size_t available() const { return total_ - out(); }
  [[nodiscard]] std::size_t out() const { return slots_.size() - free_.size(); }
  // How often `take` found nothing.
  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }
  [[nodiscard]] std::uint32_t data_size() const { return data_size_; }

 private:
  struct Slot {
    Block block;
    std::unique_ptr<std::byte[]> memory;
    const SlabPool* pool = nullptr;
    bool out = false;
  };

  void add_slot();

  std::size_t total_;
  std::uint32_t data_size_;
  std::deque<Slot> slots_;  // grows at its end only: blocks are pointed at
  std::vector<Slot*> free_;
  std::uint64_t exhausted_ = 0;
};

// Appends the bytes of an outgoing frame, header and slices, and completes the checksums that were left to the device.
void gather(const shard::OutFrame& frame, std::vector<std::byte>& to);

// Frames that wait to be received, in buffers of a pool.
class ReceiveQueue {
 public:
  explicit ReceiveQueue(SlabPool& pool) : pool_(&pool) {}
  ~ReceiveQueue();
  ReceiveQueue(const ReceiveQueue&) = delete;
  ReceiveQueue& operator=(const ReceiveQueue&) = delete;

  // Copies a frame in, into as many buffers as it needs. False if the pool has too few: then nothing is kept.
  [[nodiscard]] bool push(std::span<const std::byte> frame, std::uint32_t flow_hash = 0);
  // Moves frames out, oldest first; their chained pieces are valid until the next call. Returns how many.
  [[nodiscard]] std::size_t pop(std::span<shard::Frame> frames);

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  // Buffers held by the frames that wait.
  [[nodiscard]] std::size_t held() const { return held_; }

 private:
  struct Waiting {
    std::vector<shard::Frame> pieces;
  };

  SlabPool* pool_;
  std::deque<Waiting> waiting_;
  std::deque<Waiting> handed_out_;  // whose chains the caller may still look at
  std::size_t held_ = 0;
};

// One of two ends back to back.
class MemoryDevice final : public Device {
 public:
  explicit MemoryDevice(SlabPool& pool) : pool_(&pool), queue_(pool) {}

  // What one sends, the other receives. An end without a peer sends into the void.
  static void join(MemoryDevice& one, MemoryDevice& other);

  [[nodiscard]] Received receive(std::span<shard::Frame> frames) override;
  [[nodiscard]] std::size_t send(Instant now, std::span<const shard::OutFrame> frames) override;
  [[nodiscard]] Block* blank() override { return pool_->take(); }
  void release(Block* block) override { pool_->put(block); }

  // Puts a frame on this end's receive queue as if the peer had sent it.
  [[nodiscard]] bool inject(std::span<const std::byte> frame) { return queue_.push(frame); }
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }

 private:
  SlabPool* pool_;
  ReceiveQueue queue_;
  MemoryDevice* peer_ = nullptr;
  std::vector<std::byte> scratch_;
};

}  // namespace levee::device
