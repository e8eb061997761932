// ICMP messages of either family to a shard with a connection that has text on its way: echo requests, and errors that
// quote a packet of the connection, or nearly one, or anything (RFC 792, RFC 4443, RFC 5927).
#include <algorithm>

#include "fuzz/segment_player.h"

namespace levee::fuzz {
namespace {

// The headers of a segment that the shard sent, or might have.
sim::Bytes quoted(Input& input, const WirePeer& peer) {
  sim::TcpPacket packet;
  packet.source = peer.address.is_v4() ? IpAddress(kOurAddress) : IpAddress(kOurAddress6);
  packet.destination = peer.address;
  packet.source_port = peer.shard_port;
  packet.destination_port = peer.tcp_port;
  const std::uint32_t bases[] = {peer.rcv_nxt, peer.shard_max, peer.irs, input.u32()};
  packet.sequence = bases[input.u8() & 3];
  packet.sequence += static_cast<std::uint32_t>(static_cast<std::int8_t>(input.u8()));
  packet.flags = sim::kAck;
  packet.payload.resize(input.u8());
  sim::Bytes frame = build(packet);
  frame.erase(frame.begin(), frame.begin() + 14);
  const auto headers = static_cast<std::uint32_t>(peer.headers());
  for (std::uint32_t changes = input.below(4); changes > 0; --changes) {
    frame[input.below(headers)] = static_cast<std::byte>(input.u8());
  }
  if (input.flag()) frame.resize(std::min<std::size_t>(frame.size(), input.u8()));
  return frame;
}

// What is said most: the packet is too big, or its destination cannot be reached.
void choose_type(sim::IcmpError& error, Input& input, std::uint8_t how) {
  const bool usual = (how & 2) != 0, too_big = (how & 4) != 0;
  if (error.source.is_v4()) {
    error.type = usual ? std::uint8_t{3} : input.u8();
    error.code = too_big ? std::uint8_t{4} : input.u8();
  } else {
    error.type = !usual ? input.u8() : too_big ? std::uint8_t{2} : std::uint8_t{1};
    error.code = too_big ? std::uint8_t{0} : input.u8();
  }
}

Arrival message(Input& input, const WirePeer& peer) {
  const bool v4 = peer.address.is_v4();
  const std::uint8_t how = input.u8();
  sim::IcmpError error;
  error.source_mac = peer.mac;
  error.destination_mac = kOurMac;
  error.source = peer.address;
  if ((how & 1) != 0) error.source = v4 ? IpAddress(Ipv4Address{0x0a0000fe}) : IpAddress(fd00(0xfe));
  error.destination = v4 ? IpAddress(kOurAddress) : IpAddress(kOurAddress6);
  choose_type(error, input, how);
  if ((how & 8) != 0) error.parameter = input.u32();
  error.quoted = quoted(input, peer);
  Arrival arrival{.bytes = build(error)};
  if ((how & 16) != 0) arrival.bytes[14 + (v4 ? 20U : 40U) + 2] ^= std::byte{1};  // its checksum
  if ((how & 32) != 0) arrival.cuts = {input.u8()};
  return arrival;
}

}  // namespace

FUZZ_TARGET(icmp, input) {
  SegmentPlayer player(input);
  const std::uint8_t how = input.u8();
  if ((how & 1) != 0) player.connect();
  if ((how & 2) == 0) player.shake_hands();
  if ((how & 4) == 0) player.service().send(0, 3000);
  player.run();
  for (int steps = 0; steps < 60 && !input.empty(); ++steps) {
    if (input.below(3) == 0) {
      player.step();
    } else {
      player.arrives(message(input, player.peer()));
    }
  }
  player.end();
}

}  // namespace levee::fuzz
