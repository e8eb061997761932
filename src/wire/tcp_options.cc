// One bounded cursor to read TCP options, and one order, Linux's, to write them.
#include "wire/tcp_options.h"

#include <algorithm>

#include "base/check.h"
#include "base/endian.h"
#include "wire/syn_offer.h"

namespace levee::wire {
namespace {

// RFC 9293 3.2, MUST-4: the first three; RFC 7323 and RFC 2018 have the others.
enum Kind : std::uint8_t {
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSack = 5,
  kTimestamps = 8,
};

constexpr std::size_t kMssLength = 4;
constexpr std::size_t kWindowScaleLength = 3;
constexpr std::size_t kSackPermittedLength = 2;
constexpr std::size_t kTimestampsLength = 10;
constexpr std::size_t kSackHeader = 2;
constexpr std::size_t kSackBlockLength = 8;

// NOP, NOP, timestamps: all that most segments carry.
constexpr std::uint32_t kPaddedTimestamps = kNop << 24 | kNop << 16 | kTimestamps << 8 | kTimestampsLength;
constexpr std::size_t kPaddedTimestampsLength = 2 + kTimestampsLength;

void read_timestamps(const std::byte* values, SegmentOptions& found) {
  found.has_timestamps = true;
  found.ts_value = load_be32(values);
  found.ts_echo = load_be32(values + 4);
}

void read_sack(std::span<const std::byte> blocks, SegmentOptions& found) {
  if (blocks.empty() || blocks.size() % kSackBlockLength != 0) return;
  found.sack_count = static_cast<std::uint8_t>(std::min(blocks.size() / kSackBlockLength, kMaxSackBlocks));
  for (std::size_t i = 0; i < found.sack_count; ++i) {
    const std::byte* block = blocks.data() + i * kSackBlockLength;
    found.sack[i] = {load_be32(block), load_be32(block + 4)};
  }
}

// One option that is whole: its kind and length, and the bytes after them.
void read_option(std::uint8_t kind, std::span<const std::byte> value, SegmentOptions& found) {
  const std::size_t length = value.size() + 2;
  switch (kind) {
    case kMss:
      if (length != kMssLength) return;
      found.has_mss = true;
      found.mss = load_be16(value.data());
      return;
    case kWindowScale:
      if (length != kWindowScaleLength) return;
      found.has_window_scale = true;
      found.window_scale = std::min(std::to_integer<std::uint8_t>(value[0]), kMaxWindowScale);
      return;
    case kSackPermitted:
      if (length == kSackPermittedLength) found.sack_permitted = true;
      return;
    case kSack:
      read_sack(value, found);
      return;
    case kTimestamps:
      if (length == kTimestampsLength) read_timestamps(value.data(), found);
      return;
    default:
      return;
  }
}

// Appends to a buffer that the caller has found large enough.
class Writer {
 public:
  explicit Writer(std::byte* to) : at_(to) {}

  Writer& u8(std::size_t value) {
    *at_++ = static_cast<std::byte>(value);
    return *this;
  }
  Writer& u16(std::uint16_t value) {
    store_be16(at_, value);
    at_ += 2;
    return *this;
  }
  Writer& u32(std::uint32_t value) {
    store_be32(at_, value);
    at_ += 4;
    return *this;
  }

 private:
  std::byte* at_;
};

// Every part below is padded to 4 bytes by NOPs, so their lengths add up and none needs an end-of-list,
// behind which there would have to be zeros (MUST-69).
std::size_t length_without_sack(const SegmentOptions& options) {
  std::size_t length = 0;
  if (options.has_mss) length += kMssLength;
  if (options.has_timestamps) {
    length += kPaddedTimestampsLength;  // SACK-permitted takes the place of the two NOPs
  } else if (options.sack_permitted) {
    length += 2 + kSackPermittedLength;
  }
  if (options.has_window_scale) length += 1 + kWindowScaleLength;
  return length;
}

std::size_t blocks_that_fit(const SegmentOptions& options, std::size_t length) {
  const std::size_t room = (kMaxOptionBytes - length - 2 - kSackHeader) / kSackBlockLength;
  return std::min({std::size_t{options.sack_count}, room, kMaxSackBlocks});
}

std::size_t sack_length(std::size_t blocks) { return blocks == 0 ? 0 : 2 + kSackHeader + blocks * kSackBlockLength; }

}  // namespace

void parse(std::span<const std::byte> options, SegmentOptions& found) {
  found = {};
  if (options.size() == kPaddedTimestampsLength && load_be32(options.data()) == kPaddedTimestamps) {
    read_timestamps(options.data() + 4, found);
    return;
  }
  while (!options.empty()) {
    const auto kind = std::to_integer<std::uint8_t>(options[0]);
    if (kind == kEnd) return;
    if (kind == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2) return;
    const auto length = std::to_integer<std::size_t>(options[1]);
    if (length < 2 || length > options.size()) return;
    read_option(kind, options.subspan(2, length - 2), found);
    options = options.subspan(length);
  }
}

SynOffer parse_syn_offer(std::span<const std::byte> options) {
  SegmentOptions found;
  parse(options, found);
  SynOffer offer{.ts_value = found.ts_value, .mss = found.mss};
  if (found.has_mss) offer.options |= SynOffer::kMss;
  if (found.sack_permitted) offer.options |= SynOffer::kSack;
  if (found.has_timestamps) offer.options |= SynOffer::kTimestamps;
  if (found.has_window_scale) {
    offer.options |= SynOffer::kWindowScale;
    offer.window_scale = found.window_scale;
  }
  return offer;
}

// Linux's tcp_options_write(): MSS; timestamps with SACK-permitted in front of them or two NOPs; SACK-permitted by
// itself; window scale; SACK blocks.
std::size_t write(const SegmentOptions& options, std::span<std::byte> to) {
  DCHECK(to.size() >= kMaxOptionBytes);
  Writer out(to.data());
  if (options.has_mss) out.u8(kMss).u8(kMssLength).u16(options.mss);
  if (options.has_timestamps) {
    if (options.sack_permitted) {
      out.u8(kSackPermitted).u8(kSackPermittedLength).u8(kTimestamps).u8(kTimestampsLength);
    } else {
      out.u32(kPaddedTimestamps);
    }
    out.u32(options.ts_value).u32(options.ts_echo);
  } else if (options.sack_permitted) {
    out.u8(kNop).u8(kNop).u8(kSackPermitted).u8(kSackPermittedLength);
  }
  if (options.has_window_scale) {
    out.u8(kNop).u8(kWindowScale).u8(kWindowScaleLength).u8(std::min(options.window_scale, kMaxWindowScale));
  }
  const std::size_t length = length_without_sack(options);
  const std::size_t blocks = blocks_that_fit(options, length);
  if (blocks > 0) {
    out.u8(kNop).u8(kNop).u8(kSack).u8(kSackHeader + blocks * kSackBlockLength);
    for (std::size_t i = 0; i < blocks; ++i) out.u32(options.sack[i].left).u32(options.sack[i].right);
  }
  return length + sack_length(blocks);
}

std::size_t written_length(const SegmentOptions& options) {
  const std::size_t length = length_without_sack(options);
  return length + sack_length(blocks_that_fit(options, length));
}

}  // namespace levee::wire
