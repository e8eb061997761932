// What cookie_batch.cc does for one SYN or ACK after the other, for several at once: see syn_cookie.h for the layout of
// a cookie and wire/syn_offer.h for that of the options. Words are as a little-endian machine reads them.
#include <array>

#include "base/check.h"
#include "base/endian.h"
#include "base/lanes.h"
#include "shard/cookie_batch.h"
#include "wire/syn_offer.h"
#include "wire/tcp.h"

namespace levee::shard {
namespace {

using wire::SynOffer;

constexpr std::uint32_t kMssOption = 0x0402, kScaleOption = 0x03'0301;
constexpr std::uint32_t kSackTimestamps = 0x0a08'0204, kNopTimestamps = 0x0a08'0101;
constexpr std::uint32_t kNopSack = 0x0204'0101, kSackEnd = 0x0000'0204;

// What differs: where TCP's words are, how many words a key and a tag's input have, what is assumed of a peer.
struct Family4 {
  static constexpr bool kIpv4 = true;
  static constexpr std::size_t kShift = 0;
  static constexpr std::uint32_t kInput = sizeof(CookieInput), kMss = tcp::kDefaultMss;
  using Flows = SipLanes<2>;
};
struct Family6 {
  static constexpr bool kIpv4 = false;
  static constexpr std::size_t kShift = HeaderColumns::kIp6Shift;
  static constexpr std::uint32_t kInput = sizeof(CookieInput6), kMss = tcp::kDefaultMss6;
  using Flows = SipLanes<5>;
};

template <std::size_t kLanes, typename Family>
struct Kernel {
  using L = Lanes<kLanes>;
  using V = typename L::V;
  using H = HeaderColumns;
  using Flows = typename Family::Flows;

  // A word of the TCP headers, and one of their options.
  [[gnu::always_inline]] static V tcp(const HeaderColumns& headers, std::size_t word, std::size_t at) {
    return L::load(headers.words[word + Family::kShift], at);
  }
  [[gnu::always_inline]] static V option(const HeaderColumns& headers, std::size_t k, std::size_t at) {
    return tcp(headers, H::kTcpOptions + k, at);
  }
  [[gnu::always_inline]] static auto& lanes_of(CookieBatch& batch) {
    if constexpr (Family::kIpv4) {
      return batch.lanes;
    } else {
      return batch.lanes6;
    }
  }

  // How many of the numbers are not above `value`.
  template <const auto& kNumbers, std::size_t... kI>
  [[gnu::always_inline]] static V reached(const V& value, std::index_sequence<kI...>) {
    V count{};
    ((count -= L::exceeds(value, every<kNumbers[kI] - 1U>)), ...);
    return count;
  }
  template <const auto& kNumbers>
  [[gnu::always_inline]] static V reached(const V& value) {
    return reached<kNumbers>(value, std::make_index_sequence<kNumbers.size()>{});
  }

  // A bit for each SYN with a layout that is not compared as words.
  [[gnu::always_inline]] static std::uint64_t read(const HeaderColumns& headers, std::size_t at,
                                                   CookieBatch::Offers& offers) {
    const V header = tcp(headers, H::kTcpFlags, at), words = header >> 4 & every<0xf>;
    const V first = option(headers, 0, at), second = option(headers, 1, at), third = option(headers, 2, at);
    const V fourth = option(headers, 3, at), fifth = option(headers, 4, at), sixth = option(headers, 5, at);
    const V is_mss = L::equal(first & every<0xffff>, every<kMssOption>);
    const V early_scale = is_mss & L::equal(second & every<0xff'ffff>, every<kScaleOption>);
    const V from_linux = L::equal(words, every<10>) & is_mss & L::equal(second, every<kSackTimestamps>) &
                         L::equal(fifth & every<0xff'ffff>, every<kScaleOption>);
    const V from_windows = L::equal(words, every<8>) & early_scale & L::equal(third, every<kNopSack>);
    const V from_apple = L::equal(words, every<11>) & early_scale & L::equal(third, every<kNopTimestamps>) &
                         L::equal(sixth, every<kSackEnd>);
    const V only_mss = L::equal(words, every<6>) & is_mss, bare = L::equal(words, every<5>);
    const V with_timestamps = from_linux | from_apple, with_scale = with_timestamps | from_windows;
    const V with_mss = with_scale | only_mss;

    const V raw_scale = L::choose(from_linux, fifth, second) >> 24;
    const V too_large = L::exceeds(raw_scale, every<wire::kMaxWindowScale>);
    L::store(offers.options, at,
             (with_timestamps & every<SynOffer::kTimestamps>) |
                 (with_scale & every<SynOffer::kSack | SynOffer::kWindowScale>) | (with_mss & every<SynOffer::kMss>));
    L::store(offers.mss, at, L::swap(first) & every<0xffff>);
    L::store(offers.scale, at, L::choose(too_large, L::all(every<wire::kMaxWindowScale>), raw_scale));
    L::store(offers.ts_value, at, L::choose(from_linux, third, fourth));
    return L::bits(L::equal(kind(header), every<wire::kSyn>) & ~(with_mss | bare)) << at;
  }
  [[gnu::always_inline]] static V kind(const V& header) {
    return header >> 8 & every<wire::kSyn | wire::kAck | wire::kRst>;
  }

  [[gnu::always_inline]] static void prepare(const HeaderColumns& headers, const Flows& flows, std::size_t at,
                                             const CookieColumns::Constants& constants, CookieBatch& batch,
                                             CookieColumns::Found& found) {
    const CookieBatch::Target& target = batch.target;
    const V header = tcp(headers, H::kTcpFlags, at), flags = kind(header);
    const V is_syn = L::equal(flags, every<wire::kSyn>), is_ack = L::equal(flags, every<wire::kAck>);

    const V offered = L::load(batch.offers.options, at), agreed_by_both = offered & L::all(target.allowed);
    V agreed = agreed_by_both;
    if constexpr (Family::kIpv4) agreed |= L::is_zero(agreed_by_both) & every<SynOffer::kMss>;  // Packet::has_room
    const V no_scale = L::is_zero(agreed & every<SynOffer::kWindowScale>);
    const V scale = L::choose(no_scale, L::all(every<SynOffer::kNoScale>), L::load(batch.offers.scale, at));
    const V no_mss = L::is_zero(offered & every<SynOffer::kMss>);
    const V mss = L::choose(no_mss, L::all(every<Family::kMss>), L::load(batch.offers.mss, at));

    // The cookie's byte: a SYN's, or the one that an ACK brings back.
    const V smaller = L::above(L::all(target.largest_mss), mss);
    const V size = L::choose(smaller, reached<kCookieMss>(mss), L::all(every<7>));
    const V scale_index = reached<kCookieScale>(scale) & ~no_scale;
    const V sack = agreed & every<SynOffer::kSack>;
    const V made = (size << 5) | (scale_index << 2) | sack | L::all(constants.parity);
    const V iss = L::swap(tcp(headers, H::kTcpAcknowledgment, at)) - every<1>;
    const V byte = L::choose(is_ack, (iss ^ iss >> 8) & every<0xff>, made);

    // The timestamps: flow_key.h's offset, syn_cookie.h's cookie_timestamp.
    const V offset = L::high(L::product(L::load(flows.hashes, at), kOffsetFactor));
    const V clock = offset + L::all(constants.clock), clock_end = clock & every<0x3f>;
    // A cookie has room for ECN in the timestamps only: forget_ecn_without_timestamps.
    const V timestamps_are_on = -(agreed & every<SynOffer::kTimestamps>);
    constexpr std::uint32_t kAsks = wire::kEce | wire::kCwr;
    const V asks = L::equal(header >> 8 & every<kAsks>, every<kAsks>);
    const V ecn = asks & timestamps_are_on & L::all(target.allowed) & every<SynOffer::kEcn>;
    const V low = scale | sack << 3 | ecn << 1;
    const V value = clock - clock_end + low - (L::above(low, clock_end) & every<0x40>);

    // An ACK's sequence number is behind the SYN's.
    const V irs = L::swap(tcp(headers, H::kTcpSequence, at)) + is_ack;
    const V ports = L::swap(tcp(headers, H::kTcpPorts, at));
    const V is_odd = -(byte & every<1>);
    auto& lanes = lanes_of(batch);
    constexpr std::size_t kPorts = Family::kIpv4 ? 1 : 4;  // the word behind the addresses
#pragma GCC unroll 4
    for (std::size_t word = 0; word < kPorts; ++word) L::store(lanes.words[word], at, L::load(flows.words[word], at));
    L::store(lanes.words[kPorts], at, L::pairs(ports, irs));
    L::store(lanes.words[kPorts + 1], at, L::pairs(byte, L::all(every<Family::kInput << 24>)));
    L::store(lanes.key0, at, L::choose(is_odd, constants.keys[1][0], constants.keys[0][0]));
    L::store(lanes.key1, at, L::choose(is_odd, constants.keys[1][1], constants.keys[0][1]));
    L::store(batch.byte, at, byte);
    L::store(batch.agreed, at, L::choose(is_ack, L::all(every<CookieBatch::kAck>), agreed | ecn));
    L::store(batch.acknowledgment, at, L::swap(irs + every<1>));
    L::store(batch.ts_value, at, L::swap(value) & timestamps_are_on);
    L::store(batch.ts_echo, at, L::load(batch.offers.ts_value, at) & timestamps_are_on);

    V is_for_target = L::equal(ports & every<0xffff>, target.tcp_port);
    if constexpr (Family::kIpv4) {
      is_for_target &= L::equal(L::load(headers.words[H::kIpDestination], at), constants.address[0]);
    } else {
#pragma GCC unroll 4
      for (std::size_t word = 0; word < 4; ++word) {
        is_for_target &= L::equal(L::load(headers.words[H::kIp6Destination + word], at), constants.address[word]);
      }
      // flow_key.h's label.
      const V hashed = L::high(L::product(L::pairs(offset, V{}), constants.label_multiplier)) >> 12;
      const V label = hashed - L::is_zero(hashed);
      L::store(batch.label, at, L::swap(label));
    }
    found.syns |= L::bits(is_syn & is_for_target) << at;
    found.acks |= L::bits(is_ack & is_for_target) << at;
  }

  [[gnu::always_inline]] static std::uint64_t finish(const HeaderColumns& headers, std::size_t at,
                                                     const SynAckForms::Sums& sums, CookieBatch& batch) {
    const V tag = L::low(L::load(lanes_of(batch).hashes, at));
    const V iss = tag << 8 | ((L::load(batch.byte, at) ^ tag) & every<0xff>), sequence = L::swap(iss);
    const V ports = tcp(headers, H::kTcpPorts, at), acknowledgment = L::load(batch.acknowledgment, at);
    const V ts_value = L::load(batch.ts_value, at), ts_echo = L::load(batch.ts_echo, at);
    L::store(batch.timestamps, at, L::pairs(ts_value, ts_echo));

    const V tcp_mask = L::all(sums.tcp_mask);
    const V segment =
        L::halves(ports) + L::halves(sequence) + L::halves(acknowledgment) + L::halves(ts_value) + L::halves(ts_echo);
    const V sum = segment & tcp_mask;
    if constexpr (Family::kIpv4) {
      const V source = L::load(headers.words[H::kIpSource], at);
      const V destination = L::load(headers.words[H::kIpDestination], at);
      L::scatter({destination, source, ports << 16 | ports >> 16, sequence}, batch.begin, at);
      const V form = by_agreed(sums.constant, batch, at), addresses = L::halves(source) + L::halves(destination);
      const V ip_sum = L::halves(L::halves((form & every<0xffff>)+addresses));
      const V tcp_sum = L::halves(L::halves((form >> 16) + addresses + sum));
      L::store(batch.checksums, at, (~ip_sum & L::all(sums.ip_mask)) | (tcp_sum ^ tcp_mask) << 16);
    } else {
      V addresses{};
#pragma GCC unroll 8
      for (std::size_t word = 0; word < 8; ++word) {
        addresses += L::halves(L::load(headers.words[H::kIp6Source + word], at));
      }
      L::store(batch.sequence, at, sequence);
      const V tcp_sum = L::halves(L::halves(by_agreed(sums.constant6, batch, at) + addresses + sum));
      L::store(batch.checksums, at, tcp_sum ^ tcp_mask);
    }

    const V first = L::load(headers.ethernet[0], at), second = L::load(headers.ethernet[1], at);
    const V third = L::load(headers.ethernet[2], at), fourth = L::load(headers.ethernet[3], at);
    L::scatter({second >> 16 | third << 16, third >> 16 | first << 16, first >> 16 | second << 16, fourth},
               batch.ethernet, at);
    return L::bits(V(L::swap(iss + every<1>) == tcp(headers, H::kTcpAcknowledgment, at))) << at;
  }
  // A form's sums for each lane.
  template <std::size_t kSize>
  [[gnu::always_inline]] static V by_agreed(const std::array<std::uint32_t, kSize>& constant, const CookieBatch& batch,
                                            std::size_t at) {
    std::array<std::uint32_t, kLanes> each;
    for (std::size_t lane = 0; lane < kLanes; ++lane) each[lane] = constant[batch.agreed[at + lane]];
    return L::load(each, 0);
  }

  [[gnu::always_inline]] static std::uint64_t read_all(const HeaderColumns& headers, std::size_t count,
                                                       CookieBatch::Offers& offers) {
    std::uint64_t odd = 0;
    for (std::size_t at = 0; at < count; at += kLanes) odd |= read(headers, at, offers);
    return odd;
  }
  [[gnu::always_inline]] static CookieColumns::Found prepare_all(const HeaderColumns& headers, const Flows& flows,
                                                                 std::size_t count,
                                                                 const CookieColumns::Constants& constants,
                                                                 CookieBatch& batch) {
    CookieColumns::Found found;
    for (std::size_t at = 0; at < count; at += kLanes) prepare(headers, flows, at, constants, batch, found);
    return found;
  }
  [[gnu::always_inline]] static std::uint64_t finish_all(const HeaderColumns& headers, std::size_t count,
                                                         CookieBatch& batch) {
    const SynAckForms::Sums& sums = batch.forms_of_columns->sums();
    std::uint64_t right = 0;
    for (std::size_t at = 0; at < count; at += kLanes) right |= finish(headers, at, sums, batch);
    return right;
  }
};

using Headers = HeaderColumns;
using Constants = CookieColumns::Constants;
using Found = CookieColumns::Found;
using Offers = CookieBatch::Offers;

template <typename F>
using FlowsOf = typename F::Flows;

template <typename F>
std::uint64_t read_none(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<1, F>::read_all(headers, count, offers);
}
template <typename F>
Found prepare_none(const Headers& headers, const FlowsOf<F>& flows, std::size_t count, const Constants& constants,
                   CookieBatch& batch) {
  return Kernel<1, F>::prepare_all(headers, flows, count, constants, batch);
}
template <typename F>
std::uint64_t finish_none(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<1, F>::finish_all(headers, count, batch);
}
#if LEVEE_HAS_VECTOR_UNITS
template <typename F>
LEVEE_SSE42 std::uint64_t read_sse42(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<4, F>::read_all(headers, count, offers);
}
template <typename F>
LEVEE_SSE42 Found prepare_sse42(const Headers& headers, const FlowsOf<F>& flows, std::size_t count,
                                const Constants& constants, CookieBatch& batch) {
  return Kernel<4, F>::prepare_all(headers, flows, count, constants, batch);
}
template <typename F>
LEVEE_SSE42 std::uint64_t finish_sse42(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<4, F>::finish_all(headers, count, batch);
}
template <typename F>
LEVEE_AVX2 std::uint64_t read_avx2(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<8, F>::read_all(headers, count, offers);
}
template <typename F>
LEVEE_AVX2 Found prepare_avx2(const Headers& headers, const FlowsOf<F>& flows, std::size_t count,
                              const Constants& constants, CookieBatch& batch) {
  return Kernel<8, F>::prepare_all(headers, flows, count, constants, batch);
}
template <typename F>
LEVEE_AVX2 std::uint64_t finish_avx2(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<8, F>::finish_all(headers, count, batch);
}
template <typename F>
LEVEE_AVX512 std::uint64_t read_avx512(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<16, F>::read_all(headers, count, offers);
}
template <typename F>
LEVEE_AVX512 Found prepare_avx512(const Headers& headers, const FlowsOf<F>& flows, std::size_t count,
                                  const Constants& constants, CookieBatch& batch) {
  return Kernel<16, F>::prepare_all(headers, flows, count, constants, batch);
}
template <typename F>
LEVEE_AVX512 std::uint64_t finish_avx512(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<16, F>::finish_all(headers, count, batch);
}
#endif

template <typename F>
CookieColumns::Functions<FlowsOf<F>> functions_of(VectorUnit unit) {
  CHECK(machine_has(unit));
  switch (unit) {
#if LEVEE_HAS_VECTOR_UNITS
    case VectorUnit::Sse42:
      return {read_sse42<F>, prepare_sse42<F>, finish_sse42<F>};
    case VectorUnit::Avx2:
      return {read_avx2<F>, prepare_avx2<F>, finish_avx2<F>};
    case VectorUnit::Avx512:
      return {read_avx512<F>, prepare_avx512<F>, finish_avx512<F>};
#endif
    default:
      return {read_none<F>, prepare_none<F>, finish_none<F>};
  }
}

}  // namespace

CookieColumns::CookieColumns(VectorUnit unit) : four_(functions_of<Family4>(unit)), six_(functions_of<Family6>(unit)) {}

}  // namespace levee::shard
