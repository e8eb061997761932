// A burst's headers judged in columns, with every vector unit that the machine has, against one frame after the other:
// what is found plain and bare is what take_plain makes of it, and nothing of the kind is missed.
#include "shard/header_columns.h"

#include <gtest/gtest.h>

#include <bit>
#include <memory>
#include <vector>

#include "base/random.h"
#include "shard/plain_frames.h"
#include "shard/plain_packet.h"

namespace levee::shard {
namespace {

using sim::Bytes;

constexpr VectorUnit kUnits[] = {VectorUnit::None, VectorUnit::Sse42, VectorUnit::Avx2, VectorUnit::Avx512};
constexpr std::uint32_t kMostHeader = 44;      // bytes of a TCP header that are summed
constexpr std::size_t kHeaderBytes = 14 + 60;  // of a frame, where damage matters

// Whether a reply may be written into the buffer: or somebody else has it, too, or may have.
enum class Holder : std::uint8_t { Us, Several, Unknown };

// Frames with their buffers, which end where a sanitizer can see it.
class Burst {
 public:
  void add(const Bytes& bytes, std::size_t room_behind, Checksums checksums, std::uint16_t port,
           Holder holder = Holder::Us) {
    Buffer& buffer = *buffers_.emplace_back(std::make_unique<Buffer>());
    buffer.bytes = bytes;
    buffer.bytes.resize(bytes.size() + room_behind, std::byte{0xee});
    buffer.block.base = buffer.bytes.data();
    buffer.block.size = static_cast<std::uint32_t>(buffer.bytes.size());
    buffer.block.refs = holder == Holder::Several ? 2 : 1;
    Frame frame;
    frame.data = buffer.bytes.data();
    frame.length = static_cast<std::uint32_t>(bytes.size());
    frame.block = &buffer.block;
    frame.port = port;
    frame.exclusive = holder != Holder::Unknown;
    frame.ip_checksum = checksums.ip;
    frame.tcp_checksum = checksums.tcp;
    frames_.push_back(frame);
  }
  [[nodiscard]] std::span<const Frame> frames() const { return frames_; }

 private:
  struct Buffer {
    Bytes bytes;
    Block block{};
  };
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<Frame> frames_;
};

class HeaderColumnsTest : public testing::Test {
 protected:
  HeaderColumnsTest() {
    for (const VectorUnit unit : kUnits) {
      if (machine_has(unit)) finders_.push_back({unit, PlainFinder(topology_, unit)});
    }
  }

  void judge(const Burst& burst) {
    const std::span<const Frame> frames = burst.frames();
    for (const Finder& finder : finders_) {
      Random random(frames.size());  // what an earlier burst left
      random.fill(std::as_writable_bytes(std::span(columns_.get(), 1)));
      random.fill(std::as_writable_bytes(std::span(&keys_, 1)));
      const std::uint64_t found = finder.plain.find(frames, *columns_, keys_);
      ASSERT_EQ(frames.size() == HeaderColumns::kMost ? 0 : found >> frames.size(), 0U);
      for (std::size_t i = 0; i < frames.size(); ++i) compare(finder.unit, frames, i, (found >> i & 1) != 0);
    }
  }
  // How many were found, by all units together.
  [[nodiscard]] std::uint64_t found() const { return found_; }
  [[nodiscard]] std::size_t units() const { return finders_.size(); }

 private:
  struct Finder {
    VectorUnit unit;
    PlainFinder plain;
  };

  void compare(VectorUnit unit, std::span<const Frame> frames, std::size_t place, bool is_found) {
    const Frame& frame = frames[place];
    Packet packet;
    const bool bare = std::endian::native == std::endian::little && take_plain(frame, topology_, packet) &&
                      packet.payload_length == 0 && packet.payload_offset - packet.l4_offset <= kMostHeader &&
                      frame.block->size >= HeaderColumns::kReach && frame.exclusive && frame.block->refs == 1 &&
                      frame.port == frames.front().port;
    const std::span<const std::byte> bytes(frame.data, frame.length);
    ASSERT_EQ(is_found, bare) << name(unit) << ", frame " << place << ": " << sim::describe(bytes);
    if (!bare) return;
    ++found_;
    ASSERT_EQ(keys_.words[0][place], packet.key.addresses()) << name(unit);
    ASSERT_EQ(keys_.words[1][place], std::uint64_t{sizeof(FlowKey4)} << 56 | packet.key.ports()) << name(unit);
    Packet taken;
    take_bare<kBareTcp4>(frame, flow_key(keys_, place), topology_, taken);
    ASSERT_EQ(taken.key, packet.key);
    ASSERT_EQ(taken.frame, packet.frame);
    ASSERT_EQ(taken.kind, packet.kind);
    ASSERT_EQ(taken.interface, packet.interface);
    ASSERT_EQ(taken.payload_offset, packet.payload_offset);
    ASSERT_EQ(taken.payload_length, packet.payload_length);
    ASSERT_EQ(taken.has_vlan, packet.has_vlan);
  }

  const Topology topology_{crossroads()};
  std::vector<Finder> finders_;
  std::unique_ptr<HeaderColumns> columns_ = std::make_unique<HeaderColumns>();
  SipLanes<2> keys_;
  std::uint64_t found_ = 0;
};

TEST_F(HeaderColumnsTest, FindWhatFloodsAreMadeOf) {
  const std::vector<Bytes> frames = usual_frames();
  for (std::size_t count = 1; count <= HeaderColumns::kMost; ++count) {
    Burst burst;
    for (std::size_t i = 0; i < count; ++i) burst.add(frames[i % 4], 200, kSummed, 0);
    const std::uint64_t before = found();
    judge(burst);
    ASSERT_FALSE(HasFailure()) << count;
    ASSERT_EQ(found() - before, count * units());
  }
}

TEST_F(HeaderColumnsTest, AgreeOnEveryFlippedBit) {
  for (const Bytes& frame : usual_frames()) {
    for (const Checksums& checksums : kStates) {
      for (std::size_t at = 0; at < std::min(frame.size(), kHeaderBytes); ++at) {
        Burst burst;  // whole frames among them
        for (unsigned bit = 0; bit < 8; ++bit) {
          burst.add(frame, 100, checksums, 0);
          Bytes flipped = frame;
          flipped[at] ^= std::byte{1} << bit;
          burst.add(flipped, 100, checksums, 0);
          sim::fix_checksums(flipped);
          burst.add(flipped, 100, checksums, 0);
        }
        judge(burst);
        ASSERT_FALSE(HasFailure()) << at;
      }
    }
  }
}

// Damage anywhere, addresses at the edges, buffers that end anywhere or are shared, several ports in a burst of any
// size.
TEST_F(HeaderColumnsTest, AgreeOnAnyBurst) {
  Random random(1);
  const std::vector<Bytes> frames = usual_frames();
  std::vector<Ipv4Address> addresses = {{0x00ffffff}, {0x01000000}, {0x7effffff}, {0x7f000001}, {0x80000000},
                                        {0xdfffffff}, {0xe0000001}, {0xffffffff}, {0x08080808}};
  for (const AddressOptions& own : crossroads().addresses) {
    const std::uint32_t hosts = own.prefix_length == 32 ? 0 : 0xffffffffU >> own.prefix_length;
    for (const std::uint32_t edge :
         {own.address.v4().value, own.address.v4().value & ~hosts, own.address.v4().value | hosts}) {
      for (const std::uint32_t near : {edge - 1, edge, edge + 1}) addresses.push_back({near});
    }
  }
  for (int round = 0; round < 3000; ++round) {
    Burst burst;
    const auto usual_port = static_cast<std::uint16_t>(random.chance(0.8) ? 0 : random.below(4));
    for (std::uint64_t left = 1 + random.below(HeaderColumns::kMost); left > 0; --left) {
      Bytes frame = frames[random.below(frames.size())];
      if (random.chance(0.3)) {
        store_be32(&frame[random.chance(0.5) ? 26 : 30], addresses[random.below(addresses.size())].value);
      }
      if (usual_port == 1) frame[5] = std::byte{7};  // kSecondMac
      for (std::uint64_t changes = random.below(3); changes > 0; --changes) {
        std::byte& changed = frame[random.below(std::min(frame.size(), kHeaderBytes))];
        if (random.chance(0.3)) changed = static_cast<std::byte>(random.next());
      }
      if (random.chance(0.05)) frame.resize(random.below(frame.size() + 40));
      if (random.chance(0.8)) sim::fix_checksums(frame);
      const auto port = static_cast<std::uint16_t>(random.chance(0.9) ? usual_port : random.below(4));
      const auto holder = random.chance(0.9) ? Holder::Us : static_cast<Holder>(random.below(3));
      burst.add(frame, random.chance(0.8) ? 100 : random.below(40), kStates[random.below(std::size(kStates))], port,
                holder);
    }
    judge(burst);
    ASSERT_FALSE(HasFailure()) << round;
  }
  EXPECT_GT(found(), 10'000U);
}

TEST_F(HeaderColumnsTest, LeaveChainsToTheOthers) {
  Burst burst;
  const Bytes bytes = usual_frames().front();
  for (int i = 0; i < 3; ++i) burst.add(bytes, 100, kSummed, 0);
  std::vector<Frame> frames(burst.frames().begin(), burst.frames().end());
  const Frame second;
  frames[1].next = &second;
  const Topology topology(crossroads());
  const auto columns = std::make_unique<HeaderColumns>();
  SipLanes<2> keys;
  EXPECT_EQ(PlainFinder(topology, VectorUnit::None).find(frames, *columns, keys), 0b101U);
}

// With more addresses than are compared in columns every frame is left to take_plain.
TEST_F(HeaderColumnsTest, FindNothingWhereWeHaveManyAddresses) {
  ShardOptions options = crossroads();
  for (std::uint32_t i = 0; i < 20; ++i)
    options.addresses.push_back({.address = Ipv4Address{0x0a0000c0 + i}, .prefix_length = 32});
  const Topology topology(options);
  Burst burst;
  for (int i = 0; i < 5; ++i) burst.add(usual_frames().front(), 100, kSummed, 0);
  const auto columns = std::make_unique<HeaderColumns>();
  SipLanes<2> keys;
  EXPECT_EQ(PlainFinder(topology, VectorUnit::None).find(burst.frames(), *columns, keys), 0U);
  for (std::size_t i = 0; i < 5; ++i) {
    Packet packet;
    EXPECT_TRUE(take_plain(burst.frames()[i], topology, packet));
  }
}

}  // namespace
}  // namespace levee::shard
