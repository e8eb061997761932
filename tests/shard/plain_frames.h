// Frames for the short ways through headers: right ones of every kind, and the crossroads that they arrive at.
#pragma once

#include <vector>

#include "levee/options.h"
#include "shard/frame.h"
#include "shard/frames.h"

namespace levee::shard {

inline constexpr MacAddress kSecondMac{{2, 0, 0, 0, 0, 7}};

// Port 0 with a VLAN beside it, port 1 with an address on a /31, port 2 with tagged frames alone, no port 3.
inline ShardOptions crossroads() {
  ShardOptions options;
  options.interfaces = {{.port = 0, .mac = kOurMac},
                        {.port = 0, .vlan = 5, .mac = kOurMac},
                        {.port = 1, .mac = kSecondMac},
                        {.port = 2, .vlan = 6, .mac = kOurMac}};
  options.addresses = {{.address = kOurAddress, .prefix_length = 24, .interface = 0},
                       {.address = Ipv4Address{0xc0a80904}, .prefix_length = 31, .interface = 2},
                       {.address = Ipv4Address{0xcb007107}, .prefix_length = 32, .interface = 0},
                       {.address = Ipv4Address{0xac100001}, .prefix_length = 30, .interface = 1},
                       {.address = Ipv4Address{0x0a000081}, .prefix_length = 25, .interface = 3}};
  return options;
}

struct Checksums {
  ChecksumState ip, tcp;
};
inline constexpr Checksums kSummed{ChecksumState::Unverified, ChecksumState::Unverified};
inline constexpr Checksums kStates[] = {kSummed,
                                        {ChecksumState::Verified, ChecksumState::Verified},
                                        {ChecksumState::Unverified, ChecksumState::Partial},
                                        {ChecksumState::Verified, ChecksumState::Unverified}};

// SYNs as systems in use send them, what follows them, and text of odd and even length.
inline std::vector<sim::Bytes> usual_frames() {
  std::vector<sim::TcpPacket> packets;
  sim::TcpPacket syn = tcp_from_peer(sim::kSyn);
  packets.push_back(syn);
  syn.mss = 1460;
  packets.push_back(syn);
  syn.window_scale = std::uint8_t{7};
  syn.sack_permitted = true;
  packets.push_back(syn);
  syn.timestamps = sim::Timestamps{0x12345678, 0};
  packets.push_back(syn);
  syn.flags |= 0xc0;
  packets.push_back(syn);
  syn.raw_options = sim::Bytes(40, std::byte{1});
  packets.push_back(syn);
  sim::TcpPacket ack = tcp_from_peer(sim::kAck);
  ack.acknowledgment = 0xffffffff;
  packets.push_back(ack);
  ack.timestamps = sim::Timestamps{1, 0xfedcba98};
  packets.push_back(ack);
  ack.sack.push_back({5, 9});
  packets.push_back(ack);
  for (const std::uint8_t flags : {sim::kRst, sim::kFin, sim::kSyn}) {
    packets.push_back(ack);
    packets.back().flags |= flags;
  }
  ack.flags |= sim::kPsh;
  for (const std::size_t length : {1U, 2U, 3U, 4U, 31U, 500U, 1448U}) {
    ack.payload = sim::Bytes(length, std::byte{0xa5});
    packets.push_back(ack);
  }
  std::vector<sim::Bytes> frames;
  for (const sim::TcpPacket& packet : packets) frames.push_back(build(packet));
  return frames;
}

}  // namespace levee::shard
