// The slab pool, the copy between two ends and their receive queues; see memory.h.
#include "device/memory.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/view.h"

#if defined(__SANITIZE_ADDRESS__)
#define LEVEE_POISON_FREE_BUFFERS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEVEE_POISON_FREE_BUFFERS
#endif
#endif
#ifdef LEVEE_POISON_FREE_BUFFERS
#include <sanitizer/asan_interface.h>
#endif

namespace levee::device {
namespace {

void poison([[maybe_unused]] const Block& block) {
#ifdef LEVEE_POISON_FREE_BUFFERS
  ASAN_POISON_MEMORY_REGION(block.base, block.size);
#endif
}
void unpoison([[maybe_unused]] const Block& block) {
#ifdef LEVEE_POISON_FREE_BUFFERS
  ASAN_UNPOISON_MEMORY_REGION(block.base, block.size);
#endif
}

// The TCP checksum field holds the pseudo-header sum: the sum over the whole segment then completes it. IPv4's holds 0.
void complete_tcp(const shard::OutFrame& frame, std::span<std::byte> bytes) {
  auto segment = bytes.subspan(std::size_t{frame.l2_length} + frame.l3_length);
  auto* header = wire::view<wire::TcpHeader>(segment);
  CHECK(header != nullptr);
  header->checksum = wire::finish(wire::sum(segment));
}

void complete_ipv4(const shard::OutFrame& frame, std::span<std::byte> bytes) {
  auto packet = bytes.subspan(frame.l2_length, frame.l3_length);
  auto* header = wire::view<wire::Ipv4Header>(packet);
  CHECK(header != nullptr);
  header->checksum = wire::finish(wire::sum(packet));
}

}  // namespace

SlabPool::SlabPool(std::size_t buffers, std::uint32_t data_size) : total_(buffers), data_size_(data_size) {
  CHECK(data_size >= shard::kMaxHeader);
}

void SlabPool::add_slot() {
  Slot& slot = slots_.emplace_back();
  slot.memory.reset(new std::byte[kHeadroom + data_size_]);  // not zeroed: a DMA buffer is not either
  slot.pool = this;
  slot.block.base = slot.memory.get();
  slot.block.size = kHeadroom + data_size_;
  slot.block.owner = &slot;
  free_.push_back(&slot);
}

SlabPool::~SlabPool() {
  for (Slot& slot : slots_) unpoison(slot.block);
}

Block* SlabPool::take() {
  if (free_.empty() && slots_.size() < total_) add_slot();
  if (free_.empty()) {
    ++exhausted_;
    return nullptr;
  }
  Slot* slot = free_.back();
  free_.pop_back();
  CHECK(!slot->out && slot->block.refs == 0);
  slot->out = true;
  slot->block.refs = 1;
  slot->block.used = 0;
  unpoison(slot->block);
  return &slot->block;
}

void SlabPool::put(Block* block) {
  auto* slot = static_cast<Slot*>(block->owner);
  CHECK(slot->pool == this && slot->out && block->refs == 0);
  slot->out = false;
  poison(*block);
  free_.push_back(slot);
}

void gather(const shard::OutFrame& frame, std::vector<std::byte>& to) {
  const std::size_t start = to.size();
  to.insert(to.end(), frame.data, frame.data + frame.length);
  for (const Slice& slice : frame.slices) {
    to.insert(to.end(), slice.data, slice.data + slice.length);
  }
  const auto bytes = std::span(to).subspan(start);
  if (frame.tcp_checksum) complete_tcp(frame, bytes);
  if (frame.ipv4_checksum) complete_ipv4(frame, bytes);
}

ReceiveQueue::~ReceiveQueue() {
  for (const Waiting& frame : waiting_) {
    for (const shard::Frame& piece : frame.pieces) {
      piece.block->refs = 0;
      pool_->put(piece.block);
    }
  }
}

bool ReceiveQueue::push(std::span<const std::byte> frame, std::uint32_t flow_hash) {
  const std::size_t pieces = std::max<std::size_t>(1, (frame.size() + pool_->data_size() - 1) / pool_->data_size());
  Waiting waiting;
  waiting.pieces.reserve(pieces);
  for (std::size_t i = 0; i < pieces; ++i) {
    Block* block = pool_->take();
    if (block == nullptr) {
      for (const shard::Frame& piece : waiting.pieces) {
        piece.block->refs = 0;
        pool_->put(piece.block);
      }
      return false;
    }
    const auto part = frame.subspan(i * pool_->data_size())
                          .first(std::min<std::size_t>(frame.size() - i * pool_->data_size(), pool_->data_size()));
    shard::Frame piece;
    piece.data = block->base + SlabPool::kHeadroom;
    piece.length = static_cast<std::uint32_t>(part.size());
    piece.block = block;
    piece.flow_hash = flow_hash;
    piece.exclusive = true;
    if (!part.empty()) std::memcpy(piece.data, part.data(), part.size());
    waiting.pieces.push_back(piece);
  }
  for (std::size_t i = 0; i + 1 < pieces; ++i) waiting.pieces[i].next = &waiting.pieces[i + 1];
  held_ += pieces;
  waiting_.push_back(std::move(waiting));  // the vector's memory, and so the chain, stays where it is
  return true;
}

std::size_t ReceiveQueue::pop(std::span<shard::Frame> frames) {
  handed_out_.clear();
  std::size_t count = 0;
  while (count < frames.size() && !waiting_.empty()) {
    handed_out_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    held_ -= handed_out_.back().pieces.size();
    frames[count++] = handed_out_.back().pieces.front();
  }
  return count;
}

void MemoryDevice::join(MemoryDevice& one, MemoryDevice& other) {
  one.peer_ = &other;
  other.peer_ = &one;
}

Received MemoryDevice::receive(std::span<shard::Frame> frames) { return {.frames = queue_.pop(frames)}; }

std::size_t MemoryDevice::send(Instant /*now*/, std::span<const shard::OutFrame> frames) {
  std::size_t without_room = 0;
  for (const shard::OutFrame& frame : frames) {
    scratch_.clear();
    gather(frame, scratch_);
    if (peer_ != nullptr && !peer_->queue_.push(scratch_)) ++without_room;
    CHECK(frame.head->refs > 0);
    if (--frame.head->refs == 0) pool_->put(frame.head);  // else its last holder releases it
  }
  return without_room;
}

}  // namespace levee::device
