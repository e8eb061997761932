#include "fuzz/frames.h"

#include <algorithm>

namespace levee::fuzz {
namespace {

const Ipv6Address kLinkLocal2 = parse_ipv6("fe80::2").value(), kOurLinkLocal = parse_ipv6("fe80::1").value();
const Ipv6Address kRouted6 = parse_ipv6("2001:db8:7::7").value();
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}}, kSecondMac{{2, 0, 0, 0, 0, 7}};
constexpr std::size_t kLongest = 4096;
constexpr std::size_t kHeaders = 14 + 4 + 60 + 60;  // of IPv4; IPv6's are shorter

sim::TcpPacket segment(std::uint8_t flags) {
  sim::TcpPacket packet;
  packet.source_mac = kPeerMac;
  packet.destination_mac = kOurMac;
  packet.source = Ipv4Address{0x0a000002};
  packet.destination = kOurAddress;
  packet.source_port = 40000;
  packet.destination_port = 80;
  packet.sequence = 1000;
  packet.flags = flags;
  packet.window = 65535;
  return packet;
}

sim::Bytes echo_request(std::size_t length) {
  sim::IcmpEcho echo;
  echo.source_mac = kPeerMac;
  echo.destination_mac = kOurMac;
  echo.source = Ipv4Address{0x0a000002};
  echo.destination = kOurAddress;
  echo.payload = sim::Bytes(length, std::byte{0x5a});
  return build(echo);
}

sim::Bytes arp(std::uint16_t operation) {
  sim::ArpMessage message;
  message.operation = operation;
  message.source_mac = message.sender_mac = kPeerMac;
  message.destination_mac = operation == 1 ? MacAddress{{255, 255, 255, 255, 255, 255}} : kOurMac;
  message.sender = {0x0a000002};
  message.target = kOurAddress;
  return build(message);
}

sim::NdpMessage neighbour_message(std::uint8_t type) {
  sim::NdpMessage message;
  message.source_mac = kPeerMac;
  message.destination_mac = kOurMac;
  message.type = type;
  message.target = type == 135 ? kOurAddress6 : fd00(2);
  (type == 135 ? message.source_option : message.target_option) = kPeerMac;
  message.solicited = message.overrides = type == 136;
  return message;
}

// An IPv6 packet's addresses, and the extension header in front of its payload; 0: none (RFC 8200 4).
struct Shape {
  Ipv6Address source, destination;
  std::uint8_t extension = 0;
  std::size_t length = 8;
};

Shape read_shape(Input& input) {
  const std::uint8_t shape = input.u8();
  const Ipv6Address sources[] = {fd00(2), kLinkLocal2, parse_ipv6("2001:db8::9").value(), {}};
  const Ipv6Address destinations[] = {kOurAddress6, sim::solicited_node(kOurAddress6), kOurLinkLocal, fd00(7)};
  constexpr std::uint8_t kExtensions[] = {0, 0, 44, 0, 43, 51, 60, 59};
  Shape made{sources[shape & 3], destinations[shape >> 2 & 3], kExtensions[shape >> 4 & 7]};
  if ((shape & 128) != 0) made.length = 8 * (1 + input.below(4));
  return made;
}

template <typename Packet>
sim::Bytes build_with(Packet packet, const Shape& shape) {
  packet.source = shape.source;
  packet.destination = shape.destination;
  if (shape.destination.is_multicast()) packet.destination_mac = sim::multicast_mac(shape.destination);
  const sim::Bytes frame = build(packet);
  return shape.extension == 0 ? frame : sim::with_extension_header(frame, shape.extension, shape.length);
}

sim::Bytes from_template6(Input& input, std::uint8_t which, const sim::TcpPacket& syn, sim::TcpPacket other) {
  const Shape shape = read_shape(input);
  switch (which % 8) {
    case 0:
    case 1:
      return build_with(syn, shape);
    case 2:
      return build_with(other, shape);
    case 3:
      other.payload = sim::Bytes(which, std::byte{0xa5});
      return build_with(other, shape);
    case 4:
      other.flags = sim::kRst;
      return build_with(other, shape);
    case 5: {
      sim::IcmpEcho echo;
      echo.source_mac = kPeerMac;
      echo.destination_mac = kOurMac;
      echo.type = 128;
      echo.payload = sim::Bytes(which, std::byte{0x5a});
      return build_with(echo, shape);
    }
    case 6:
      return build_with(neighbour_message(135), shape);
    default:
      return build_with(neighbour_message(136), shape);
  }
}

sim::Bytes from_template(Input& input) {
  const std::uint8_t which = input.u8();
  sim::TcpPacket syn = segment(sim::kSyn);
  if ((which & 0x10) != 0) syn.mss = std::uint16_t{1460};
  if ((which & 0x20) != 0) syn.window_scale = std::uint8_t{7};
  if ((which & 0x40) != 0) syn.sack_permitted = true;
  if ((which & 0x80) != 0) syn.timestamps = sim::Timestamps{0x12345678, 0};
  sim::TcpPacket other = segment(which >> 4 & 1 ? sim::kAck | sim::kFin : sim::kAck);
  other.sequence = 1001;
  if ((which & 0x80) != 0) other.timestamps = sim::Timestamps{0x12345679, input.u32()};
  if ((which & 8) != 0) return from_template6(input, which, syn, other);
  switch (which % 8) {
    case 0:
    case 1:
      return build(syn);
    case 2:
      return build(other);
    case 3:
      other.payload = sim::Bytes(which, std::byte{0xa5});
      return build(other);
    case 4:
      other.flags = sim::kRst;
      return build(other);
    case 5:
      return echo_request(which);
    case 6:
      return arp(1);
    default:
      return arp(2);
  }
}

// A tag as large as any in a frame behind its addresses.
void put_tag(sim::Bytes& frame, std::uint16_t tci) {
  if (frame.size() < 12) return;
  const std::byte tag[] = {std::byte{0x81}, std::byte{0}, static_cast<std::byte>(tci >> 8),
                           static_cast<std::byte>(tci & 0xff)};
  frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
}

}  // namespace

ShardOptions crossroads() {
  ShardOptions options = small_options();
  options.interfaces = {{.port = 0, .mac = kOurMac},
                        {.port = 0, .vlan = kVlan, .mac = kOurMac, .mtu = 1400},
                        {.port = 1, .mac = kSecondMac},
                        {.port = 2, .vlan = 6, .mac = kOurMac}};
  options.addresses = {{.address = kOurAddress, .prefix_length = 24, .interface = 0},
                       {.address = Ipv4Address{0xc0a80904}, .prefix_length = 31, .interface = 2},
                       {.address = Ipv4Address{0xcb007107}, .prefix_length = 32, .interface = 0},
                       {.address = Ipv4Address{0xac100001}, .prefix_length = 30, .interface = 1},
                       {.address = Ipv4Address{0x0a000081}, .prefix_length = 25, .interface = 3},
                       {.address = kOurAddress6, .prefix_length = 64, .interface = 0},
                       {.address = kOurLinkLocal, .prefix_length = 64, .interface = 0},
                       {.address = parse_ipv6("2001:db8:9::4").value(), .prefix_length = 127, .interface = 2},
                       {.address = kRouted6, .prefix_length = 128, .interface = 0},
                       {.address = parse_ipv6("fd05::1").value(), .prefix_length = 64, .interface = 1}};
  options.routes = {RouteOptions{.next_hop = Ipv4Address{0x0a000042}},
                    RouteOptions{.prefix = Ipv6Address{}, .next_hop = fd00(0x42)}};
  options.listeners.resize(4, options.listeners.front());
  options.listeners[1].tcp_port = 19;
  options.listeners[1].server_first = true;
  options.listeners[2].tcp_port = 443;
  options.listeners[2].address = Ipv4Address{0xcb007107};
  options.listeners[2].tcp.timestamps = options.listeners[2].tcp.sack = false;
  options.listeners[2].tcp.max_mss = 1200;
  options.listeners[3] = options.listeners[2];
  options.listeners[3].address = kRouted6;
  return options;
}

Arrival read_arrival(Input& input) {
  Arrival arrival;
  const std::uint8_t how = input.u8();
  arrival.exclusive = (how & 1) == 0;
  if ((how & 2) != 0) arrival.port = static_cast<std::uint16_t>(input.below(4));
  if ((how & 4) != 0) {
    const std::uint8_t states = input.u8();
    arrival.ip_checksum = (states & 1) != 0 ? shard::ChecksumState::Verified : shard::ChecksumState::Unverified;
    arrival.tcp_checksum = static_cast<shard::ChecksumState>((states >> 1) % 3);
  }
  if ((how & 8) != 0) {
    const auto bytes = input.bytes(std::min<std::size_t>(input.u16(), kLongest));
    arrival.bytes.assign(bytes.begin(), bytes.end());
  } else {
    arrival.bytes = from_template(input);
    if ((how & 16) != 0) put_tag(arrival.bytes, input.u16());
    for (std::uint32_t changes = input.below(8); changes > 0 && !arrival.bytes.empty(); --changes) {
      const std::size_t at = input.u8() % std::min(arrival.bytes.size(), kHeaders);
      arrival.bytes[at] = static_cast<std::byte>(input.u8());
    }
  }
  if ((how & 32) == 0) sim::fix_checksums(arrival.bytes);
  if ((how & 64) != 0) arrival.bytes.resize(input.below(128) + std::size_t{1});
  if ((how & 128) != 0) {
    std::uint32_t at = 0;
    for (std::uint32_t cuts = 1 + input.below(40); cuts > 0; --cuts) {
      at += input.below(64);
      arrival.cuts.push_back(at);
    }
  }
  return arrival;
}

std::vector<Arrival> read_burst(Input& input, std::uint32_t most) {
  std::vector<Arrival> burst;
  for (std::uint32_t left = 1 + input.below(most); left > 0; --left) burst.push_back(read_arrival(input));
  return burst;
}

}  // namespace levee::fuzz
