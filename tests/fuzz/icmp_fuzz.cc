// ICMP messages to a shard with a connection that has text on its way: echo requests, and errors that quote a packet of
// the connection, or nearly one, or anything (RFC 792, RFC 5927).
#include <algorithm>

#include "base/endian.h"
#include "fuzz/segment_player.h"
#include "wire/checksum.h"

namespace levee::fuzz {
namespace {

void put16(sim::Bytes& to, std::uint32_t value) {
  to.push_back(static_cast<std::byte>(value >> 8 & 0xff));
  to.push_back(static_cast<std::byte>(value & 0xff));
}
void put32(sim::Bytes& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}

// The headers of a segment that the shard sent, or might have.
sim::Bytes quoted(Input& input, const WirePeer& peer) {
  sim::TcpPacket packet;
  packet.source = kOurAddress;
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
  for (std::uint32_t changes = input.below(4); changes > 0; --changes) {
    frame[input.below(40)] = static_cast<std::byte>(input.u8());
  }
  if (input.flag()) frame.resize(std::min<std::size_t>(frame.size(), input.u8()));
  return frame;
}

sim::Bytes message(Input& input, const WirePeer& peer) {
  sim::IcmpEcho echo;
  echo.source_mac = peer.mac;
  echo.destination_mac = kOurMac;
  const std::uint8_t how = input.u8();
  echo.source = (how & 1) != 0 ? Ipv4Address{0x0a0000fe} : peer.address;
  echo.destination = kOurAddress;
  sim::Bytes frame = build(echo);
  const std::size_t start = frame.size() - 8;
  frame.resize(start);
  frame.push_back(static_cast<std::byte>((how & 2) != 0 ? 3 : input.u8()));
  frame.push_back(static_cast<std::byte>((how & 4) != 0 ? 4 : input.u8()));
  put16(frame, 0);
  put32(frame, (how & 8) != 0 ? input.u32() : 0);
  const sim::Bytes inner = quoted(input, peer);
  frame.insert(frame.end(), inner.begin(), inner.end());
  store_be16(frame.data() + 16, static_cast<std::uint16_t>(frame.size() - 14));
  if ((how & 16) == 0) {
    store_be16(frame.data() + start + 2, wire::finish(wire::sum(std::span(frame).subspan(start))));
  }
  sim::fix_checksums(frame);
  return frame;
}

}  // namespace

FUZZ_TARGET(icmp, input) {
  SegmentPlayer player(input);
  const std::uint8_t how = input.u8();
  if ((how & 1) != 0) player.connect();
  if ((how & 2) == 0) player.shake_hands();
  if ((how & 4) == 0) player.service().send(0, 3000);
  player.fuzzed().run();
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
