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

template <std::size_t kLanes>
struct Kernel {
  using L = Lanes<kLanes>;
  using V = typename L::V;
  using H = HeaderColumns;

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
    const V header = L::load(headers.words[H::kTcpFlags], at), words = header >> 4 & every<0xf>;
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
  [[gnu::always_inline]] static V option(const HeaderColumns& headers, std::size_t k, std::size_t at) {
    return L::load(headers.words[H::kTcpOptions + k], at);
  }
  [[gnu::always_inline]] static V kind(const V& header) {
    return header >> 8 & every<wire::kSyn | wire::kAck | wire::kRst>;
  }

  [[gnu::always_inline]] static void prepare(const HeaderColumns& headers, const SipLanes<2>& flows, std::size_t at,
                                             const CookieColumns::Constants& constants, CookieBatch& batch,
                                             CookieColumns::Found& found) {
    const CookieBatch::Target& target = batch.target;
    const V flags = kind(L::load(headers.words[H::kTcpFlags], at));
    const V is_syn = L::equal(flags, every<wire::kSyn>), is_ack = L::equal(flags, every<wire::kAck>);

    const V offered = L::load(batch.offers.options, at), agreed_by_both = offered & L::all(target.allowed);
    const V agreed = agreed_by_both | (L::is_zero(agreed_by_both) & every<SynOffer::kMss>);
    const V no_scale = L::is_zero(agreed & every<SynOffer::kWindowScale>);
    const V scale = L::choose(no_scale, L::all(every<SynOffer::kNoScale>), L::load(batch.offers.scale, at));
    const V no_mss = L::is_zero(offered & every<SynOffer::kMss>);
    const V mss = L::choose(no_mss, L::all(every<tcp::kDefaultMss>), L::load(batch.offers.mss, at));

    // The cookie's byte: a SYN's, or the one that an ACK brings back.
    const V smaller = L::above(L::all(target.largest_mss), mss);
    const V size = L::choose(smaller, reached<kCookieMss>(mss), L::all(every<7>));
    const V scale_index = reached<kCookieScale>(scale) & ~no_scale;
    const V sack = agreed & every<SynOffer::kSack>;
    const V made = (size << 5) | (scale_index << 2) | sack | L::all(constants.parity);
    const V iss = L::swap(L::load(headers.words[H::kTcpAcknowledgment], at)) - every<1>;
    const V byte = L::choose(is_ack, (iss ^ iss >> 8) & every<0xff>, made);

    // The timestamps: flow_key.h's offset, syn_cookie.h's cookie_timestamp.
    const V offset = L::high(L::product(L::load(flows.hashes, at), kOffsetFactor));
    const V clock = offset + L::all(constants.clock), clock_end = clock & every<0x3f>;
    const V low = scale | sack << 3;
    const V value = clock - clock_end + low - (L::above(low, clock_end) & every<0x40>);
    const V timestamps_are_on = -(agreed & every<SynOffer::kTimestamps>);

    // An ACK's sequence number is behind the SYN's.
    const V irs = L::swap(L::load(headers.words[H::kTcpSequence], at)) + is_ack;
    const V ports = L::swap(L::load(headers.words[H::kTcpPorts], at));
    const V is_odd = -(byte & every<1>);
    L::store(batch.lanes.words[0], at, L::load(flows.words[0], at));
    L::store(batch.lanes.words[1], at, L::pairs(ports, irs));
    L::store(batch.lanes.words[2], at, L::pairs(byte, L::all(every<sizeof(CookieInput) << 24>)));
    L::store(batch.lanes.key0, at, L::choose(is_odd, constants.keys[1][0], constants.keys[0][0]));
    L::store(batch.lanes.key1, at, L::choose(is_odd, constants.keys[1][1], constants.keys[0][1]));
    L::store(batch.byte, at, byte);
    L::store(batch.agreed, at, L::choose(is_ack, L::all(every<CookieBatch::kAck>), agreed));
    L::store(batch.acknowledgment, at, L::swap(irs + every<1>));
    L::store(batch.ts_value, at, L::swap(value) & timestamps_are_on);
    L::store(batch.ts_echo, at, L::load(batch.offers.ts_value, at) & timestamps_are_on);

    const V is_for_target = L::equal(L::load(headers.words[H::kIpDestination], at), constants.address) &
                            L::equal(ports & every<0xffff>, target.tcp_port);
    found.syns |= L::bits(is_syn & is_for_target) << at;
    found.acks |= L::bits(is_ack & is_for_target) << at;
  }

  [[gnu::always_inline]] static std::uint64_t finish(const HeaderColumns& headers, std::size_t at,
                                                     const SynAckForms::Sums& sums, CookieBatch& batch) {
    const V tag = L::low(L::load(batch.lanes.hashes, at));
    const V iss = tag << 8 | ((L::load(batch.byte, at) ^ tag) & every<0xff>), sequence = L::swap(iss);
    const V source = L::load(headers.words[H::kIpSource], at);
    const V destination = L::load(headers.words[H::kIpDestination], at);
    const V ports = L::load(headers.words[H::kTcpPorts], at);
    const V acknowledgment = L::load(batch.acknowledgment, at);
    const V ts_value = L::load(batch.ts_value, at), ts_echo = L::load(batch.ts_echo, at);
    L::scatter({destination, source, ports << 16 | ports >> 16, sequence}, batch.begin, at);
    L::store(batch.timestamps, at, L::pairs(ts_value, ts_echo));

    std::array<std::uint32_t, kLanes> constant;
    for (std::size_t lane = 0; lane < kLanes; ++lane) constant[lane] = sums.constant[batch.agreed[at + lane]];
    const V form = L::load(constant, 0), tcp_mask = L::all(sums.tcp_mask);
    const V addresses = L::halves(source) + L::halves(destination);
    const V segment =
        L::halves(ports) + L::halves(sequence) + L::halves(acknowledgment) + L::halves(ts_value) + L::halves(ts_echo);
    const V ip_sum = L::halves(L::halves((form & every<0xffff>)+addresses));
    const V tcp_sum = L::halves(L::halves((form >> 16) + addresses + (segment & tcp_mask)));
    L::store(batch.checksums, at, (~ip_sum & L::all(sums.ip_mask)) | (tcp_sum ^ tcp_mask) << 16);

    const V first = L::load(headers.ethernet[0], at), second = L::load(headers.ethernet[1], at);
    const V third = L::load(headers.ethernet[2], at), fourth = L::load(headers.ethernet[3], at);
    L::scatter({second >> 16 | third << 16, third >> 16 | first << 16, first >> 16 | second << 16, fourth},
               batch.ethernet, at);
    return L::bits(V(L::swap(iss + every<1>) == L::load(headers.words[H::kTcpAcknowledgment], at))) << at;
  }

  [[gnu::always_inline]] static std::uint64_t read_all(const HeaderColumns& headers, std::size_t count,
                                                       CookieBatch::Offers& offers) {
    std::uint64_t odd = 0;
    for (std::size_t at = 0; at < count; at += kLanes) odd |= read(headers, at, offers);
    return odd;
  }
  [[gnu::always_inline]] static CookieColumns::Found prepare_all(const HeaderColumns& headers, const SipLanes<2>& flows,
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
using Flows = SipLanes<2>;
using Constants = CookieColumns::Constants;
using Found = CookieColumns::Found;
using Offers = CookieBatch::Offers;

std::uint64_t read_none(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<1>::read_all(headers, count, offers);
}
Found prepare_none(const Headers& headers, const Flows& flows, std::size_t count, const Constants& constants,
                   CookieBatch& batch) {
  return Kernel<1>::prepare_all(headers, flows, count, constants, batch);
}
std::uint64_t finish_none(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<1>::finish_all(headers, count, batch);
}
#if LEVEE_HAS_VECTOR_UNITS
LEVEE_SSE42 std::uint64_t read_sse42(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<4>::read_all(headers, count, offers);
}
LEVEE_SSE42 Found prepare_sse42(const Headers& headers, const Flows& flows, std::size_t count,
                                const Constants& constants, CookieBatch& batch) {
  return Kernel<4>::prepare_all(headers, flows, count, constants, batch);
}
LEVEE_SSE42 std::uint64_t finish_sse42(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<4>::finish_all(headers, count, batch);
}
LEVEE_AVX2 std::uint64_t read_avx2(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<8>::read_all(headers, count, offers);
}
LEVEE_AVX2 Found prepare_avx2(const Headers& headers, const Flows& flows, std::size_t count, const Constants& constants,
                              CookieBatch& batch) {
  return Kernel<8>::prepare_all(headers, flows, count, constants, batch);
}
LEVEE_AVX2 std::uint64_t finish_avx2(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<8>::finish_all(headers, count, batch);
}
LEVEE_AVX512 std::uint64_t read_avx512(const Headers& headers, std::size_t count, Offers& offers) {
  return Kernel<16>::read_all(headers, count, offers);
}
LEVEE_AVX512 Found prepare_avx512(const Headers& headers, const Flows& flows, std::size_t count,
                                  const Constants& constants, CookieBatch& batch) {
  return Kernel<16>::prepare_all(headers, flows, count, constants, batch);
}
LEVEE_AVX512 std::uint64_t finish_avx512(const Headers& headers, std::size_t count, CookieBatch& batch) {
  return Kernel<16>::finish_all(headers, count, batch);
}
#endif

}  // namespace

CookieColumns::CookieColumns(VectorUnit unit) : read_(read_none), prepare_(prepare_none), finish_(finish_none) {
  CHECK(machine_has(unit));
  switch (unit) {
#if LEVEE_HAS_VECTOR_UNITS
    case VectorUnit::Sse42:
      read_ = read_sse42;
      prepare_ = prepare_sse42;
      finish_ = finish_sse42;
      break;
    case VectorUnit::Avx2:
      read_ = read_avx2;
      prepare_ = prepare_avx2;
      finish_ = finish_avx2;
      break;
    case VectorUnit::Avx512:
      read_ = read_avx512;
      prepare_ = prepare_avx512;
      finish_ = finish_avx512;
      break;
#endif
    default:
      break;
  }
}

}  // namespace levee::shard
