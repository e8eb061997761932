#include "tcp/slices.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace levee::tcp {

bool push_back(SliceQueue& queue, Slice slice, SliceMemory memory) {
  const std::uint32_t index = memory.nodes.take();
  if (index == kNoIndex) return false;
  BlockStash::hold(slice.block);
  memory.nodes[index] = {.slice = slice, .next = kNoIndex};
  if (queue.empty()) {
    queue.head = index;
  } else {
    memory.nodes[queue.tail].next = index;
  }
  queue.tail = index;
  queue.bytes += slice.length;
  queue.charged += slice.block->size;
  return true;
}

namespace {

void pop_node(SliceQueue& queue, SliceMemory memory) {
  const std::uint32_t index = queue.head;
  SliceNode& node = memory.nodes[index];
  queue.bytes -= node.slice.length;
  queue.charged -= node.slice.block->size;
  queue.head = node.next;
  if (queue.empty()) queue.tail = kNoIndex;
  memory.blocks.drop(node.slice.block);
  memory.nodes.put(index);
}

void trim_head(SliceQueue& queue, std::uint32_t count, SlicePool& nodes) {
  Slice& slice = nodes[queue.head].slice;
  slice.data += count;
  slice.length -= count;
  queue.bytes -= count;
}

}  // namespace

std::uint32_t room_behind(const Slice& last) {
  const Block& block = *last.block;
  const bool filling = last.data + last.length == block.base + block.used;
  return filling ? block.size - block.used : 0;
}

std::uint32_t append_copy(SliceQueue& queue, std::span<const std::byte> bytes, SliceMemory memory) {
  const auto wanted = static_cast<std::uint32_t>(bytes.size());
  std::uint32_t done = 0;
  while (done < wanted) {
    if (!queue.empty()) {
      Slice& last = memory.nodes[queue.tail].slice;
      Block& block = *last.block;
      const std::uint32_t room = std::min(room_behind(last), wanted - done);
      if (room > 0) {
        std::memcpy(block.base + block.used, bytes.data() + done, room);
        block.used += room;
        last.length += room;
        queue.bytes += room;
        done += room;
        continue;
      }
    }
    Block* blank = memory.blocks.take(kBlanksForControl);
    if (blank == nullptr) break;
    const std::uint32_t length = std::min(blank->size, wanted - done);
    std::memcpy(blank->base, bytes.data() + done, length);
    blank->used = length;
    const bool pushed = push_back(queue, {blank, blank->base, length}, memory);
    memory.blocks.drop(blank);  // the node holds it now, or nobody
    if (!pushed) break;
    done += length;
  }
  return done;
}

namespace {

constexpr std::uint32_t kCompactFrom = 16 * 1024;  // bytes of buffers that a queue may hold before it is compacted

bool worth_copying(const SliceQueue& queue, std::span<const Slice> payload, std::uint32_t count) {
  std::uint64_t charge = queue.charged;
  for (const Slice& slice : payload) charge += slice.block->size;
  return charge > kCompactFrom && charge > 4 * (std::uint64_t{queue.bytes} + count);
}

}  // namespace

Appended append(SliceQueue& queue, std::span<const Slice> payload, std::uint32_t skip, std::uint32_t count,
                SliceMemory memory) {
  Appended result{.bytes = 0, .copied = worth_copying(queue, payload, count)};
  const std::uint32_t before = queue.bytes;
  for (const Slice& slice : payload) {
    if (count == 0) break;
    if (skip >= slice.length) {
      skip -= slice.length;
      continue;
    }
    const Slice piece{slice.block, slice.data + skip, std::min(slice.length - skip, count)};
    skip = 0;
    count -= piece.length;
    if (result.copied ? append_copy(queue, {piece.data, piece.length}, memory) != piece.length
                      : !push_back(queue, piece, memory)) {
      break;
    }
  }
  result.bytes = queue.bytes - before;
  return result;
}

void pop_front(SliceQueue& queue, std::uint32_t count, SliceMemory memory) {
  DCHECK(count <= queue.bytes);
  while (count > 0) {
    const std::uint32_t length = memory.nodes[queue.head].slice.length;
    if (length > count) {
      trim_head(queue, count, memory.nodes);
      return;
    }
    count -= length;
    pop_node(queue, memory);
  }
}

std::uint32_t move_front(SliceQueue& from, SliceQueue& to, std::uint32_t count, SliceMemory memory) {
  std::uint32_t moved = 0;
  while (moved < count && !from.empty()) {
    const std::uint32_t index = from.head;
    SliceNode& node = memory.nodes[index];
    const std::uint32_t length = node.slice.length;
    if (length > count - moved) {
      const std::uint32_t part = count - moved;
      Slice first = node.slice;
      first.length = part;
      if (!push_back(to, first, memory)) break;
      trim_head(from, part, memory.nodes);
      return count;
    }
    from.head = node.next;
    if (from.empty()) from.tail = kNoIndex;
    from.bytes -= length;
    from.charged -= node.slice.block->size;
    node.next = kNoIndex;
    if (to.empty()) {
      to.head = index;
    } else {
      memory.nodes[to.tail].next = index;
    }
    to.tail = index;
    to.bytes += length;
    to.charged += node.slice.block->size;
    moved += length;
  }
  return moved;
}

void splice(SliceQueue& to, SliceQueue& from, SlicePool& nodes) {
  if (from.empty()) return;
  if (to.empty()) {
    to.head = from.head;
  } else {
    nodes[to.tail].next = from.head;
  }
  to.tail = from.tail;
  to.bytes += from.bytes;
  to.charged += from.charged;
  from = {};
}

void clear(SliceQueue& queue, SliceMemory memory) {
  while (!queue.empty()) pop_node(queue, memory);
}

Gathered gather(const SliceQueue& queue, const SlicePool& nodes, std::uint32_t head_position, std::uint32_t from,
                std::uint32_t count, std::span<Slice> pieces, SliceCursor& cursor) {
  DCHECK(from - head_position <= queue.bytes);
  std::uint32_t node = queue.head;
  std::uint32_t position = head_position;
  // Offsets from the head never wrap: a queue holds less than 2^31 bytes.
  if (cursor.node != kNoIndex && cursor.position - head_position <= from - head_position) {
    node = cursor.node;
    position = cursor.position;
  }
  Gathered result;
  while (node != kNoIndex && count > 0 && result.pieces < pieces.size()) {
    const SliceNode& entry = nodes[node];
    const std::uint32_t skip = from - position;
    if (skip < entry.slice.length) {
      const std::uint32_t length = std::min(entry.slice.length - skip, count);
      pieces[result.pieces++] = {entry.slice.block, entry.slice.data + skip, length};
      result.bytes += length;
      from += length;
      count -= length;
      cursor = {node, position};
    }
    position += entry.slice.length;
    node = entry.next;
  }
  return result;
}

}  // namespace levee::tcp
