// Clients' frames; see traffic.h.
#include "bench/traffic.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/endian.h"
#include "sim/packet.h"

namespace levee::bench {

namespace {

constexpr std::size_t kEthernet = 14, kIp = 20, kIp6 = 40, kTcp = 20;
constexpr std::uint16_t kWindow = 64240;

// A fixed random function of a number and a purpose.
std::uint64_t scramble(std::uint64_t number, std::uint64_t purpose) { return Random(number * 8 + purpose).next(); }

class Writer {
 public:
  explicit Writer(std::byte* at) : at_(at) {}
  Writer& u8(std::size_t value) {
    *at_++ = static_cast<std::byte>(value);
    return *this;
  }
  Writer& u16(std::uint16_t value) {
    store_be16(at_, value);
    at_ += 2;
    return *this;
  }
  Writer& u32(std::uint32_t value) {
    store_be32(at_, value);
    at_ += 4;
    return *this;
  }
  Writer& nop() { return u8(1); }
  Writer& mss(const Offer& offer) { return u8(2).u8(4).u16(*offer.mss); }
  Writer& scale(const Offer& offer) { return u8(3).u8(3).u8(*offer.window_scale); }
  Writer& sack() { return u8(4).u8(2); }
  Writer& timestamps(std::uint32_t value, std::uint32_t echo) { return u8(8).u8(10).u32(value).u32(echo); }
  [[nodiscard]] std::byte* at() const { return at_; }

 private:
  std::byte* at_;
};

std::uint32_t add_words(std::span<const std::byte> bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += load_be16(bytes.data() + i);
  if (bytes.size() % 2 != 0) sum += std::to_integer<std::uint32_t>(bytes.back()) << 8;
  return sum;
}

std::uint16_t checksum(std::span<const std::byte> bytes, std::uint32_t sum) {
  sum = add_words(bytes, sum);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(~sum);
}

// Where the options of a frame go.
std::byte* options_of(Packet& packet, bool ipv6) { return packet.data.data() + kEthernet + (ipv6 ? kIp6 : kIp) + kTcp; }

// Writes an IPv6 header and returns its share of the pseudo-header's sum.
std::uint32_t write_ipv6(Writer& out, const Client& client, std::size_t tcp_length) {
  const std::byte* const ip = out.at();
  out.u32(0x60000000).u16(static_cast<std::uint16_t>(tcp_length)).u8(6).u8(57);
  for (const std::uint8_t octet : client.address6().octets) out.u8(octet);
  for (const std::uint8_t octet : kServer6.octets) out.u8(octet);
  return add_words({ip + 8, 32}, 0);
}

// The same of IPv4.
std::uint32_t write_ipv4(Writer& out, const Client& client, const Segment& segment, std::size_t tcp_length) {
  std::byte* const ip = out.at();
  out.u8(0x45).u8(0).u16(static_cast<std::uint16_t>(kIp + tcp_length));
  out.u16(static_cast<std::uint16_t>(segment.sequence)).u16(0x4000).u8(57).u8(6).u16(0);
  out.u32(client.address.value).u32(kServer.value);
  store_be16(ip + 10, checksum({ip, kIp}, 0));
  return add_words({ip + 12, 8}, 0);
}

// The headers around `options` bytes of options and `text` bytes of payload that are there already.
void wrap(Packet& packet, const Client& client, const Segment& segment, std::size_t options) {
  const std::size_t tcp_length = kTcp + options + segment.text;
  const std::size_t length = kEthernet + (client.ipv6 ? kIp6 : kIp) + tcp_length;
  CHECK(options % 4 == 0 && length <= Packet::kRoom);
  packet.length = static_cast<std::uint32_t>(length);
  std::byte* const start = packet.data.data();
  Writer out(start);
  for (const std::uint8_t octet : kServerMac.octets) out.u8(octet);
  for (const std::uint8_t octet : kClientMac.octets) out.u8(octet);
  out.u16(client.ipv6 ? 0x86dd : 0x0800);
  const std::uint32_t addresses =
      client.ipv6 ? write_ipv6(out, client, tcp_length) : write_ipv4(out, client, segment, tcp_length);
  std::byte* const tcp = out.at();
  out.u16(client.tcp_port).u16(kServerPort).u32(segment.sequence).u32(segment.acknowledgment);
  out.u8((kTcp + options) / 4 << 4).u8(segment.flags).u16(kWindow).u16(0).u16(0);
  store_be16(tcp + 16, checksum({tcp, tcp_length}, addresses + static_cast<std::uint32_t>(6 + tcp_length)));
}

// What is rare but there: bare, partial, reordered, unknown and broken options. Returns bytes written; `offer` is what
// a receiver should read.
std::size_t write_odd(std::byte* to, std::uint64_t choice, Offer& offer) {
  Writer out(to);
  const Offer full = offer;
  offer = {};
  switch (choice % 8) {
    case 0:  // nothing
      break;
    case 1:  // MSS only
      offer.mss = full.mss;
      out.mss(offer);
      break;
    case 2:  // no SACK, no timestamps
      offer.mss = full.mss;
      offer.window_scale = full.window_scale;
      out.mss(offer).nop().scale(offer);
      break;
    case 3:  // timestamps in front
      offer = full;
      out.nop().nop().timestamps(*offer.timestamp, 0).mss(offer).sack().nop().nop().nop().scale(offer);
      break;
    case 4:  // Linux's without timestamps
      offer = full;
      offer.timestamp.reset();
      out.mss(offer).nop().nop().sack().nop().scale(offer);
      break;
    case 5:  // a request for a TCP Fast Open cookie behind Linux's (RFC 7413)
      offer = full;
      out.mss(offer).sack().timestamps(*offer.timestamp, 0).nop().scale(offer).u8(34).u8(2).nop().nop();
      break;
    case 6:  // an option that claims more than there is ends the list
      offer.mss = full.mss;
      out.mss(offer).u8(30).u8(40).sack();
      break;
    default:  // an unknown option between known ones
      offer.mss = full.mss;
      offer.sack = true;
      out.mss(offer).u8(253).u8(6).u32(0).sack();
      break;
  }
  return static_cast<std::size_t>(out.at() - to);
}

}  // namespace

Client client_of(std::uint64_t number) {
  // 28 bits of address and 15 of a TCP port. Each step can be undone, so different numbers give different clients.
  constexpr unsigned kBits = 43;
  constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;
  CHECK(number <= kMask);
  std::uint64_t value = number;
  for (const std::uint64_t factor : {0x9e3779b97f5U, 0xbf58476d1cdU, 0x94d049bb133U}) {
    value = value * factor & kMask;
    value ^= value >> ((kBits + 1) / 2);
  }
  return {{static_cast<std::uint32_t>(0x10000000 | value >> 15)}, static_cast<std::uint16_t>(0x8000 | value)};
}

Ipv6Address Client::address6() const {
  Ipv6Address made{{0x20, 0x01, 0x0d, 0xb8}};
  store_be32(reinterpret_cast<std::byte*>(&made.octets[4]), static_cast<std::uint32_t>(scramble(address.value, 2)));
  store_be32(reinterpret_cast<std::byte*>(&made.octets[12]), address.value);
  return made;
}

Syn syn_of(std::uint64_t number, Mix mix, std::uint32_t later, bool ipv6) {
  constexpr std::array<std::uint16_t, 8> kMss = {1460, 1460, 1460, 1460, 1452, 1440, 1400, 1360};
  Syn syn;
  syn.client = client_of(number);
  syn.client.ipv6 = ipv6;
  const std::uint64_t random = scramble(number, 0);
  // 4 us a step of the initial sequence number (RFC 9293 3.4.1).
  syn.sequence = static_cast<std::uint32_t>(random) + later * 250;
  Offer& offer = syn.offer;
  offer.mss = kMss[random >> 32 & 7];
  offer.sack = true;
  offer.timestamp = static_cast<std::uint32_t>(scramble(number, 1)) + later;

  const std::uint64_t draw = mix == Mix::Linux ? 0 : (random >> 40) % 100;
  std::byte* const options = options_of(syn.packet, ipv6);
  Writer out(options);
  std::size_t length = 0;
  std::uint8_t flags = sim::kSyn;
  if (draw < 60) {
    offer.window_scale = static_cast<std::uint8_t>((random >> 56 & 3) == 0 ? 10 : 7);
    out.mss(offer).sack().timestamps(*offer.timestamp, 0).nop().scale(offer);
    length = 20;
  } else if (draw < 85) {
    offer.window_scale = std::uint8_t{8};
    offer.timestamp.reset();
    out.mss(offer).nop().scale(offer).nop().nop().sack();
    length = 12;
  } else if (draw < 95) {
    offer.window_scale = std::uint8_t{6};
    out.mss(offer).nop().scale(offer).nop().nop().timestamps(*offer.timestamp, 0).sack().u8(0).u8(0);
    length = 24;
    offer.ecn = (random >> 56 & 1) != 0;
    if (offer.ecn) flags |= sim::kEce | sim::kCwr;
  } else {
    offer.window_scale = static_cast<std::uint8_t>(random >> 48 & 15);
    length = write_odd(options, random >> 56, offer);
    if (offer.window_scale) offer.window_scale = std::min(*offer.window_scale, std::uint8_t{14});
  }
  wrap(syn.packet, syn.client, {.sequence = syn.sequence, .flags = flags}, length);
  return syn;
}

std::vector<Packet> packets_of(std::span<const Syn> syns) {
  std::vector<Packet> packets;
  packets.reserve(syns.size());
  for (const Syn& syn : syns) packets.push_back(syn.packet);
  return packets;
}

Packet segment_of(const Client& client, const Segment& segment) {
  Packet packet;
  std::byte* const behind = options_of(packet, client.ipv6);
  Writer out(behind);
  std::size_t options = 0;
  if (segment.timestamp) {
    out.nop().nop().timestamps(*segment.timestamp, *segment.echo);
    options = 12;
  }
  std::fill_n(behind + options, segment.text, std::byte{'x'});
  wrap(packet, client, segment, options);
  return packet;
}

}  // namespace levee::bench
