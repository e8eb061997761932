// Building test frames; see packet.h.
#include "sim/packet.h"

#include <algorithm>

#include "sim/packet_bytes.h"

namespace levee::sim {
namespace {

void put_ethernet(Bytes& frame, const MacAddress& to, const MacAddress& from, std::uint16_t vlan, unsigned type) {
  put(frame, to);
  put(frame, from);
  if (vlan != 0) {
    put16(frame, kTypeVlan);
    put16(frame, vlan);
  }
  put16(frame, type);
}

void put_ipv4(Bytes& frame, const TcpPacket& header, unsigned protocol, std::size_t payload) {
  const std::size_t start = frame.size();
  put8(frame, 0x45);
  put8(frame, header.traffic_class);
  put16(frame, static_cast<unsigned>(kIpv4 + payload));
  put16(frame, 0);
  put16(frame, 0x4000);  // don't fragment
  put8(frame, header.ttl);
  put8(frame, protocol);
  put16(frame, 0);
  put32(frame, header.source.v4().value);
  put32(frame, header.destination.v4().value);
  patch16(frame, start + 10, checksum(add_words(std::span(frame).subspan(start), 0)));
}

void put_ipv6(Bytes& frame, const TcpPacket& header, unsigned protocol, std::size_t payload) {
  put32(frame, 6U << 28 | static_cast<std::uint32_t>(header.traffic_class) << 20 | (header.flow_label & 0xfffff));
  put16(frame, static_cast<unsigned>(payload));
  put8(frame, protocol);
  put8(frame, header.ttl);
  put(frame, header.source.v6());
  put(frame, header.destination.v6());
}

// Ethernet and IP; of `header` only what belongs there is used.
Bytes start_frame(const TcpPacket& header, unsigned protocol, std::size_t payload) {
  Bytes frame;
  frame.reserve(kEthernet + 4 + kIpv6 + payload);
  const bool v4 = header.source.is_v4();
  put_ethernet(frame, header.destination_mac, header.source_mac, header.vlan, v4 ? kTypeIpv4 : kTypeIpv6);
  (v4 ? put_ipv4 : put_ipv6)(frame, header, protocol, payload);
  return frame;
}

// ICMP of the addresses' family: its four fixed bytes, with the checksum, in front of `rest`.
Bytes icmp_frame(const TcpPacket& header, unsigned type, unsigned code, const Bytes& rest) {
  const bool v4 = header.source.is_v4();
  Bytes frame = start_frame(header, v4 ? kIcmp : kIcmpv6, 4 + rest.size());
  const std::size_t start = frame.size();
  put8(frame, type);
  put8(frame, code);
  put16(frame, 0);
  put(frame, rest);
  const auto message = std::span(frame).subspan(start);
  const auto ip = std::span(frame).subspan(start - (v4 ? kIpv4 : kIpv6));
  patch16(message, 2, checksum(add_words(message, v4 ? 0 : pseudo_header(ip, message.size()))));
  return frame;
}

template <typename Message>
TcpPacket header_of(const Message& message) {
  TcpPacket header;
  header.source_mac = message.source_mac;
  header.destination_mac = message.destination_mac;
  header.source = message.source;
  header.destination = message.destination;
  return header;
}

void put_link_option(Bytes& to, unsigned type, const MacAddress& mac) {
  put8(to, type);
  put8(to, 1);
  put(to, mac);
}

Bytes options_of(const TcpPacket& packet) {
  if (!packet.raw_options.empty()) return packet.raw_options;
  Bytes options;
  if (packet.mss) {
    put16(options, 0x0204);
    put16(options, *packet.mss);
  }
  if (packet.sack_permitted) put32(options, 0x01010402);
  if (packet.timestamps) {
    put32(options, 0x0101080a);
    put32(options, packet.timestamps->value);
    put32(options, packet.timestamps->echo);
  }
  if (packet.window_scale) {
    put8(options, 1);
    put16(options, 0x0303);
    put8(options, *packet.window_scale);
  }
  if (!packet.sack.empty()) {
    put16(options, 0x0101);
    put8(options, 5);
    put8(options, static_cast<unsigned>(2 + 8 * packet.sack.size()));
    for (const SackRange& range : packet.sack) {
      put32(options, range.left);
      put32(options, range.right);
    }
  }
  return options;
}

}  // namespace

Bytes to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Ipv6Address solicited_node(const Ipv6Address& address) {
  Ipv6Address group = parse_ipv6("ff02::1:ff00:0").value();
  std::copy(address.octets.begin() + 13, address.octets.end(), group.octets.begin() + 13);
  return group;
}

MacAddress multicast_mac(const Ipv6Address& group) {
  return {{0x33, 0x33, group.octets[12], group.octets[13], group.octets[14], group.octets[15]}};
}

Bytes build(const TcpPacket& packet) {
  Bytes options = options_of(packet);
  while (options.size() % 4 != 0) put8(options, 1);
  Bytes frame = start_frame(packet, kTcpProtocol, kTcp + options.size() + packet.payload.size());
  put16(frame, packet.source_port);
  put16(frame, packet.destination_port);
  put32(frame, packet.sequence);
  put32(frame, packet.acknowledgment);
  put8(frame, static_cast<unsigned>((kTcp + options.size()) / 4 << 4));
  put8(frame, packet.flags);
  put16(frame, packet.window);
  put16(frame, 0);
  put16(frame, packet.urgent_pointer);
  put(frame, options);
  put(frame, packet.payload);
  fix_checksums(frame);
  return frame;
}

Bytes build(const ArpMessage& message) {
  Bytes frame;
  put_ethernet(frame, message.destination_mac, message.source_mac, 0, kTypeArp);
  put32(frame, 0x00010800);
  put16(frame, 0x0604);
  put16(frame, message.operation);
  put(frame, message.sender_mac);
  put32(frame, message.sender.value);
  put(frame, message.target_mac);
  put32(frame, message.target.value);
  return frame;
}

Bytes build(const NdpMessage& message) {
  Bytes rest;
  put32(rest,
        (message.router ? 1U << 31 : 0) | (message.solicited ? 1U << 30 : 0) | (message.overrides ? 1U << 29 : 0));
  put(rest, message.target);
  if (message.source_option) put_link_option(rest, 1, *message.source_option);
  if (message.target_option) put_link_option(rest, 2, *message.target_option);
  put(rest, message.raw_options);
  TcpPacket header = header_of(message);
  header.vlan = message.vlan;
  header.ttl = message.hop_limit;
  return icmp_frame(header, message.type, message.code, rest);
}

Bytes build(const IcmpEcho& echo) {
  Bytes rest;
  put16(rest, echo.identifier);
  put16(rest, echo.sequence);
  put(rest, echo.payload);
  return icmp_frame(header_of(echo), echo.type, 0, rest);
}

Bytes build(const IcmpError& error) {
  Bytes rest;
  put32(rest, error.parameter);
  put(rest, error.quoted);
  return icmp_frame(header_of(error), error.type, error.code, rest);
}

Bytes packet_of(const Bytes& frame) { return {frame.begin() + kEthernet, frame.end()}; }

Bytes with_extension_header(const Bytes& frame, std::uint8_t type, std::size_t length) {
  Bytes longer = frame;
  const std::size_t end = kEthernet + kIpv6;
  Bytes header(length);
  header[0] = frame[kEthernet + 6];
  if (type != 44) header[1] = static_cast<std::byte>(length / 8 - 1);
  longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(end), header.begin(), header.end());
  longer[kEthernet + 6] = static_cast<std::byte>(type);
  patch16(longer, kEthernet + 4, u16(frame, kEthernet + 4) + static_cast<unsigned>(length));
  return longer;
}

void fix_checksums(std::span<std::byte> frame) {
  if (frame.size() < kEthernet) return;
  std::size_t l2 = kEthernet;
  if (u16(frame, 12) == kTypeVlan) l2 += 4;
  if (frame.size() < l2 + kIpv4) return;
  const unsigned type = u16(frame, l2 - 2);
  auto ip = frame.subspan(l2);
  std::size_t header_length = kIpv6;
  std::size_t total = 0;
  if (type == kTypeIpv4) {
    header_length = std::size_t{u8(ip, 0)} % 16 * 4;
    total = std::min<std::size_t>(u16(ip, 2), ip.size());
    if (header_length < kIpv4 || total < header_length) return;
    patch16(ip, 10, 0);
    patch16(ip, 10, checksum(add_words(ip.first(header_length), 0)));
  } else if (type == kTypeIpv6) {
    total = std::min<std::size_t>(kIpv6 + u16(ip, 4), ip.size());
  } else {
    return;
  }
  const unsigned protocol = u8(ip, type == kTypeIpv4 ? 9 : 6);
  const bool tcp = protocol == kTcpProtocol;
  if (!tcp && (protocol != kIcmpv6 || type != kTypeIpv6)) return;
  if (total < header_length + (tcp ? kTcp : 4)) return;
  const auto segment = ip.subspan(header_length, total - header_length);
  const std::size_t field = tcp ? 16 : 2;
  patch16(segment, field, 0);
  patch16(segment, field, checksum(add_words(segment, pseudo_header(ip, segment.size()))));
}

}  // namespace levee::sim
