// Queues of payload pieces. A node holds one ref of its block; nodes come from a fixed pool of the shard, and a queue
// is a singly linked list of them, so that pieces move between queues without being copied.
#pragma once

#include <cstdint>
#include <span>

#include "base/block.h"
#include "base/index_pool.h"

namespace levee::tcp {

struct SliceNode {
  Slice slice;
  std::uint32_t next = kNoIndex;
};

using SlicePool = IndexPool<SliceNode>;

// The memory that queues live in; one of each per shard.
struct SliceMemory {
  SlicePool& nodes;
  BlockStash& blocks;
};

// Blanks that payload may not take, so that ACKs and RSTs can always be written.
inline constexpr std::size_t kBlanksForControl = 64;

struct SliceQueue {
  std::uint32_t head = kNoIndex, tail = kNoIndex;
  std::uint32_t bytes = 0;    // payload
  std::uint32_t charged = 0;  // true sizes of the buffers that the pieces hold (a block counts once per piece)

  [[nodiscard]] bool empty() const { return head == kNoIndex; }
};

// Appends a piece and takes a ref of its block; false when the node pool is empty (nothing was changed).
[[nodiscard]] bool push_back(SliceQueue& queue, Slice slice, SliceMemory memory);
// Appends the bytes [skip, skip + count) of `payload`. Small pieces in large buffers are copied together into blanks
// once payload would be less than a quarter of the buffers that it holds, so that a peer cannot pin memory with tiny
// segments. Fewer bytes than `count` when nodes or blanks ran out.
struct Appended {
  std::uint32_t bytes = 0;
  bool copied = false;
};
[[nodiscard]] Appended append(SliceQueue& queue, std::span<const Slice> payload, std::uint32_t skip,
                              std::uint32_t count, SliceMemory memory);
// Appends by copy: into the room behind the last piece while its block is being filled, then into blanks.
[[nodiscard]] std::uint32_t append_copy(SliceQueue& queue, std::span<const std::byte> bytes, SliceMemory memory);
// Bytes that can be written behind a queue's last piece: its block is being filled by copy and the piece ends where the
// filling stands. Received buffers are never filled (their `used` is 0 and no piece of them ends at their base).
[[nodiscard]] std::uint32_t room_behind(const Slice& last);
// Drops the first `count` bytes; the caller knows that there are as many.
void pop_front(SliceQueue& queue, std::uint32_t count, SliceMemory memory);
// Moves the first `count` bytes to the end of `to`; false when a node was needed to split a piece and none was left
// (then only whole pieces before it were moved). Returns the bytes moved.
std::uint32_t move_front(SliceQueue& from, SliceQueue& to, std::uint32_t count, SliceMemory memory);
// Appends all of `from`, which becomes empty.
void splice(SliceQueue& to, SliceQueue& from, SlicePool& nodes);
void clear(SliceQueue& queue, SliceMemory memory);

// Where a walk through a queue may go on without starting from the head. Positions are stream positions that wrap (the
// sequence number of a byte serves); a cursor whose node has been popped is noticed by its position and ignored.
struct SliceCursor {
  std::uint32_t node = kNoIndex;
  std::uint32_t position = 0;  // of the node's first byte
};

struct Gathered {
  std::uint32_t bytes = 0;
  std::size_t pieces = 0;
};

// Fills `pieces` with up to `count` bytes from stream position `from`; the queue's first byte is at `head_position`.
// Covers fewer bytes when `pieces` is used up. The caller knows that `from` is within the queue.
[[nodiscard]] Gathered gather(const SliceQueue& queue, const SlicePool& nodes, std::uint32_t head_position,
                              std::uint32_t from, std::uint32_t count, std::span<Slice> pieces, SliceCursor& cursor);

}  // namespace levee::tcp
