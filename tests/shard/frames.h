// Frames laid out by hand for one shard: cut into pieces, shared with somebody, without room behind, with checksums
// said to be this or that. And the addresses that these tests use throughout, which are the Conversation's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "device/memory.h"
#include "shard/frame.h"
#include "sim/conversation.h"
#include "sim/packet.h"

namespace levee::shard {

inline constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}}, kPeerMac{{2, 0, 0, 0, 0, 2}};
inline constexpr MacAddress kOtherMac{{2, 0, 0, 0, 0, 9}}, kBroadcastMac{{255, 255, 255, 255, 255, 255}};
inline constexpr Ipv4Address kOurAddress{0x0a000001}, kPeerAddress{0x0a000002};

struct Layout {
  std::vector<std::size_t> cuts{};  // offsets at which a new piece begins, ascending
  bool exclusive = true;
  std::optional<std::uint32_t> tailroom{};  // bytes of the buffer behind each piece; else what the pool's size leaves
  ChecksumState ip_checksum = ChecksumState::Unverified;
  ChecksumState tcp_checksum = ChecksumState::Unverified;
};

// Its pieces live in buffers of the pool, whose refs pass to the shard that receives it.
class LaidOutFrame {
 public:
  LaidOutFrame(device::SlabPool& pool, const sim::Bytes& bytes, const Layout& layout = {}) {
    std::vector<std::size_t> ends = layout.cuts;
    ends.push_back(bytes.size());
    pieces_.reserve(ends.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      Frame piece;
      piece.block = pool.take();
      piece.length = static_cast<std::uint32_t>(end - begin);
      piece.data = layout.tailroom ? piece.block->base + piece.block->size - *layout.tailroom - piece.length
                                   : piece.block->base + device::SlabPool::kHeadroom;
      piece.exclusive = layout.exclusive;
      piece.ip_checksum = layout.ip_checksum;
      piece.tcp_checksum = layout.tcp_checksum;
      if (piece.length > 0) std::memcpy(piece.data, bytes.data() + begin, piece.length);
      pieces_.push_back(piece);
      begin = end;
    }
    for (std::size_t i = 0; i + 1 < pieces_.size(); ++i) pieces_[i].next = &pieces_[i + 1];
  }
  LaidOutFrame(const LaidOutFrame&) = delete;
  LaidOutFrame& operator=(const LaidOutFrame&) = delete;

  [[nodiscard]] std::span<const Frame> frame() const { return std::span(pieces_).first(1); }
  [[nodiscard]] Block* block() const { return pieces_.front().block; }
  [[nodiscard]] std::byte* data() const { return pieces_.front().data; }

 private:
  std::vector<Frame> pieces_;
};

// The shard receives the frame and nothing else happens yet: its direct replies can be looked at in outgoing().
inline void receive(sim::Conversation& talk, const LaidOutFrame& frame) {
  talk.shard().receive(talk.now(), frame.frame());
}

// Receives it and runs the shard.
inline void arrives(sim::Conversation& talk, const sim::Bytes& bytes, const Layout& layout) {
  const LaidOutFrame frame(talk.pool(), bytes, layout);
  receive(talk, frame);
  talk.run();
}

// Empties the stash of blanks until the conversation's next step fills it again.
inline void take_blanks_away(sim::Conversation& talk) {
  talk.shard().release_blanks();
  while (Block* block = talk.shard().next_released()) talk.pool().put(block);
}

inline sim::TcpPacket tcp_from_peer(std::uint8_t flags, std::uint16_t source_port = 40000) {
  sim::TcpPacket packet;
  packet.source_mac = kPeerMac;
  packet.destination_mac = kOurMac;
  packet.source = kPeerAddress;
  packet.destination = kOurAddress;
  packet.source_port = source_port;
  packet.destination_port = 80;
  packet.sequence = 1000;
  packet.flags = flags;
  packet.window = 65535;
  return packet;
}

inline sim::ArpMessage arp_request(Ipv4Address sender, Ipv4Address target, const MacAddress& mac = kPeerMac) {
  sim::ArpMessage message;
  message.source_mac = message.sender_mac = mac;
  message.destination_mac = kBroadcastMac;
  message.sender = sender;
  message.target = target;
  return message;
}

inline sim::ArpMessage arp_reply(Ipv4Address sender, const MacAddress& mac, Ipv4Address target = kOurAddress) {
  sim::ArpMessage message = arp_request(sender, target, mac);
  message.operation = 2;
  message.destination_mac = message.target_mac = kOurMac;
  return message;
}

inline sim::IcmpEcho echo_request(std::size_t length = 56) {
  sim::IcmpEcho echo;
  echo.source_mac = kPeerMac;
  echo.destination_mac = kOurMac;
  echo.source = kPeerAddress;
  echo.destination = kOurAddress;
  echo.identifier = 77;
  echo.sequence = 3;
  for (std::size_t i = 0; i < length; ++i) echo.payload.push_back(static_cast<std::byte>(i * 7 + 1));
  return echo;
}

// The frame with an 802.1Q tag put in; `tci` holds priority and VLAN.
inline sim::Bytes tagged(sim::Bytes frame, std::uint16_t tci) {
  const std::byte tag[] = {std::byte{0x81}, std::byte{0x00}, static_cast<std::byte>(tci >> 8),
                           static_cast<std::byte>(tci & 0xff)};
  frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
  return frame;
}

using Patches = std::vector<std::pair<std::size_t, unsigned>>;  // offset in the frame, new value of the byte

inline sim::Bytes patched(sim::Bytes frame, const Patches& patches) {
  for (const auto& [at, value] : patches) frame[at] = static_cast<std::byte>(value);
  return frame;
}

}  // namespace levee::shard
