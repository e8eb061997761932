// Out-of-order text against a table of bytes by sequence number, in which the first byte that came stays.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "fuzz/slice_memory.h"
#include "fuzz/target.h"
#include "tcp/reassembly.h"

namespace levee::fuzz {
namespace {

using tcp::Inserted;
using tcp::Seq;

constexpr std::uint32_t kSpan = 4096;  // of sequence numbers beyond RCV.NXT

constexpr std::uint32_t kMostText = 301, kMostSkipped = 200, kSteps = 100;

// What is held, by distance from where the stream began.
class Held {
 public:
  [[nodiscard]] bool contains(std::uint32_t at) const { return bytes_[at] != kNothing; }
  [[nodiscard]] std::byte operator[](std::uint32_t at) const { return static_cast<std::byte>(bytes_[at]); }
  [[nodiscard]] std::size_t size() const { return size_; }
  // False if there was a byte, which stays.
  bool add(std::uint32_t at, std::byte byte) {
    if (contains(at)) return false;
    bytes_[at] = std::to_integer<std::int16_t>(byte);
    ++size_;
    return true;
  }
  void remove(std::uint32_t at) {
    if (!contains(at)) return;
    bytes_[at] = kNothing;
    --size_;
  }

 private:
  static constexpr std::int16_t kNothing = -1;
  std::vector<std::int16_t> bytes_ = std::vector<std::int16_t>(kSteps * kMostText + 2 * kSpan, kNothing);
  std::size_t size_ = 0;
};

struct Case {
  SliceMemoryOwner memory;
  tcp::Reassembly reassembly;
  tcp::SliceQueue delivered;
  Seq start, next;
  Held held;
  std::vector<std::byte> expected;  // in order, what has been delivered
  std::uint8_t version = 0;         // each segment brings other bytes

  explicit Case(Input& input) : memory{1 + input.below(200), input.below(128)}, start(Seq(input.u32())), next(start) {}
};

// The queues' bytes are the map's: all of them if everything fitted, else some.
void check_ranges(Case& c, bool all) {
  Seq before = c.next;
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < c.reassembly.count; ++i) {
    const tcp::Range& range = c.reassembly.ranges[i];
    CHECK(range.begin >= before && range.begin < range.end);
    CHECK(i == 0 || range.begin > c.reassembly.ranges[i - 1].end);
    CHECK(range.queue.bytes == range.end - range.begin);
    std::uint32_t at = range.begin - c.start;
    for (const std::byte byte : c.memory.bytes_of(range.queue)) {
      CHECK(c.held.contains(at) && c.held[at] == byte);
      ++at;
    }
    bytes += range.queue.bytes;
    before = range.end;
  }
  CHECK(!all || bytes == c.held.size());
}

// After a segment that did not fit the oracle holds what the queues hold.
void forget_what_is_missing(Case& c) {
  std::uint32_t at = c.next - c.start;
  const std::uint32_t most = at + kSpan + kMostText;
  for (std::uint32_t i = 0; i < c.reassembly.count; ++i) {
    const tcp::Range& range = c.reassembly.ranges[i];
    for (; at < range.begin - c.start; ++at) c.held.remove(at);
    at = range.end - c.start;
  }
  for (; at < most; ++at) c.held.remove(at);
}

void insert_text(Case& c, Input& input) {
  const std::uint32_t length = 1 + input.below(kMostText - 1), pieces = 1 + input.below(4), skip = input.below(8);
  const std::uint32_t from = (input.u8() & 3) == 0 ? 0 : input.below(kSpan);
  std::vector<std::byte> text(skip + length);
  ++c.version;
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::byte>(i * 7 + c.version * 29U);
  const auto payload = c.memory.payload(text, pieces);

  const Seq begin = c.next + from;
  bool news = false;
  std::optional<tcp::TextSpan> repeated, expected;
  for (std::uint32_t i = 0; i < length; ++i) {
    const bool is_new = c.held.add(begin - c.start + i, text[skip + i]);
    news |= is_new;
    if (is_new) continue;
    // The first stretch of what is held already.
    if (!expected) expected = {.begin = begin + i, .end = begin + i};
    if (expected->end == begin + i) expected->end += 1;
  }
  const Inserted result =
      insert(c.reassembly, {begin, begin + length, from == 0}, skip, payload.slices, c.memory.memory(), repeated);
  c.memory.drop(payload);
  if (result == Inserted::Full) {
    check_ranges(c, false);
    forget_what_is_missing(c);
  } else {
    CHECK(news == (result == Inserted::Queued));
    CHECK(repeated.has_value() == expected.has_value());
    CHECK(!repeated || (repeated->begin == expected->begin && repeated->end == expected->end));
  }
  check_ranges(c, true);
}

// Text at RCV.NXT is delivered at once, as the machine does it.
void deliver(Case& c) {
  const Seq end = take_in_order(c.reassembly, c.next, c.delivered, c.memory.memory());
  for (std::uint32_t at = c.next - c.start; at != end - c.start; ++at) {
    CHECK(c.held.contains(at));
    c.expected.push_back(c.held[at]);
    c.held.remove(at);
  }
  CHECK(!c.held.contains(end - c.start));
  c.next = end;
  CHECK(c.reassembly.empty() || c.reassembly.ranges[0].begin > c.next);
  CHECK(c.reassembly.count <= tcp::kMaxRanges);
  CHECK(c.memory.bytes_of(c.delivered) == c.expected);
  if (c.expected.size() < kSpan) return;
  clear(c.delivered, c.memory.memory());
  c.expected.clear();
}

// The machine delivers this by itself: the bytes were in order and nothing was held.
void skip_ahead(Case& c, Input& input) {
  const std::uint32_t count = 1 + input.below(kMostSkipped);
  for (std::uint32_t i = 0; i < count; ++i) c.held.remove(c.next - c.start + i);
  c.next += count;
  clear(c.delivered, c.memory.memory());
  c.expected.clear();
  deliver(c);
}

void check_sack(const Case& c, std::size_t limit) {
  wire::SegmentOptions options;
  add_sack_blocks(c.reassembly, limit, options);
  CHECK(options.sack_count == std::min({limit, wire::kMaxSackBlocks, std::size_t{c.reassembly.count}}));
  for (std::size_t i = 0; i < options.sack_count; ++i) {
    bool known = false;
    for (std::uint32_t range = 0; range < c.reassembly.count; ++range) {
      known |= options.sack[i].left == c.reassembly.ranges[range].begin.value() &&
               options.sack[i].right == c.reassembly.ranges[range].end.value();
    }
    CHECK(known);
    for (std::size_t other = 0; other < i; ++other) CHECK(options.sack[other] != options.sack[i]);
  }
}

}  // namespace

// RFC 9293 3.10.7.4, SHLD-31; THREATS: the first byte wins.
FUZZ_TARGET(reassembly, input) {
  Case c(input);
  for (std::uint32_t steps = 0; steps < kSteps && !input.empty(); ++steps) {
    switch (input.below(8)) {
      case 0:
        skip_ahead(c, input);
        break;
      case 1:
        c.memory.refill();
        break;
      case 2:
        clear(c.reassembly, c.memory.memory());
        forget_what_is_missing(c);
        break;
      default:
        insert_text(c, input);
        deliver(c);
        break;
    }
    check_sack(c, input.left() % 5);
  }
  clear(c.reassembly, c.memory.memory());
  clear(c.delivered, c.memory.memory());
  c.memory.end();
}

}  // namespace levee::fuzz
