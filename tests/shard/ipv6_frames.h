// Frames over IPv6 laid out by hand, and the addresses that these tests use, which are the Conversation's own.
#pragma once

#include "shard/frames.h"

namespace levee::shard {

inline constexpr Ipv6Address fd00(std::uint8_t last) {
  return {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}};
}
inline constexpr Ipv6Address kOurAddress6 = fd00(1), kPeerAddress6 = fd00(2), kStranger6 = fd00(0x99);
// ff02::1:ffXX:XXXX of our address, and its MAC (RFC 4291 2.7.1, RFC 2464 7); all nodes.
inline constexpr Ipv6Address kOurGroup{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1}};
inline constexpr MacAddress kOurGroupMac{{0x33, 0x33, 0xff, 0, 0, 1}}, kAllNodesMac{{0x33, 0x33, 0, 0, 0, 1}};
inline constexpr Ipv6Address kAllNodes{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// Places in an untagged frame.
inline constexpr std::size_t kIp6 = 14, kPayloadLength6 = kIp6 + 4, kNextHeader = kIp6 + 6, kHopLimit = kIp6 + 7;
inline constexpr std::size_t kSource6 = kIp6 + 8, kDestination6 = kIp6 + 24, kTcp6 = kIp6 + 40;

inline sim::TcpPacket tcp6_from_peer(std::uint8_t flags, std::uint16_t source_port = 40000) {
  sim::TcpPacket packet = tcp_from_peer(flags, source_port);
  packet.source = kPeerAddress6;
  packet.destination = kOurAddress6;
  return packet;
}

inline sim::NdpMessage solicitation(const Ipv6Address& target = kOurAddress6) {
  sim::NdpMessage message;
  message.source_mac = kPeerMac;
  message.destination_mac = kOurGroupMac;
  message.source = kPeerAddress6;
  message.destination = kOurGroup;
  message.target = target;
  message.source_option = kPeerMac;
  return message;
}

// Of somebody who looks for others that have the address (RFC 4862 5.4.2).
inline sim::NdpMessage duplicate_address_detection() {
  sim::NdpMessage message = solicitation();
  message.source = {};
  message.source_option.reset();
  return message;
}

inline sim::NdpMessage advertisement(const Ipv6Address& target = kPeerAddress6, const MacAddress& mac = kPeerMac) {
  sim::NdpMessage message;
  message.source_mac = mac;
  message.destination_mac = kOurMac;
  message.source = target;
  message.destination = kOurAddress6;
  message.type = 136;
  message.solicited = message.overrides = true;
  message.target = target;
  message.target_option = mac;
  return message;
}

inline sim::IcmpEcho echo6_request(std::size_t length = 56) {
  sim::IcmpEcho echo = echo_request(length);
  echo.source = kPeerAddress6;
  echo.destination = kOurAddress6;
  echo.type = 128;
  return echo;
}

inline sim::ConversationOptions with_ipv6() {
  sim::ConversationOptions options;
  options.with_ipv6();
  return options;
}

inline sim::ConversationOptions over_ipv6() {
  sim::ConversationOptions options;
  options.over_ipv6();
  return options;
}

}  // namespace levee::shard
