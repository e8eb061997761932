// The attacks; see hostile_peers.h.
#include "bench/hostile_peers.h"

#include <algorithm>

#include "tcp/reassembly.h"
#include "tcp/scoreboard.h"

namespace levee::bench {

namespace {

using sim::TcpPacket;

constexpr unsigned kRanges = tcp::kMaxRanges;
constexpr unsigned kBeyond = 8;  // frames that find every range taken

TcpPacket text(const Peer& peer, std::uint32_t seq, std::uint32_t length, std::byte octet = std::byte{'x'}) {
  TcpPacket packet = bare_ack(peer);
  packet.sequence = seq;
  packet.payload.assign(length, octet);
  return packet;
}

// --- levee receives ---

TcpPacket in_order(Peer& peer, unsigned /*k*/) {
  const TcpPacket packet = text(peer, peer.seq, kMss);
  peer.seq += kMss;
  return packet;
}

// Pieces of `length` with holes of the same length between them until there are more than there may be, and then what
// fills the holes, from the first one on.
template <std::uint32_t length>
TcpPacket every_other(Peer& peer, unsigned k) {
  const std::uint32_t seq = peer.seq;
  if (k < kRanges + kBeyond) return text(peer, seq + (2 * k + 1) * length, length);
  const unsigned hole = k - kRanges - kBeyond;
  if (hole + 1 == kRanges) peer.seq += 2 * kRanges * length;
  return text(peer, seq + 2 * hole * length, length);
}

// From the far end of the window down, so that each range is put before all others; then the holes from the far end,
// the one at RCV.NXT last.
TcpPacket every_other_byte_down(Peer& peer, unsigned k) {
  const std::uint32_t seq = peer.seq;
  if (k < kRanges) return text(peer, seq + 2 * (kRanges - 1 - k) + 1, 1);
  const unsigned hole = 2 * kRanges - 1 - k;
  if (hole == 0) peer.seq += 2 * kRanges;
  return text(peer, seq + 2 * hole, 1);
}

// Seven octets with holes between them, one segment with other contents across them all, the same again twice, and the
// first octet.
constexpr unsigned kOverlapGroup = 11, kOverlapOctets = 7;
TcpPacket overlap(Peer& peer, unsigned k) {
  const unsigned step = k % kOverlapGroup;
  const std::uint32_t seq = peer.seq;
  if (step < kOverlapOctets) return text(peer, seq + 2 + 2 * step, 1);
  if (step < kOverlapGroup - 1) return text(peer, seq + 1, 2 * kOverlapOctets, std::byte('a' + step));
  peer.seq += 2 * kOverlapOctets + 1;
  return text(peer, seq, 1);
}

TcpPacket repeated(Peer& peer, unsigned k) {
  if (k == 0) return in_order(peer, k);
  return text(peer, peer.seq - kMss, kMss);
}

// --- challenges ---

TcpPacket syn_in_window(Peer& peer, unsigned k) {
  TcpPacket packet = bare_ack(peer);
  packet.flags = sim::kSyn;
  packet.sequence = peer.seq + k;
  return packet;
}

TcpPacket inexact_rst(Peer& peer, unsigned k) {
  TcpPacket packet = bare_ack(peer);
  packet.flags = sim::kRst;
  packet.sequence = peer.seq + 1 + k;
  return packet;
}

TcpPacket ack_of_unsent(Peer& peer, unsigned k) {
  TcpPacket packet = bare_ack(peer);
  packet.acknowledgment = peer.nxt + 1 + k;
  return packet;
}

TcpPacket old_sequence(Peer& peer, unsigned k) {
  TcpPacket packet = bare_ack(peer);
  packet.sequence = peer.seq - 1 - k;
  return packet;
}

// --- levee sends ---

TcpPacket ack_of_two(Peer& peer, unsigned /*k*/) {
  peer.una += 2 * kMss;
  return bare_ack(peer);
}

TcpPacket ack_of_one(Peer& peer, unsigned /*k*/) {
  peer.una += kMss;
  return bare_ack(peer);
}

TcpPacket ack_of_one_octet(Peer& peer, unsigned /*k*/) {
  ++peer.una;
  return bare_ack(peer);
}

// Shut while it takes two segments, and open again.
TcpPacket closing_window(Peer& peer, unsigned k) {
  if (k % 2 == 0) peer.una += 2 * kMss;
  TcpPacket packet = bare_ack(peer);
  if (k % 2 == 0) packet.window = 0;
  return packet;
}

TcpPacket old_ack(Peer& peer, unsigned k) {
  if (k == 0) return ack_of_two(peer, k);
  TcpPacket packet = bare_ack(peer);
  packet.acknowledgment = peer.una - 1 - k;
  return packet;
}

// Octets that blocks may name, spread over all of the flight: in an order that jumps.
constexpr std::uint32_t kPlaces = 120, kApart = (kFlight - 2 * kMss) / kPlaces;
std::uint32_t place(const Peer& peer, unsigned i) { return peer.una + 1 + i * 37 % kPlaces * kApart; }

TcpPacket with_blocks(const Peer& peer, std::vector<sim::SackRange> blocks) {
  TcpPacket packet = bare_ack(peer);
  packet.sack = std::move(blocks);
  return packet;
}

// Three new octets each, until no run is left to say so, and on.
TcpPacket sack_spread(Peer& peer, unsigned k) {
  std::vector<sim::SackRange> blocks;
  for (unsigned i = 0; i < 3; ++i) {
    const std::uint32_t at = place(peer, 3 * k + i);
    blocks.push_back({at, at + 1});
  }
  return with_blocks(peer, blocks);
}

// As many runs as may be, less one; then three of them, low ones, grow by an octet with each ACK.
constexpr unsigned kSpread = 18;
TcpPacket sack_grow(Peer& peer, unsigned k) {
  if (k < kSpread) return sack_spread(peer, k);
  std::vector<sim::SackRange> blocks;
  for (const unsigned low : {0U, 13U, 26U}) {  // places 0, 1 and 2, as 37 * 13 = 1 modulo 120
    const std::uint32_t at = place(peer, low);
    blocks.push_back({at, at + 1 + (k - kSpread + 1)});
  }
  return with_blocks(peer, blocks);
}

// Nearly all of the flight, in three pieces that contradict what was said before, again and again.
TcpPacket sack_swallow(Peer& peer, unsigned k) {
  if (k % 8 != 7) return sack_spread(peer, k);
  std::vector<sim::SackRange> blocks;
  const std::uint32_t third = kPlaces / 3 * kApart;
  for (unsigned i = 0; i < 3; ++i)
    blocks.push_back({peer.una + 1 + i * third, peer.una + k + (i + 1) * third - kApart});
  return with_blocks(peer, blocks);
}

// A duplicate, a block that ends before it begins, and one that was never sent.
TcpPacket sack_nonsense(Peer& peer, unsigned k) {
  const std::uint32_t at = place(peer, k);
  return with_blocks(peer, {{peer.una - 2, peer.una - 1}, {at + 1, at}, {peer.nxt + 1, peer.nxt + 2}});
}

// Three blocks, and then an ACK that stops at the lowest of them: the peer has thrown away what it had.
TcpPacket renege(Peer& peer, unsigned k) {
  if (k % 2 == 1) peer.una += 200;
  const std::uint32_t from = peer.una + (k % 2 == 1 ? 600 : 200);
  return with_blocks(peer, {{from, from + 100}, {from + 2000, from + 2001}, {from + 9000, from + 9001}});
}

}  // namespace

void learn(Peer& peer, const sim::TcpPacket& answer) {
  const std::uint32_t end = answer.sequence + answer.length();
  if (static_cast<std::int32_t>(end - peer.nxt) > 0) peer.nxt = end;
  if (answer.timestamps) peer.echo = answer.timestamps->value;
}

TcpPacket bare_ack(const Peer& peer) {
  TcpPacket packet;
  packet.source_mac = kClientMac;
  packet.destination_mac = kServerMac;
  packet.source = peer.client.ipv6 ? IpAddress(peer.client.address6()) : IpAddress(peer.client.address);
  packet.destination = peer.client.ipv6 ? IpAddress(kServer6) : IpAddress(kServer);
  packet.source_port = peer.client.tcp_port;
  packet.destination_port = kServerPort;
  packet.sequence = peer.seq;
  packet.acknowledgment = peer.una;
  packet.flags = sim::kAck;
  packet.window = 64240;
  packet.timestamps = {peer.stamp, peer.echo};
  return packet;
}

std::span<const Attack> attacks() {
  constexpr unsigned kAll = 2 * kRanges + kBeyond;
  static const std::vector<Attack> kAttacks = {
      {"text", Task::Reads, 16, 16, in_order, {{Counter::BytesDelivered, 16 * kMss}}},
      {"every-other-byte",
       Task::Reads,
       kAll,
       kAll,
       every_other<1>,
       {{Counter::BytesDelivered, 2 * kRanges},
        {Drop::OutOfOrderFull, kBeyond},
        {Counter::TCPOFOQueue, kRanges + kBeyond}}},
      {"every-other-byte-down",
       Task::Reads,
       2 * kRanges,
       2 * kRanges,
       every_other_byte_down,
       {{Counter::BytesDelivered, 2 * kRanges}, {Counter::TCPOFOQueue, 2 * kRanges - 1}}},
      {"every-other-segment",
       Task::Reads,
       kAll,
       kAll,
       every_other<kMss>,
       {{Counter::BytesDelivered, 2 * kRanges * kMss}, {Drop::OutOfOrderFull, kBeyond}}},
      {"overlap",
       Task::Reads,
       4 * kOverlapGroup,
       4 * kOverlapGroup,
       overlap,
       {{Counter::BytesDelivered, 4 * (2 * kOverlapOctets + 1)}, {Counter::TCPOFOMerge, 4 * 3}}},
      {"repeated", Task::Reads, 16, 16, repeated, {{Counter::BytesDelivered, kMss}, {Drop::OutOfWindow, 15}}},
      {"syn", Task::Reads, 16, 16, syn_in_window, {{Drop::InWindowSyn, 16}, {Counter::TCPChallengeACK, 5}}},
      {"rst", Task::Reads, 16, 16, inexact_rst, {{Drop::InexactRst, 16}, {Counter::TCPChallengeACK, 5}}},
      {"unsent-ack", Task::Reads, 16, 16, ack_of_unsent, {{Drop::BadAck, 16}, {Counter::TCPChallengeACK, 5}}},
      {"old-sequence", Task::Reads, 16, 16, old_sequence, {{Drop::OutOfWindow, 16}, {Counter::TCPChallengeACK, 5}}},
      {"acks", Task::Sends, 32, 8, ack_of_two, {{Counter::BytesAcked, 64 * kMss}, {Counter::RetransSegs, 0}}},
      {"last-acks", Task::SendsOnce, 32, 8, ack_of_one, {{Counter::BytesAcked, 32 * kMss}, {Counter::RetransSegs, 0}}},
      {"ack-division", Task::Sends, 32, 32, ack_of_one_octet, {{Counter::BytesAcked, 32}, {Counter::RetransSegs, 0}}},
      {"closing-window",
       Task::Sends,
       32,
       8,
       closing_window,
       {{Counter::BytesAcked, 32 * kMss}, {Counter::ZeroWindowReceived, 16}}},
      {"old-ack", Task::Sends, 16, 16, old_ack, {{Counter::BytesAcked, 2 * kMss}, {Counter::RetransSegs, 0}}},
      {"sack-spread", Task::Sends, 40, 8, sack_spread, {{Counter::TCPFastRetrans, 1}, {Counter::RetransSegs, 1, true}}},
      {"sack-grow", Task::Sends, 64, 8, sack_grow, {{Counter::TCPFastRetrans, 1}, {Counter::RetransSegs, 1, true}}},
      {"sack-swallow",
       Task::Sends,
       64,
       8,
       sack_swallow,
       {{Counter::TCPFastRetrans, 1}, {Counter::RetransSegs, 1, true}}},
      {"sack-nonsense",
       Task::Sends,
       16,
       16,
       sack_nonsense,
       {{Counter::TCPDSACKRecv, 16}, {Counter::TCPSACKDiscard, 32}}},
      {"sack-renege", Task::Sends, 32, 8, renege, {{Counter::TCPSACKReneging, 16}, {Counter::BytesAcked, 16 * 200}}},
  };
  return kAttacks;
}

std::vector<const Attack*> honest(const Attack& attack) {
  std::vector<const Attack*> found;
  for (const Attack& other : attacks()) {
    const std::string_view name = other.name;
    const bool same_side = attack.task == Task::Reads ? name == "text" : name == "acks" || name == "last-acks";
    if (same_side && &other != &attack) found.push_back(&other);
  }
  return found;
}

}  // namespace levee::bench
