// Memory for slice queues in which every block is an allocation of its own, so that a sanitizer sees a use after the
// last ref, and in which nodes and blanks run out.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/check.h"
#include "tcp/slices.h"

namespace levee::fuzz {

class SliceMemoryOwner {
 public:
  static constexpr std::uint32_t kBlockSize = 256;

  SliceMemoryOwner(std::uint32_t nodes, std::size_t blanks) : nodes_(nodes), stash_(blanks) { refill(); }
  SliceMemoryOwner(const SliceMemoryOwner&) = delete;
  SliceMemoryOwner& operator=(const SliceMemoryOwner&) = delete;

  [[nodiscard]] tcp::SliceMemory memory() { return {nodes_, stash_}; }
  [[nodiscard]] tcp::SlicePool& nodes() { return nodes_; }

  // Received text in `pieces` buffers of different sizes. The pieces hold a ref each until `drop`.
  struct Payload {
    std::vector<Slice> slices;
  };
  [[nodiscard]] Payload payload(std::span<const std::byte> text, std::uint32_t pieces) {
    Payload payload;
    for (; pieces > 0; --pieces) {
      const std::size_t length = pieces == 1 ? text.size() : text.size() / pieces;
      Block* block = make(static_cast<std::uint32_t>(length) + 8 * pieces + 1);
      std::copy_n(text.begin(), length, block->base + 1);
      payload.slices.push_back({block, block->base + 1, static_cast<std::uint32_t>(length)});
      text = text.subspan(length);
    }
    return payload;
  }
  void drop(const Payload& payload) {
    for (const Slice& slice : payload.slices) stash_.drop(slice.block);
    free_released();
  }

  void refill() {
    free_released();
    while (stash_.wanted() > 0) stash_.give(make(kBlockSize));
  }

  [[nodiscard]] std::vector<std::byte> bytes_of(const tcp::SliceQueue& queue) const {
    std::vector<std::byte> bytes;
    std::uint32_t charged = 0, last = kNoIndex;
    for (std::uint32_t node = queue.head; node != kNoIndex; node = nodes_[node].next) {
      const Slice& slice = nodes_[node].slice;
      bytes.insert(bytes.end(), slice.data, slice.data + slice.length);
      charged += slice.block->size;
      last = node;
    }
    CHECK(bytes.size() == queue.bytes && charged == queue.charged && last == queue.tail);
    return bytes;
  }

  // Every queue has been cleared: every node and every block is back.
  void end() {
    stash_.give_back_all();
    free_released();
    CHECK(live_ == 0 && nodes_.in_use() == 0);
  }

 private:
  Block* make(std::uint32_t size) {
    ++live_;
    auto* block = new Block;
    block->base = new std::byte[size];
    block->size = size;
    block->refs = 1;
    return block;
  }
  void free_released() {
    while (Block* block = stash_.released().pop()) {
      --live_;
      delete[] block->base;
      delete block;
    }
  }

  tcp::SlicePool nodes_;
  BlockStash stash_;
  int live_ = 0;
};

}  // namespace levee::fuzz
