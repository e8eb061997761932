// Which of three tiers answers a SYN (RFC 4987): the SYN queue, a cookie, or nothing; and what becomes of a cookie that
// comes back. By cookie a SYN costs no buffer, no record, no timer and no neighbour lookup: the reply is written into
// its frame.
#include "base/check.h"
#include "shard/impl.h"
#include "tcp/time_wait.h"
#include "wire/syn_offer.h"

namespace levee::shard {

// RFC 4987 3.7: whether a SYN that comes now is answered by cookie. With SynCookies::Auto: from three quarters of the
// SYN queue on, until it has drained to a quarter; cookie_mode_ is what the last SYN found.
bool Shard::Impl::in_cookie_mode() const {
  if (options_.syn.cookies != SynCookies::Auto) return options_.syn.cookies == SynCookies::Always;
  const std::uint64_t used = half_open_.in_use();
  const std::uint64_t capacity = half_open_.capacity();
  return used * 4 >= capacity * 3 || (cookie_mode_ && used * 4 > capacity);
}

// An ACK to this listener may be a cookie of ours: one was sent lately, or another host of a fleet may have sent it.
bool Shard::Impl::takes_cookies(std::uint16_t listener) const {
  return listener != Topology::kNoListener && !topology_.listener_options(listener).server_first &&
         options_.syn.cookies != SynCookies::Never && cookies_.live(now_);
}

std::optional<Drop> Shard::Impl::answer_syn(Packet& packet, const tcp::Segment& syn, std::uint16_t listener) {
  cookie_mode_ = in_cookie_mode();
  // A lost final ACK is final for a service that speaks first: it is never left to a cookie, which is not repeated.
  if (cookie_mode_ && !topology_.listener_options(listener).server_first) {
    return answer_by_cookie(packet, syn, listener);
  }
  return open_half(packet, syn, listener, kNoIndex);
}

tcp::Seq Shard::Impl::seal_cookie(const Packet& packet, const tcp::HalfOpen& offer,
                                  const levee::TcpOptions& options) const {
  const tcp::MssLimits limits = topology_.mss_limits(packet.interface, options, headers_of(packet.key));
  return packet.key.is_v4() ? cookies_.seal(packet.key, offer, limits) : cookies_.seal(packet.key6(), offer, limits);
}

std::optional<tcp::HalfOpen> Shard::Impl::open_cookie(const Packet& packet, const tcp::Segment& ack,
                                                      const levee::TcpOptions& options) const {
  const tcp::MssLimits limits = topology_.mss_limits(packet.interface, options, headers_of(packet.key));
  const std::uint32_t offset = timestamp_offset(packet.hash);
  return packet.key.is_v4() ? cookies_.open(packet.key, ack, offset, now_, limits, options)
                            : cookies_.open(packet.key6(), ack, offset, now_, limits, options);
}

std::optional<Drop> Shard::Impl::answer_by_cookie(Packet& packet, const tcp::Segment& syn, std::uint16_t listener) {
  const levee::TcpOptions& options = tcp_options(listener);
  tcp::HalfOpen offer =
      tcp::listen(syn.seq, offer_of(packet), packet.has_room(), timestamp_offset(packet.hash), now_, options);
  forget_ecn_without_timestamps(offer);
  offer.iss = seal_cookie(packet, offer, options);
  if (!reply_syn_ack(packet, offer, listener, cookie_timestamp(offer, now_))) return Drop::ReplyShed;
  cookies_.sent(now_);
  stats_.count(Counter::SynAcksSent);
  stats_.count(Counter::SyncookiesSent);
  return std::nullopt;
}

bool Shard::Impl::accept_cookie(Packet& packet, const tcp::Segment& ack, std::uint16_t listener, std::uint32_t reopened,
                                std::optional<Drop>& drop) {
  const levee::TcpOptions& options = tcp_options(listener);
  const auto half_open = open_cookie(packet, ack, options);
  if (!half_open) return false;
  stats_.count(Counter::SyncookiesRecv);
  drop = draining_ ? Drop::Draining : no_room(listener);
  if (drop) return true;
  const std::uint32_t index = establish(*half_open, listener, packet.interface, packet, ack);
  const FlowRef ref(RecordKind::Connection, index);
  if (reopened != kNoIndex) {
    // A half-open record for the same tuple, from a SYN that the client repeated, has lost the race.
    if (time_wait_[reopened].tcp.reopening) drop_half_open(find_reopening(packet.flow(), packet.hash));
    stats_.count(Counter::TimeWaitRecycled);
    remove_time_wait(reopened);
  }
  if (!index_.insert(packet.hash, ref)) {
    // As if it had never been: no peer and no service has heard of it.
    connections_[index].tcb.enter(State::Closed, stats_);
    forget(connections_[index].key);
    connections_.put(index);
    stats_.count(Counter::Closed);
    stats_.count(Counter::ListenDrops);
    drop = Drop::ConnectionsFull;
    return true;
  }
  stats_.count(Counter::PassiveOpens);
  stats_.count(Counter::Accepted);
  ++unheard_[listener];
  ConnectionRecord& record = connections_[index];
  record.unproven = true;
  record.tcb.linger_until = now_ + options_.syn.idle;
  drop = to_connection(index, packet, ack);
  return true;
}

// The entry stays until the new handshake's ACK is valid (MAY-2). A half-open record is the sure way; without one, a
// cookie will do if its number is beyond the old incarnation's or timestamps tell the two apart.
std::optional<Drop> Shard::Impl::reopen_time_wait(std::uint32_t index, Packet& packet, const tcp::Segment& syn,
                                                  std::uint16_t listener) {
  if (half_open_.in_use() < half_open_.capacity()) return open_half(packet, syn, listener, index);
  const levee::TcpOptions& options = tcp_options(listener);
  const tcp::TimeWait& entry = time_wait_[index].tcp;
  // to_time_wait takes no cookie's ACK below the old incarnation's numbers for timestamps that have only just appeared.
  const bool beyond = entry.timestamps || syn.seq >= entry.rcv_nxt;
  if (beyond && options_.syn.cookies != SynCookies::Never && !topology_.listener_options(listener).server_first) {
    const tcp::HalfOpen offer =
        tcp::listen(syn.seq, offer_of(packet), packet.has_room(), timestamp_offset(packet.hash), now_, options);
    const tcp::Seq iss = seal_cookie(packet, offer, options);
    if (iss > entry.snd_nxt || (entry.timestamps && syn.options.has_timestamps)) {
      return answer_by_cookie(packet, syn, listener);
    }
  }
  return syn_queue_full();
}

Drop Shard::Impl::syn_queue_full() {
  stats_.count(Counter::TCPReqQFullDrop);
  stats_.count(Counter::ListenDrops);
  return Drop::SynQueueFull;
}

// A SYN-ACK that nobody asked for again: so many a second, or levee would be an amplifier; in cookie mode only where a
// cookie would not do.
bool Shard::Impl::may_repeat_syn_ack(const HalfOpenRecord& record) {
  const auto second = static_cast<std::uint32_t>(to_milliseconds(now_) / 1000);
  if (second != repeat_second_) {
    repeat_second_ = second;
    repeated_ = 0;
  }
  const bool needed = record.reopens || record.refused || topology_.listener_options(record.listener).server_first;
  if ((needed || !in_cookie_mode()) && repeated_ < options_.synack_retransmit_rate) {
    ++repeated_;
    return true;
  }
  stats_.count(Counter::SynAckLimited);
  return false;
}

// A connection by cookie that has sent nothing is what a forged ACK makes (2^-24 of them do): dropped without a word
// once it has been idle for a while and room is getting short.
bool Shard::Impl::drop_unproven(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  if (record.tcb.linger_until > now_) return false;
  const std::uint64_t capacity =
      std::uint64_t{options_.limits.connections} + options_.limits.time_wait + options_.limits.half_open;
  const bool index_filling = std::uint64_t{index_.size()} * 4 > capacity * 3;
  // What the index holds beside the other kinds: a record that is over has left it, though its service has not heard
  // yet.
  const std::uint64_t live = index_.size() - time_wait_.size() - half_open_.in_use();
  const bool table_filling = live * 4 > std::uint64_t{connections_.capacity()} * 3;
  if (!index_filling && !table_filling) {
    record.tcb.linger_until = now_ + options_.syn.idle;
    return false;
  }
  stats_.count(Counter::CookieIdle);
  tcp::Env now = env(record);
  record.tcb.enter(State::Closed, stats_);
  tcp::finish(record.tcb, CloseCause::TimedOut, now);
  settle(index);
  return true;
}

}  // namespace levee::shard
