// What a SYN offers, in the few bits that a cookie and a half-open record have for it. The layouts of common systems
// are compared as words; the bounded parser of tcp_options.h reads any other, and would read these alike.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.h"
#include "wire/tcp_options.h"

namespace levee::wire {

struct SynOffer {
  // Bits of `options`. ECN is offered by the flags of the SYN (RFC 3168 6.1.1), the others by its TCP options.
  static constexpr std::uint8_t kTimestamps = 1, kSack = 2, kWindowScale = 4, kMss = 8, kEcn = 16;
  static constexpr std::uint8_t kCombinations = 32;
  static constexpr std::uint8_t kNoScale = 15;

  std::uint32_t ts_value = 0;
  std::uint16_t mss = 0;
  std::uint8_t window_scale = kNoScale;  // 14 at most if there is one (RFC 7323 2.3)
  std::uint8_t options = 0;
  friend constexpr bool operator==(const SynOffer&, const SynOffer&) = default;
};

// By the bounded parser, whatever the layout.
[[nodiscard]] SynOffer parse_syn_offer(std::span<const std::byte> options);

[[nodiscard]] inline SynOffer syn_offer(std::span<const std::byte> options) {
  constexpr std::uint32_t kMssOption = 0x0204'0000;    // and the MSS
  constexpr std::uint32_t kScaleOption = 0x0103'0300;  // NOP before it, and the scale
  constexpr std::uint32_t kSackTimestamps = 0x0402'080a;
  constexpr std::uint32_t kNopTimestamps = 0x0101'080a;
  constexpr std::uint32_t kNopSack = 0x0101'0402;
  constexpr std::uint32_t kSackEnd = 0x0402'0000;
  const std::byte* const at = options.data();
  const auto word = [at](std::size_t index) { return load_be32(at + 4 * index); };
  const auto is_mss = [](std::uint32_t option) { return (option & 0xffff'0000) == kMssOption; };
  const auto is_scale = [](std::uint32_t option) { return (option & 0xffff'ff00) == kScaleOption; };
  const auto low16 = [](std::uint32_t option) { return static_cast<std::uint16_t>(option); };
  const auto scale_of = [](std::uint32_t option) {
    return static_cast<std::uint8_t>(std::min<std::uint32_t>(option & 0xff, kMaxWindowScale));
  };
  constexpr std::uint8_t kAll = SynOffer::kTimestamps | SynOffer::kSack | SynOffer::kWindowScale | SynOffer::kMss;
  switch (options.size()) {
    case 20:  // Linux, Android: MSS, SACK-permitted, timestamps, NOP, window scale
      if (!is_mss(word(0)) || word(1) != kSackTimestamps || !is_scale(word(4))) break;
      return {word(2), low16(word(0)), scale_of(word(4)), kAll};
    case 12:  // Windows: MSS, NOP, window scale, NOP, NOP, SACK-permitted
      if (!is_mss(word(0)) || !is_scale(word(1)) || word(2) != kNopSack) break;
      return {0, low16(word(0)), scale_of(word(1)), kAll & ~SynOffer::kTimestamps};
    case 24:  // macOS, iOS: MSS, NOP, window scale, NOP, NOP, timestamps, SACK-permitted, end of list
      if (!is_mss(word(0)) || !is_scale(word(1)) || word(2) != kNopTimestamps || word(5) != kSackEnd) break;
      return {word(3), low16(word(0)), scale_of(word(1)), kAll};
    case 4:  // scanners, small stacks: MSS
      if (!is_mss(word(0))) break;
      return {0, low16(word(0)), SynOffer::kNoScale, SynOffer::kMss};
    case 0:
      return {};
    default:
      break;
  }
  return parse_syn_offer(options);
}

}  // namespace levee::wire
