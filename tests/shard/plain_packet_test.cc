// The short way through a frame's headers against the long one: what take_plain accepts is what take_any makes of it,
// field by field, and it accepts all that it is for: untagged whole IPv4 packets without options that carry TCP. Frames
// are right ones of every kind, and those with any bit flipped, bytes changed, headers lengthened or frames cut, with
// checksums that are summed and with ones that are not, so that the damage behind them is met too.
#include "shard/plain_packet.h"

#include <gtest/gtest.h>

#include <bit>
#include <initializer_list>
#include <vector>

#include "base/random.h"
#include "shard/plain_frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::kAck;
using sim::kFin;
using sim::kRst;
using sim::kSyn;
using sim::TcpPacket;

class PlainPacket : public testing::Test {
 protected:
  // Both ways through one frame. Returns whether it was plain, and fails where the two disagree.
  bool plain(const Bytes& bytes, Checksums checksums = kSummed, std::uint16_t port = 0) {
    // Just as large as the frame: a sanitizer sees what is read behind it.
    Bytes buffer = bytes;
    Block block{};
    Frame frame;
    frame.data = buffer.data();
    frame.length = static_cast<std::uint32_t>(buffer.size());
    frame.block = &block;
    frame.port = port;
    frame.ip_checksum = checksums.ip;
    frame.tcp_checksum = checksums.tcp;
    Packet quick = stale(), slow = stale();
    const bool taken = take_plain(frame, topology_, quick);
    take_any(frame, topology_, slow);
    EXPECT_EQ(buffer, bytes);
    const bool is_for_it = slow.kind == PacketKind::Tcp && !slow.has_vlan && slow.l4_offset == 34;
    EXPECT_EQ(taken, is_for_it && std::endian::native == std::endian::little) << sim::describe(bytes);
    if (!taken) return false;
    ++plain_;
    EXPECT_EQ(quick.frame, slow.frame);
    EXPECT_EQ(quick.key, slow.key);
    EXPECT_EQ(quick.kind, slow.kind);
    EXPECT_EQ(quick.frame_taken, slow.frame_taken);
    EXPECT_EQ(quick.has_vlan, slow.has_vlan);
    EXPECT_EQ(quick.interface, slow.interface);
    EXPECT_EQ(quick.l3_offset, slow.l3_offset);
    EXPECT_EQ(quick.l4_offset, slow.l4_offset);
    EXPECT_EQ(quick.payload_offset, slow.payload_offset);
    EXPECT_EQ(quick.payload_length, slow.payload_length);
    if (HasFailure()) ADD_FAILURE() << sim::describe(bytes);
    return true;
  }
  // With every state of the checksums, and once more with checksums that are right again.
  void all_ways(Bytes bytes, std::uint16_t port = 0) {
    for (const Checksums& checksums : kStates) plain(bytes, checksums, port);
    sim::fix_checksums(bytes);
    plain(bytes, kSummed, port);
  }
  // How many frames were plain so far: a test without any would compare nothing.
  [[nodiscard]] std::uint64_t plain_frames() const { return plain_; }

 private:
  // As a burst's packet is when its place is used again: with what another frame left.
  static Packet stale() {
    Packet packet;
    packet.key = {{1}, {2}, 3, 4};
    packet.kind = PacketKind::Arp;
    packet.frame_taken = packet.has_vlan = true;
    packet.interface = 77;
    packet.l3_offset = packet.l4_offset = packet.payload_offset = packet.payload_length = 7777;
    return packet;
  }

  const Topology topology_{crossroads()};
  std::uint64_t plain_ = 0;
};

TEST_F(PlainPacket, TakesWhatNearlyAllFramesAre) {
  for (const Bytes& frame : usual_frames()) EXPECT_TRUE(plain(frame)) << sim::describe(frame);
}

TEST_F(PlainPacket, AgreesOnEveryFlippedBit) {
  for (const Bytes& frame : usual_frames()) {
    // Of long text a few bytes say as much as all.
    const std::size_t bytes = std::min<std::size_t>(frame.size(), 110);
    for (std::size_t bit = 0; bit < 8 * bytes; ++bit) {
      Bytes flipped = frame;
      flipped[bit / 8] ^= std::byte{1} << bit % 8;
      all_ways(flipped);
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(plain_frames(), 10'000U);
}

TEST_F(PlainPacket, AgreesOnEveryValueOfAHeaderByte) {
  const Bytes frame = usual_frames()[3];
  for (std::size_t at = 0; at < 54; ++at) {
    for (unsigned value = 0; value < 256; ++value) all_ways(patched(frame, {{at, value}}));
    ASSERT_FALSE(HasFailure()) << at;
  }
}

TEST_F(PlainPacket, AgreesOnRandomDamage) {
  Random random(1);
  const std::vector<Bytes> frames = usual_frames();
  for (int round = 0; round < 20'000; ++round) {
    Bytes frame = frames[random.below(frames.size())];
    const std::size_t headers = std::min<std::size_t>(frame.size(), 94);
    for (std::uint64_t changes = random.below(4); changes > 0; --changes) {
      const std::size_t at = random.below(headers);
      frame[at] = static_cast<std::byte>(random.chance(0.5) ? random.next() : random.below(8));
    }
    all_ways(frame);
    ASSERT_FALSE(HasFailure()) << round;
  }
  EXPECT_GT(plain_frames(), 20'000U);
}

// Cut anywhere, padded, and with a total length that says more or less than there is.
TEST_F(PlainPacket, AgreesOnEveryLength) {
  Random random(2);
  for (const Bytes& frame : usual_frames()) {
    for (std::size_t length = 0; length < frame.size() + 20; length += length < 120 ? 1 : 97) {
      Bytes cut = frame;
      cut.resize(length, std::byte{0x5a});
      all_ways(cut);
    }
    for (unsigned total = 0; total < frame.size() + 8; total += total < 120 ? 1 : 97) {
      all_ways(patched(frame, {{16, total / 256}, {17, total % 256}}));
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(plain_frames(), 1000U);
}

TEST_F(PlainPacket, LeavesTagsAndIpOptionsToTheOther) {
  for (const Bytes& frame : usual_frames()) {
    for (const unsigned tci : {0U, 0xe000U, 5U, 0x6005U, 6U, 4095U}) {
      for (const std::uint16_t port : std::initializer_list<std::uint16_t>{0, 1, 2}) {
        EXPECT_FALSE(plain(tagged(frame, static_cast<std::uint16_t>(tci)), kSummed, port));
      }
    }
    for (unsigned words = 1; words <= 10; ++words) {
      Bytes longer = frame;
      longer.insert(longer.begin() + 34, 4 * words, std::byte{1});
      const std::size_t total = longer.size() - 14;
      longer = patched(longer, {{14, 0x45 + words}, {16, total / 256}, {17, total % 256}});
      sim::fix_checksums(longer);
      EXPECT_FALSE(plain(longer));
      all_ways(patched(longer, {{14, 0x45}}));  // what were options is then read as TCP
    }
  }
}

TEST_F(PlainPacket, LeavesChainsToTheOther) {
  const Bytes bytes = usual_frames().front();
  Bytes buffer = bytes;
  Frame second, first;
  first.data = buffer.data();
  first.length = static_cast<std::uint32_t>(buffer.size());
  first.next = &second;
  const Topology topology(crossroads());
  Packet packet;
  EXPECT_FALSE(take_plain(first, topology, packet));
  first.next = nullptr;
  EXPECT_TRUE(take_plain(first, topology, packet));
}

// Who sends to whom over which port: our own addresses, broadcast ones of every prefix (RFC 3021: a /31 has none, nor
// has a /32), groups, loopback, and the neighbours of each.
TEST_F(PlainPacket, AgreesOnSourcesAndDestinations) {
  std::vector<Ipv4Address> addresses = {{0},          {1},          {0x00ffffff}, {0x01000000}, {0x7effffff},
                                        {0x7f000001}, {0x7fffffff}, {0x80000000}, {0xdfffffff}, {0xe0000001},
                                        {0xefffffff}, {0xf0000001}, {0xffffffff}, {0x08080808}};
  for (const AddressOptions& own : crossroads().addresses) {
    const std::uint32_t hosts = own.prefix_length == 32 ? 0 : 0xffffffffU >> own.prefix_length;
    for (const std::uint32_t edge :
         {own.address.v4().value, own.address.v4().value & ~hosts, own.address.v4().value | hosts}) {
      for (const std::uint32_t near : {edge - 1, edge, edge + 1}) addresses.push_back({near});
    }
  }
  for (const std::uint8_t flags : {kSyn, kAck}) {
    TcpPacket packet = tcp_from_peer(flags);
    for (const Ipv4Address source : addresses) {
      for (const Ipv4Address destination : addresses) {
        packet.source = source;
        packet.destination = destination;
        for (const std::uint16_t port : std::initializer_list<std::uint16_t>{0, 1, 2, 3, 65535}) {
          for (const MacAddress& mac : {kOurMac, kSecondMac}) {
            packet.destination_mac = mac;
            plain(build(packet), kSummed, port);
          }
        }
      }
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(plain_frames(), 100U);
}

TEST_F(PlainPacket, AgreesOnMacAddressesAndTcpPorts) {
  for (const MacAddress& mac : {kOurMac, kSecondMac, kOtherMac, kBroadcastMac, MacAddress{{3, 0, 0, 0, 0, 1}}}) {
    for (const MacAddress& from : {kPeerMac, kOurMac, kBroadcastMac, MacAddress{{1, 0, 0x5e, 0, 0, 1}}}) {
      for (const std::uint16_t port : std::initializer_list<std::uint16_t>{0, 1, 2, 3}) {
        TcpPacket packet = tcp_from_peer(kSyn);
        packet.destination_mac = mac;
        packet.source_mac = from;
        const bool good_source = from == kPeerMac || from == kOurMac;
        const bool ours = (port == 0 && mac == kOurMac) || (port == 1 && mac == kSecondMac);
        EXPECT_EQ(plain(build(packet), kSummed, port), good_source && ours);
      }
    }
  }
  for (const std::uint16_t source : std::initializer_list<std::uint16_t>{0, 1, 255, 256, 65535}) {
    for (const std::uint16_t destination : std::initializer_list<std::uint16_t>{0, 1, 80, 256, 65535}) {
      TcpPacket packet = tcp_from_peer(kSyn, source);
      packet.destination_port = destination;
      EXPECT_EQ(plain(build(packet)), source != 0 && destination != 0);
    }
  }
}

TEST_F(PlainPacket, AgreesOnEverySetOfFlags) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    const bool syn = (flags & kSyn) != 0;
    const bool good = (flags & (kSyn | kAck | kRst)) != 0 && !(syn && (flags & (kFin | kRst)) != 0);
    EXPECT_EQ(plain(build(tcp_from_peer(static_cast<std::uint8_t>(flags)))), good) << flags;
  }
}

// A checksum field of 0 and one of 0xffff are both zero in ones' complement: whichever was sent, both ways take it.
TEST_F(PlainPacket, TakesEitherZeroAsAChecksum) {
  bool met = false;
  for (unsigned value = 0; value < 0x10000; ++value) {
    TcpPacket packet = tcp_from_peer(kAck);
    packet.window = static_cast<std::uint16_t>(value);
    Bytes frame = build(packet);
    if (frame[50] != std::byte{0} || frame[51] != std::byte{0}) continue;
    met = true;
    EXPECT_TRUE(plain(frame));
    EXPECT_TRUE(plain(patched(frame, {{50, 0xff}, {51, 0xff}})));
  }
  EXPECT_TRUE(met);
}

}  // namespace
}  // namespace levee::shard
