#include "shard/syn_cookie.h"

#include <algorithm>

namespace levee::shard {

using wire::SynOffer;

namespace {

constexpr std::uint8_t kParityBit = 1;
constexpr std::uint32_t kScaleBits = 0x0f, kEcnBit = 0x20;  // of a cookie's TSval

std::uint16_t mss_of(std::uint32_t index, std::uint16_t own, const levee::TcpOptions& options) {
  if (index == 7) return own;
  const std::uint16_t offered = index == 0 ? std::uint16_t{0} : kCookieMss[index - 1];
  return std::min(std::max(offered, options.min_peer_mss), own);
}

}  // namespace

void CookieJar::change_keys(const KeyEpoch& epoch) {
  keys_ = epoch.keys;
  parity_ = epoch.parity & kParityBit;
}

std::optional<tcp::HalfOpen> CookieJar::unpack(std::uint32_t byte, const tcp::Segment& ack,
                                               std::uint32_t timestamp_offset, Instant now, tcp::MssLimits limits,
                                               const levee::TcpOptions& options) const {
  tcp::HalfOpen half_open;
  half_open.irs = ack.seq - 1;
  half_open.iss = ack.ack - 1;
  half_open.ts_offset = timestamp_offset;
  half_open.by_cookie = true;
  half_open.peer_mss = mss_of(byte >> 5, limits.send, options);
  const std::uint32_t scale = byte >> 2 & 7;
  const std::uint8_t offered =
      static_cast<std::uint8_t>(byte & SynOffer::kSack) | (scale != 0 ? SynOffer::kWindowScale : std::uint8_t{0});
  half_open.agreed = offered & tcp::allowed(options) & 0x1f;
  if (half_open.window_scaling()) half_open.peer_scale = kCookieScale[scale - 1] & 0xf;
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
  half_open.agreed = (half_open.agreed | SynOffer::kTimestamps) & 0x1f;
  half_open.ts_recent = ack.options.ts_value;
  if ((echo & kEcnBit) != 0) half_open.agreed = (half_open.agreed | (SynOffer::kEcn & tcp::allowed(options))) & 0x1f;
  const std::uint32_t exact = echo & kScaleBits;
  if (half_open.window_scaling() && exact != SynOffer::kNoScale) {
    half_open.peer_scale = std::min<std::uint32_t>(exact, wire::kMaxWindowScale) & 0xf;
  }
  return half_open;
}

bool CookieJar::live(Instant now) const {
  return policy_.accept_always || (last_sent_ && now - *last_sent_ <= 2 * policy_.rotate);
}

}  // namespace levee::shard
