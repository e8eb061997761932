// What every misbehaving peer holds against levee: bytes, and how many of them may be in flight; see rogue_peer.h.
#include <fmt/format.h>

#include <algorithm>

#include "sim/rogue_peer.h"

namespace levee::sim {
namespace {

constexpr std::uint32_t kLeastMss = 88;       // TcpOptions::min_peer_mss
constexpr std::uint32_t kLongest = 1U << 24;  // no stream is

std::int32_t distance(std::uint32_t from, std::uint32_t to) { return static_cast<std::int32_t>(to - from); }

}  // namespace

// A late copy of what levee sent in the life before.
bool RoguePeer::is_of_life_before(const TcpPacket& packet) const {
  const std::uint64_t most = to_receive_ + 2;  // SYN, text and FIN
  return irs_before_ && packet.sequence - *irs_before_ <= most && packet.sequence - irs_ > most;
}

void RoguePeer::check_text(const TcpPacket& packet) {
  const std::uint64_t offset = packet.sequence - irs_ - 1;
  const std::uint64_t text_end = offset + packet.payload.size();
  if (offset > to_receive_ && offset < 0x80000000U) return fail("levee sends beyond the end of its stream");
  if (offset < 0x80000000U) {
    const std::size_t same = levee_stream_.first_difference(offset, packet.payload);
    if (same != packet.payload.size()) fail(fmt::format("levee sends a wrong byte at offset {}", offset + same));
    if (text_end > to_receive_) fail("levee sends beyond the end of its stream");
    if (packet.has(kFin) && text_end != to_receive_) fail("levee's FIN is not at the end of its stream");
  }
  const std::uint32_t end = packet.sequence + static_cast<std::uint32_t>(packet.payload.size());
  if (distance(seen_max_, end) > 0) seen_max_ = end;
}

void RoguePeer::overhear(const TcpPacket& packet) {
  const std::uint32_t end = packet.sequence + static_cast<std::uint32_t>(packet.payload.size());
  const std::uint32_t offset = end - irs_ - 1;
  // Of this incarnation, and new.
  if (!opened_ || reset_ || packet.payload.empty() || offset > kLongest || distance(sent_max_, end) <= 0) return;
  sent_max_ = end;
  if (watches_offers_ && distance(offered_edge_, end) > 1) {  // a probe of a closed window is one octet beyond
    fail(fmt::format("levee sends {} bytes beyond any window offered", distance(offered_edge_, end)));
  }
  const std::uint64_t segment = std::max<std::uint32_t>(setup_.mss, kLeastMss);
  const std::uint64_t initial = std::max<std::uint64_t>(10 * segment, 14600);  // RFC 6928
  // Each duplicate ACK may have let one segment more go (RFC 5681 3.2), and a lost tail is probed (RFC 8985 7).
  const std::uint64_t acked = acked_high_ - irs_ - 1;
  const std::uint64_t bound = initial + acked + (duplicate_acks_ + 2) * segment;
  if (bounds_flight() && distance(acked_high_, end) > 0 && end - acked_high_ > bound) {
    fail(fmt::format("levee has {} bytes in flight, {} are the most that {} acknowledged ones allow", end - acked_high_,
                     bound, acked));
  }
}

}  // namespace levee::sim
