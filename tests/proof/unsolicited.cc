// The kinds of frames; see unsolicited.h.
#include "proof/unsolicited.h"

#include <algorithm>

#include "proof/flood_frames.h"

namespace levee::proof {
namespace {

using sim::Bytes;
using sim::kAck;
using sim::kFin;
using sim::kPsh;
using sim::kRst;
using sim::kSyn;
using sim::kUrg;
using sim::TcpPacket;

constexpr std::size_t kIp = 14, kTcp = 34;
constexpr MacAddress kEverybody{{255, 255, 255, 255, 255, 255}};

std::uint8_t byte_of(Random& random) { return static_cast<std::uint8_t>(random.next()); }

// Payload, mostly short.
Bytes text(Random& random, std::size_t most = 1400) {
  Bytes bytes(1 + random.below(random.chance(0.9) ? 64 : most));
  random.fill(bytes);
  return bytes;
}

TcpPacket packet_of(Random& random, std::uint8_t flags, std::uint16_t port) {
  const Numbers numbers = random_numbers(random);
  TcpPacket packet = flood_packet(flags);
  packet.source = numbers.source;
  packet.source_port = numbers.source_port;
  packet.destination_port = port;
  packet.sequence = numbers.sequence;
  packet.acknowledgment = numbers.acknowledgment;
  packet.window = static_cast<std::uint16_t>(random.next());
  packet.ttl = byte_of(random);
  return packet;
}

// To our listener as often as to any other TCP port.
TcpPacket segment_of(Random& random, std::uint8_t flags) {
  const auto any = static_cast<std::uint16_t>(1 + random.below(65535));
  return packet_of(random, flags, random.chance(0.5) ? kOpenPort : any);
}

sim::Timestamps timestamps_of(Random& random) {
  return {static_cast<std::uint32_t>(random.next()), static_cast<std::uint32_t>(random.next())};
}

template <std::uint8_t flags>
Bytes bare(Random& random) {
  TcpPacket packet = segment_of(random, flags);
  if (random.chance(0.3)) packet.timestamps = timestamps_of(random);
  return sim::build(packet);
}

// A SYN with what systems in use offer; each of them offers an MSS.
Bytes usual_syn(Random& random) {
  TcpPacket packet = packet_of(random, kSyn, kOpenPort);
  packet.mss = static_cast<std::uint16_t>(random.chance(0.5) ? 1460 : random.next());
  if (random.chance(0.6)) packet.window_scale = static_cast<std::uint8_t>(random.below(15));
  packet.sack_permitted = random.chance(0.6);
  if (random.chance(0.5)) packet.timestamps = timestamps_of(random);
  return sim::build(packet);
}

Bytes syn_without_options(Random& random) { return sim::build(packet_of(random, kSyn, kOpenPort)); }

// Any of the options in any order, without padding between them, and sometimes one that nobody knows.
Bytes syn_with_odd_options(Random& random) {
  std::array<Bytes, 5> options{
      Bytes{std::byte{2}, std::byte{4}, std::byte{byte_of(random)}, std::byte{byte_of(random)}},
      Bytes{std::byte{3}, std::byte{3}, std::byte{byte_of(random)}}, Bytes{std::byte{4}, std::byte{2}},
      Bytes{std::byte{8}, std::byte{10}}, Bytes{std::byte{byte_of(random)}, std::byte{4}, std::byte{1}, std::byte{1}}};
  options[3].resize(10, std::byte{byte_of(random)});
  for (std::size_t i = options.size() - 1; i > 0; --i) std::swap(options[i], options[random.below(i + 1)]);
  TcpPacket packet = packet_of(random, kSyn, kOpenPort);
  for (const Bytes& option : options) {
    if (random.chance(0.5)) packet.raw_options.insert(packet.raw_options.end(), option.begin(), option.end());
  }
  return sim::build(packet);
}

Bytes syn_with_garbage_options(Random& random) {
  TcpPacket packet = packet_of(random, kSyn, kOpenPort);
  packet.raw_options.resize(4 * (1 + random.below(10)));
  random.fill(packet.raw_options);
  // Kinds and lengths that exist are met more often.
  for (std::byte& value : packet.raw_options) {
    if (random.chance(0.5)) value &= std::byte{15};
  }
  return sim::build(packet);
}

Bytes syn_with_text(Random& random) {
  TcpPacket packet = packet_of(random, kSyn | kPsh, kOpenPort);
  packet.mss = 1460;
  packet.payload = text(random);
  return sim::build(packet);
}

Bytes syn_with_ecn(Random& random) {
  TcpPacket packet = packet_of(random, kSyn | 0xc0, kOpenPort);
  packet.mss = 1460;
  packet.sack_permitted = true;
  return sim::build(packet);
}

// IEEE 802.1Q with VLAN 0: a priority and nothing else.
Bytes tagged(Bytes frame, Random& random) {
  const auto priority = static_cast<std::byte>(random.below(8) << 5);
  const Bytes tag{std::byte{0x81}, std::byte{0}, priority, std::byte{0}};
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  return frame;
}
Bytes syn_in_a_priority_tag(Random& random) { return tagged(usual_syn(random), random); }

// Nobody's, but it is where an MSS in the answer is an option more than was asked with.
Bytes syn_without_mss(Random& random) {
  TcpPacket packet = packet_of(random, kSyn, kOpenPort);
  if (random.chance(0.5)) packet.window_scale = static_cast<std::uint8_t>(random.below(15));
  packet.sack_permitted = random.chance(0.5);
  if (random.chance(0.5)) packet.timestamps = timestamps_of(random);
  const Bytes frame = sim::build(packet);
  return random.chance(0.5) ? frame : tagged(frame, random);
}

Bytes syn_to_a_closed_port(Random& random) {
  TcpPacket packet = packet_of(random, kSyn, static_cast<std::uint16_t>(1024 + random.below(60000)));
  if (random.chance(0.5)) packet.mss = 1460;
  return sim::build(packet);
}

Bytes stray_text(Random& random) {
  TcpPacket packet = segment_of(random, kAck | kPsh);
  packet.payload = text(random);
  return sim::build(packet);
}

Bytes stray_sack(Random& random) {
  TcpPacket packet = segment_of(random, kAck);
  packet.timestamps = timestamps_of(random);
  packet.sack.push_back({static_cast<std::uint32_t>(random.next()), static_cast<std::uint32_t>(random.next())});
  return sim::build(packet);
}

Bytes any_flags(Random& random) { return sim::build(segment_of(random, byte_of(random))); }

// RFC 791: more to come, or not the first.
Bytes fragment(Random& random) {
  Bytes frame = random.chance(0.5) ? stray_text(random) : usual_syn(random);
  const bool first = random.chance(0.5);
  frame[kIp + 6] = first ? std::byte{0x20} : static_cast<std::byte>(random.below(32));
  frame[kIp + 7] = first ? std::byte{0} : static_cast<std::byte>(1 + random.below(255));
  sim::fix_checksums(frame);
  return frame;
}

template <std::size_t first, std::size_t last>
Bytes flipped(Random& random) {
  Bytes frame = random.chance(0.5) ? usual_syn(random) : stray_text(random);
  frame[first + random.below(last - first)] ^= static_cast<std::byte>(1U << random.below(8));
  return frame;
}

Bytes from_a_source(Random& random, Ipv4Address source) {
  TcpPacket packet = segment_of(random, random.chance(0.5) ? kSyn : kAck);
  packet.source = source;
  return sim::build(packet);
}
Bytes land(Random& random) {
  TcpPacket packet = packet_of(random, kSyn, kOpenPort);
  packet.source = kOurAddress;
  packet.source_port = kOpenPort;
  return sim::build(packet);
}
Bytes from_everybody(Random& random) {
  constexpr Ipv4Address kSources[] = {{0xffffffff}, {0x0a0000ff}, {0x0a000000}, {0}, {0x7f000001}};
  return from_a_source(random, kSources[random.below(std::size(kSources))]);
}
Bytes from_a_group(Random& random) {
  return from_a_source(random, {0xe0000000U | static_cast<std::uint32_t>(random.next()) >> 4});
}
Bytes to_another(Random& random) {
  TcpPacket packet = segment_of(random, kSyn);
  packet.destination = Ipv4Address{static_cast<std::uint32_t>(random.next()) | 1U << 31};
  return sim::build(packet);
}
Bytes to_another_mac(Random& random) {
  TcpPacket packet = segment_of(random, kSyn);
  packet.destination_mac = random.chance(0.5) ? kEverybody : MacAddress{{2, 0, 0, 0, 0, 5}};
  return sim::build(packet);
}
Bytes port_zero(Random& random) {
  TcpPacket packet = segment_of(random, random.chance(0.5) ? kSyn : kAck);
  (random.chance(0.5) ? packet.source_port : packet.destination_port) = 0;
  return sim::build(packet);
}

Bytes arp(Random& random) {
  sim::ArpMessage message;
  message.source_mac = message.sender_mac = kFloodMac;
  message.destination_mac = random.chance(0.5) ? kEverybody : kOurMac;
  message.operation = static_cast<std::uint16_t>(random.below(4));
  message.sender = {0x0a000000U | byte_of(random)};
  message.target = random.chance(0.7) ? kOurAddress : Ipv4Address{0x0a000000U | byte_of(random)};
  message.target_mac = kOurMac;
  return sim::build(message);
}

Bytes echo(Random& random) {
  sim::IcmpEcho echo{kFloodMac, kOurMac, random_numbers(random).source, kOurAddress, 8, 1, 2, text(random)};
  if (random.chance(0.1)) echo.payload.clear();
  return sim::build(echo);
}
Bytes other_icmp(Random& random) {
  sim::IcmpEcho message{kFloodMac, kOurMac, random_numbers(random).source, kOurAddress, 3, 1, 2, text(random)};
  while (message.type == 8) message.type = byte_of(random);
  if (random.chance(0.5)) message.type = 3;
  return sim::build(message);
}

template <std::uint8_t protocol>
Bytes protocol_of(Random& random) {
  Bytes frame = stray_text(random);
  frame[kIp + 9] = std::byte{protocol};
  sim::fix_checksums(frame);
  return frame;
}
Bytes other_ether_type(Random& random) {
  Bytes frame = usual_syn(random);
  frame[12] = static_cast<std::byte>(0x86);
  frame[13] = static_cast<std::byte>(0xdd);
  return frame;
}
Bytes cut_short(Random& random) {
  Bytes frame = random.chance(0.5) ? usual_syn(random) : echo(random);
  frame.resize(random.below(frame.size()));
  return frame;
}
Bytes garbage(Random& random) {
  Bytes frame = usual_syn(random);
  random.fill(std::span(frame).subspan(kIp));
  return frame;
}

constexpr Kind kKinds[] = {
    {"SYN, usual options", usual_syn, true},
    {"SYN, no options", syn_without_options, true},
    {"SYN, odd options", syn_with_odd_options, true},
    {"SYN, garbage as options", syn_with_garbage_options, true},
    {"SYN with text", syn_with_text, true},
    {"SYN with ECN", syn_with_ecn, true},
    {"SYN in a priority tag", syn_in_a_priority_tag, true},
    {"SYN without MSS", syn_without_mss, true},
    {"SYN to a closed port", syn_to_a_closed_port},
    {"ACK", bare<kAck>},
    {"ACK with SACK", stray_sack},
    {"data", stray_text},
    {"FIN", bare<kFin>},
    {"FIN+ACK", bare<kFin | kAck>},
    {"RST", bare<kRst>},
    {"RST+ACK", bare<kRst | kAck>},
    {"SYN+ACK", bare<kSyn | kAck>},
    {"SYN+FIN", bare<kSyn | kFin>},
    {"SYN+RST", bare<kSyn | kRst>},
    {"NULL", bare<0>},
    {"Xmas", bare<kFin | kPsh | kUrg>},
    {"any flags", any_flags, true},
    {"fragment", fragment},
    {"bad IPv4 checksum", flipped<kIp + 8, kIp + 16>},
    {"bad TCP checksum", flipped<kTcp + 4, kTcp + 12>},
    {"LAND", land},
    {"from a broadcast address", from_everybody},
    {"from a multicast address", from_a_group},
    {"to another address", to_another},
    {"to another MAC", to_another_mac},
    {"TCP port 0", port_zero},
    {"ARP", arp},
    {"ICMP echo", echo},
    {"other ICMP", other_icmp},
    {"UDP", protocol_of<17>},
    {"SCTP", protocol_of<132>},
    {"IPv6", other_ether_type},
    {"cut short", cut_short},
    {"garbage behind Ethernet", garbage},
};

}  // namespace

std::span<const Kind> unsolicited_kinds() { return kKinds; }

}  // namespace levee::proof
