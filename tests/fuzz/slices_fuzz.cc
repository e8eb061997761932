// Queues of payload pieces against vectors of bytes: whatever is pushed, appended, moved, spliced and popped.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "fuzz/slice_memory.h"
#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

using Bytes = std::vector<std::byte>;

struct Queue {
  tcp::SliceQueue queue;
  Bytes expected;
};

struct Case {
  SliceMemoryOwner memory;
  std::array<Queue, 3> queues;
  std::uint8_t version = 0;

  explicit Case(Input& input) : memory{1 + input.below(100), input.below(128)} {}
  Queue& any(Input& input) { return queues[input.below(3)]; }
  Bytes text(std::uint32_t length) {
    Bytes bytes(length);
    ++version;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 11 + version * 31U);
    return bytes;
  }
};

void grow(Queue& to, std::span<const std::byte> by) { to.expected.insert(to.expected.end(), by.begin(), by.end()); }

void push(Case& c, Input& input) {
  Queue& to = c.any(input);
  const Bytes text = c.text(1 + input.below(64));
  const auto payload = c.memory.payload(text, 1);
  if (push_back(to.queue, payload.slices.front(), c.memory.memory())) {
    grow(to, text);
  } else {
    CHECK(c.memory.nodes().in_use() == c.memory.nodes().capacity());
  }
  c.memory.drop(payload);
}

void append_part(Case& c, Input& input) {
  Queue& to = c.any(input);
  const Bytes text = c.text(1 + input.below(1500));
  const auto payload = c.memory.payload(text, 1 + input.below(12));
  const std::uint32_t skip = input.below(static_cast<std::uint32_t>(text.size()));
  const std::uint32_t count = input.below(static_cast<std::uint32_t>(text.size()) - skip + 1);
  const std::uint32_t done = append(to.queue, payload.slices, skip, count, c.memory.memory()).bytes;
  CHECK(done <= count);
  grow(to, std::span(text).subspan(skip, done));
  c.memory.drop(payload);
}

void copy_in(Case& c, Input& input) {
  Queue& to = c.any(input);
  const Bytes text = c.text(input.below(1000));
  const std::uint32_t done = append_copy(to.queue, text, c.memory.memory());
  CHECK(done <= text.size());
  grow(to, std::span(text).first(done));
}

void pop(Case& c, Input& input) {
  Queue& from = c.any(input);
  const std::uint32_t count = input.below(from.queue.bytes + 1);
  pop_front(from.queue, count, c.memory.memory());
  from.expected.erase(from.expected.begin(), from.expected.begin() + count);
}

void move(Case& c, Input& input) {
  Queue& from = c.any(input);
  Queue& to = c.any(input);
  if (&from == &to) return;
  const std::uint32_t count = input.u16();
  const std::uint32_t moved = move_front(from.queue, to.queue, count, c.memory.memory());
  CHECK(moved <= count && moved <= from.expected.size());
  const bool nodes_ran_out = c.memory.nodes().in_use() == c.memory.nodes().capacity();
  CHECK(nodes_ran_out || moved == std::min<std::size_t>(count, from.expected.size()));
  grow(to, std::span(from.expected).first(moved));
  from.expected.erase(from.expected.begin(), from.expected.begin() + moved);
}

void join(Case& c, Input& input) {
  Queue& from = c.any(input);
  Queue& to = c.any(input);
  if (&from == &to) return;
  splice(to.queue, from.queue, c.memory.nodes());
  grow(to, from.expected);
  from.expected.clear();
}

// A segment's worth from anywhere in the queue, from a cursor that may be stale.
void look(Case& c, Input& input) {
  Queue& at = c.any(input);
  const std::uint32_t head = input.u32();
  tcp::SliceCursor cursor;
  for (std::uint32_t looks = 1 + input.below(4); looks > 0 && !at.expected.empty(); --looks) {
    const std::uint32_t skip = input.below(static_cast<std::uint32_t>(at.expected.size()));
    const std::uint32_t count = input.below(static_cast<std::uint32_t>(at.expected.size()) - skip) + 1;
    std::array<Slice, 8> pieces;
    const tcp::Gathered got = gather(at.queue, c.memory.nodes(), head, head + skip, count,
                                     std::span(pieces).first(1 + input.below(8)), cursor);
    CHECK(got.bytes <= count && got.bytes > 0);
    std::size_t place = skip;
    for (std::size_t i = 0; i < got.pieces; ++i) {
      CHECK(std::equal(pieces[i].data, pieces[i].data + pieces[i].length,
                       at.expected.begin() + static_cast<std::ptrdiff_t>(place)));
      place += pieces[i].length;
    }
    CHECK(place == skip + got.bytes);
  }
}

}  // namespace

FUZZ_TARGET(slices, input) {
  Case c(input);
  constexpr void (*kSteps[])(Case&, Input&) = {push, append_part, copy_in, pop, move, join, look};
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) {
    const std::uint32_t step = input.below(std::size(kSteps) + 1);
    if (step == std::size(kSteps)) {
      c.memory.refill();
    } else {
      kSteps[step](c, input);
    }
    for (const Queue& queue : c.queues) CHECK(c.memory.bytes_of(queue.queue) == queue.expected);
  }
  for (Queue& queue : c.queues) clear(queue.queue, c.memory.memory());
  c.memory.end();
}

}  // namespace levee::fuzz
