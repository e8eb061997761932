// A port over DPDK's own ring and pcap devices, in this process: what is sent comes back, bursts are cut by time, and
// every buffer returns. EAL starts once for all of it.
#include "dpdk/port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "device/startup_error.h"
#include "dpdk/eal.h"
#include "dpdk/mbuf_block.h"
#include "dpdk/pool.h"
#include "dpdk/thread.h"

namespace levee::dpdk {
namespace {

using namespace std::chrono_literals;

class Environment : public testing::Environment {
 public:
  void SetUp() override {
    const std::vector<std::string> words{"--no-huge", "-m", "128", "--no-shconf"};
    eal = std::make_unique<Eal>(words);
    pools = std::make_unique<Pools>(8192, 8192, 2048);
  }
  void TearDown() override {
    EXPECT_EQ(pools->in_use(), 0U);
    pools.reset();
    eal.reset();
  }
  static inline std::unique_ptr<Eal> eal;
  static inline std::unique_ptr<Pools> pools;
};
const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new Environment);

// Adds a device and opens its port, the newest.
std::unique_ptr<Port> open_port(const std::string& device, const PortOptions& options = {}) {
  static std::size_t number = 0;
  Environment::eal->add(parse_vdev(device, number++));
  return std::make_unique<Port>(Environment::eal->ports().back(), *Environment::pools, options);
}

class PortTest : public testing::Test {
 protected:
  void TearDown() override {
    if (port) port->stop();
    EXPECT_EQ(Environment::pools->in_use(), 0U);
  }
  // A frame whose head holds `length` bytes counting up from `first`.
  shard::OutFrame frame(std::uint32_t length, std::uint8_t first = 0) {
    shard::OutFrame made;
    made.head = port->blank();
    made.data = made.head->base + 128;
    made.length = length;
    fill({made.data, length}, first);
    return made;
  }
  static void fill(std::span<std::byte> bytes, std::uint8_t first) {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(first++);
  }
  // The bytes of a received frame; gives its buffers back.
  std::vector<std::byte> take(const shard::Frame& frame) {
    std::vector<std::byte> bytes;
    for (const shard::Frame* piece = &frame; piece != nullptr; piece = piece->next) {
      bytes.insert(bytes.end(), piece->data, piece->data + piece->length);
      EXPECT_EQ(piece->block->refs, 1U);
      piece->block->refs = 0;
      port->release(piece->block);
    }
    return bytes;
  }
  static std::vector<std::byte> counting(std::size_t length, std::uint8_t first = 0) {
    std::vector<std::byte> bytes(length);
    fill(bytes, first);
    return bytes;
  }

  std::unique_ptr<Port> port;
  std::array<shard::Frame, Port::kBurst> frames{};
};

TEST_F(PortTest, ABlankIsABufferOfTheWholeSize) {
  port = open_port("ring");
  Block* blank = port->blank();
  ASSERT_NE(blank, nullptr);
  EXPECT_EQ(blank->refs, 1U);
  EXPECT_EQ(blank->size, 2048U + 128U);
  blank->refs = 0;
  port->release(blank);
}

TEST_F(PortTest, WhatIsSentIntoARingComesBack) {
  port = open_port("ring");
  const std::array<shard::OutFrame, 2> out{frame(60), frame(1514, 9)};
  EXPECT_EQ(port->send(Instant{}, out), 0U);
  const device::Received received = port->receive(frames);
  ASSERT_EQ(received.frames, 2U);
  EXPECT_FALSE(received.end);
  EXPECT_EQ(received.time, kNever);
  EXPECT_TRUE(frames[0].exclusive);
  EXPECT_EQ(frames[0].ip_checksum, shard::ChecksumState::Unverified);
  EXPECT_EQ(frames[0].tcp_checksum, shard::ChecksumState::Unverified);
  EXPECT_EQ(take(frames[0]), counting(60));
  EXPECT_EQ(take(frames[1]), counting(1514, 9));
}

// Payload stays ours while the device still has it: both holdings must end before the buffer is free.
TEST_F(PortTest, SlicesTravelWithoutTheirHolderLettingGo) {
  port = open_port("ring");
  Block* payload = port->blank();
  fill({payload->base, payload->size}, 0);
  shard::OutFrame out = frame(54);
  const std::array<Slice, 3> slices{Slice{.block = payload, .data = payload->base + 16, .length = 1000},
                                    Slice{.block = payload, .data = payload->base + 1500, .length = 400},
                                    Slice{.block = payload, .data = payload->base + 2000, .length = 20}};
  out.slices = slices;
  EXPECT_EQ(port->send(Instant{}, std::span(&out, 1)), 0U);
  payload->refs = 0;
  port->release(payload);  // ours is over, the frame in the ring is not
  EXPECT_GT(Environment::pools->in_use(), 0U);

  std::vector<std::byte> expected = counting(54);
  const std::vector<std::byte> bytes = counting(2176);
  expected.insert(expected.end(), bytes.begin() + 16, bytes.begin() + 1016);
  expected.insert(expected.end(), bytes.begin() + 1500, bytes.begin() + 1900);
  expected.insert(expected.end(), bytes.begin() + 2000, bytes.begin() + 2020);
  ASSERT_EQ(port->receive(frames).frames, 1U);
  EXPECT_EQ(take(frames[0]), expected);
}

TEST_F(PortTest, ARingThatIsFullReportsNoRoomAndLosesNothing) {
  port = open_port("ring");
  std::size_t no_room = 0;
  std::size_t sent = 0;
  for (int i = 0; i < 40; ++i) {
    std::vector<shard::OutFrame> burst;
    for (std::size_t j = 0; j < 64; ++j) burst.push_back(frame(60));
    no_room += port->send(Instant{}, burst);
    sent += burst.size();
  }
  EXPECT_GT(no_room, 0U);
  EXPECT_EQ(Environment::pools->in_use(), sent - no_room);
  // TearDown: stopping the port empties the ring.
}

TEST_F(PortTest, AnExhaustedPoolGivesNoBlank) {
  port = open_port("ring");
  std::vector<Block*> held;
  while (Block* blank = port->blank()) held.push_back(blank);
  EXPECT_EQ(held.size(), 8192U);
  for (Block* block : held) {
    block->refs = 0;
    port->release(block);
  }
}

TEST_F(PortTest, AMissingInterfaceIsRefusedInOneSentence) {
  try {
    Environment::eal->add({.kind = VdevKind::Pcap,
                           .text = "pcap:/nowhere",
                           .name = "net_pcap_nowhere",
                           .arguments = "rx_pcap=/nowhere",
                           .finite = true});
    FAIL() << "a missing capture was accepted";
  } catch (const device::StartupError& error) {
    EXPECT_EQ(error.exit_code(), device::kExitDevice);
    EXPECT_THAT(error.what(), testing::HasSubstr("cannot start --dev=pcap:/nowhere"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

// A capture file of frames of 60 bytes, and one longer than a buffer, with the given time stamps in microseconds.
class CaptureTest : public PortTest {
 protected:
  void write(const std::vector<std::int64_t>& stamps, std::size_t length = 60) {
    pcap_t* handle = pcap_open_dead(DLT_EN10MB, 65535);
    pcap_dumper_t* dump = pcap_dump_open(handle, path_.c_str());
    const std::vector<std::byte> bytes = counting(length);
    for (const std::int64_t stamp : stamps) {
      pcap_pkthdr header{};
      header.ts.tv_sec = stamp / 1'000'000;
      header.ts.tv_usec = stamp % 1'000'000;
      header.caplen = header.len = static_cast<bpf_u_int32>(length);
      pcap_dump(reinterpret_cast<u_char*>(dump), &header, reinterpret_cast<const u_char*>(bytes.data()));
    }
    pcap_dump_close(dump);
    pcap_close(handle);
  }
  void open() { port = open_port("pcap:" + path_, {.finite = true}); }
  void TearDown() override {
    PortTest::TearDown();
    std::filesystem::remove(path_);
  }

  std::string path_ = std::filesystem::temp_directory_path() / ("levee-port-" + std::to_string(getpid()) + ".pcap");
};

TEST_F(CaptureTest, BurstsAreCutWhereTheTimeChanges) {
  constexpr std::int64_t kStart = 1'700'000'000'000'000;
  write({kStart, kStart, kStart + 1, kStart + 1, kStart + 1, kStart});
  open();
  std::vector<std::pair<std::size_t, Instant>> seen;
  bool end = false;
  for (int i = 0; i < 20 && !end; ++i) {
    const device::Received received = port->receive(frames);
    end = received.end;
    if (received.frames > 0) seen.emplace_back(received.frames, received.time);
    for (std::size_t j = 0; j < received.frames; ++j) EXPECT_EQ(take(frames[j]), counting(60));
  }
  EXPECT_TRUE(end);
  const Instant start{std::chrono::microseconds(kStart)};
  EXPECT_THAT(seen, testing::ElementsAre(std::pair(std::size_t{2}, start), std::pair(std::size_t{3}, start + 1us),
                                         std::pair(std::size_t{1}, start)));
}

TEST_F(CaptureTest, AFrameLongerThanABufferComesInPieces) {
  write({5}, 5000);
  open();
  ASSERT_EQ(port->receive(frames).frames, 1U);
  ASSERT_NE(frames[0].next, nullptr);
  EXPECT_EQ(take(frames[0]), counting(5000));
}

// No free buffer looks like the end of the file, and is not.
TEST_F(CaptureTest, AnEmptyPoolIsNotTheEnd) {
  write({5});
  open();
  std::vector<Block*> held;
  while (Block* blank = port->blank()) held.push_back(blank);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(port->receive(frames).end);
  for (Block* block : held) {
    block->refs = 0;
    port->release(block);
  }
}

// What the transmitter is ordered to complete; what was received there before is no order.
TEST_F(PortTest, ASegmentsChecksumIsLeftToTheDeviceInItsFamily) {
  port = open_port("ring");
  for (const bool v6 : {false, true}) {
    shard::OutFrame out = frame(100);
    out.data[14] = v6 ? std::byte{0x60} : std::byte{0x45};
    out.l2_length = 14;
    out.l3_length = v6 ? 40 : 20;
    out.l4_length = 20;
    out.tcp_checksum = true;
    out.ipv4_checksum = !v6;
    rte_mbuf* mbuf = mbuf_of(out.head);
    mbuf->ol_flags = RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
    prepare_to_send(mbuf, out);
    EXPECT_EQ(mbuf->ol_flags, v6 ? RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM
                                 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM);
    EXPECT_EQ(mbuf->l3_len, v6 ? 40U : 20U);
    EXPECT_EQ(rte_validate_tx_offload(mbuf), 0);
    out.tcp_checksum = out.ipv4_checksum = false;
    prepare_to_send(mbuf, out);
    EXPECT_EQ(mbuf->ol_flags, 0U);
    out.head->refs = 0;
    port->release(out.head);
  }
}

// net_ring has no list of groups, but takes all of them on request; without groups nothing is asked for.
TEST_F(PortTest, AGroupIsJoinedByTheCheapestMeansThatTheDeviceHas) {
  port = open_port("ring");
  const std::uint16_t number = Environment::eal->ports().back();
  ASSERT_EQ(rte_eth_allmulticast_disable(number), 0);
  port->listen_to(port->mac());
  EXPECT_EQ(rte_eth_allmulticast_get(number), 0);
  const MacAddress group{{0x33, 0x33, 0xff, 0, 0, 2}};
  port->listen_to(port->mac(), std::span(&group, 1));
  EXPECT_EQ(rte_eth_allmulticast_get(number), 1);
  EXPECT_EQ(rte_eth_promiscuous_get(number), 0);
}

TEST(TscClock, Advances) {
  const TscClock clock;
  const Instant before = clock.now();
  Instant after = before;
  for (int i = 0; i < 1'000'000 && after <= before; ++i) after = clock.now();
  EXPECT_GT(after, before);
  EXPECT_LT(after - before, 10s);
}

}  // namespace
}  // namespace levee::dpdk
