// The pieces below the machine: slice queues, out-of-order ranges against a byte-array oracle, the estimator.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "tcp/reassembly.h"
#include "tcp/rtt.h"
#include "tcp/seq.h"
#include "tcp/slices.h"

namespace levee::tcp {
namespace {

using namespace std::chrono_literals;

// Blocks on the heap, so that a sanitizer sees a use after the last ref.
class Memory {
 public:
  explicit Memory(std::uint32_t nodes, std::size_t blanks = 512) : pool(nodes), stash(blanks) {
    while (stash.wanted() > 0) stash.give(make(2048));
  }
  ~Memory() {
    stash.give_back_all();
    while (Block* block = stash.released().pop()) release(block);
    EXPECT_EQ(live, 0);
    EXPECT_EQ(pool.in_use(), 0U);
  }
  Block* make(std::uint32_t size) {
    ++live;
    auto* block = new Block;
    block->base = new std::byte[size];
    block->size = size;
    block->refs = 1;
    return block;
  }
  void release(Block* block) {
    --live;
    delete[] block->base;
    delete block;
  }
  void refill() {
    while (Block* block = stash.released().pop()) release(block);
    while (stash.wanted() > 0) stash.give(make(2048));
  }
  SliceMemory memory() { return {pool, stash}; }

  SlicePool pool;
  BlockStash stash;
  int live = 0;
};

std::string text_of(const SliceQueue& queue, const SlicePool& nodes) {
  std::string text;
  for (std::uint32_t node = queue.head; node != kNoIndex; node = nodes[node].next) {
    text.append(reinterpret_cast<const char*>(nodes[node].slice.data), nodes[node].slice.length);
  }
  return text;
}

TEST(Seq, ComparesModulo2To32) {
  EXPECT_LT(Seq(0xfffffff0), Seq(5));
  EXPECT_GT(Seq(5), Seq(0xfffffff0));
  EXPECT_EQ(Seq(5) - Seq(0xfffffffb), 10U);
  EXPECT_EQ(Seq(0xffffffff) + 1, Seq(0));
  EXPECT_EQ(later(Seq(0xffffffff), Seq(1)), Seq(1));
}

TEST(SliceQueue, MovesAndSplitsWithoutLosingAByte) {
  Memory memory(64);
  SliceQueue from, to;
  const std::string text = "the quick brown fox";
  for (const char& c : text) {
    Block* block = memory.make(16);
    block->base[0] = static_cast<std::byte>(c);
    EXPECT_TRUE(push_back(from, {block, block->base, 1}, memory.memory()));
    memory.stash.drop(block);
  }
  EXPECT_EQ(move_front(from, to, 9, memory.memory()), 9U);
  EXPECT_EQ(text_of(to, memory.pool) + text_of(from, memory.pool), text);
  pop_front(to, 4, memory.memory());
  EXPECT_EQ(text_of(to, memory.pool), "quick");
  splice(to, from, memory.pool);
  EXPECT_EQ(text_of(to, memory.pool), "quick brown fox");
  EXPECT_TRUE(from.empty());
  clear(to, memory.memory());
}

TEST(SliceQueue, AppendCopyFillsBlocksCompletely) {
  Memory memory(64);
  SliceQueue queue;
  const std::string text(5000, 'x');
  for (std::size_t at = 0; at < text.size(); at += 10) {
    EXPECT_EQ(append_copy(queue, std::as_bytes(std::span(text.data() + at, 10)), memory.memory()), 10U);
  }
  EXPECT_EQ(queue.bytes, 5000U);
  EXPECT_EQ(memory.pool.in_use(), 3U);  // 2048 bytes each
  clear(queue, memory.memory());
}

TEST(SliceQueue, GatherFindsEveryRangeWithAnyCursor) {
  Memory memory(256);
  SliceQueue queue;
  std::string text;
  for (int n = 0; n < 40; ++n) {
    Block* block = memory.make(64);
    const auto length = static_cast<std::uint32_t>(1 + n % 7);
    for (std::uint32_t i = 0; i < length; ++i) {
      block->base[i] = static_cast<std::byte>('a' + text.size() % 26);
      text.push_back(static_cast<char>(block->base[i]));
    }
    EXPECT_TRUE(push_back(queue, {block, block->base, length}, memory.memory()));
    memory.stash.drop(block);
  }
  Random random(7);
  SliceCursor cursor;
  std::uint32_t head = 0xffffffd0;  // positions wrap
  std::size_t popped = 0;
  while (queue.bytes > 0) {
    const auto offset = static_cast<std::uint32_t>(random.below(queue.bytes));
    const auto count = static_cast<std::uint32_t>(1 + random.below(queue.bytes - offset));
    std::array<Slice, 8> pieces{};
    const Gathered got = gather(queue, memory.pool, head, head + offset, count, pieces, cursor);
    std::string joined;
    for (std::size_t i = 0; i < got.pieces; ++i) {
      joined.append(reinterpret_cast<const char*>(pieces[i].data), pieces[i].length);
    }
    ASSERT_EQ(joined, text.substr(popped + offset, got.bytes));
    ASSERT_TRUE(got.bytes == count || got.pieces == pieces.size());
    const auto pop = static_cast<std::uint32_t>(random.below(std::min<std::uint32_t>(queue.bytes, 5) + 1));
    pop_front(queue, pop, memory.memory());
    popped += pop;
    head += pop;
  }
}

// Every byte has one value at one place except that later arrivals contradict: the first must win.
TEST(Reassembly, AgreesWithAByteArray) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    Memory memory(4096);
    Reassembly reassembly;
    SliceQueue delivered;
    const Seq start(static_cast<std::uint32_t>(random.next()));
    Seq next = start;
    std::map<std::uint32_t, char> oracle;  // offset from start -> first byte seen
    for (int step = 0; step < 60; ++step) {
      const auto offset = static_cast<std::uint32_t>(random.below(200));
      const auto length = static_cast<std::uint32_t>(1 + random.below(40));
      const Seq begin = later(start + offset, next);
      const Seq end = start + offset + length;
      if (begin >= end) continue;
      Block* block = memory.make(64);
      for (std::uint32_t i = 0; i < length; ++i) block->base[i] = static_cast<std::byte>('a' + random.below(26));
      const Slice payload{block, block->base, length};
      std::optional<TextSpan> repeated;
      const Inserted result = insert(reassembly, {begin, end, begin == next}, begin - (start + offset),
                                     std::span(&payload, 1), memory.memory(), repeated);
      Seq first = begin;
      while (first < end && !oracle.contains(first - start)) first += 1;
      Seq last = first;
      while (last < end && oracle.contains(last - start)) last += 1;
      ASSERT_EQ(repeated.has_value(), first < end);
      if (repeated) {
        ASSERT_TRUE(repeated->begin == first && repeated->end == last);
      }
      if (result != Inserted::Full) {
        for (Seq at = begin; at < end; at += 1) {
          oracle.emplace(at - start, static_cast<char>(block->base[at - (start + offset)]));
        }
      }
      memory.stash.drop(block);
      ASSERT_NE(result, Inserted::Full);
      next = take_in_order(reassembly, next, delivered, memory.memory());
    }
    std::string wanted;
    for (std::uint32_t at = 0; oracle.contains(at); ++at) wanted.push_back(oracle[at]);
    EXPECT_EQ(text_of(delivered, memory.pool), wanted) << "seed " << seed;
    EXPECT_EQ(next - start, wanted.size());
    clear(reassembly, memory.memory());
    clear(delivered, memory.memory());
  }
}

TEST(Reassembly, RunningOutOfNodesKeepsWhatIsHeldConsistent) {
  Memory memory(3);
  Reassembly reassembly;
  Block* block = memory.make(64);
  const Slice payload{block, block->base, 10};
  std::optional<TextSpan> repeated;
  for (std::uint32_t n = 0; n < 5; ++n) {
    const Inserted result = insert(reassembly, {Seq(100 + 20 * n), Seq(110 + 20 * n), false}, 0, std::span(&payload, 1),
                                   memory.memory(), repeated);
    EXPECT_EQ(result, n < 3 ? Inserted::Queued : Inserted::Full);
  }
  EXPECT_EQ(reassembly.count, 3U);
  memory.stash.drop(block);
  clear(reassembly, memory.memory());
}

// RFC 6298 2.2, 2.3 with its own numbers.
// RFC 2018 4: "the first SACK block [...] MUST specify the contiguous block of data containing the segment which
// triggered this ACK", and then the next most recent ones, whatever their places.
TEST(Reassembly, TellsTheMostRecentRangesFirst) {
  Random random(4);
  for (int turn = 0; turn < 500; ++turn) {
    Reassembly reassembly;
    reassembly.count = static_cast<std::uint32_t>(random.below(kMaxRanges + 2));
    std::map<std::uint32_t, std::uint32_t> by_age;
    reassembly.next_stamp = turn % 2 == 0 ? 50 : 1000;  // it wraps
    for (std::uint32_t i = 0; i < reassembly.count; ++i) {
      // In order, against it, or in none.
      const std::uint32_t other = turn % 3 == 1 ? 66 - i : 100 * static_cast<std::uint32_t>(random.below(1000)) + i;
      const std::uint32_t age = turn % 3 == 0 ? i : other;
      by_age.emplace(age, i);
      reassembly.ranges[i] = {
          .begin = Seq(10 * i), .end = Seq(10 * i + 3), .queue = {}, .stamp = reassembly.next_stamp - age};
    }
    wire::SegmentOptions options;
    options.sack_count = static_cast<std::uint8_t>(random.below(2));  // a D-SACK
    const std::uint32_t first = options.sack_count;
    const auto limit = static_cast<std::uint32_t>(random.below(5));
    add_sack_blocks(reassembly, limit, options);
    ASSERT_EQ(options.sack_count, std::max(first, std::min(first + reassembly.count, limit)));
    auto expected = by_age.begin();
    for (std::uint32_t n = first; n < options.sack_count; ++n, ++expected) {
      ASSERT_EQ(options.sack[n].left, 10 * expected->second);
      ASSERT_EQ(options.sack[n].right, 10 * expected->second + 3);
    }
  }
}

TEST(RttEstimator, FollowsRfc6298) {
  RttEstimator rtt;
  const TcpOptions options{.min_rto = 1ms};
  EXPECT_EQ(rtt.rto(options, 0), 1s);
  rtt.sample(100ms);
  EXPECT_EQ(rtt.rto(options, 0), 300ms);  // R + 4 R/2
  rtt.sample(100ms);
  EXPECT_EQ(rtt.rto(options, 0), 250ms);  // RTTVAR 3/4 of 50 ms
  rtt.sample(200ms);
  // RTTVAR = 3/4 * 37.5 + 1/4 * 100 = 53.125; SRTT = 7/8 * 100 + 1/8 * 200 = 112.5
  EXPECT_EQ(rtt.rto(options, 0), 325ms);
  EXPECT_EQ(rtt.rto(options, 1), 650ms);
  EXPECT_EQ(rtt.rto(options, 60), 60s);
  EXPECT_EQ(RttEstimator{}.rto(TcpOptions{}, 3), 8s);
}

}  // namespace
}  // namespace levee::tcp
