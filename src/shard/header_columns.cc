#include "shard/header_columns.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/endian.h"
#include "base/lanes.h"
#include "shard/plain_packet.h"

namespace levee::shard {
namespace {

constexpr std::size_t kReach = HeaderColumns::kReach;
constexpr std::size_t kMostOwn = 8;               // addresses of ours; with more, frames are looked at one by one
constexpr std::size_t kPieces = 4, kPieces6 = 6;  // of 16 bytes, from the IP header on
constexpr std::size_t kIpHeader = 14;
static_assert(kIpHeader + 16 * kPieces == kReach && kIpHeader + 16 * kPieces6 == HeaderColumns::kReach6);

alignas(16) constexpr std::array<std::byte, HeaderColumns::kReach6> kNothing{};  // for a frame that is not looked at

// kLanes frames at a time.
template <std::size_t kLanes>
struct Judge {
  using L = Lanes<kLanes>;
  using V = typename L::V;
  using H = HeaderColumns;

  template <std::size_t kCount>
  [[gnu::always_inline]] static void gather(HeaderColumns& c, std::size_t at) {
    typename L::Pointers from;  // a copy, as the columns' stores could change the originals for all the compiler knows
    std::copy_n(&c.from[at], kLanes, from.begin());
    L::gather(from, 0, c.ethernet.data(), at);
#pragma GCC unroll 6
    for (std::size_t piece = 0; piece < kCount; ++piece) {
      L::gather(from, kIpHeader + 16 * piece, &c.words[4 * piece], at);
    }
  }

  // 0 for a sum that is a multiple of 0xffff, and if it is `trusted`. The sum is above 0 and below 2^24: folded once it
  // is below 0x100ff, and only 0xffff is left of the multiples.
  [[gnu::always_inline]] static V wrong(const V& sum, const V& trusted) {
    return (L::halves(sum) ^ every<0xffff>)&~trusted;
  }
  // The TCP header's word of options `k`, if it has more words than `before`.
  [[gnu::always_inline]] static V option(const HeaderColumns& c, std::size_t at, std::size_t k, const V& words,
                                         const Everywhere& before) {
    return L::halves(L::load(c.words[H::kTcpOptions + k], at) & L::exceeds(words, before));
  }

  // A bit for each frame that is plain and bare.
  [[gnu::always_inline]] static std::uint64_t judge(const HeaderColumns& c, std::size_t at,
                                                    const PlainFinder::Rules& rules, SipLanes<2>& keys) {
    const V arrival = L::load(c.arrival, at);
    V bad = (arrival & every<0xffff>)^rules.port;
    bad |= L::load(c.ethernet[0], at) ^ rules.mac_begin;
    bad |= (L::load(c.ethernet[1], at) ^ rules.mac_end) & every<0x1'ffff>;    // the source's multicast bit as well
    bad |= (L::load(c.ethernet[3], at) & every<0xff'ffff>)^every<0x45'0008>;  // EtherType, version, header length

    const V begin = L::load(c.words[H::kIpBegin], at), fragment = L::load(c.words[H::kIpFragment], at);
    const V protocol = L::load(c.words[H::kIpProtocol], at), flags = L::load(c.words[H::kTcpFlags], at);
    bad |= fragment & every<0xff3f'0000>;  // none; the sign that there may be none is allowed
    bad |= (protocol & every<0xff00>)^every<0x0600>;
    const V total = L::swap(begin) & every<0xffff>, words = flags >> 4 & every<0xf>;  // the latter of the TCP header
    bad |= ((words << 2) + every<20>)^total;
    bad |= L::above(L::all(every<5>), words) | L::exceeds(words, every<11>);
    bad |= L::above(total + every<14>, L::load(c.length, at));
    // Port 0, and flags that cannot be (plain_packet.h).
    const V ports_as_sent = L::load(c.words[H::kTcpPorts], at), ports = L::swap(ports_as_sent);
    bad |= L::zero_halves(ports);
    bad |= ~(L::all(every<kGoodFlags>) >> (flags >> 8 & every<31>)) & every<1>;

    const V source = L::load(c.words[H::kIpSource], at), destination = L::load(c.words[H::kIpDestination], at);
    const V addresses = L::halves(source) + L::halves(destination);
    const V ip_sum = L::halves(begin) + L::halves(fragment) + L::halves(protocol) + addresses;
    constexpr auto kVerified = static_cast<std::uint32_t>(ChecksumState::Verified);
    bad |= wrong(ip_sum, L::equal(arrival >> 16 & every<0xff>, every<kVerified>));
    V tcp_sum = addresses + (((total - every<20>) << 8) + every<0x0600>)+L::halves(ports_as_sent) + L::halves(flags);
    for (const std::size_t word : {H::kTcpSequence, H::kTcpAcknowledgment, H::kTcpChecksum}) {
      tcp_sum += L::halves(L::load(c.words[word], at));
    }
    tcp_sum += option(c, at, 0, words, every<5>) + option(c, at, 1, words, every<6>);
    tcp_sum += option(c, at, 2, words, every<7>) + option(c, at, 3, words, every<8>);
    tcp_sum += option(c, at, 4, words, every<9>) + option(c, at, 5, words, every<10>);
    constexpr auto kUnverified = static_cast<std::uint32_t>(ChecksumState::Unverified);
    bad |= wrong(tcp_sum, ~L::equal(arrival >> 24, every<kUnverified>));

    // From where it may come (RFC 6890, and not from us), to where it may go: Topology::is_between.
    const V net = source & every<0xff>;
    bad |= L::is_zero(net) | L::equal(net, every<127>) | L::exceeds(net, every<223>);
    V ours = V{};
    for (const PlainFinder::Rules::Own& own : rules.own) {
      ours |= L::equal(destination, own.address);
      const V on_link = L::is_zero((source ^ own.address) & own.mask);
      const V host = source & own.host_mask;
      bad |= on_link &
             (L::equal(source, own.address) | (own.has_broadcast & (L::is_zero(host) | L::equal(host, own.host_mask))));
    }
    L::store(keys.words[0], at, L::pairs(L::swap(destination), L::swap(source)));
    L::store(keys.words[1], at, L::pairs(ports, L::all(every<sizeof(FlowKey4) << 24>)));
    return L::bits(L::is_zero(bad | ~ours)) << at;
  }

  // The same of IPv6. A source in ::/64, where no host is but the unspecified, the loopback and the IPv4-mapped
  // addresses, is left to packet.cc.
  [[gnu::always_inline]] static std::uint64_t judge(const HeaderColumns& c, std::size_t at,
                                                    const PlainFinder::Rules& rules, SipLanes<5>& keys) {
    constexpr std::size_t kShift = H::kIp6Shift;
    const V arrival = L::load(c.arrival, at);
    V bad = (arrival & every<0xffff>)^rules.port;
    bad |= L::load(c.ethernet[0], at) ^ rules.mac_begin;
    bad |= (L::load(c.ethernet[1], at) ^ rules.mac_end) & every<0x1'ffff>;
    bad |= (L::load(c.ethernet[3], at) & every<0xf0'ffff>)^every<0x60'dd86>;  // EtherType, version

    const V begin = L::load(c.words[H::kIp6Length], at), flags = L::load(c.words[H::kTcpFlags + kShift], at);
    bad |= (begin & every<0xff'0000>)^every<0x06'0000>;  // TCP
    const V length = L::swap(begin) >> 16, words = flags >> 4 & every<0xf>;
    bad |= (words << 2) ^ length;
    bad |= L::above(L::all(every<5>), words) | L::exceeds(words, every<11>);
    bad |= L::above(length + every<54>, L::load(c.length, at));
    const V ports_as_sent = L::load(c.words[H::kTcpPorts + kShift], at), ports = L::swap(ports_as_sent);
    bad |= L::zero_halves(ports);
    bad |= ~(L::all(every<kGoodFlags>) >> (flags >> 8 & every<31>)) & every<1>;

    V tcp_sum = (length << 8) + every<0x0600>;
#pragma GCC unroll 8
    for (std::size_t word = 0; word < 8; ++word) tcp_sum += L::halves(L::load(c.words[H::kIp6Source + word], at));
    tcp_sum += L::halves(ports_as_sent) + L::halves(flags);
    for (const std::size_t word : {H::kTcpSequence, H::kTcpAcknowledgment, H::kTcpChecksum}) {
      tcp_sum += L::halves(L::load(c.words[word + kShift], at));
    }
    tcp_sum += option(c, at, kShift, words, every<5>) + option(c, at, kShift + 1, words, every<6>);
    tcp_sum += option(c, at, kShift + 2, words, every<7>) + option(c, at, kShift + 3, words, every<8>);
    tcp_sum += option(c, at, kShift + 4, words, every<9>) + option(c, at, kShift + 5, words, every<10>);
    constexpr auto kUnverified = static_cast<std::uint32_t>(ChecksumState::Unverified);
    bad |= wrong(tcp_sum, ~L::equal(arrival >> 24, every<kUnverified>));

    // Inlined always: gcc compiles a lambda without this function's instruction set, and so with another way to return
    // a V.
    const auto source = [&](std::size_t word) __attribute__((always_inline)) {
      return L::load(c.words[H::kIp6Source + word], at);
    };
    const auto destination = [&](std::size_t word) __attribute__((always_inline)) {
      return L::load(c.words[H::kIp6Destination + word], at);
    };
    bad |= L::is_zero(source(0) | source(1)) | L::equal(source(0) & every<0xff>, every<0xff>);
    V ours = V{};
    for (const std::array<std::uint32_t, 4>& own : rules.own6) {
      const auto differs = [&](const auto& address) __attribute__((always_inline)) {
        return (address(0) ^ own[0]) | (address(1) ^ own[1]) | (address(2) ^ own[2]) | (address(3) ^ own[3]);
      };
      ours |= L::is_zero(differs(destination));
      bad |= L::is_zero(differs(source));
    }
    L::store(keys.words[0], at, L::pairs(source(0), source(1)));
    L::store(keys.words[1], at, L::pairs(source(2), source(3)));
    L::store(keys.words[2], at, L::pairs(destination(0), destination(1)));
    L::store(keys.words[3], at, L::pairs(destination(2), destination(3)));
    L::store(keys.words[4], at, L::pairs(ports, L::all(every<sizeof(FlowKey6) << 24>)));
    return L::bits(L::is_zero(bad | ~ours)) << at;
  }

  template <std::size_t kCount, typename Keys>
  [[gnu::always_inline]] static std::uint64_t judge_all(HeaderColumns& c, std::size_t count,
                                                        const PlainFinder::Rules& rules, Keys& keys) {
    for (std::size_t at = 0; at < count; at += kLanes) gather<kCount>(c, at);
    std::uint64_t good = 0;
    for (std::size_t at = 0; at < count; at += kLanes) good |= judge(c, at, rules, keys);
    return good;
  }
};

using Columns = HeaderColumns;
using Rules = PlainFinder::Rules;
template <std::size_t kCount, typename Keys>
std::uint64_t judge_none(Columns& c, std::size_t count, const Rules& rules, Keys& keys) {
  return Judge<1>::judge_all<kCount>(c, count, rules, keys);
}
#if LEVEE_HAS_VECTOR_UNITS
template <std::size_t kCount, typename Keys>
LEVEE_SSE42 std::uint64_t judge_sse42(Columns& c, std::size_t count, const Rules& rules, Keys& keys) {
  return Judge<4>::judge_all<kCount>(c, count, rules, keys);
}
template <std::size_t kCount, typename Keys>
LEVEE_AVX2 std::uint64_t judge_avx2(Columns& c, std::size_t count, const Rules& rules, Keys& keys) {
  return Judge<8>::judge_all<kCount>(c, count, rules, keys);
}
template <std::size_t kCount, typename Keys>
LEVEE_AVX512 std::uint64_t judge_avx512(Columns& c, std::size_t count, const Rules& rules, Keys& keys) {
  return Judge<16>::judge_all<kCount>(c, count, rules, keys);
}
#endif

template <std::size_t kCount, typename Keys>
auto judge_of(VectorUnit unit) -> std::uint64_t (*)(Columns&, std::size_t, const Rules&, Keys&) {
  CHECK(machine_has(unit));
  switch (unit) {
#if LEVEE_HAS_VECTOR_UNITS
    case VectorUnit::Sse42:
      return judge_sse42<kCount, Keys>;
    case VectorUnit::Avx2:
      return judge_avx2<kCount, Keys>;
    case VectorUnit::Avx512:
      return judge_avx512<kCount, Keys>;
#endif
    default:
      return judge_none<kCount, Keys>;
  }
}

// What is looked at of the frames. No chain, no buffer that ends before `reach`, and none that others read, too.
void gather_frames(std::span<const Frame> frames, std::size_t reach, HeaderColumns& columns) {
  std::size_t count = 0;
#pragma GCC unroll 2
  for (const Frame& frame : frames) {
    const Block& block = *frame.block;
    columns.arrival[count] = frame.port | static_cast<std::uint32_t>(frame.ip_checksum) << 16 |
                             static_cast<std::uint32_t>(frame.tcp_checksum) << 24;
    if (frame.next == nullptr && frame.exclusive && block.refs == 1 && frame.data + reach <= block.base + block.size)
        [[likely]] {
      columns.from[count] = frame.data;
      columns.length[count++] = frame.length;
    } else {
      columns.from[count] = kNothing.data();
      columns.length[count++] = 0;
    }
  }
  for (; count % 16 != 0; ++count) {  // whole vectors
    columns.from[count] = kNothing.data();
    columns.length[count] = 0;
  }
}

}  // namespace

PlainFinder::PlainFinder(const Topology& topology, VectorUnit unit)
    : judge_(judge_of<kPieces, SipLanes<2>>(unit)), judge6_(judge_of<kPieces6, SipLanes<5>>(unit)) {
  for (std::uint16_t port = 0; port < topology.plain_ports(); ++port) {
    Rules& rules = rules_.emplace_back();
    const Topology::PlainLink* link = topology.plain_link(port);
    if (link == nullptr) continue;
    rules.port = port;
    rules.mac_begin = static_cast<std::uint32_t>(link->mac);
    rules.mac_end = static_cast<std::uint32_t>(link->mac >> 32);
    for (const Ipv6Address& own : topology.own6()) {
      if (topology.own6().size() > kMostOwn) break;
      std::memcpy(&rules.own6.emplace_back(), &own, sizeof(own));
    }
    for (const Topology::OnLink& own : topology.on_link()) {
      if (topology.on_link().size() > kMostOwn) break;
      rules.own.push_back({.address = swap_if_little_endian(own.address),
                           .mask = swap_if_little_endian(own.mask),
                           .host_mask = swap_if_little_endian(~own.mask),
                           .has_broadcast = own.has_broadcast ? ~std::uint32_t{0} : 0});
    }
  }
}

std::uint64_t PlainFinder::find(std::span<const Frame> frames, HeaderColumns& columns, SipLanes<2>& keys) const {
  DCHECK(!frames.empty() && frames.size() <= HeaderColumns::kMost);
  const std::uint16_t port = frames.front().port;  // of all frames, as a rule
  if (port >= rules_.size() || rules_[port].own.empty()) return 0;
  gather_frames(frames, kReach, columns);
  return judge_(columns, frames.size(), rules_[port], keys);
}

std::uint64_t PlainFinder::find(std::span<const Frame> frames, HeaderColumns& columns, SipLanes<5>& keys) const {
  DCHECK(!frames.empty() && frames.size() <= HeaderColumns::kMost);
  const std::uint16_t port = frames.front().port;
  if (port >= rules_.size() || rules_[port].own6.empty()) return 0;
  gather_frames(frames, HeaderColumns::kReach6, columns);
  return judge6_(columns, frames.size(), rules_[port], keys);
}

}  // namespace levee::shard
