#include "shard/syn_cookie.h"

#include <algorithm>

namespace levee::shard {
namespace {

// Rounded down, never up. The lowest entry stands for the minimum MSS, the highest for our own.
constexpr std::array<std::uint16_t, 8> kMss = {0, 536, 1200, 1300, 1400, 1440, 1452, 0xffff};
// Scale index 0: not offered. The others round down: a window taken for smaller than it is costs speed, never text.
constexpr std::array<std::uint8_t, 8> kScale = {0, 0, 1, 3, 5, 6, 7, 8};

constexpr std::uint8_t kParityBit = 1, kSackBit = 2;
// The low six bits of a cookie's TSval.
constexpr std::uint32_t kTimestampBits = 0x3f, kScaleBits = 0x0f, kNoScale = 0x0f, kTimestampSack = 0x10;

std::uint8_t mss_index(std::uint16_t offered, std::uint16_t own) {
  if (offered >= own) return 7;
  std::uint8_t index = 0;
  while (index < 6 && kMss[index + 1U] <= offered) ++index;
  return index;
}

std::uint16_t mss_of(std::uint8_t index, std::uint16_t own, const levee::TcpOptions& options) {
  if (index == 7) return own;
  return std::min(std::max(kMss[index], options.min_peer_mss), own);
}

std::uint8_t scale_index(std::uint8_t scale) {
  std::uint8_t index = 1;
  while (index < 7 && kScale[index + 1U] <= scale) ++index;
  return index;
}

std::uint32_t tag_of(const SipKey& key, const FlowKey4& flow, tcp::Seq irs, std::uint8_t byte) {
  struct {
    FlowKey4 flow;
    std::uint32_t irs;
    std::uint32_t byte;
  } input{flow, irs.value(), byte};
  static_assert(sizeof(input) == 20);
  return static_cast<std::uint32_t>(siphash_2_4(key, std::as_bytes(std::span(&input, 1)))) & 0xffffff;
}

tcp::Seq seal(std::uint32_t tag, std::uint8_t byte) {
  return tcp::Seq(tag << 8 | static_cast<std::uint8_t>(byte ^ tag));
}

}  // namespace

void CookieJar::change_keys(const KeyEpoch& epoch) {
  keys_ = epoch.keys;
  parity_ = epoch.parity & kParityBit;
}

tcp::Seq CookieJar::iss_for(const FlowKey4& key, tcp::Seq irs, std::uint8_t byte) const {
  return seal(tag_of(keys_[byte & kParityBit], key, irs, byte), byte);
}

CookieJar::Baked CookieJar::bake(const FlowKey4& key, const tcp::Segment& syn, std::uint32_t timestamp_offset,
                                 Instant now, tcp::MssLimits limits, const levee::TcpOptions& options) {
  Baked baked;
  tcp::HalfOpen& half_open = baked.half_open;
  half_open = tcp::listen(syn, tcp::Seq(0), timestamp_offset, now, options);
  std::uint8_t byte = static_cast<std::uint8_t>(mss_index(half_open.peer_mss, limits.send) << 5);
  if (half_open.window_scaling) byte = static_cast<std::uint8_t>(byte | scale_index(half_open.peer_scale) << 2);
  if (half_open.sack) byte |= kSackBit;
  byte |= parity_;
  half_open.iss = iss_for(key, half_open.irs, byte);
  last_sent_ = now;

  const std::uint32_t clock = tcp::timestamp_clock(now, timestamp_offset);
  std::uint32_t low = half_open.window_scaling ? half_open.peer_scale : kNoScale;
  if (half_open.sack) low |= kTimestampSack;
  baked.timestamp = (clock & ~kTimestampBits) | low;
  if (tcp::timestamp_before(clock, baked.timestamp)) baked.timestamp -= kTimestampBits + 1;
  return baked;
}

std::optional<tcp::HalfOpen> CookieJar::open(const FlowKey4& key, const tcp::Segment& ack,
                                             std::uint32_t timestamp_offset, Instant now, tcp::MssLimits limits,
                                             const levee::TcpOptions& options) const {
  const tcp::Seq iss = ack.ack - 1;
  const std::uint32_t tag = iss.value() >> 8;
  const auto byte = static_cast<std::uint8_t>(iss.value() ^ tag);
  tcp::HalfOpen half_open;
  half_open.irs = ack.seq - 1;
  half_open.iss = iss;
  half_open.ts_offset = timestamp_offset;
  half_open.by_cookie = true;
  if (iss_for(key, half_open.irs, byte) != iss) return std::nullopt;

  half_open.peer_mss = mss_of(byte >> 5, limits.send, options);
  const std::uint8_t scale = byte >> 2 & 7;
  half_open.window_scaling = options.window_scaling && scale != 0;
  half_open.peer_scale = half_open.window_scaling ? kScale[scale] : std::uint8_t{0};
  half_open.sack = options.sack && (byte & kSackBit) != 0;
  if (!options.timestamps || !ack.options.has_timestamps) {
    return policy_.require_timestamps ? std::nullopt : std::optional(half_open);
  }
  // Timestamps are on iff the ACK has them; the echo must then be one that lives.
  const std::uint32_t echo = ack.options.ts_echo;
  // Of another host behind our address, whose clock may be two seconds ahead, when cookies are accepted from such.
  const std::uint32_t lead = policy_.accept_always ? 2000 : 0;
  const std::uint32_t age = tcp::timestamp_clock(now, timestamp_offset) + lead - echo;
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(2 * policy_.rotate).count() + 64;
  if (age > static_cast<std::uint32_t>(limit) + lead) return std::nullopt;
  half_open.timestamps = true;
  half_open.ts_recent = ack.options.ts_value;
  const std::uint32_t exact = echo & kScaleBits;
  if (half_open.window_scaling && exact != kNoScale) {
    half_open.peer_scale = static_cast<std::uint8_t>(std::min<std::uint32_t>(exact, wire::kMaxWindowScale));
  }
  return half_open;
}

bool CookieJar::live(Instant now) const {
  return policy_.accept_always || (last_sent_ && now - *last_sent_ <= 2 * policy_.rotate);
}

}  // namespace levee::shard
