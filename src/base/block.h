// Payload memory: blocks, slices of them, and the blanks a shard keeps at hand.
//
// A Block is the header that levee keeps beside each packet buffer: in the mbuf's private area in production, in a slab
// slot in the simulator. Its count is plain: only the owning shard touches it. A transmission that is still in the
// device's hands is counted by the device's own reference (the mbuf's), so that a buffer is reusable when both are 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"

namespace levee {

struct Block {
  std::byte* base = nullptr;  // first byte of the buffer, headroom included
  std::uint32_t size = 0;     // bytes of the buffer: what holding it costs
  std::uint32_t refs = 0;     // frames, blanks and slices that hold it
  std::uint32_t used = 0;     // bytes from base already given out, for a block that is being filled by copy
  void* owner = nullptr;      // floor 3's; floors 0 to 2 never look at it
  Block* next = nullptr;      // link while in a BlockBin
};

// A piece of a block's bytes. Holding one is holding one of the block's refs.
struct Slice {
  Block* block = nullptr;
  const std::byte* data = nullptr;
  std::uint32_t length = 0;
};

// Blocks whose count reached 0, on their way back to floor 3. A singly linked list through the blocks.
class BlockBin {
 public:
  void push(Block* block) {
    block->next = head_;
    head_ = block;
    ++count_;
  }
  [[nodiscard]] Block* pop() {
    Block* block = head_;
    if (block != nullptr) {
      head_ = block->next;
      block->next = nullptr;
      --count_;
    }
    return block;
  }
  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  Block* head_ = nullptr;
  std::size_t count_ = 0;
};

// The blank buffers of one shard and the bin of those to be given back. A blank's `refs` is 1, held by the stash.
class BlockStash {
 public:
  explicit BlockStash(std::size_t capacity) : capacity_(capacity) { blanks_.reserve(capacity); }

  [[nodiscard]] std::size_t wanted() const { return capacity_ - blanks_.size(); }
  [[nodiscard]] std::size_t available() const { return blanks_.size(); }

  void give(Block* blank) {
    DCHECK(blank->refs == 1);
    DCHECK(blanks_.size() < capacity_);
    blank->used = 0;
    blanks_.push_back(blank);
  }
  // The blank's one ref passes to the caller; nullptr when fewer than `reserve` would remain.
  [[nodiscard]] Block* take(std::size_t reserve = 0) {
    if (blanks_.size() <= reserve) return nullptr;
    Block* blank = blanks_.back();
    blanks_.pop_back();
    return blank;
  }

  static void hold(Block* block) { ++block->refs; }
  void drop(Block* block) {
    DCHECK(block->refs > 0);
    if (--block->refs == 0) released_.push(block);
  }
  [[nodiscard]] BlockBin& released() { return released_; }
  [[nodiscard]] const BlockBin& released() const { return released_; }
  // For shutdown: all blanks go to the bin.
  void give_back_all() {
    while (Block* blank = take()) drop(blank);
  }

 private:
  std::size_t capacity_;
  std::vector<Block*> blanks_;
  BlockBin released_;
};

}  // namespace levee
