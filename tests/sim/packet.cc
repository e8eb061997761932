// Building, dissecting and describing test frames; see packet.h.
#include "sim/packet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace levee::sim {
namespace {

constexpr std::size_t kEthernet = 14, kIpv4 = 20, kTcp = 20;

std::uint8_t u8(std::span<const std::byte> bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }
std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(u8(bytes, at) << 8 | u8(bytes, at + 1));
}
std::uint32_t u32(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(u16(bytes, at)) << 16 | u16(bytes, at + 2);
}
MacAddress mac_at(std::span<const std::byte> bytes, std::size_t at) {
  MacAddress mac;
  for (std::size_t i = 0; i < 6; ++i) mac.octets[i] = u8(bytes, at + i);
  return mac;
}

void put8(Bytes& to, unsigned value) { to.push_back(static_cast<std::byte>(value)); }
void put16(Bytes& to, unsigned value) {
  put8(to, value >> 8 & 0xff);
  put8(to, value & 0xff);
}
void put32(Bytes& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
void put(Bytes& to, const MacAddress& mac) {
  for (auto octet : mac.octets) put8(to, octet);
}
void put(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
void patch16(std::span<std::byte> bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::byte>(value >> 8 & 0xff);
  bytes[at + 1] = static_cast<std::byte>(value & 0xff);
}

// RFC 1071, the slow way.
std::uint32_t add_words(std::span<const std::byte> bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(u8(bytes, i)) << 8;
    if (i + 1 < bytes.size()) sum += u8(bytes, i + 1);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}
std::uint16_t checksum(std::uint32_t sum) { return static_cast<std::uint16_t>(~sum & 0xffff); }

std::uint32_t pseudo_header(std::span<const std::byte> ip, std::size_t segment_length) {
  std::uint32_t sum = add_words(ip.subspan(12, 8), 0);
  sum += u8(ip, 9);
  sum += static_cast<std::uint32_t>(segment_length);
  return (sum & 0xffff) + (sum >> 16);
}

void put_ethernet(Bytes& frame, const MacAddress& to, const MacAddress& from, std::uint16_t vlan, unsigned type) {
  put(frame, to);
  put(frame, from);
  if (vlan != 0) {
    put16(frame, 0x8100);
    put16(frame, vlan);
  }
  put16(frame, type);
}

void put_ipv4(Bytes& frame, Ipv4Address source, Ipv4Address destination, unsigned ttl, unsigned protocol,
              std::size_t payload) {
  const std::size_t start = frame.size();
  put16(frame, 0x4500);
  put16(frame, static_cast<unsigned>(kIpv4 + payload));
  put16(frame, 0);
  put16(frame, 0x4000);  // don't fragment
  put8(frame, ttl);
  put8(frame, protocol);
  put16(frame, 0);
  put32(frame, source.value);
  put32(frame, destination.value);
  patch16(frame, start + 10, checksum(add_words(std::span(frame).subspan(start), 0)));
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

void dissect_icmp(std::span<const std::byte> message, IcmpEcho& echo, std::string& error) {
  if (message.size() < 8) {
    error = "ICMP header cut short";
    return;
  }
  echo.type = u8(message, 0);
  echo.identifier = u16(message, 4);
  echo.sequence = u16(message, 6);
  echo.payload.assign(message.begin() + 8, message.end());
  if (add_words(message, 0) != 0xffff) error = "bad ICMP checksum";
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
  if (u8(ip, 9) == 6) {
    TcpPacket& packet = result.tcp.emplace();
    packet.destination_mac = mac_at(frame, 0);
    packet.source_mac = mac_at(frame, 6);
    packet.vlan = vlan;
    packet.source = {u32(ip, 12)};
    packet.destination = {u32(ip, 16)};
    packet.ttl = u8(ip, 8);
    dissect_tcp(ip, header_length, packet, result.error);
  } else if (u8(ip, 9) == 1) {
    IcmpEcho& echo = result.icmp.emplace();
    echo.destination_mac = mac_at(frame, 0);
    echo.source_mac = mac_at(frame, 6);
    echo.source = {u32(ip, 12)};
    echo.destination = {u32(ip, 16)};
    dissect_icmp(ip.subspan(header_length), echo, result.error);
  } else {
    result.error = fmt::format("IP protocol {}", u8(ip, 9));
  }
}

}  // namespace

Bytes to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes build(const TcpPacket& packet) {
  Bytes options = options_of(packet);
  while (options.size() % 4 != 0) put8(options, 1);
  Bytes frame;
  frame.reserve(kEthernet + 4 + kIpv4 + kTcp + options.size() + packet.payload.size());
  put_ethernet(frame, packet.destination_mac, packet.source_mac, packet.vlan, 0x0800);
  put_ipv4(frame, packet.source, packet.destination, packet.ttl, 6, kTcp + options.size() + packet.payload.size());
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
  put_ethernet(frame, message.destination_mac, message.source_mac, 0, 0x0806);
  put32(frame, 0x00010800);
  put16(frame, 0x0604);
  put16(frame, message.operation);
  put(frame, message.sender_mac);
  put32(frame, message.sender.value);
  put(frame, message.target_mac);
  put32(frame, message.target.value);
  return frame;
}

Bytes build(const IcmpEcho& echo) {
  Bytes frame;
  put_ethernet(frame, echo.destination_mac, echo.source_mac, 0, 0x0800);
  put_ipv4(frame, echo.source, echo.destination, 64, 1, 8 + echo.payload.size());
  const std::size_t start = frame.size();
  put8(frame, echo.type);
  put8(frame, 0);
  put16(frame, 0);
  put16(frame, echo.identifier);
  put16(frame, echo.sequence);
  put(frame, echo.payload);
  patch16(frame, start + 2, checksum(add_words(std::span(frame).subspan(start), 0)));
  return frame;
}

Dissected dissect(std::span<const std::byte> frame) {
  Dissected result;
  if (frame.size() < kEthernet) {
    result.error = "Ethernet header cut short";
    return result;
  }
  std::size_t l2 = kEthernet;
  std::uint16_t vlan = 0;
  std::uint16_t type = u16(frame, 12);
  if (type == 0x8100 && frame.size() >= kEthernet + 4) {
    vlan = u16(frame, 14) & 0xfff;
    type = u16(frame, 16);
    l2 += 4;
  }
  if (type == 0x0800) {
    dissect_ipv4(frame, l2, vlan, result);
  } else if (type == 0x0806 && frame.size() >= l2 + 28) {
    const auto arp = frame.subspan(l2);
    result.arp = ArpMessage{mac_at(frame, 6), mac_at(frame, 0), u16(arp, 6),   mac_at(arp, 8),
                            mac_at(arp, 18),  {u32(arp, 14)},   {u32(arp, 24)}};
    if (u32(arp, 0) != 0x00010800 || u16(arp, 4) != 0x0604) result.error = "not ARP for IPv4 over Ethernet";
  } else {
    result.error = fmt::format("ether type {:#06x}", type);
  }
  return result;
}

void fix_checksums(std::span<std::byte> frame) {
  if (frame.size() < kEthernet) return;
  std::size_t l2 = kEthernet;
  if (u16(frame, 12) == 0x8100) l2 += 4;
  if (frame.size() < l2 + kIpv4 || u16(frame, l2 - 2) != 0x0800) return;
  auto ip = frame.subspan(l2);
  const std::size_t header_length = std::size_t{u8(ip, 0)} % 16 * 4;
  const std::size_t total = std::min<std::size_t>(u16(ip, 2), ip.size());
  if (header_length < kIpv4 || total < header_length) return;
  patch16(ip, 10, 0);
  patch16(ip, 10, checksum(add_words(ip.first(header_length), 0)));
  if (u8(ip, 9) != 6 || total < header_length + kTcp) return;
  auto segment = ip.subspan(header_length, total - header_length);
  patch16(segment, 16, 0);
  patch16(segment, 16, checksum(add_words(segment, pseudo_header(ip, segment.size()))));
}

}  // namespace levee::sim
