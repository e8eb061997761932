// TCP options: the bounded parser against one that is as plain as can be, and the writer read back.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "fuzz/target.h"
#include "wire/tcp_options.h"

namespace levee::fuzz {
namespace {

using wire::SegmentOptions;
using Octets = std::vector<unsigned>;

// Cuts the list into options first, then looks at each whole one.
std::vector<Octets> whole_options(std::span<const std::byte> bytes) {
  std::vector<Octets> list;
  Octets left;
  for (const std::byte byte : bytes) left.push_back(std::to_integer<unsigned>(byte));
  while (!left.empty() && left[0] != 0) {
    std::size_t length = 1;
    if (left[0] != 1) {
      if (left.size() == 1 || left[1] < 2 || left[1] > left.size()) break;
      length = left[1];
    }
    const auto end = left.begin() + static_cast<std::ptrdiff_t>(length);
    list.emplace_back(left.begin(), end);
    left.erase(left.begin(), end);
  }
  return list;
}

std::uint32_t number(const Octets& octets, std::size_t from, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = from; i < from + count; ++i) value = value << 8 | octets[i];
  return value;
}

SegmentOptions slowly_parsed(std::span<const std::byte> bytes) {
  SegmentOptions found;
  for (const Octets& option : whole_options(bytes)) {
    const unsigned kind = option[0];
    const std::size_t length = option.size();
    if (kind == 2 && length == 4) {
      found.has_mss = true;
      found.mss = static_cast<std::uint16_t>(number(option, 2, 2));
    } else if (kind == 3 && length == 3) {
      found.has_window_scale = true;
      found.window_scale = static_cast<std::uint8_t>(option[2] > 14 ? 14 : option[2]);
    } else if (kind == 4 && length == 2) {
      found.sack_permitted = true;
    } else if (kind == 8 && length == 10) {
      found.has_timestamps = true;
      found.ts_value = number(option, 2, 4);
      found.ts_echo = number(option, 6, 4);
    } else if (kind == 5 && length > 2 && length % 8 == 2) {
      found.sack_count = 0;
      for (std::size_t at = 2; at < length && found.sack_count < wire::kMaxSackBlocks; at += 8) {
        found.sack[found.sack_count++] = {number(option, at, 4), number(option, at + 4, 4)};
      }
    }
  }
  return found;
}

// Blocks beyond the count mean nothing.
bool equal(SegmentOptions one, SegmentOptions other) {
  for (SegmentOptions* options : {&one, &other}) {
    std::fill(options->sack.begin() + options->sack_count, options->sack.end(), wire::SackBlock{});
  }
  return one == other;
}

// What a reader makes of `options` written: as many SACK blocks as fit, the first ones.
void round_trip(const SegmentOptions& options) {
  std::vector<std::byte> bytes(wire::kMaxOptionBytes);
  const std::size_t length = wire::write(options, bytes);
  CHECK(length <= wire::kMaxOptionBytes && length % 4 == 0);
  CHECK(length == wire::written_length(options));
  SegmentOptions found;
  wire::parse(copy_of(std::span(bytes).first(length)), found);
  SegmentOptions expected = options;
  expected.sack_count = found.sack_count;
  CHECK(equal(found, expected));
  CHECK(found.sack_count <= options.sack_count);
  // None is left out that had room.
  CHECK(found.sack_count == options.sack_count || length + 8 + (found.sack_count == 0 ? 4 : 0) > wire::kMaxOptionBytes);
}

}  // namespace

// RFC 9293 3.1, MUST-5, MUST-6, MUST-7, MUST-64: any list of options, whole or not.
FUZZ_TARGET(options, input) {
  const std::vector<std::byte> bytes = copy_of(input.bytes(wire::kMaxOptionBytes));
  SegmentOptions found;
  wire::parse(bytes, found);
  CHECK(equal(found, slowly_parsed(bytes)));
  round_trip(found);
  found.sack_count = static_cast<std::uint8_t>(input.below(wire::kMaxSackBlocks + 1));
  round_trip(found);
}

}  // namespace levee::fuzz
