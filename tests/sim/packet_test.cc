// The test frames against bytes captured elsewhere and against each other: what builds them and what dissects them are
// the oracle of everything else.
#include "sim/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace levee::sim {
namespace {

using testing::HasSubstr;

TcpPacket sample() {
  TcpPacket packet;
  packet.source_mac = {{2, 0, 0, 0, 0, 2}};
  packet.destination_mac = {{2, 0, 0, 0, 0, 1}};
  packet.source = Ipv4Address{0x0a000002};
  packet.destination = Ipv4Address{0x0a000001};
  packet.source_port = 40000;
  packet.destination_port = 80;
  packet.sequence = 1000;
  packet.acknowledgment = 5000;
  packet.flags = kAck | kPsh;
  packet.window = 512;
  packet.payload = to_bytes("hello");
  return packet;
}

// RFC 1071's own example: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2, so its checksum is 220d. Here as an ICMP payload whose
// header adds 0800.
TEST(Packet, ChecksumIsTheRfcsExample) {
  IcmpEcho echo;
  for (unsigned octet : {0x00U, 0x01U, 0xf2U, 0x03U, 0xf4U, 0xf5U, 0xf6U, 0xf7U}) {
    echo.payload.push_back(static_cast<std::byte>(octet));
  }
  const Bytes frame = build(echo);
  EXPECT_EQ(std::to_integer<unsigned>(frame[36]), 0x1aU);  // ~(ddf2 + 0800)
  EXPECT_EQ(std::to_integer<unsigned>(frame[37]), 0x0dU);
}

TEST(Packet, TcpComesBackAsItWasBuilt) {
  TcpPacket packet = sample();
  packet.mss = 1460;
  packet.sack_permitted = true;
  packet.window_scale = 7;
  packet.timestamps = Timestamps{1, 2};
  packet.vlan = 5;
  const Dissected parts = dissect(build(packet));
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.tcp);
  EXPECT_EQ(parts.tcp->source, packet.source);
  EXPECT_EQ(parts.tcp->source_mac, packet.source_mac);
  EXPECT_EQ(parts.tcp->destination_port, 80);
  EXPECT_EQ(parts.tcp->sequence, 1000u);
  EXPECT_EQ(parts.tcp->acknowledgment, 5000u);
  EXPECT_EQ(parts.tcp->flags, kAck | kPsh);
  EXPECT_EQ(parts.tcp->window, 512);
  EXPECT_EQ(parts.tcp->mss, packet.mss);
  EXPECT_EQ(parts.tcp->window_scale, packet.window_scale);
  EXPECT_EQ(parts.tcp->timestamps, packet.timestamps);
  EXPECT_TRUE(parts.tcp->sack_permitted);
  EXPECT_EQ(parts.tcp->vlan, 5);
  EXPECT_EQ(to_text(parts.tcp->payload), "hello");
}

TEST(Packet, EveryFlippedBitOfASegmentIsSeen) {
  const Bytes frame = build(sample());
  for (std::size_t bit = 14 * 8; bit < frame.size() * 8; ++bit) {
    Bytes flipped = frame;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_NE(dissect(flipped).error, "") << "bit " << bit;
  }
}

TEST(Packet, EveryTruncationIsSeen) {
  const Bytes frame = build(sample());
  for (std::size_t length = 0; length < frame.size(); ++length) {
    EXPECT_NE(dissect(std::span(frame).first(length)).error, "") << length;
  }
}

TEST(Packet, OptionsThatOverrunAreNamed) {
  TcpPacket packet = sample();
  packet.raw_options = {std::byte{1}, std::byte{1}, std::byte{8}, std::byte{10}};
  EXPECT_THAT(dissect(build(packet)).error, HasSubstr("option 8 of length 10 overruns"));
}

TEST(Packet, ArpComesBackAsItWasBuilt) {
  ArpMessage request;
  request.sender_mac = {{2, 0, 0, 0, 0, 2}};
  request.sender = {0x0a000002};
  request.target = {0x0a000001};
  const Bytes frame = build(request);
  EXPECT_EQ(frame.size(), 42u);
  const Dissected parts = dissect(frame);
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.arp);
  EXPECT_EQ(parts.arp->operation, 1);
  EXPECT_EQ(parts.arp->sender_mac, request.sender_mac);
  EXPECT_EQ(parts.arp->target, request.target);
}

TcpPacket sample_v6() {
  TcpPacket packet = sample();
  packet.source = parse_ipv6("fd00::2").value();
  packet.destination = parse_ipv6("fd00::1").value();
  packet.traffic_class = 0xb9;
  packet.flow_label = 0xabcde;
  packet.ttl = 63;
  return packet;
}

TEST(Packet, TcpOverIpv6ComesBackAsItWasBuilt) {
  TcpPacket packet = sample_v6();
  packet.mss = 1440;
  packet.timestamps = Timestamps{1, 2};
  packet.vlan = 5;
  const Bytes frame = build(packet);
  EXPECT_EQ(frame.size(), 14u + 4 + 40 + 20 + 16 + 5);
  const Dissected parts = dissect(frame);
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.tcp);
  EXPECT_EQ(parts.tcp->source, packet.source);
  EXPECT_EQ(parts.tcp->destination, packet.destination);
  EXPECT_EQ(parts.tcp->traffic_class, 0xb9);
  EXPECT_EQ(parts.tcp->flow_label, 0xabcdeu);
  EXPECT_EQ(parts.tcp->ttl, 63);
  EXPECT_EQ(parts.tcp->vlan, 5);
  EXPECT_EQ(parts.tcp->mss, packet.mss);
  EXPECT_EQ(to_text(parts.tcp->payload), "hello");
}

// IPv6 has no checksum of its own: what is left open is seen by nobody, everything else is.
TEST(Packet, EveryFlippedBitOfASegmentOverIpv6IsSeenButInTheUncheckedFields) {
  const Bytes frame = build(sample_v6());
  for (std::size_t bit = 14 * 8; bit < frame.size() * 8; ++bit) {
    const std::size_t at = bit - 14 * 8;
    const bool class_or_label = at >= 4 && at < 32;
    const bool hop_limit = at >= 56 && at < 64;
    Bytes flipped = frame;
    flipped[bit / 8] ^= std::byte{1} << (7 - bit % 8);
    EXPECT_EQ(dissect(flipped).error.empty(), class_or_label || hop_limit) << "bit " << at;
  }
}

TEST(Packet, EveryTruncationOverIpv6IsSeen) {
  const Bytes frame = build(sample_v6());
  for (std::size_t length = 0; length < frame.size(); ++length) {
    EXPECT_NE(dissect(std::span(frame).first(length)).error, "") << length;
  }
}

TEST(Packet, FixedChecksumsAreTheBuiltOnes) {
  IcmpEcho echo;
  echo.source = sample_v6().source;
  echo.destination = sample_v6().destination;
  echo.type = 128;
  for (const Bytes& frame : {build(sample()), build(sample_v6()), build(echo)}) {
    Bytes changed = frame;
    const std::size_t field = frame == build(echo) ? 14 + 40 + 2 : frame.size() - 5 - 4;
    changed[field] ^= std::byte{0x5a};
    EXPECT_NE(dissect(changed).error, "");
    fix_checksums(changed);
    EXPECT_EQ(changed, frame);
  }
}

TEST(Packet, NdpComesBackAsItWasBuilt) {
  NdpMessage message;
  message.source_mac = {{2, 0, 0, 0, 0, 2}};
  message.source = parse_ipv6("fd00::2").value();
  message.target = parse_ipv6("fd00::1").value();
  message.destination = solicited_node(message.target);
  message.destination_mac = multicast_mac(message.destination);
  message.source_option = message.source_mac;
  const Bytes frame = build(message);
  EXPECT_EQ(frame.size(), 14u + 40 + 24 + 8);
  EXPECT_EQ(describe(frame), "fd00::2 > ff02::1:ff00:1 NDP who-has fd00::1");
  Dissected parts = dissect(frame);
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.ndp);
  EXPECT_EQ(parts.ndp->hop_limit, 255);
  EXPECT_EQ(parts.ndp->target, message.target);
  EXPECT_EQ(parts.ndp->source_option, message.source_mac);
  EXPECT_EQ(to_string(parts.ndp->destination_mac), "33:33:ff:00:00:01");

  message.type = 136;
  message.source_option.reset();
  message.target_option = MacAddress{{2, 0, 0, 0, 0, 1}};
  message.solicited = message.overrides = true;
  message.destination = parse_ipv6("fd00::1").value();
  parts = dissect(build(message));
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.ndp);
  EXPECT_EQ(parts.ndp->target_option, message.target_option);
  EXPECT_TRUE(parts.ndp->solicited && parts.ndp->overrides && !parts.ndp->router);
  EXPECT_EQ(describe(build(message)), "fd00::2 > fd00::1 NDP fd00::1 is-at 02:00:00:00:00:01, solicited, override");
  for (const char* options : {"\1", "\1\2xxxxxx"}) {
    message.raw_options = to_bytes(options);
    EXPECT_THAT(dissect(build(message)).error, HasSubstr("NDP option that overruns"));
  }
}

TEST(Packet, EchoOverIpv6ComesBackAsItWasBuilt) {
  IcmpEcho echo;
  echo.source = sample_v6().source;
  echo.destination = sample_v6().destination;
  echo.type = 128;
  echo.identifier = 7;
  echo.sequence = 9;
  echo.payload = to_bytes("ping");
  Bytes frame = build(echo);
  const Dissected parts = dissect(frame);
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.icmp);
  EXPECT_EQ(parts.icmp->type, 128);
  EXPECT_EQ(parts.icmp->source, echo.source);
  EXPECT_EQ(parts.icmp->sequence, 9);
  EXPECT_EQ(to_text(parts.icmp->payload), "ping");
  // Its checksum covers the addresses, as IPv4's ICMP does not (RFC 4443 2.3).
  frame[14 + 8] ^= std::byte{1};
  EXPECT_EQ(dissect(frame).error, "bad ICMP checksum");
}

TEST(Packet, IcmpErrorsOfBothFamiliesQuoteAPacket) {
  for (const TcpPacket& about : {sample(), sample_v6()}) {
    IcmpError error;
    error.source = about.destination;
    error.destination = about.source;
    error.type = about.source.is_v4() ? 3 : 2;
    error.code = about.source.is_v4() ? 4 : 0;
    error.parameter = 1280;
    error.quoted = packet_of(build(about));
    const Dissected parts = dissect(build(error));
    EXPECT_EQ(parts.error, "");
    ASSERT_TRUE(parts.icmp_error);
    EXPECT_EQ(parts.icmp_error->type, error.type);
    EXPECT_EQ(parts.icmp_error->parameter, 1280u);
    EXPECT_EQ(parts.icmp_error->quoted, error.quoted);
  }
}

TEST(Packet, AnExtensionHeaderStandsInFrontOfThePayload) {
  const Bytes plain = build(sample_v6());
  const Bytes extended = with_extension_header(plain, 60, 16);
  ASSERT_EQ(extended.size(), plain.size() + 16);
  EXPECT_EQ(dissect(extended).error, "IP protocol 60");
  EXPECT_EQ(std::to_integer<unsigned>(extended[54]), 6u);  // the next one is TCP
  EXPECT_EQ(std::to_integer<unsigned>(extended[55]), 1u);  // words of 8 bytes beyond the first
  EXPECT_TRUE(std::equal(plain.begin() + 54, plain.end(), extended.begin() + 70));
  EXPECT_EQ(std::to_integer<unsigned>(with_extension_header(plain, 44)[55]), 0u);
}

TEST(Packet, Ipv6EndsStandInBrackets) {
  EXPECT_THAT(describe(sample_v6()), testing::StartsWith("[fd00::2]:40000 > [fd00::1]:80 Flags [P.]"));
}

TEST(Packet, DescribesInTcpdumpsManner) {
  TcpPacket packet = sample();
  packet.timestamps = Timestamps{7, 8};
  packet.sack = {{5010, 5020}};
  EXPECT_EQ(
      describe(packet, 999, 4999),
      "10.0.0.2:40000 > 10.0.0.1:80 Flags [P.] seq 1:6 ack 1 win 512 options [TS val 7 ecr 8,sack 11:21] length 5");
}

}  // namespace
}  // namespace levee::sim
