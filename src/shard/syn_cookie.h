// SYN cookies (RFC 4987 3.6): the state of a half-open connection, carried by the peer. The ISS of the SYN-ACK is
//
//    31                                  8 7      5 4        2  1       0
//   +--------------------------------------+--------+----------+------+--------+
//   | tag = SipHash-2-4(key; tuple, IRS,   | MSS    | scale    | SACK | parity |   the byte is masked by the tag
//   |       byte), 24 bits                 | index  | index    |      |        |
//   +--------------------------------------+--------+----------+------+--------+
//
// so that for one tuple and IRS exactly 256 of 2^32 ACK numbers are accepted: a blind ACK has odds of 2^-24. With
// timestamps the exact window scale, SACK and ECN travel in the low six bits of the SYN-ACK's TSval as well. Keys
// change with the epoch (message.h, KeyEpoch); one bit says which of the two that live at a time made the cookie.
//
// Making a cookie and trying one both need a tag, which is a hash of what is known before any state is looked at. So a
// burst's tags are computed together (base/siphash_lanes.h) and each is used, or not, at its packet's turn.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/siphash.h"
#include "base/siphash_lanes.h"
#include "levee/options.h"
#include "levee/time.h"
#include "shard/flow_key.h"
#include "shard/message.h"
#include "tcp/half_open.h"
#include "tcp/segment.h"

namespace levee::shard {

// What a tag is a hash of.
template <typename Key>
struct CookieInputOf {
  Key flow;
  std::uint32_t irs = 0;
  std::uint32_t byte = 0;  // 8 bits

  // The ISS that carries `tag`, and the byte masked by it.
  [[nodiscard]] static tcp::Seq seal(std::uint32_t tag, std::uint32_t byte) {
    return tcp::Seq(tag << 8 | static_cast<std::uint8_t>(byte ^ tag));
  }
  [[nodiscard]] tcp::Seq seal(std::uint32_t tag) const { return seal(tag, byte); }
};
using CookieInput = CookieInputOf<FlowKey4>;
using CookieInput6 = CookieInputOf<FlowKey6>;
static_assert(sizeof(CookieInput) == 20 && sizeof(CookieInput6) == 44);

// A cookie's sizes and scales, rounded down, never up. Size 0 stands for the minimum MSS, 1 to 6 for these, 7 for the
// largest that we send. Scale 0: not offered; 1 to 7 are these: a window taken for smaller than it is costs speed,
// never text.
inline constexpr std::array<std::uint16_t, 6> kCookieMss = {536, 1200, 1300, 1400, 1440, 1452};
inline constexpr std::array<std::uint8_t, 7> kCookieScale = {0, 1, 3, 5, 6, 7, 8};

// The cookie's byte without its parity: wire::SynOffer's bits, the scale (kNoScale: none) and the peer's MSS.
[[nodiscard]] inline std::uint32_t options_byte(std::uint32_t agreed, std::uint32_t scale, std::uint16_t mss,
                                                std::uint16_t own) {
  static_assert(wire::SynOffer::kSack == 2);
  std::uint32_t size = 0, scale_index = 0;
  for (const std::uint16_t least : kCookieMss) size += mss >= least ? 1 : 0;
  for (const std::uint8_t least : kCookieScale) scale_index += scale >= least ? 1 : 0;
  if (mss >= own) size = 7;
  if (scale == wire::SynOffer::kNoScale) scale_index = 0;
  return size << 5 | scale_index << 2 | (agreed & wire::SynOffer::kSack);
}

class CookieJar {
 public:
  CookieJar(const std::array<SipKey, 2>& keys, const SynPolicy& policy) : keys_(keys), policy_(policy) {}

  void change_keys(const KeyEpoch& epoch);

  // For a SYN, with the present key.
  template <typename Key>
  [[nodiscard]] CookieInputOf<Key> input_for(const Key& key, const tcp::HalfOpen& offer, tcp::MssLimits limits) const {
    return {key, offer.irs.value(),
            parity_ | options_byte(offer.agreed, offer.peer_scale, offer.peer_mss, limits.send)};
  }
  // For an ACK that acknowledges `ack` and has the sequence number `seq`.
  template <typename Key>
  [[nodiscard]] static CookieInputOf<Key> input_for(const Key& key, tcp::Seq seq, tcp::Seq ack) {
    const std::uint32_t iss = (ack - 1).value();
    return {key, (seq - 1).value(), (iss ^ iss >> 8) & 0xff};
  }

  template <typename Key>
  [[nodiscard]] std::uint32_t tag(const CookieInputOf<Key>& input) const {
    const SipKey& key = keys_[input.byte & 1];
    return static_cast<std::uint32_t>(siphash_2_4(key, std::as_bytes(std::span(&input, 1)))) & 0xffffff;
  }
  // The ISS of the SYN-ACK that answers `offer`.
  template <typename Key>
  [[nodiscard]] tcp::Seq seal(const Key& key, const tcp::HalfOpen& offer, tcp::MssLimits limits) const {
    const CookieInputOf<Key> input = input_for(key, offer, limits);
    return input.seal(tag(input));
  }
  // The same for a burst: sets one lane's input, and reads its tag when the lanes have been hashed.
  void set_lane(const CookieInput& input, SipLanes<3>& lanes, std::size_t lane) const {
    lanes.words[0][lane] = input.flow.addresses();
    lanes.words[1][lane] = std::uint64_t{input.irs} << 32 | input.flow.ports();
    lanes.words[2][lane] = std::uint64_t{sizeof(CookieInput)} << 56 | input.byte;
    const SipKey& key = keys_[input.byte & 1];
    lanes.key0[lane] = key[0];
    lanes.key1[lane] = key[1];
  }
  void set_lane(const CookieInput6& input, SipLanes<6>& lanes, std::size_t lane) const {
    std::array<std::uint64_t, 5> words;  // addresses, ports, IRS
    std::memcpy(&words, &input, sizeof(words));
    for (std::size_t word = 0; word < words.size(); ++word) lanes.words[word][lane] = words[word];
    lanes.words[5][lane] = std::uint64_t{sizeof(CookieInput6)} << 56 | input.byte;
    const SipKey& key = keys_[input.byte & 1];
    lanes.key0[lane] = key[0];
    lanes.key1[lane] = key[1];
  }
  template <std::size_t kWords>
  [[nodiscard]] static std::uint32_t tag(const SipLanes<kWords>& lanes, std::size_t lane) {
    return static_cast<std::uint32_t>(lanes.hashes[lane]) & 0xffffff;
  }

  // The keys that live, and the bit of the present one.
  [[nodiscard]] const std::array<SipKey, 2>& keys() const { return keys_; }
  [[nodiscard]] std::uint8_t parity() const { return parity_; }

  // A cookie is on its way.
  void sent(Instant now) { last_sent_ = now; }

  // The half-open connection that `ack` completes, if it carries a cookie of ours that is not too old.
  template <typename Key>
  [[nodiscard]] std::optional<tcp::HalfOpen> open(const Key& key, const tcp::Segment& ack,
                                                  std::uint32_t timestamp_offset, Instant now, tcp::MssLimits limits,
                                                  const levee::TcpOptions& options) const {
    const CookieInputOf<Key> input = input_for(key, ack.seq, ack.ack);
    if (input.seal(tag(input)) != ack.ack - 1) return std::nullopt;
    return unpack(input.byte, ack, timestamp_offset, now, limits, options);
  }

  // Cookies may be on their way: one was sent within the life of its key, or ACKs are always tried.
  [[nodiscard]] bool live(Instant now) const;

 private:
  // What an ACK says whose tag was found right, unless it is too old.
  [[nodiscard]] std::optional<tcp::HalfOpen> unpack(std::uint32_t byte, const tcp::Segment& ack,
                                                    std::uint32_t timestamp_offset, Instant now, tcp::MssLimits limits,
                                                    const levee::TcpOptions& options) const;

  std::array<SipKey, 2> keys_;
  std::uint8_t parity_ = 0;
  SynPolicy policy_;
  std::optional<Instant> last_sent_;
};

// The TSval of a cookie's SYN-ACK: the tuple's clock with the low six bits replaced by what the peer is to echo (the
// exact scale, SACK), and set back by 64 if that would put it ahead of the clock.
[[nodiscard]] inline std::uint32_t cookie_timestamp(std::uint32_t agreed, std::uint32_t scale, std::uint32_t clock) {
  const std::uint32_t low = scale | (agreed & wire::SynOffer::kSack) << 3 | (agreed & wire::SynOffer::kEcn) << 1;
  return (clock & ~0x3fU) + low - (low > (clock & 0x3f) ? 0x40 : 0);
}
// Without timestamps a cookie has no room for ECN.
inline void forget_ecn_without_timestamps(tcp::HalfOpen& offer) {
  if (!offer.timestamps()) offer.agreed &= ~wire::SynOffer::kEcn & 0x1f;
}

[[nodiscard]] inline std::uint32_t cookie_timestamp(const tcp::HalfOpen& offer, Instant now) {
  return cookie_timestamp(offer.agreed, offer.peer_scale, tcp::timestamp_clock(now, offer.ts_offset));
}

}  // namespace levee::shard
