// One packet's turn, and mail: who it is for, by the flow index, and what a connection, a TIME-WAIT entry or nobody
// does with it. Bursts are in burst.cc, half-open records in handshake.cc.
#include "base/check.h"
#include "shard/impl.h"
#include "shard/plain_packet.h"
#include "tcp/segment_arrives.h"
#include "tcp/time_wait.h"
#include "wire/checksum.h"

namespace levee::shard {
void Shard::Impl::deliver(const Message& message) {
  stats_.count(Counter::MailReceived);
  if (const auto* learnt = std::get_if<NeighbourLearnt>(&message)) {
    Neighbour* entry = neighbour_at(learnt->address, learnt->interface);
    if (entry == nullptr) return;
    Neighbours::learn(*entry, learnt->mac, now_);
    wake_waiting();
  } else if (const auto* asked = std::get_if<NeighbourAsked>(&message)) {
    if (Neighbour* entry = neighbour_at(asked->address, asked->interface)) {
      static_cast<void>(Neighbours::may_request(*entry, now_));  // remembered as requested now
    }
  } else if (const auto* epoch = std::get_if<KeyEpoch>(&message)) {
    cookies_.change_keys(*epoch);
  } else if (const auto* forwarded = std::get_if<ForwardedFrame>(&message)) {
    const Frame frame = forwarded->frame;
    stats_.count(Counter::FramesReceived);
    stats_.count(Counter::BuffersIn);
    stats_.count(Counter::BytesReceived, frame.length);
    Packet packet;
    take_apart(frame, topology_, packet);
    if (packet.kind == PacketKind::Tcp) {
      stats_.count(Counter::InSegs);
      packet.hash = hash_of(packet.flow());
    }
    const std::optional<Drop> drop = process(packet, true);
    if (drop) {
      stats_.count(*drop);
    } else {
      stats_.count(Counter::FramesDelivered);
    }
    if (!packet.frame_taken) stash_.drop(frame.block);
  } else if (std::holds_alternative<Drain>(message)) {
    draining_ = true;
  } else {
    draining_ = true;
    abort_all();
  }
}

std::optional<Drop> Shard::Impl::process(Packet& packet, bool forwarded) {
  switch (packet.kind) {
    case PacketKind::Tcp:
      return process_tcp(packet, forwarded);
    case PacketKind::Arp:
      return process_arp(packet);
    case PacketKind::Icmp:
      return process_icmp(packet, forwarded);
    case PacketKind::Icmp6:
      return process_icmp6(packet, forwarded);
    case PacketKind::Dropped:
      break;
  }
  if (packet.drop == Drop::BadTcpChecksum || packet.drop == Drop::BadTcpHeader) stats_.count(Counter::InErrs);
  return packet.drop;
}

// The reference under `hash` of the record with this key, in whichever kind; `same` compares keys. A half-open record
// that reopens a TIME-WAIT entry is reached through that entry.
template <typename Same>
FlowRef Shard::Impl::find_record(std::uint64_t hash, Same&& same) const {
  return index_.find(hash, [&](FlowRef ref) {
    switch (ref.kind()) {
      case RecordKind::Connection:
        return same(connections_[ref.index()].key);
      case RecordKind::TimeWait:
        return same(time_wait_[ref.index()].key);
      case RecordKind::HalfOpen:
        return same(half_open_[ref.index()].key) && !half_open_[ref.index()].reopens;
      case RecordKind::None:
        break;
    }
    return false;
  });
}

// A record's key is this IPv6 flow's.
bool Shard::Impl::is_of(const FlowKey4& key, const Addresses6& addresses, const FlowKey4& ports) const {
  return !key.is_v4() && key.local_port == ports.local_port && key.remote_port == ports.remote_port &&
         addresses6_[key.place()] == addresses;
}

FlowRef Shard::Impl::find_flow(const Packet& packet) const {
  const FlowKey4& wanted = packet.key;
  if (wanted.is_v4()) {
    return find_record(packet.hash, [&](const FlowKey4& key) { return key == wanted; });
  }
  const Addresses6& addresses = packet.addresses6();
  return find_record(packet.hash, [&](const FlowKey4& key) { return is_of(key, addresses, wanted); });
}

FlowRef Shard::Impl::find_flow(const FlowKey& flow, std::uint64_t hash) const {
  const FlowKey6 flow6 = flow.v6();
  return find_record(hash, [&](const FlowKey4& key) {
    return flow.is_v4() ? key == flow.v4() : is_of(key, flow6.addresses, flow.v4());
  });
}

std::uint32_t Shard::Impl::find_reopening(const FlowKey& flow, std::uint64_t hash) const {
  const FlowKey6 flow6 = flow.v6();
  const FlowRef ref = index_.find(hash, [&](FlowRef candidate) {
    if (candidate.kind() != RecordKind::HalfOpen || !half_open_[candidate.index()].reopens) return false;
    const FlowKey4& key = half_open_[candidate.index()].key;
    return flow.is_v4() ? key == flow.v4() : is_of(key, flow6.addresses, flow.v4());
  });
  return ref ? ref.index() : kNoIndex;
}

std::optional<Drop> Shard::Impl::process_tcp(Packet& packet, bool forwarded) {
  const FlowRef ref = find_flow(packet);
  const tcp::Segment segment = segment_of(packet, pieces_);
  switch (ref.kind()) {
    case RecordKind::Connection:
      return to_connection(ref.index(), packet, segment);
    case RecordKind::TimeWait:
      return to_time_wait(ref.index(), packet, segment);
    case RecordKind::HalfOpen:
      return to_half_open(ref.index(), packet, segment);
    case RecordKind::None:
      break;
  }
  return to_nobody(packet, segment, forwarded);
}

std::optional<Drop> Shard::Impl::to_connection(std::uint32_t index, Packet& packet, const tcp::Segment& segment) {
  ConnectionRecord& record = connections_[index];
  tcp::Env now = env(record);
  const tcp::Seq una = record.tcb.una;
  tcp::Arrival arrival;
  if (record.tcb.state() == State::SynSent) {
    arrival = tcp::segment_arrives_in_syn_sent(
        record.tcb, segment, topology_.mss_limits(record.interface, now.options, headers_of(record.key)), now);
  } else {
    arrival = tcp::segment_arrives(record.tcb, segment, now);
  }
  if (arrival.send_rst) reply_rst(packet, segment);
  // Forward progress proves that the next hop works (RFC 4861 7.3.1's idea, for ARP).
  if (record.tcb.una != una) confirm_neighbour(record, packet.ethernet().source);
  settle(index);
  return arrival.drop;
}

std::optional<Drop> Shard::Impl::to_time_wait(std::uint32_t index, Packet& packet, const tcp::Segment& segment) {
  const tcp::TimeWaitVerdict verdict = tcp::judge(time_wait_[index].tcp, segment);
  if (time_wait_[index].tcp.reopening) {
    const std::uint32_t half = find_reopening(packet.flow(), packet.hash);
    CHECK(half != kNoIndex);
    const HalfOpenRecord& record = half_open_[half];
    switch (tcp::judge(record.tcp, segment, tcp_options(record.listener))) {
      case tcp::HalfOpenVerdict::Accept:
        return accept(half, packet, segment, index);
      case tcp::HalfOpenVerdict::ResendSynAck:
      case tcp::HalfOpenVerdict::Remove:
        return to_half_open(half, packet, segment);
      default:
        break;  // not the new incarnation's: let the old one judge it
    }
  }
  // A cookie's ACK, if its SYN would have been allowed to reopen; only success removes the entry.
  const std::uint16_t cookie_listener = listener_of(packet);
  if (segment.has(wire::kAck) && !segment.has(wire::kSyn) && !segment.has(wire::kRst) &&
      takes_cookies(cookie_listener)) {
    tcp::Segment syn = segment;
    syn.seq = segment.seq - 1;
    syn.flags = wire::kSyn;
    std::optional<Drop> drop;
    // RFC 6191 honours timestamps that appear whatever the number, as a handshake follows. Here it is over: an old
    // duplicate from before the peer gave up timestamps must not be taken for its last step.
    const bool beyond = time_wait_[index].tcp.timestamps || syn.seq >= time_wait_[index].tcp.rcv_nxt;
    if (beyond && tcp::judge(time_wait_[index].tcp, syn) == tcp::TimeWaitVerdict::Reopen &&
        accept_cookie(packet, segment, cookie_listener, index, drop)) {
      return drop;
    }
  }
  const std::uint32_t offset = timestamp_offset(packet.hash);
  switch (verdict) {
    case tcp::TimeWaitVerdict::Restart:
      stats_.count(Counter::TimeWaitRestarted);
      time_wait_.restart(index, now_);
      reply(packet, tcp::time_wait_ack(time_wait_[index].tcp, offset, now_));
      return std::nullopt;
    case tcp::TimeWaitVerdict::Acknowledge: {
      tcp::OutSegment ack = tcp::time_wait_ack(time_wait_[index].tcp, offset, now_);
      // As for a half-open record: a SYN-ACK without timestamps gets no more than it brought.
      ack.options.has_timestamps = ack.options.has_timestamps && segment.options.has_timestamps;
      reply(packet, ack);
      return Drop::TimeWaitIgnored;
    }
    case tcp::TimeWaitVerdict::Reopen: {
      const std::uint16_t listener = listener_of(packet);
      if (listener == Topology::kNoListener || time_wait_[index].tcp.reopening) return Drop::TimeWaitIgnored;
      if (draining_) return Drop::Draining;
      stats_.count(Counter::SynsReceived);
      return reopen_time_wait(index, packet, segment, listener);
    }
    case tcp::TimeWaitVerdict::Ignore:
      break;
  }
  return Drop::TimeWaitIgnored;
}

// RFC 9293 3.10.7.1 and 3.10.7.2: CLOSED and LISTEN.
std::optional<Drop> Shard::Impl::to_nobody(Packet& packet, const tcp::Segment& segment, bool forwarded) {
  if (options_.shards > 1 && !forwarded) {
    const unsigned owner = owner_of(packet.flow());
    if (owner != options_.index) return forward(packet, owner) ? std::nullopt : std::optional(Drop::MailboxFull);
  }
  if (segment.has(wire::kRst)) return Drop::NoConnection;
  if (segment.has(wire::kSyn) && !segment.has(wire::kAck)) {
    stats_.count(Counter::SynsReceived);
    const std::uint16_t listener = listener_of(packet);
    if (listener == Topology::kNoListener) {
      reply_rst(packet, segment);
      return Drop::NoListener;
    }
    if (draining_) return Drop::Draining;
    return answer_syn(packet, segment, listener);
  }
  const std::uint16_t listener = listener_of(packet);
  if (takes_cookies(listener) && segment.has(wire::kAck) && !segment.has(wire::kSyn)) {
    std::optional<Drop> drop;
    if (accept_cookie(packet, segment, listener, kNoIndex, drop)) return drop;
    // Never reset while cookies live: the client's final ACK and first segment may be lost, and the one that arrives
    // first would kill a connection whose retransmission carries the right number.
    stats_.count(Counter::SyncookiesFailed);
    return Drop::CookieFailed;
  }
  reply_rst(packet, segment);
  return Drop::NoConnection;
}

bool Shard::Impl::forward(Packet& packet, unsigned owner) {
  // A chain would need all its pieces' descriptors to travel; the devices that need this hand over single buffers.
  Mailbox* outbox = outboxes_[owner];
  if (packet.frame->next != nullptr || outbox == nullptr || !outbox->push(ForwardedFrame{*packet.frame})) return false;
  stats_.count(Counter::MailSent);
  stats_.count(Counter::BuffersOut);
  packet.frame_taken = true;
  return true;
}

}  // namespace levee::shard
