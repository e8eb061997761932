// What cookie_batch.cc does for one SYN after the other, for several at once: see syn_cookie.h for the layout of a
// cookie and wire/syn_offer.h for that of the options. Words are as a little-endian machine reads them.
#include <array>

#include "base/check.h"
#include "base/lanes.h"
#include "shard/cookie_batch.h"
#include "wire/syn_offer.h"
#include "wire/tcp.h"

namespace levee::shard {
namespace {

using wire::SynOffer;

constexpr std::uint64_t kMssOption = 0x0402, kScaleOption = 0x03'0301;
constexpr std::uint64_t kSackTimestamps = 0x0a08'0204, kNopTimestamps = 0x0a08'0101;
constexpr std::uint64_t kNopSack = 0x0204'0101, kSackEnd = 0x0000'0204;
constexpr std::uint64_t kLow = 0xffff'ffff;

template <std::size_t kLanes>
struct Kernel {
  using L = Lanes<kLanes>;
  using V = typename L::V;

  // How many of the numbers are not above `value`.
  template <typename Number, std::size_t kSize>
  [[gnu::always_inline]] static V reached(const V& value, const std::array<Number, kSize>& numbers) {
    V count{};
    for (const std::uint64_t number : numbers) count -= L::exceeds(value, number - 1);
    return count;
  }

  [[gnu::always_inline]] static void prepare(const HeaderColumns& headers, const HeaderColumns::Column& flow_hashes,
                                             std::size_t at, const CookieColumns::Constants& constants,
                                             CookieBatch& batch) {
    const CookieBatch::Target& target = batch.target;
    const V w3 = L::load(headers.w3, at), w4 = L::load(headers.w4, at), w5 = L::load(headers.w5, at);
    const V w6 = L::load(headers.w6, at), w7 = L::load(headers.w7, at), w8 = L::load(headers.w8, at);
    const V addresses = L::load(headers.addresses, at), ports = L::load(headers.ports, at);

    // The options.
    const V words = w4 >> 36 & 0xf;
    const V is_mss = L::equal(w5 >> 32 & 0xffff, kMssOption);
    const V early_scale = is_mss & L::equal(w6 & 0xff'ffff, kScaleOption);
    const V from_linux = L::equal(words, 10) & is_mss & L::equal(w6 & kLow, kSackTimestamps) &
                         L::equal(w7 >> 32 & 0xff'ffff, kScaleOption);
    const V from_windows = L::equal(words, 8) & early_scale & L::equal(w6 >> 32, kNopSack);
    const V from_apple =
        L::equal(words, 11) & early_scale & L::equal(w6 >> 32, kNopTimestamps) & L::equal(w8 & kLow, kSackEnd);
    const V only_mss = L::equal(words, 6) & is_mss, bare = L::equal(words, 5);
    const V with_timestamps = from_linux | from_apple, with_scale = with_timestamps | from_windows;
    const V with_mss = with_scale | only_mss;

    const V agreed_by_both = ((with_timestamps & SynOffer::kTimestamps) |
                              (with_scale & (SynOffer::kSack | SynOffer::kWindowScale)) | (with_mss & SynOffer::kMss)) &
                             target.allowed;
    const V agreed = agreed_by_both | (L::equal(agreed_by_both, 0) & SynOffer::kMss);
    const V raw_scale = ((w7 >> 56) & from_linux) | ((w6 >> 24 & 0xff) & ~from_linux);
    const V too_large = L::exceeds(raw_scale, wire::kMaxWindowScale);
    const V scale_is_on = ~L::equal(agreed & SynOffer::kWindowScale, 0);
    const V offered_scale = (raw_scale & ~too_large) | (too_large & wire::kMaxWindowScale);
    const V scale = (offered_scale & scale_is_on) | (~scale_is_on & SynOffer::kNoScale);
    const V offered_mss = (w5 >> 56) | (w5 >> 40 & 0xff00);
    const V mss = (offered_mss & with_mss) | (~with_mss & tcp::kDefaultMss);

    // The cookie's byte.
    const V own_mss = L::exceeds(mss, target.largest_mss - 1U);
    const V smaller = reached(mss, kCookieMss);
    const V size = (own_mss & 7) | (~own_mss & smaller);
    const V scale_index = reached(scale, kCookieScale) & scale_is_on;
    const V byte = (size << 5) | (scale_index << 2) | (agreed & SynOffer::kSack) | constants.parity;

    // The timestamps: flow_key.h's offset, syn_cookie.h's cookie_timestamp.
    const V clock = (constants.clock + (L::load(flow_hashes, at) * kOffsetFactor >> 32)) & kLow;
    const V low = scale | (agreed & SynOffer::kSack) << 3;
    const V value = (clock & ~std::uint64_t{0x3f}) + low - (L::above(low, clock & 0x3f) & 0x40);
    const V timestamps_are_on = -(agreed & SynOffer::kTimestamps);
    const V echo = ((w6 >> 32) & from_linux) | (w7 & kLow & ~from_linux);

    const V irs = L::swap_half(w3 >> 32);
    L::store(batch.lanes.words[0], at, addresses);
    L::store(batch.lanes.words[1], at, irs << 32 | ports);
    L::store(batch.lanes.words[2], at, byte | std::uint64_t{sizeof(CookieInput)} << 56);
    L::store(batch.lanes.key0, at, L::all(constants.key[0]));
    L::store(batch.lanes.key1, at, L::all(constants.key[1]));
    L::store(batch.byte, at, byte);
    L::store(batch.agreed, at, agreed);
    L::store(batch.acknowledgment, at, L::swap_half((irs + 1) & kLow));
    L::store(batch.ts_value, at, L::swap_half(value & kLow) & timestamps_are_on);
    L::store(batch.ts_echo, at, echo & timestamps_are_on);

    const V is_syn = L::equal(w4 >> 40 & (wire::kSyn | wire::kAck | wire::kRst), wire::kSyn);
    const V is_for_target =
        L::equal(addresses & kLow, target.address.value) & L::equal(ports & 0xffff, target.tcp_port);
    L::store(batch.simple, at, (with_mss | bare) & is_syn & is_for_target & L::equal(L::load(headers.bad, at), 0));
  }

  [[gnu::always_inline]] static void finish(const HeaderColumns& headers, std::size_t at, CookieBatch& batch) {
    const V tag = L::load(batch.lanes.hashes, at) & 0xff'ffff;
    const V iss = tag << 8 | ((L::load(batch.byte, at) ^ tag) & 0xff);
    const V sequence = L::swap_half(iss);
    const V addresses_sum = L::halves(L::load(headers.w2, at));
    const V ports = L::load(headers.w3, at) & kLow;
    const V sum = addresses_sum + ports + sequence + L::load(batch.acknowledgment, at) + L::load(batch.ts_value, at) +
                  L::load(batch.ts_echo, at);
    L::store(batch.sequence, at, sequence);
    L::store(batch.addresses_sum, at, addresses_sum);
    L::store(batch.sum, at, sum);
  }
};

template <std::size_t kLanes>
[[gnu::always_inline]] inline void prepare_all(const HeaderColumns& headers, const HeaderColumns::Column& flow_hashes,
                                               std::size_t count, const CookieColumns::Constants& constants,
                                               CookieBatch& batch) {
  for (std::size_t at = 0; at < count; at += kLanes) {
    Kernel<kLanes>::prepare(headers, flow_hashes, at, constants, batch);
  }
}
template <std::size_t kLanes>
[[gnu::always_inline]] inline void finish_all(const HeaderColumns& headers, std::size_t count, CookieBatch& batch) {
  for (std::size_t at = 0; at < count; at += kLanes) Kernel<kLanes>::finish(headers, at, batch);
}

using Headers = HeaderColumns;
using Constants = CookieColumns::Constants;

void prepare_none(const Headers& headers, const Headers::Column& flow_hashes, std::size_t count,
                  const Constants& constants, CookieBatch& batch) {
  prepare_all<1>(headers, flow_hashes, count, constants, batch);
}
void finish_none(const Headers& headers, std::size_t count, CookieBatch& batch) {
  finish_all<1>(headers, count, batch);
}
#if LEVEE_HAS_VECTOR_UNITS
LEVEE_SSE42 void prepare_sse42(const Headers& headers, const Headers::Column& flow_hashes, std::size_t count,
                               const Constants& constants, CookieBatch& batch) {
  prepare_all<2>(headers, flow_hashes, count, constants, batch);
}
LEVEE_SSE42 void finish_sse42(const Headers& headers, std::size_t count, CookieBatch& batch) {
  finish_all<2>(headers, count, batch);
}
LEVEE_AVX2 void prepare_avx2(const Headers& headers, const Headers::Column& flow_hashes, std::size_t count,
                             const Constants& constants, CookieBatch& batch) {
  prepare_all<4>(headers, flow_hashes, count, constants, batch);
}
LEVEE_AVX2 void finish_avx2(const Headers& headers, std::size_t count, CookieBatch& batch) {
  finish_all<4>(headers, count, batch);
}
LEVEE_AVX512 void prepare_avx512(const Headers& headers, const Headers::Column& flow_hashes, std::size_t count,
                                 const Constants& constants, CookieBatch& batch) {
  prepare_all<8>(headers, flow_hashes, count, constants, batch);
}
LEVEE_AVX512 void finish_avx512(const Headers& headers, std::size_t count, CookieBatch& batch) {
  finish_all<8>(headers, count, batch);
}
#endif

}  // namespace

CookieColumns::CookieColumns(VectorUnit unit) : finish_(finish_none), prepare_(prepare_none) {
  CHECK(machine_has(unit));
  switch (unit) {
#if LEVEE_HAS_VECTOR_UNITS
    case VectorUnit::Sse42:
      finish_ = finish_sse42;
      prepare_ = prepare_sse42;
      break;
    case VectorUnit::Avx2:
      finish_ = finish_avx2;
      prepare_ = prepare_avx2;
      break;
    case VectorUnit::Avx512:
      finish_ = finish_avx512;
      prepare_ = prepare_avx512;
      break;
#endif
    default:
      break;
  }
}

}  // namespace levee::shard
