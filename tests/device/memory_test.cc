// The slab pool and the pair of memory devices.
#include "device/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "sim/packet.h"

namespace levee::device {
namespace {

using sim::Bytes;
using sim::to_bytes;
using sim::to_text;

// A frame to send whose header is in a buffer of the pool and whose payload is in slices.
shard::OutFrame make_out(SlabPool& pool, const Bytes& header, std::span<const Slice> slices = {}) {
  shard::OutFrame frame;
  frame.head = pool.take();
  frame.data = frame.head->base + SlabPool::kHeadroom;
  std::memcpy(frame.data, header.data(), header.size());
  frame.length = static_cast<std::uint32_t>(header.size());
  frame.slices = slices;
  return frame;
}

Slice slice_of(const Bytes& bytes) { return {nullptr, bytes.data(), static_cast<std::uint32_t>(bytes.size())}; }

std::string text_of(const shard::Frame& frame) {
  std::string text;
  for (const shard::Frame* piece = &frame; piece != nullptr; piece = piece->next) {
    text += to_text({piece->data, piece->length});
  }
  return text;
}

void give_back(SlabPool& pool, const shard::Frame& frame) {
  for (const shard::Frame* piece = &frame; piece != nullptr; piece = piece->next) {
    --piece->block->refs;
    pool.put(piece->block);
  }
}

TEST(SlabPool, GivesEachBufferOnceAndCountsWhenEmpty) {
  SlabPool pool(2, 256);
  Block* first = pool.take();
  Block* second = pool.take();
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first->base, second->base);
  EXPECT_EQ(first->refs, 1u);
  EXPECT_EQ(first->size, 256 + SlabPool::kHeadroom);
  EXPECT_EQ(pool.take(), nullptr);
  EXPECT_EQ(pool.exhausted(), 1u);
  EXPECT_EQ(pool.out(), 2u);
  first->refs = 0;
  pool.put(first);
  EXPECT_EQ(pool.out() + pool.available(), pool.total());
  EXPECT_EQ(pool.take(), first);
  first->refs = second->refs = 0;
  pool.put(first);
  pool.put(second);
  EXPECT_EQ(pool.out(), 0u);
}

TEST(SlabPoolDeathTest, RefusesBuffersThatAreHeldOrAlreadyBack) {
  SlabPool pool(1, 256);
  Block* block = pool.take();
  EXPECT_DEATH(pool.put(block), "refs == 0");
  block->refs = 0;
  pool.put(block);
  EXPECT_DEATH(pool.put(block), "out");
}

TEST(MemoryDevice, CopiesHeaderAndSlicesIntoThePeersPool) {
  SlabPool here(4, 256), there(4, 256);
  MemoryDevice one(here), other(there);
  MemoryDevice::join(one, other);
  const Bytes first = to_bytes("payload "), second = to_bytes("in two slices");
  const std::array pieces{slice_of(first), slice_of(second)};
  const std::array frames{make_out(here, to_bytes("header "), pieces), make_out(here, to_bytes("second frame"))};
  EXPECT_EQ(one.send(Instant{}, frames), 0u);
  EXPECT_EQ(here.out(), 0u);

  std::array<shard::Frame, 4> received;
  ASSERT_EQ(other.receive(received).frames, 2u);
  EXPECT_EQ(text_of(received[0]), "header payload in two slices");
  EXPECT_EQ(text_of(received[1]), "second frame");
  EXPECT_TRUE(received[0].exclusive);
  EXPECT_EQ(received[0].block->refs, 1u);
  EXPECT_EQ(other.receive(received).frames, 0u);
  EXPECT_EQ(there.out(), 2u);
  give_back(there, received[0]);
  give_back(there, received[1]);
  EXPECT_EQ(there.out(), 0u);
}

TEST(MemoryDevice, ChainsWhatIsLongerThanABuffer) {
  SlabPool here(1, 256), there(4, 256);
  MemoryDevice one(here), other(there);
  MemoryDevice::join(one, other);
  Bytes payload(500);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>('a' + i % 26);
  const std::array pieces{slice_of(payload)};
  const std::array frames{make_out(here, to_bytes("header "), pieces)};
  EXPECT_EQ(one.send(Instant{}, frames), 0u);
  std::array<shard::Frame, 4> received;
  ASSERT_EQ(other.receive(received).frames, 1u);
  EXPECT_EQ(there.out(), 2u);
  EXPECT_EQ(received[0].length, 256u);
  ASSERT_NE(received[0].next, nullptr);
  EXPECT_EQ(received[0].next->length, 251u);
  EXPECT_EQ(text_of(received[0]), "header " + to_text(payload));
  give_back(there, received[0]);
}

TEST(MemoryDevice, DropsWhatThePeersPoolCannotHoldAndKeepsNothing) {
  SlabPool here(2, 256), there(1, 256);
  MemoryDevice one(here), other(there);
  MemoryDevice::join(one, other);
  const Bytes payload(500);
  const std::array pieces{slice_of(payload)};
  const std::array frames{make_out(here, to_bytes("needs two buffers"), pieces), make_out(here, to_bytes("fits"))};
  EXPECT_EQ(one.send(Instant{}, frames), 1u);
  EXPECT_EQ(there.exhausted(), 1u);
  EXPECT_EQ(here.out(), 0u);
  std::array<shard::Frame, 4> received;
  ASSERT_EQ(other.receive(received).frames, 1u);
  EXPECT_EQ(text_of(received[0]), "fits");
  give_back(there, received[0]);
}

TEST(MemoryDevice, ReturnsWaitingFramesToThePoolWhenItGoes) {
  SlabPool pool(4, 256);
  {
    MemoryDevice end(pool);
    EXPECT_TRUE(end.inject(to_bytes("never received")));
    EXPECT_EQ(pool.out(), 1u);
  }
  EXPECT_EQ(pool.out(), 0u);
}

// What a device with checksum offload is handed: 0 in the IPv4 header, the pseudo-header's sum in the TCP header.
TEST(Gather, CompletesTheChecksumsLeftToTheDevice) {
  sim::TcpPacket packet;
  packet.source = Ipv4Address{0x0a000001};
  packet.destination = Ipv4Address{0x0a000002};
  packet.source_port = 80;
  packet.destination_port = 40000;
  packet.flags = sim::kAck;
  packet.payload = to_bytes("odd");
  const Bytes complete = sim::build(packet);
  Bytes handed = complete;
  handed[24] = handed[25] = std::byte{0};
  const unsigned pseudo = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + 20 + 3;
  handed[50] = static_cast<std::byte>(pseudo >> 8);
  handed[51] = static_cast<std::byte>(pseudo & 0xff);
  shard::OutFrame frame;
  frame.data = handed.data();
  frame.length = static_cast<std::uint32_t>(handed.size());
  frame.l2_length = 14;
  frame.l3_length = frame.l4_length = 20;
  frame.ipv4_checksum = frame.tcp_checksum = true;
  std::vector<std::byte> sent;
  gather(frame, sent);
  EXPECT_EQ(sent, complete);
}

// IPv6 has no checksum of its own; TCP's covers other addresses (RFC 8200 8.1).
TEST(Gather, CompletesTheChecksumOfTcpOverIpv6) {
  sim::TcpPacket packet;
  packet.source = parse_ipv6("fd00::1").value();
  packet.destination = parse_ipv6("fd00::2").value();
  packet.source_port = 80;
  packet.destination_port = 40000;
  packet.flags = sim::kAck;
  packet.payload = to_bytes("odd");
  const Bytes complete = sim::build(packet);
  Bytes handed = complete;
  const unsigned pseudo = 2 * 0xfd00 + 1 + 2 + 6 + 20 + 3;
  const unsigned folded = (pseudo & 0xffff) + (pseudo >> 16);
  handed[70] = static_cast<std::byte>(folded >> 8);
  handed[71] = static_cast<std::byte>(folded & 0xff);
  shard::OutFrame frame;
  frame.data = handed.data();
  frame.length = static_cast<std::uint32_t>(handed.size());
  frame.l2_length = 14;
  frame.l3_length = 40;
  frame.l4_length = 20;
  frame.tcp_checksum = true;
  std::vector<std::byte> sent;
  gather(frame, sent);
  EXPECT_EQ(sent, complete);
}

}  // namespace
}  // namespace levee::device
