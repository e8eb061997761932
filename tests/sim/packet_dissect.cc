// Taking test frames apart; see packet.h.
#include <fmt/format.h>

#include "sim/packet_bytes.h"

namespace levee::sim {
namespace {

// Returns what is wrong with the options, or an empty string.
std::string read_options(std::span<const std::byte> options, TcpPacket& packet) {
  for (std::size_t at = 0; at < options.size();) {
    const unsigned kind = u8(options, at);
    if (kind == 0) return {};
    if (kind == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return "option without length";
    const unsigned length = u8(options, at + 1);
    if (length < 2 || at + length > options.size()) return fmt::format("option {} of length {} overruns", kind, length);
    if (kind == 2 && length == 4) packet.mss = u16(options, at + 2);
    if (kind == 3 && length == 3) packet.window_scale = u8(options, at + 2);
    if (kind == 4 && length == 2) packet.sack_permitted = true;
    if (kind == 8 && length == 10) packet.timestamps = Timestamps{u32(options, at + 2), u32(options, at + 6)};
    if (kind == 5) {
      if ((length - 2) % 8 != 0) return "SACK option of odd length";
      for (std::size_t i = at + 2; i < at + length; i += 8)
        packet.sack.push_back({u32(options, i), u32(options, i + 4)});
    }
    at += length;
  }
  return {};
}

void dissect_tcp(std::span<const std::byte> ip, std::size_t header_length, TcpPacket& packet, std::string& error) {
  const auto segment = ip.subspan(header_length);
  if (segment.size() < kTcp) {
    error = "TCP header cut short";
    return;
  }
  const std::size_t offset = std::size_t{u8(segment, 12)} >> 4 << 2;
  if (offset < kTcp || offset > segment.size()) {
    error = fmt::format("TCP data offset {}", offset);
    return;
  }
  packet.source_port = u16(segment, 0);
  packet.destination_port = u16(segment, 2);
  packet.sequence = u32(segment, 4);
  packet.acknowledgment = u32(segment, 8);
  packet.flags = u8(segment, 13);
  packet.window = u16(segment, 14);
  packet.urgent_pointer = u16(segment, 18);
  const auto options = segment.subspan(kTcp, offset - kTcp);
  packet.raw_options.assign(options.begin(), options.end());
  packet.payload.assign(segment.begin() + static_cast<std::ptrdiff_t>(offset), segment.end());
  error = read_options(options, packet);
  if (add_words(segment, pseudo_header(ip, segment.size())) != 0xffff) error = "bad TCP checksum";
}

// Source, destination and MAC addresses, of whatever kind of message.
template <typename Message>
void take_addresses(std::span<const std::byte> frame, const TcpPacket& header, Message& message) {
  message.destination_mac = mac_at(frame, 0);
  message.source_mac = mac_at(frame, 6);
  message.source = header.source;
  message.destination = header.destination;
}

void dissect_echo_or_error(std::span<const std::byte> frame, std::span<const std::byte> message,
                           const TcpPacket& header, bool is_error, Dissected& result) {
  if (is_error) {
    IcmpError& error = result.icmp_error.emplace();
    take_addresses(frame, header, error);
    error.type = u8(message, 0);
    error.code = u8(message, 1);
    error.parameter = u32(message, 4);
    error.quoted.assign(message.begin() + 8, message.end());
    return;
  }
  IcmpEcho& echo = result.icmp.emplace();
  take_addresses(frame, header, echo);
  echo.type = u8(message, 0);
  echo.identifier = u16(message, 4);
  echo.sequence = u16(message, 6);
  echo.payload.assign(message.begin() + 8, message.end());
}

// Returns what is wrong with the options, or an empty string.
std::string read_ndp_options(std::span<const std::byte> options, NdpMessage& message) {
  while (!options.empty()) {
    const std::size_t length = options.size() < 2 ? 0 : std::size_t{8} * u8(options, 1);
    if (length == 0 || length > options.size()) return "NDP option that overruns";
    if (u8(options, 0) == 1 && length == 8) message.source_option = mac_at(options, 2);
    if (u8(options, 0) == 2 && length == 8) message.target_option = mac_at(options, 2);
    options = options.subspan(length);
  }
  return {};
}

void dissect_ndp(std::span<const std::byte> frame, std::span<const std::byte> bytes, const TcpPacket& header,
                 Dissected& result) {
  if (bytes.size() < 24) {
    result.error = "NDP message cut short";
    return;
  }
  NdpMessage& message = result.ndp.emplace();
  message.destination_mac = mac_at(frame, 0);
  message.source_mac = mac_at(frame, 6);
  message.vlan = header.vlan;
  message.source = header.source.v6();
  message.destination = header.destination.v6();
  message.hop_limit = header.ttl;
  message.type = u8(bytes, 0);
  message.code = u8(bytes, 1);
  message.router = (u8(bytes, 4) & 0x80) != 0;
  message.solicited = (u8(bytes, 4) & 0x40) != 0;
  message.overrides = (u8(bytes, 4) & 0x20) != 0;
  message.target = v6_at(bytes, 8);
  message.raw_options.assign(bytes.begin() + 24, bytes.end());
  result.error = read_ndp_options(bytes.subspan(24), message);
}

void dissect_icmp(std::span<const std::byte> frame, std::span<const std::byte> message, const TcpPacket& header,
                  std::uint32_t pseudo, Dissected& result) {
  if (message.size() < 8) {
    result.error = "ICMP header cut short";
    return;
  }
  const bool v4 = header.source.is_v4();
  const unsigned type = u8(message, 0);
  if (!v4 && (type == 135 || type == 136)) {
    dissect_ndp(frame, message, header, result);
  } else {
    const bool is_error = v4 ? (type >= 3 && type <= 5) || type == 11 || type == 12 : type < 128;
    dissect_echo_or_error(frame, message, header, is_error, result);
  }
  if (add_words(message, pseudo) != 0xffff) result.error = "bad ICMP checksum";
}

// What the IP header announces; `header` has its fields.
void dissect_payload(std::span<const std::byte> frame, std::span<const std::byte> ip, std::size_t header_length,
                     unsigned protocol, TcpPacket& header, Dissected& result) {
  const bool v4 = header.source.is_v4();
  if (protocol == kTcpProtocol) {
    header.destination_mac = mac_at(frame, 0);
    header.source_mac = mac_at(frame, 6);
    dissect_tcp(ip, header_length, result.tcp.emplace(header), result.error);
  } else if (protocol == (v4 ? kIcmp : kIcmpv6)) {
    const auto message = ip.subspan(header_length);
    dissect_icmp(frame, message, header, v4 ? 0 : pseudo_header(ip, message.size()), result);
  } else {
    result.error = fmt::format("IP protocol {}", protocol);
  }
}

void dissect_ipv4(std::span<const std::byte> frame, std::size_t l2, std::uint16_t vlan, Dissected& result) {
  auto ip = frame.subspan(l2);
  if (ip.size() < kIpv4) {
    result.error = "IPv4 header cut short";
    return;
  }
  const std::size_t header_length = std::size_t{u8(ip, 0)} % 16 * 4;
  const std::size_t total = u16(ip, 2);
  if (u8(ip, 0) >> 4 != 4 || header_length < kIpv4 || total < header_length || total > ip.size()) {
    result.error = "bad IPv4 header";
    return;
  }
  ip = ip.first(total);
  if (add_words(ip.first(header_length), 0) != 0xffff) {
    result.error = "bad IPv4 checksum";
    return;
  }
  TcpPacket header;
  header.vlan = vlan;
  header.source = Ipv4Address{u32(ip, 12)};
  header.destination = Ipv4Address{u32(ip, 16)};
  header.ttl = u8(ip, 8);
  header.traffic_class = u8(ip, 1);
  dissect_payload(frame, ip, header_length, u8(ip, 9), header, result);
}

void dissect_ipv6(std::span<const std::byte> frame, std::size_t l2, std::uint16_t vlan, Dissected& result) {
  auto ip = frame.subspan(l2);
  if (ip.size() < kIpv6) {
    result.error = "IPv6 header cut short";
    return;
  }
  const std::size_t total = kIpv6 + u16(ip, 4);
  if (u8(ip, 0) >> 4 != 6 || total > ip.size()) {
    result.error = "bad IPv6 header";
    return;
  }
  ip = ip.first(total);
  if (v6_at(ip, 8).is_v4_mapped() || v6_at(ip, 24).is_v4_mapped()) {
    result.error = "v4-mapped address in a packet";
    return;
  }
  TcpPacket header;
  header.vlan = vlan;
  header.source = v6_at(ip, 8);
  header.destination = v6_at(ip, 24);
  header.ttl = u8(ip, 7);
  header.traffic_class = static_cast<std::uint8_t>(u32(ip, 0) >> 20);
  header.flow_label = u32(ip, 0) & 0xfffff;
  dissect_payload(frame, ip, kIpv6, u8(ip, 6), header, result);
}

}  // namespace

Dissected dissect(std::span<const std::byte> frame) {
  Dissected result;
  if (frame.size() < kEthernet) {
    result.error = "Ethernet header cut short";
    return result;
  }
  std::size_t l2 = kEthernet;
  std::uint16_t vlan = 0;
  std::uint16_t type = u16(frame, 12);
  if (type == kTypeVlan && frame.size() >= kEthernet + 4) {
    vlan = u16(frame, 14) & 0xfff;
    type = u16(frame, 16);
    l2 += 4;
  }
  if (type == kTypeIpv4) {
    dissect_ipv4(frame, l2, vlan, result);
  } else if (type == kTypeIpv6) {
    dissect_ipv6(frame, l2, vlan, result);
  } else if (type == kTypeArp && frame.size() >= l2 + 28) {
    const auto arp = frame.subspan(l2);
    result.arp = ArpMessage{mac_at(frame, 6), mac_at(frame, 0), u16(arp, 6),   mac_at(arp, 8),
                            mac_at(arp, 18),  {u32(arp, 14)},   {u32(arp, 24)}};
    if (u32(arp, 0) != 0x00010800 || u16(arp, 4) != 0x0604) result.error = "not ARP for IPv4 over Ethernet";
  } else {
    result.error = fmt::format("ether type {:#06x}", type);
  }
  return result;
}

}  // namespace levee::sim
