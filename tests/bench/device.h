// A device without hardware, for measurements. Its buffers have the geometry of DPDK's (object header, rte_mbuf,
// levee's Block in the private area, headroom, data) in one piece of memory with huge pages, and each burst costs what
// it costs at the least with a real driver: the mbuf's fields are written on receive, rewritten on send, and each sent
// buffer is looked at once more when it returns to its pool. Buffers are used in turn, so a pass over all of them meets
// each one as cold as a full cycle leaves it. Loading and collecting are not meant to be timed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/huge_array.h"
#include "device/device.h"

struct rte_mbuf;

namespace levee::bench {

// A short frame by value.
struct Packet {
  static constexpr std::size_t kRoom = 138;
  std::uint32_t length = 0;
  std::array<std::byte, kRoom> data{};
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(data).first(length); }
};

// A frame of any length.
struct LongPacket {
  std::vector<std::byte> data;
  [[nodiscard]] std::span<const std::byte> bytes() const { return data; }
};

class BenchDevice final : public device::Device {
 public:
  struct Options {
    std::size_t buffers = 16384;  // for received frames
    std::size_t burst = 64;       // most frames that one receive brings
    std::size_t spares = 4096;    // buffers for blanks, which a pass must not use up
    bool verified = false;        // what it says about received checksums
    std::uint64_t seed = 1;       // of the order in which buffers are used
  };

  explicit BenchDevice(const Options& options);

  // Copies the frames into the buffers that have been idle longest; they wait to be received.
  void load(std::span<const Packet> packets);
  void load(std::span<const LongPacket> packets);
  [[nodiscard]] bool exhausted() const { return next_waiting_ == waiting_.size(); }
  // What was sent since the last call, in order, with checksums completed as a card would. Nothing may be waiting, and
  // every buffer that was received must be back: false if one is not.
  [[nodiscard]] bool collect(std::vector<Packet>& replies);
  // Payload is not touched on its way out, as if a card gathered it; here it reads as zeros.
  [[nodiscard]] bool collect(std::vector<LongPacket>& replies);

  // How many buffers take turns: all of them, or few that stay in the nearer caches. All must be idle.
  void rotate(std::size_t buffers);
  [[nodiscard]] std::size_t buffers() const { return rotating_; }

  [[nodiscard]] device::Received receive(std::span<shard::Frame> frames) override;
  [[nodiscard]] std::size_t send(Instant now, std::span<const shard::OutFrame> frames) override;
  [[nodiscard]] Block* blank() override;
  void release(Block* block) override;

 private:
  // A queue of idle buffers, first in, first out.
  class Idle {
   public:
    explicit Idle(std::size_t capacity);
    void push(rte_mbuf* mbuf) { ring_[tail_++ & (ring_.size() - 1)] = mbuf; }
    [[nodiscard]] rte_mbuf* pop() { return head_ == tail_ ? nullptr : ring_[head_++ & (ring_.size() - 1)]; }
    [[nodiscard]] std::size_t size() const { return tail_ - head_; }

   private:
    std::vector<rte_mbuf*> ring_;
    std::size_t head_ = 0, tail_ = 0;
  };
  struct Waiting {
    rte_mbuf* mbuf;
    std::uint32_t length;
  };
  // What a card reads of a frame to send.
  struct Descriptor {
    const void* address;
    std::uint32_t length, flags;
  };

  [[nodiscard]] rte_mbuf* make_buffer(std::size_t index);
  void begin_load(std::size_t packets);
  void add(std::span<const std::byte> frame);
  // What was sent as number `i`, as a card would send it.
  void assemble(std::size_t i, std::vector<std::byte>& bytes) const;
  void complete(std::size_t up_to);
  void put(rte_mbuf* mbuf);

  Options options_;
  HugeMemory memory_;
  rte_mbuf* first_spare_ = nullptr;
  std::vector<rte_mbuf*> order_;  // in which buffers are first used
  std::size_t rotating_ = 0;
  Idle frames_, spares_;
  std::vector<Waiting> waiting_;
  std::size_t next_waiting_ = 0;
  std::vector<rte_mbuf*> sent_;
  std::size_t sent_count_ = 0, completed_ = 0;
  std::array<Descriptor, 1024> descriptors_{};
};

}  // namespace levee::bench
