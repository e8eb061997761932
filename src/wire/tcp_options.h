// TCP options (RFC 9293 3.2; MSS 3.7.1; window scale and timestamps RFC 7323; SACK RFC 2018): what a segment carries,
// read from any bytes and written in exactly the layout that Linux uses, so that levee does not stand out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace levee::wire {

inline constexpr std::size_t kMaxOptionBytes = 40;
inline constexpr std::uint8_t kMaxWindowScale = 14;  // RFC 7323 2.3
inline constexpr std::size_t kMaxSackBlocks = 4;

// Sequence numbers from left up to, but not including, right.
struct SackBlock {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  friend constexpr bool operator==(const SackBlock&, const SackBlock&) = default;
};

struct SegmentOptions {
  bool has_mss = false;
  bool has_window_scale = false;
  bool sack_permitted = false;
  bool has_timestamps = false;
  std::uint8_t window_scale = 0;  // a larger one on the wire reads as kMaxWindowScale
  std::uint8_t sack_count = 0;    // of `sack`
  std::uint16_t mss = 0;          // as offered, 0 included: the least that is used is the caller's choice
  std::uint32_t ts_value = 0;
  std::uint32_t ts_echo = 0;
  std::array<SackBlock, kMaxSackBlocks> sack{};
  friend constexpr bool operator==(const SegmentOptions&, const SegmentOptions&) = default;
};

// Replaces `found` by what `options` (the bytes between header and data) say, of any segment (RFC 9293 MUST-5) and at
// any alignment (MUST-64). Never fails: a known option of a wrong length is ignored, an unknown one skipped by its
// length (MUST-6, MUST-68), and a length that cannot be ends the list with what was read so far (MUST-7). Of a repeated
// option the last counts. On a segment without SYN the caller ignores MSS, window scale and SACK-permitted.
void parse(std::span<const std::byte> options, SegmentOptions& found);

// Writes to the front of `to` (at least kMaxOptionBytes) and returns the bytes written, a multiple of 4. SACK blocks
// that no longer fit are left out, the last ones first.
std::size_t write(const SegmentOptions& options, std::span<std::byte> to);

// What write() returns.
[[nodiscard]] std::size_t written_length(const SegmentOptions& options);

}  // namespace levee::wire
