// The out-of-order queue of one connection (RFC 9293 3.10.7.4, SHLD-31): at most kMaxRanges separate ranges beyond
// RCV.NXT, in order of sequence. One overlap policy: the first byte to arrive wins, so that what was inspected is what
// is delivered.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tcp/segment.h"
#include "tcp/seq.h"
#include "tcp/slices.h"
#include "wire/tcp_options.h"

namespace levee::tcp {

inline constexpr std::size_t kMaxRanges = 64;

struct Range {
  Seq begin, end;
  SliceQueue queue;         // holds exactly [begin, end)
  std::uint32_t stamp = 0;  // later arrivals have larger stamps (RFC 2018 4: most recent first)
};

struct Reassembly {
  std::array<Range, kMaxRanges + 1> ranges;  // the last is kept for text at RCV.NXT, which is never refused
  std::uint32_t count = 0;
  std::uint32_t next_stamp = 0;

  [[nodiscard]] bool empty() const { return count == 0; }
};

enum class Inserted : std::uint8_t {
  Queued,     // all new bytes are held
  Duplicate,  // nothing was new
  Full,       // no range or node was left; what is held is consistent, some bytes are missing
};

// Sequence numbers [begin, end) of text; `in_order` says that begin is RCV.NXT.
struct TextSpan {
  Seq begin, end;
  bool in_order = false;
};

// Queues the bytes of `text` that are not held yet; its first byte is `payload`'s byte number `skip`. `repeated` is set
// to the first stretch of it that was held already, if any.
[[nodiscard]] Inserted insert(Reassembly& reassembly, TextSpan text, std::uint32_t skip, std::span<const Slice> payload,
                              SliceMemory memory, std::optional<TextSpan>& repeated);

// If the first range starts at `next`, appends it to `to` and returns its end, else returns `next`.
[[nodiscard]] Seq take_in_order(Reassembly& reassembly, Seq next, SliceQueue& to, SliceMemory memory);

// Text beyond `position` is queued.
[[nodiscard]] inline bool ends_beyond(const Reassembly& reassembly, Seq position) {
  return !reassembly.empty() && reassembly.ranges[reassembly.count - 1].end > position;
}

// Appends the SACK blocks to send, the most recent range first (RFC 2018 4), as long as there are fewer than `limit`.
void add_sack_blocks(const Reassembly& reassembly, std::size_t limit, wire::SegmentOptions& options);

void clear(Reassembly& reassembly, SliceMemory memory);

}  // namespace levee::tcp
