// Headers of either family by the three ways there are: one after the other with a reason for each drop, by a few words
// compared, and a burst at a time in columns. Where a short way says yes it says what the long one says, and no flood
// frame is missed.
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
  if (packet.kind == PacketKind::Tcp || packet.kind == PacketKind::Icmp || packet.kind == PacketKind::Icmp6) {
    CHECK(packet.payload_offset + packet.payload_length <= length);
    CHECK(packet.l4_offset >= packet.l3_offset + sizeof(wire::Ipv4Header));
  }
  if (packet.kind == PacketKind::Tcp) CHECK(packet.payload_offset >= packet.l4_offset + sizeof(wire::TcpHeader));
}

// What columns find, and in a buffer of how many bytes.
bool is_bare(const Packet& packet, const shard::Frame& first, std::size_t reach) {
  const shard::Frame& frame = *packet.frame;
  return packet.kind == PacketKind::Tcp && !packet.has_vlan && packet.payload_length == 0 &&
         packet.payload_offset - packet.l4_offset <= kMostHeader && frame.block->size >= reach && frame.exclusive &&
         frame.block->refs == 1 && frame.port == first.port;
}

// `found` by columns, with its key among `keys`.
void compare(bool found, const SipLanes<2>& keys, std::size_t place, const std::vector<shard::Frame>& frames,
             const shard::Topology& topology) {
  Packet plain;
  const bool bare = take_plain(frames[place], topology, plain) && is_bare(plain, frames.front(), HeaderColumns::kReach);
  CHECK(found == bare);
  if (!bare) return;
  Packet taken;
  shard::take_bare<shard::kBareTcp4>(frames[place], shard::flow_key(keys, place), topology, taken);
  same(taken, plain);
}

// Sources in ::/64 are left to take_any.
void compare(bool found, const SipLanes<5>& keys, std::size_t place, const std::vector<shard::Frame>& frames,
             const shard::Topology& topology) {
  Packet any;
  take_any(frames[place], topology, any);
  const bool bare = any.kind == PacketKind::Tcp && !any.key.is_v4() && !any.addresses6().remote.is_within({}, 64) &&
                    is_bare(any, frames.front(), HeaderColumns::kReach6);
  CHECK(found == bare);
  if (!bare) return;
  Packet taken;
  shard::take_bare<shard::kBareTcp6>(frames[place], shard::flow_key(keys, place), topology, taken);
  same(taken, any);
  static const auto expected = std::make_unique<SipLanes<5>>();
  set_flow_key(any.key6(), *expected, place);
  for (std::size_t word = 0; word < 5; ++word) CHECK(keys.words[word][place] == expected->words[word][place]);
}

template <typename Keys>
void find_in(const std::vector<shard::Frame>& frames, const shard::Topology& topology, VectorUnit unit) {
  static const auto columns = std::make_unique<HeaderColumns>();
  static const auto keys = std::make_unique<Keys>();
  const std::uint64_t found = shard::PlainFinder(topology, unit).find(frames, *columns, *keys);
  CHECK(found >> frames.size() == 0);
  for (std::size_t i = 0; i < frames.size(); ++i) compare((found >> i & 1) != 0, *keys, i, frames, topology);
}

}  // namespace

FUZZ_TARGET(headers, input) {
  static const shard::Topology topology(crossroads());
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
    find_in<SipLanes<2>>(burst.frames, topology, unit);
    find_in<SipLanes<5>>(burst.frames, topology, unit);
  }
}

}  // namespace levee::fuzz
