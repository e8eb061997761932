// The impaired link: each fault does what it says, about as often as it says, and a seed replays.
#include "device/impaired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "sim/packet.h"

namespace levee::device {
namespace {

using namespace std::chrono_literals;
using sim::Bytes;
using testing::ElementsAre;

constexpr Instant kStart{std::chrono::hours(1)};

struct Arrival {
  Instant at;
  std::uint32_t number = 0;  // what the frame says it is
  Bytes bytes;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

class Link {
 public:
  explicit Link(Impairment impairment, std::uint64_t seed = 1, std::size_t buffers = 4096)
      : pool_(buffers, 1536),
        link_(seed, {LinkEnd{&pool_, 1, {}}, LinkEnd{&pool_, 1, {}}}, {impairment, Impairment{}}) {}

  // A frame of 64 bytes with its number behind the Ethernet header and zeros elsewhere.
  void send(Instant now, std::uint32_t number) {
    shard::OutFrame frame;
    frame.head = pool_.take();
    ASSERT_NE(frame.head, nullptr);
    frame.data = frame.head->base;
    frame.length = 64;
    std::memset(frame.data, 0, frame.length);
    std::memcpy(frame.data + 14, &number, sizeof(number));
    EXPECT_EQ(link_.queue(0, 0).send(now, std::span(&frame, 1)), 0u);
  }

  void send_bytes(Instant now, const Bytes& bytes) {
    shard::OutFrame frame;
    frame.head = pool_.take();
    ASSERT_NE(frame.head, nullptr);
    ASSERT_LE(bytes.size(), frame.head->size);
    frame.data = frame.head->base;
    frame.length = static_cast<std::uint32_t>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), frame.data);
    EXPECT_EQ(link_.queue(0, 0).send(now, std::span(&frame, 1)), 0u);
  }

  // What comes back to the sender next, or nothing.
  Bytes next_at_sender() {
    if (link_.next_arrival() == kNever) return {};
    link_.advance(link_.next_arrival());
    shard::Frame frame;
    Bytes bytes;
    if (link_.queue(0, 0).receive(std::span(&frame, 1)).frames == 0) return bytes;
    for (const shard::Frame* piece = &frame; piece != nullptr; piece = piece->next) {
      bytes.insert(bytes.end(), piece->data, piece->data + piece->length);
      piece->block->refs = 0;
      pool_.put(piece->block);
    }
    return bytes;
  }

  // Lets time jump until nothing is in flight.
  std::vector<Arrival> arrivals() {
    std::vector<Arrival> all;
    while (link_.next_arrival() != kNever) {
      const Instant now = link_.next_arrival();
      link_.advance(now);
      std::array<shard::Frame, 8> frames;
      while (const std::size_t count = link_.queue(1, 0).receive(frames).frames) {
        for (const shard::Frame& frame : std::span(frames).first(count)) all.push_back(take(now, frame));
      }
    }
    return all;
  }

  ImpairedLink& operator*() { return link_; }
  SlabPool& pool() { return pool_; }
  const LinkCounters& counters() { return link_.counters(0); }

 private:
  Arrival take(Instant now, const shard::Frame& frame) {
    Arrival arrival{now, 0, Bytes(frame.data, frame.data + frame.length)};
    std::memcpy(&arrival.number, frame.data + 14, sizeof(arrival.number));
    frame.block->refs = 0;
    pool_.put(frame.block);
    return arrival;
  }

  SlabPool pool_;
  ImpairedLink link_;
};

std::vector<std::uint32_t> numbers(const std::vector<Arrival>& arrivals) {
  std::vector<std::uint32_t> all;
  for (const Arrival& arrival : arrivals) all.push_back(arrival.number);
  return all;
}

TEST(ImpairedLink, DelaysAndKeepsOrderAmongEqualArrivals) {
  Impairment bad;
  bad.delay = 5ms;
  Link link(bad);
  for (std::uint32_t i = 0; i < 5; ++i) link.send(kStart, i);
  EXPECT_EQ((*link).next_arrival(), kStart + 5ms);
  (*link).advance(kStart + 4ms);
  EXPECT_EQ((*link).held(1), 0u);
  const auto arrived = link.arrivals();
  EXPECT_THAT(numbers(arrived), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(arrived.front().at, kStart + 5ms);
  EXPECT_EQ(link.pool().out(), 0u);
}

TEST(ImpairedLink, JitterStaysInItsBoundsAndInOrder) {
  Impairment bad;
  bad.delay = 5ms;
  bad.jitter = 3ms;
  Link link(bad);
  for (std::uint32_t i = 0; i < 200; ++i) link.send(kStart + i * 10ms, i);
  const auto arrived = link.arrivals();
  ASSERT_EQ(arrived.size(), 200u);
  Duration shortest = 1h, longest{};
  for (std::uint32_t i = 0; i < 200; ++i) {
    ASSERT_EQ(arrived[i].number, i);
    const Duration took = arrived[i].at - (kStart + i * 10ms);
    shortest = std::min(shortest, took);
    longest = std::max(longest, took);
  }
  EXPECT_GE(shortest, 5ms);
  EXPECT_LE(longest, 8ms);
  EXPECT_GT(longest - shortest, 1ms);
}

TEST(ImpairedLink, LosesAboutAsManyAsItSays) {
  Impairment bad;
  bad.loss = 0.2;
  Link link(bad);
  for (std::uint32_t i = 0; i < 2000; ++i) link.send(kStart, i);
  const auto arrived = link.arrivals();
  EXPECT_EQ(arrived.size() + link.counters().lost, 2000u);
  EXPECT_GT(link.counters().lost, 300u);
  EXPECT_LT(link.counters().lost, 500u);
  EXPECT_EQ(link.counters().arrived, arrived.size());
}

// Gilbert and Elliott: losses come in runs, as long on average as one chance says.
TEST(ImpairedLink, BurstsLoseFramesInARow) {
  Impairment bad;
  bad.burst_begin = 0.01;
  bad.burst_end = 0.2;
  bad.burst_loss = 1;
  Link link(bad);
  constexpr std::uint32_t kFrames = 20000;
  std::vector<bool> arrived(kFrames);
  for (std::uint32_t i = 0; i < kFrames; ++i) {
    link.send(kStart + i * 1us, i);
    for (const Arrival& arrival : link.arrivals()) arrived[arrival.number] = true;
  }
  std::uint32_t bursts = 0;
  for (std::uint32_t i = 1; i < kFrames; ++i) bursts += arrived[i - 1] && !arrived[i] ? 1 : 0;
  EXPECT_NEAR(bursts, 0.01 * kFrames / (1 + 0.01 / 0.2), 40);
  EXPECT_NEAR(static_cast<double>(link.counters().lost) / bursts, 5, 0.7);
}

// A frame of this size that carries TCP.
Bytes tcp_frame(bool ipv6, std::size_t packet_size) {
  sim::TcpPacket packet;
  packet.source_mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  packet.destination_mac = MacAddress{{2, 0, 0, 0, 0, 2}};
  packet.source = Ipv4Address{0x0a000001};
  packet.destination = Ipv4Address{0x0a000002};
  if (ipv6) {
    packet.source = Ipv6Address{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    packet.destination = Ipv6Address{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  }
  packet.source_port = 40000;
  packet.destination_port = 80;
  packet.payload.resize(packet_size - (ipv6 ? 60 : 40));
  return build(packet);
}

TEST(ImpairedLink, DropsWhatIsLargerThanItsMtu) {
  Impairment bad;
  bad.mtu = 49;
  bad.tells_mtu = false;
  Link link(bad);
  link.send_bytes(kStart, tcp_frame(false, 49));
  link.send_bytes(kStart, tcp_frame(false, 50));
  EXPECT_EQ(link.arrivals().size(), 1u);
  EXPECT_EQ(link.counters().too_big, 1u);
  EXPECT_EQ((*link).held(0), 0u);
}

// RFC 1191 4: the next hop's MTU and the IP header and 8 bytes of what was dropped, to its sender.
TEST(ImpairedLink, ARouterTellsTheMtu) {
  Impairment bad;
  bad.mtu = 100;
  bad.delay = 3ms;
  Link link(bad);
  const Bytes sent = tcp_frame(false, 101);
  link.send_bytes(kStart, sent);
  EXPECT_EQ((*link).next_arrival(), kStart + 3ms);
  const sim::Dissected told = sim::dissect(link.next_at_sender());
  EXPECT_EQ(told.error, "");
  ASSERT_TRUE(told.icmp_error);
  EXPECT_EQ(told.icmp_error->type, 3);
  EXPECT_EQ(told.icmp_error->code, 4);
  EXPECT_EQ(told.icmp_error->parameter, 100u);
  EXPECT_EQ(told.icmp_error->destination, IpAddress(Ipv4Address{0x0a000001}));
  EXPECT_EQ(told.icmp_error->quoted, Bytes(sent.begin() + 14, sent.begin() + 14 + 28));
}

// RFC 4443 3.2: as much of it as fits into 1280 bytes.
TEST(ImpairedLink, ARouterTellsTheMtuOverIpv6) {
  Impairment bad;
  bad.mtu = 1280;
  Link link(bad);
  const Bytes sent = tcp_frame(true, 1400);
  link.send_bytes(kStart, sent);
  const Bytes answer = link.next_at_sender();
  EXPECT_EQ(answer.size(), 14u + 1280);
  const sim::Dissected told = sim::dissect(answer);
  EXPECT_EQ(told.error, "");
  ASSERT_TRUE(told.icmp_error);
  EXPECT_EQ(told.icmp_error->type, 2);
  EXPECT_EQ(told.icmp_error->parameter, 1280u);
  EXPECT_EQ(told.icmp_error->quoted, Bytes(sent.begin() + 14, sent.begin() + 14 + 1232));
}

TEST(ImpairedLink, DuplicatesArriveBesideTheirOriginals) {
  Impairment bad;
  bad.duplication = 1;
  Link link(bad);
  link.send(kStart, 7);
  const auto arrived = link.arrivals();
  ASSERT_EQ(arrived.size(), 2u);
  EXPECT_EQ(arrived[0].bytes, arrived[1].bytes);
  EXPECT_EQ(arrived[0].at, kStart);
  EXPECT_LE(arrived[1].at, kStart + bad.reorder_delay);
  EXPECT_EQ(link.counters().duplicated, 1u);
}

TEST(ImpairedLink, FramesHeldBackAreOvertaken) {
  Impairment bad;
  bad.reordering = 0.3;
  Link link(bad);
  for (std::uint32_t i = 0; i < 500; ++i) link.send(kStart + i * 1us, i);
  const auto order = numbers(link.arrivals());
  ASSERT_EQ(order.size(), 500u);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_GT(link.counters().reordered, 100u);
  EXPECT_LT(link.counters().reordered, 200u);
}

TEST(ImpairedLink, FlipsOneBitBehindTheEthernetHeader) {
  Impairment bad;
  bad.corruption = 1;
  Link link(bad);
  for (std::uint32_t i = 0; i < 500; ++i) link.send(kStart, 0);
  for (const Arrival& arrival : link.arrivals()) {
    int flipped = 0;
    for (std::size_t i = 0; i < arrival.bytes.size(); ++i) {
      const int bits = std::popcount(std::to_integer<unsigned>(arrival.bytes[i]));
      if (i < 14) {
        EXPECT_EQ(bits, 0);
      }
      flipped += bits;
    }
    EXPECT_EQ(flipped, 1);
  }
  EXPECT_EQ(link.counters().corrupted, 500u);
}

TEST(ImpairedLink, RateSpacesFramesAndItsQueueOverflows) {
  Impairment bad;
  bad.bits_per_second = 512'000;  // 64 bytes a millisecond
  bad.queue_limit = 3;
  Link link(bad);
  for (std::uint32_t i = 0; i < 5; ++i) link.send(kStart, i);
  const auto arrived = link.arrivals();
  EXPECT_THAT(numbers(arrived), ElementsAre(0, 1, 2));
  EXPECT_EQ(arrived[0].at, kStart + 1ms);
  EXPECT_EQ(arrived[2].at, kStart + 3ms);
  EXPECT_EQ(link.counters().queue_full, 2u);
  EXPECT_EQ(link.counters().lost, 2u);
}

// A queue holds frames: a short one does not find it fuller than a long one.
TEST(ImpairedLink, AShortFrameFindsRoomWhereLongOnesWait) {
  Impairment bad;
  bad.bits_per_second = 1'000'000;
  bad.queue_limit = 3;
  Link link(bad);
  for (int i = 0; i < 2; ++i) link.send_bytes(kStart, tcp_frame(false, 1500));
  link.send(kStart, 7);
  EXPECT_EQ(link.counters().queue_full, 0u);
  link.send(kStart, 8);
  EXPECT_EQ(link.counters().queue_full, 1u);
}

TEST(ImpairedLink, StoppedFaultsLeaveOnlyTheDelay) {
  Impairment bad;
  bad.loss = bad.duplication = bad.reordering = bad.corruption = 0.5;
  bad.delay = 2ms;
  bad.bits_per_second = 1'000'000;
  bad.queue_limit = 2;
  Link link(bad);
  (*link).stop_faults();
  for (std::uint32_t i = 0; i < 100; ++i) link.send(kStart, i);
  const auto arrived = link.arrivals();
  ASSERT_EQ(arrived.size(), 100u);
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(arrived[i].number, i);
}

TEST(ImpairedLink, CountsWhatTheReceiversPoolCannotHold) {
  Link link(Impairment{}, 1, 4);
  for (std::uint32_t i = 0; i < 3; ++i) link.send(kStart, i);
  Block* taken[] = {link.pool().take(), link.pool().take()};
  EXPECT_EQ(link.arrivals().size(), 2u);
  EXPECT_EQ(link.counters().no_buffer, 1u);
  for (Block* block : taken) {
    block->refs = 0;
    link.pool().put(block);
  }
}

TEST(ImpairedLink, FlowHashChoosesTheQueue) {
  SlabPool pool(16, 256);
  LinkEnd far{&pool, 3, [](std::span<const std::byte> frame) { return std::to_integer<std::uint32_t>(frame[14]); }};
  ImpairedLink link(1, {LinkEnd{&pool, 1, {}}, far}, {});
  for (int hash : {5, 3, 4}) {
    shard::OutFrame frame;
    frame.head = pool.take();
    frame.data = frame.head->base;
    frame.length = 64;
    std::memset(frame.data, hash, frame.length);
    EXPECT_EQ(link.queue(0, 0).send(kStart, std::span(&frame, 1)), 0u);
  }
  link.advance(kStart);
  for (std::size_t queue = 0; queue < 3; ++queue) {
    std::array<shard::Frame, 2> frames;
    ASSERT_EQ(link.queue(1, queue).receive(frames).frames, 1u);
    EXPECT_EQ(frames[0].flow_hash % 3, queue);
    frames[0].block->refs = 0;
    pool.put(frames[0].block);
  }
}

TEST(ImpairedLink, ASeedReplaysAndAnotherDoesNot) {
  Impairment bad;
  bad.loss = bad.duplication = bad.reordering = bad.corruption = 0.2;
  bad.jitter = 1ms;
  const auto run = [&bad](std::uint64_t seed) {
    Link link(bad, seed);
    for (std::uint32_t i = 0; i < 300; ++i) link.send(kStart + i * 100us, i);
    return link.arrivals();
  };
  const auto first = run(42);
  EXPECT_EQ(first, run(42));
  EXPECT_NE(first, run(43));
}

}  // namespace
}  // namespace levee::device
