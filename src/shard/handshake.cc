// From a half-open record to a connection (RFC 9293 3.10.7.4, SYN-RECEIVED): what a segment means to the record, and
// the handshake's ACK, which finds room or has to wait.
#include "base/check.h"
#include "shard/impl.h"
#include "tcp/half_open.h"

namespace levee::shard {

std::optional<Drop> Shard::Impl::to_half_open(std::uint32_t index, Packet& packet, const tcp::Segment& segment) {
  HalfOpenRecord& record = half_open_[index];
  const levee::TcpOptions& options = tcp_options(record.listener);
  switch (tcp::judge(record.tcp, segment, options)) {
    case tcp::HalfOpenVerdict::Accept:
      return accept(index, packet, segment, kNoIndex);
    case tcp::HalfOpenVerdict::ResendSynAck:
      stats_.count(Counter::SynsReceived);
      // RFC 3168 6.1.1.1: a repeated SYN that asks for ECN no more gets none. Otherwise the SYN-ACK is that of the
      // first SYN: one that offers less is no repetition, and would get more than it sent.
      if (!wire::asks_for_ecn(segment.flags)) record.tcp.agreed &= ~wire::SynOffer::kEcn & 0x1f;
      if ((record.tcp.agreed & ~tcp::agree(offer_of(packet).options, tcp::allowed(options), packet.has_room())) != 0) {
        return Drop::HalfOpenMismatch;
      }
      // RFC 7323 4.3: the echo is of the newest one.
      if (segment.options.has_timestamps && tcp::timestamp_before(record.tcp.ts_recent, segment.options.ts_value)) {
        record.tcp.ts_recent = segment.options.ts_value;
      }
      if (!reply_syn_ack(packet, record.tcp, record.listener, tcp::timestamp_clock(now_, record.tcp.ts_offset))) {
        return Drop::ReplyShed;
      }
      stats_.count(Counter::SynAckRetrans);
      return std::nullopt;
    case tcp::HalfOpenVerdict::Acknowledge: {
      tcp::OutSegment ack = tcp::half_open_ack(record.tcp, now_, options);
      // Nobody who did not send timestamps gets 12 bytes more than he sent.
      ack.options.has_timestamps = ack.options.has_timestamps && segment.options.has_timestamps;
      reply(packet, ack);
      return Drop::HalfOpenMismatch;
    }
    case tcp::HalfOpenVerdict::Reset:
      return wrong_ack(index, packet, segment);
    case tcp::HalfOpenVerdict::Remove:
      stats_.count(Counter::InRsts);
      stats_.count(Counter::AttemptFails);
      drop_half_open(index);
      return std::nullopt;
    case tcp::HalfOpenVerdict::Ignore:
      break;
  }
  return Drop::HalfOpenMismatch;
}

// The ACK of another ISS than the record's. The SYN may have been answered by cookie before its repetition was kept:
// then the cookie holds, and while cookies live nothing is reset that could be an honest client's.
std::optional<Drop> Shard::Impl::wrong_ack(std::uint32_t index, Packet& packet, const tcp::Segment& segment) {
  const std::uint16_t listener = half_open_[index].listener;
  if (!takes_cookies(listener)) {
    reply_rst(packet, segment);
    return Drop::HalfOpenMismatch;
  }
  const levee::TcpOptions& options = tcp_options(listener);
  if (!open_cookie(packet, segment, options)) {
    stats_.count(Counter::SyncookiesFailed);
    return Drop::CookieFailed;
  }
  drop_half_open(index);
  std::optional<Drop> drop;
  static_cast<void>(accept_cookie(packet, segment, listener, kNoIndex, drop));
  return drop;
}

std::optional<Drop> Shard::Impl::accept(std::uint32_t half_index, Packet& packet, const tcp::Segment& segment,
                                        std::uint32_t reopened) {
  const HalfOpenRecord half = half_open_[half_index];
  if (const std::optional<Drop> refusal = no_room(half.listener)) {
    half_open_[half_index].refused = true;
    return refusal;
  }
  const std::uint32_t index = establish(half.tcp, half.listener, half.interface, packet, segment);
  if (half.refused) {
    // The ACK that was timed is one that the peer had to send again.
    tcp::RttEstimator& rtt = connections_[index].tcb.rtt;
    rtt = {.syn_was_lost = rtt.syn_was_lost};
  }
  index_.replace(packet.hash, FlowRef(RecordKind::HalfOpen, half_index), FlowRef(RecordKind::Connection, index));
  wheel_.disarm(half_index | kHalfOpenTimer);
  forget(half.key);
  half_open_.put(half_index);
  stats_.leave(State::SynReceived);
  stats_.count(Counter::PassiveOpens);
  stats_.count(Counter::Accepted);
  ++unheard_[half.listener];
  if (reopened != kNoIndex) {
    stats_.count(Counter::TimeWaitRecycled);
    remove_time_wait(reopened);
  }
  return to_connection(index, packet, segment);
}

// Without room the ACK stays unanswered and the client, for whom the connection is there, tries again: never reset,
// never forgotten. Like Linux without tcp_abort_on_overflow, which counts so, too.
std::optional<Drop> Shard::Impl::no_room(std::uint16_t listener) {
  if (unheard_[listener] >= topology_.listener_options(listener).accept_backlog) {
    stats_.count(Counter::ListenOverflows);
    stats_.count(Counter::ListenDrops);
    return Drop::AcceptQueueFull;
  }
  if (connections_.in_use() == connections_.capacity()) {
    stats_.count(Counter::ListenDrops);
    return Drop::ConnectionsFull;
  }
  return std::nullopt;
}

// A connection out of what the SYN said and the handshake's ACK; not in the flow index yet. REQUIRES: no_room() found
// none missing.
std::uint32_t Shard::Impl::establish(const tcp::HalfOpen& half_open, std::uint16_t listener, std::uint16_t came_in,
                                     Packet& packet, const tcp::Segment& ack) {
  const std::uint32_t index = new_connection();
  CHECK(index != kNoIndex);
  ConnectionRecord& record = connections_[index];
  record.key = keep(packet.flow());
  record.tcb.ipv6 = !record.key.is_v4();
  record.listener = listener;
  record.service = topology_.listener_options(listener).service;
  // Without a route the peer is where its SYN came from.
  const auto hop = route_of(packet);
  set_hop(record, hop);
  record.interface = hop ? hop->interface : came_in;
  tcp::Env now = env(record);
  tcp::establish(record.tcb, half_open, ack,
                 topology_.mss_limits(record.interface, now.options, headers_of(record.key)), now);
  // The ACK proves that our SYN-ACK arrived where the SYN came from; that says nothing about another link's next hop.
  if (packet.interface == record.interface) {
    learn_neighbour(hop_of(record), record.interface, packet.ethernet().source);
  }
  return index;
}

}  // namespace levee::shard
