// The test frames against bytes captured elsewhere and against each other: what builds them and what dissects them are
// the oracle of everything else.
#include "sim/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace levee::sim {
namespace {

using testing::HasSubstr;

TcpPacket sample() {
  TcpPacket packet;
  packet.source_mac = {{2, 0, 0, 0, 0, 2}};
  packet.destination_mac = {{2, 0, 0, 0, 0, 1}};
  packet.source = {0x0a000002};
  packet.destination = {0x0a000001};
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
