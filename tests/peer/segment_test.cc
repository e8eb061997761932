// The client's frames against sim/packet, which is written by other hands: layouts byte for byte, checksums, refusals.
#include "peer/segment.h"

#include <gtest/gtest.h>

#include "sim/packet.h"

namespace levee::peer {
namespace {

Segment syn() {
  Segment segment;
  segment.source = {0x0a000002};
  segment.destination = {0x0a000001};
  segment.source_port = 40000;
  segment.destination_port = 80;
  segment.sequence = 0x01020304;
  segment.flags = kSyn;
  segment.window = 64240;
  segment.mss = std::uint16_t{1460};
  segment.sack_permitted = true;
  segment.timestamps = Clock{7, 0};
  segment.window_scale = std::uint8_t{7};
  return segment;
}

sim::Bytes bytes_of(const Segment& segment) {
  FrameBuffer buffer;
  const auto frame = write(segment, Link{{{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 1}}}, buffer);
  return {frame.begin(), frame.end()};
}

sim::Bytes octets(std::initializer_list<unsigned> values) {
  sim::Bytes bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

// tcp_options_write of Linux: MSS, SACK-permitted, timestamp, NOP, window scale.
TEST(PeerSegment, SynHasLinuxsLayout) {
  const sim::Dissected parts = sim::dissect(bytes_of(syn()));
  EXPECT_EQ(parts.error, "");
  ASSERT_TRUE(parts.tcp.has_value());
  EXPECT_EQ(parts.tcp->raw_options, octets({2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7}));
  EXPECT_EQ(parts.tcp->sequence, 0x01020304U);
  EXPECT_EQ(parts.tcp->window, 64240U);
}

TEST(PeerSegment, SynWithoutTimestampsHasLinuxsLayout) {
  Segment segment = syn();
  segment.timestamps.reset();
  EXPECT_EQ(sim::dissect(bytes_of(segment)).tcp->raw_options, octets({2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7}));
}

TEST(PeerSegment, TextRoundTripsThroughBothCodes) {
  const sim::Bytes text = sim::to_bytes("odd");
  Segment segment;
  segment.source = {0x0a000002};
  segment.destination = {0x0a000001};
  segment.source_port = 40000;
  segment.destination_port = 80;
  segment.acknowledgment = 99;
  segment.flags = kAck | kPsh | kFin;
  segment.timestamps = Clock{7, 8};
  segment.payload = text;
  const sim::Dissected parts = sim::dissect(bytes_of(segment));
  EXPECT_EQ(parts.error, "");
  EXPECT_EQ(parts.tcp->payload, text);
  const sim::Bytes again = sim::build(*parts.tcp);
  const auto back = read(again);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->acknowledgment, 99U);
  EXPECT_EQ(back->timestamps->echo, 8U);
  EXPECT_EQ(back->length(), 4U);
  EXPECT_EQ(sim::to_text(back->payload), "odd");
}

TEST(PeerSegment, ReadRefusesEveryFlippedBitBehindTheMacs) {
  const sim::Bytes frame = bytes_of(syn());
  for (std::size_t bit = 8 * 12; bit < 8 * frame.size(); ++bit) {
    sim::Bytes changed = frame;
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(read(changed).has_value()) << bit;
  }
  for (std::size_t length = 0; length < frame.size(); ++length) EXPECT_FALSE(read(std::span(frame).first(length)));
}

}  // namespace
}  // namespace levee::peer
