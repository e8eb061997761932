// Headers by the three ways there are: one after the other with a reason for each drop, by a few words compared, and a
// burst at a time in columns. Where a short way says yes it says what the long one says, and no flood frame is missed.
#include <memory>

#include "base/check.h"
#include "fuzz/frames.h"
#include "fuzz/target.h"
#include "shard/header_columns.h"
#include "shard/plain_packet.h"

namespace levee::fuzz {
namespace {

using shard::HeaderColumns;
using shard::Packet;
using shard::PacketKind;

constexpr VectorUnit kUnits[] = {VectorUnit::None, VectorUnit::Sse42, VectorUnit::Avx2, VectorUnit::Avx512};
constexpr std::uint32_t kMostHeader = 44;  // bytes of a TCP header that columns sum

// Frames of one piece, whose buffers end where a sanitizer sees it.
struct Burst {
  std::vector<std::unique_ptr<sim::Bytes>> memory;
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<shard::Frame> frames;

  void add(const Arrival& arrival, std::size_t room_behind, std::uint32_t refs) {
    sim::Bytes& bytes = *memory.emplace_back(std::make_unique<sim::Bytes>(arrival.bytes.size() + room_behind));
    std::copy(arrival.bytes.begin(), arrival.bytes.end(), bytes.begin());
    Block& block = *blocks.emplace_back(std::make_unique<Block>());
    block.base = bytes.data();
    block.size = static_cast<std::uint32_t>(bytes.size());
    block.refs = refs;
    shard::Frame frame;
    frame.data = bytes.data();
    frame.length = static_cast<std::uint32_t>(arrival.bytes.size());
    frame.block = &block;
    frame.port = arrival.port;
    frame.exclusive = arrival.exclusive;
    frame.ip_checksum = arrival.ip_checksum;
    frame.tcp_checksum = arrival.tcp_checksum;
    frames.push_back(frame);
  }
};

void same(const Packet& one, const Packet& other) {
  CHECK(one.frame == other.frame && one.kind == other.kind && one.key == other.key);
  CHECK(one.interface == other.interface && one.has_vlan == other.has_vlan);
  CHECK(one.frame_taken == other.frame_taken);
  CHECK(one.l3_offset == other.l3_offset && one.l4_offset == other.l4_offset);
  CHECK(one.payload_offset == other.payload_offset && one.payload_length == other.payload_length);
}

// What is taken apart lies within the frame.
void within(const Packet& packet) {
  const std::uint32_t length = packet.frame->length;
  if (packet.kind == PacketKind::Arp) CHECK(packet.l3_offset + sizeof(wire::ArpPacket) <= length);
  if (packet.kind == PacketKind::Tcp || packet.kind == PacketKind::Icmp) {
    CHECK(packet.payload_offset + packet.payload_length <= length);
    CHECK(packet.l4_offset >= packet.l3_offset + sizeof(wire::Ipv4Header));
  }
  if (packet.kind == PacketKind::Tcp) CHECK(packet.payload_offset >= packet.l4_offset + sizeof(wire::TcpHeader));
}

// `found` by columns, with its key among `keys`.
void compare(bool found, const SipLanes<2>& keys, std::size_t place, const std::vector<shard::Frame>& frames,
             const shard::Topology& topology) {
  const shard::Frame& frame = frames[place];
  Packet plain;
  const bool is_plain = take_plain(frame, topology, plain);
  const bool bare = is_plain && plain.payload_length == 0 && plain.payload_offset - plain.l4_offset <= kMostHeader &&
                    frame.block->size >= HeaderColumns::kReach && frame.exclusive && frame.block->refs == 1 &&
                    frame.port == frames.front().port;
  CHECK(found == bare);
  if (!bare) return;
  Packet taken;
  shard::take_bare<shard::kBareTcp4>(frame, shard::flow_key(keys, place), topology, taken);
  same(taken, plain);
}

}  // namespace

FUZZ_TARGET(headers, input) {
  static const shard::Topology topology(crossroads());
  static const auto columns = std::make_unique<HeaderColumns>();
  static const auto keys = std::make_unique<SipLanes<2>>();
  Burst burst;
  while (!input.empty() && burst.frames.size() < 20) {
    const std::uint8_t room = input.u8();
    const Arrival arrival = read_arrival(input);
    burst.add(arrival, (room & 1) == 0 ? 100 : 1 + room / 4, (room & 2) == 0 ? 1 : 2);
  }
  for (const shard::Frame& frame : burst.frames) {
    Packet any, plain;
    take_any(frame, topology, any);
    within(any);
    if (take_plain(frame, topology, plain)) same(plain, any);
    if (any.kind != PacketKind::Tcp) continue;
    std::array<Slice, shard::kMaxPieces> pieces;
    CHECK(segment_of(any, pieces).payload_length == any.payload_length);
  }
  for (const VectorUnit unit : kUnits) {
    if (!machine_has(unit) || burst.frames.empty()) continue;
    const std::uint64_t found = shard::PlainFinder(topology, unit).find(burst.frames, *columns, *keys);
    CHECK(found >> burst.frames.size() == 0);
    for (std::size_t i = 0; i < burst.frames.size(); ++i) {
      compare((found >> i & 1) != 0, *keys, i, burst.frames, topology);
    }
  }
}

}  // namespace levee::fuzz
