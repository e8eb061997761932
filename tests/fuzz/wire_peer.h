// A peer of the shard as a fuzz target plays it: knows the numbers of the conversation, so that what it sends can be
// right, nearly right or wrong on purpose; and what the shard may say to it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "fuzz/stream_service.h"
#include "sim/packet.h"

namespace levee::fuzz {

struct WirePeer {
  MacAddress mac;
  IpAddress address;
  std::uint16_t tcp_port = 0;
  std::uint16_t shard_port = 80;

  // RFC 9293 3.3.1, from the peer's side.
  std::uint32_t iss = 0, snd_nxt = 0;
  std::uint32_t snd_una = 0;  // what the shard acknowledged last
  std::uint32_t irs = 0, rcv_nxt = 0;
  std::uint32_t shard_max = 0;  // the end of what the shard has sent
  std::uint16_t window = 65535;
  bool timestamps = false;
  std::uint32_t last_timestamp = 0;

  // What has been said to the shard, and so what it may do.
  std::uint8_t offered = 0;             // wire::SynOffer's bits, of the last SYN
  bool honest = true;                   // false: numbers or options were made up, and nothing more can be concluded
  std::set<std::uint32_t> isns;         // of its SYNs
  std::set<std::uint32_t> fins;         // sequence numbers of its FINs
  std::uint32_t highest_sent = 0;       // with one ISN: the end of everything sent, before the SYN, too
  std::optional<std::uint32_t> edge{};  // right edge of the windows advertised, the furthest
  std::uint16_t syn_window = 0;         // the largest in a SYN, never scaled (RFC 7323 2.2)
  std::uint8_t scale = 0;               // the largest that it offered
  std::uint16_t mss = 536;              // the largest that it offered

  [[nodiscard]] bool is_meant_by(const sim::TcpPacket& packet) const {
    return packet.destination == address && packet.destination_port == tcp_port && packet.source_port == shard_port;
  }
  [[nodiscard]] std::size_t headers() const { return address.is_v4() ? 20 + 20 : 40 + 20; }
  // A frame of its goes to the shard.
  void sends(const sim::TcpPacket& packet);
  // The shard sent it a segment: checked against all of the above and the service's streams, and learnt from.
  void hears(const sim::TcpPacket& packet, const StreamService& service, std::uint16_t mtu);

 private:
  void check(const sim::TcpPacket& packet, const StreamService& service, std::uint16_t mtu) const;
  void learn(const sim::TcpPacket& packet);
};

}  // namespace levee::fuzz
