#include "shard/header_columns.h"

#include <cstring>

#include "base/check.h"
#include "base/endian.h"
#include "base/lanes.h"
#include "shard/plain_packet.h"

namespace levee::shard {
namespace {

constexpr std::size_t kFirst = 10;  // byte of w0
constexpr std::size_t kReach = HeaderColumns::kReach;
constexpr std::size_t kMostOwn = 8;  // addresses of ours; with more, frames are looked at one by one

using u64 = std::uint64_t;

u64 load(const std::byte* from) { return load_native<u64>(from); }

// kLanes frames at a time.
template <std::size_t kLanes>
struct Judge {
  using L = Lanes<kLanes>;
  using V = typename L::V;

  // 0 for a sum below 2^40 that is a multiple of 0xffff, unless `trusted`.
  [[gnu::always_inline]] static V wrong(V sum, const V& trusted) {
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (sum ^ 0xffff) & ~trusted;
  }

  [[gnu::always_inline]] static void judge(HeaderColumns& c, std::size_t at, const PlainFinder::Rules& rules) {
    const V meta = L::load(c.meta, at), w0 = L::load(c.w0, at), w1 = L::load(c.w1, at), w2 = L::load(c.w2, at);
    const V w3 = L::load(c.w3, at), w4 = L::load(c.w4, at), w5 = L::load(c.w5, at);
    V bad = (meta >> 32 & 0xffff) ^ rules.port;
    bad |= (L::load(c.mac, at) ^ rules.mac) & 0x0001'ffff'ffff'ffff;  // the source's multicast bit as well
    bad |= (w0 >> 16 & 0xff'ffff) ^ 0x45'0008;                        // EtherType, version, header length
    bad |= (w1 & 0x0000'ff00'ff3f'0000) ^ 0x0000'0600'0000'0000;      // no fragment; TCP
    const V total = (w0 >> 40 & 0xff00) | w0 >> 56;
    const V words = w4 >> 36 & 0xf;  // of the TCP header
    bad |= (words * 4 + 20) ^ total;
    bad |= L::above(L::all(5), words) | L::exceeds(words, 11) | L::above(total + 14, meta & 0xffffffff);
    // Port 0, and flags that cannot be (plain_packet.h).
    const V ports = L::swap_half(w3 & 0xffffffff);
    bad |= L::equal(ports & 0xffff, 0) | L::equal(ports >> 16, 0);
    bad |= ~(L::all(kGoodFlags) >> (w4 >> 40 & 31)) & 1;

    const V addresses = L::halves(w2);
    const V ip_sum = (w0 >> 32) + L::halves(w1) + addresses;
    bad |= wrong(ip_sum, L::equal(meta >> 48 & 0xff, static_cast<u64>(ChecksumState::Verified)));
    // The segment's words that are there: its header has five, and one more for each word of options.
    V tcp_sum = addresses + 0x0600 + ((total - 20) << 8) + L::halves(w3) + L::halves(w4) + (w5 & 0xffffffff);
    const V w6 = L::load(c.w6, at), w7 = L::load(c.w7, at), w8 = L::load(c.w8, at);
    tcp_sum += (w5 >> 32) & L::exceeds(words, 5);
    tcp_sum += (w6 & 0xffffffff & L::exceeds(words, 6)) + (w6 >> 32 & L::exceeds(words, 7));
    tcp_sum += (w7 & 0xffffffff & L::exceeds(words, 8)) + (w7 >> 32 & L::exceeds(words, 9));
    tcp_sum += w8 & 0xffffffff & L::exceeds(words, 10);
    bad |= wrong(tcp_sum, ~L::equal(meta >> 56, static_cast<u64>(ChecksumState::Unverified)));

    // From where it may come (RFC 6890, and not from us), to where it may go: Topology::is_between.
    const V source = w2 & 0xffffffff, destination = w2 >> 32;
    bad |= L::equal(source & 0xff, 0) | L::equal(source & 0xff, 127) | L::exceeds(source & 0xff, 223);
    V ours = V{};
    for (const PlainFinder::Rules::Own& own : rules.own) {
      ours |= L::equal(destination, own.address);
      const V on_link = L::equal((source ^ own.address) & own.mask, 0);
      const V host = source & own.host_mask;
      bad |= on_link & (L::equal(source, own.address) |
                        (own.has_broadcast & (L::equal(host, 0) | L::equal(host, own.host_mask))));
    }
    L::store(c.bad, at, bad | ~ours);
    L::store(c.addresses, at, L::swap_half(source) << 32 | L::swap_half(destination));
    L::store(c.ports, at, ports);
  }

  [[gnu::always_inline]] static void judge_all(HeaderColumns& c, std::size_t count, const PlainFinder::Rules& rules) {
    for (std::size_t at = 0; at < count; at += kLanes) judge(c, at, rules);
  }
};

using Function = void (*)(HeaderColumns&, std::size_t, const PlainFinder::Rules&);

void judge_none(HeaderColumns& c, std::size_t count, const PlainFinder::Rules& rules) {
  Judge<1>::judge_all(c, count, rules);
}
#if LEVEE_HAS_VECTOR_UNITS
LEVEE_SSE42 void judge_sse42(HeaderColumns& c, std::size_t count, const PlainFinder::Rules& rules) {
  Judge<2>::judge_all(c, count, rules);
}
LEVEE_AVX2 void judge_avx2(HeaderColumns& c, std::size_t count, const PlainFinder::Rules& rules) {
  Judge<4>::judge_all(c, count, rules);
}
LEVEE_AVX512 void judge_avx512(HeaderColumns& c, std::size_t count, const PlainFinder::Rules& rules) {
  Judge<8>::judge_all(c, count, rules);
}
#endif

Function judge_of(VectorUnit unit) {
  CHECK(machine_has(unit));
  switch (unit) {
#if LEVEE_HAS_VECTOR_UNITS
    case VectorUnit::Sse42:
      return judge_sse42;
    case VectorUnit::Avx2:
      return judge_avx2;
    case VectorUnit::Avx512:
      return judge_avx512;
#endif
    default:
      return judge_none;
  }
}

}  // namespace

PlainFinder::PlainFinder(const Topology& topology, VectorUnit unit) : judge_(judge_of(unit)) {
  if (topology.on_link().size() > kMostOwn) return;
  for (std::uint16_t port = 0; port < topology.plain_ports(); ++port) {
    Rules& rules = rules_.emplace_back();
    const Topology::PlainLink* link = topology.plain_link(port);
    if (link == nullptr) continue;
    rules.port = port;
    rules.mac = link->mac;
    for (const Topology::OnLink& own : topology.on_link()) {
      rules.own.push_back({.address = swap_if_little_endian(own.address),
                           .mask = swap_if_little_endian(own.mask),
                           .host_mask = swap_if_little_endian(~own.mask),
                           .has_broadcast = own.has_broadcast ? ~u64{0} : 0});
    }
  }
}

void PlainFinder::find(std::span<const Frame> frames, HeaderColumns& columns) const {
  DCHECK(!frames.empty() && frames.size() <= HeaderColumns::kMost);
  const std::uint16_t port = frames.front().port;  // of all frames, as a rule
  if (port >= rules_.size() || rules_[port].own.empty()) {
    for (std::size_t i = 0; i < frames.size(); ++i) columns.bad[i] = 1;
    return;
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    const Block& block = *frame.block;
    const std::byte* const data = frame.data;
    // A chain, a buffer that ends too soon or one that others read, too, is made a frame of no length.
    const bool in_reach =
        frame.next == nullptr && frame.exclusive && block.refs == 1 && data + kReach <= block.base + block.size;
    columns.meta[i] = static_cast<u64>(frame.tcp_checksum) << 56 | static_cast<u64>(frame.ip_checksum) << 48 |
                      static_cast<u64>(frame.port) << 32 | (in_reach ? frame.length : 0);
    if (!in_reach) [[unlikely]]
      continue;
    columns.mac[i] = load(data);
    const std::byte* const from = data + kFirst;
    columns.w0[i] = load(from);
    columns.w1[i] = load(from + 8);
    columns.w2[i] = load(from + 16);
    columns.w3[i] = load(from + 24);
    columns.w4[i] = load(from + 32);
    columns.w5[i] = load(from + 40);
    columns.w6[i] = load(from + 48);
    columns.w7[i] = load(from + 56);
    columns.w8[i] = load(from + 64);
  }
  judge_(columns, frames.size(), rules_[port]);
}

}  // namespace levee::shard
