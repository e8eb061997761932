// Frames in: the burst is taken apart and its buckets are prefetched, then each packet is looked up and handled at its
// own turn, because what one changes the next may need (a cookie's ACK and the request behind it often share a burst).
#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "shard/impl.h"
#include "shard/plain_packet.h"
#include "tcp/segment_arrives.h"
#include "tcp/time_wait.h"
#include "wire/checksum.h"

namespace levee::shard {
namespace {

bool is_ipv6(const Frame& frame) {
  constexpr std::size_t kType = offsetof(wire::EthernetHeader, ether_type);
  return frame.length >= sizeof(wire::EthernetHeader) && load_be16(frame.data + kType) == wire::kEtherTypeIpv6;
}

}  // namespace

void Shard::Impl::receive(std::span<const Frame> frames) {
  while (!frames.empty()) {
    const std::size_t count = std::min(frames.size(), kBurst);
    take_burst(frames.first(count));
    frames = frames.subspan(count);
  }
}

void Shard::Impl::take_burst(std::span<const Frame> frames) {
  std::uint64_t bytes = 0;
#pragma GCC unroll 4
  for (const Frame& frame : frames) {
    // Its headers are in two lines mostly.
    __builtin_prefetch(frame.data);
    __builtin_prefetch(frame.data + 64);
    bytes += frame.length;
  }
  burst_frames_ = frames;
  burst_is_ipv6_ = topology_.has_ipv6() && is_ipv6(frames.front());
  bare_ = burst_is_ipv6_ ? plain_.find(frames, columns_, flow_lanes6_) : plain_.find(frames, columns_, flow_lanes_);
  ipv6_ = burst_is_ipv6_ ? bare_ : 0;
  taken_apart_ = ~bare_;
  auto segments = static_cast<std::uint64_t>(std::popcount(bare_));
  auto buffers = static_cast<std::uint32_t>(frames.size());
  for (std::uint64_t left = ~bare_ & all_of(frames.size()); left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(left));
    for (const Frame* piece = frames[i].next; piece != nullptr; piece = piece->next) {
      ++buffers;
      bytes += piece->length;
    }
    Packet& packet = burst_[i];
    take_apart(frames[i], topology_, packet);
    const bool is_segment = packet.kind == PacketKind::Tcp;
    segments += is_segment ? 1 : 0;
    if (is_segment && !packet.key.is_v4()) {
      set_flow_key(packet.key6(), flow_lanes6_, i);
      ipv6_ |= std::uint64_t{1} << i;
    } else {
      set_flow_key(packet.key, flow_lanes_, i);
    }
  }
  burst_buffers_ = buffers;
  stats_.count(Counter::FramesReceived, frames.size());
  stats_.count(Counter::BuffersIn, buffers);
  stats_.count(Counter::BytesReceived, bytes);
  stats_.count(Counter::InSegs, segments);
  hash_burst(frames.size());
  prepare_cookies(frames.size());

  for (std::size_t i = 0; i < frames.size();) {
    const std::size_t begin = i;
    i = settle_reopenings(i, frames.size());
    i = settle_prepared(i, frames.size());
    if (i == begin) take_turn(packet_at(i++));
  }
}

// A bare frame that columns settle never becomes a Packet.
Packet& Shard::Impl::packet_at(std::size_t place) {
  Packet& packet = burst_[place];
  const std::uint64_t bit = std::uint64_t{1} << place;
  if ((taken_apart_ & bit) == 0) {
    if (burst_is_ipv6_) {
      take_bare<kBareTcp6>(burst_frames_[place], flow_key(flow_lanes6_, place), topology_, packet);
    } else {
      take_bare<kBareTcp4>(burst_frames_[place], flow_key(flow_lanes_, place), topology_, packet);
    }
    taken_apart_ |= bit;
  }
  packet.hash = flow_lanes_.hashes[place];
  return packet;
}

void Shard::Impl::take_turn(Packet& packet) {
  for (const Frame* piece = packet.frame; piece != nullptr; piece = piece->next) --burst_buffers_;
  if (const std::optional<Drop> drop = process(packet, false)) {
    stats_.count(*drop);
  } else {
    stats_.count(Counter::FramesDelivered);
  }
  const Frame* piece = packet.frame_taken ? packet.frame->next : packet.frame;
  for (; piece != nullptr; piece = piece->next) stash_.drop(piece->block);
}

// The flow hash of every packet, though only TCP's is one, and its bucket on the way.
void Shard::Impl::hash_burst(std::size_t count) {
  if ((all_of(count) & ~ipv6_) != 0) sip_.hash_1_3(flow_lanes_, count);
  if (ipv6_ != 0) {
    sip_.hash_1_3(flow_lanes6_, static_cast<std::size_t>(std::bit_width(ipv6_)));
    for (std::uint64_t left = ipv6_; left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      flow_lanes_.hashes[i] = flow_lanes6_.hashes[i];
    }
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < count; ++i) index_.prefetch(flow_lanes_.hashes[i]);
}

// Prefetches the records that the burst's packets probably belong to. Each is looked up again at its own turn, as an
// earlier packet may have made it, or ended it.
void Shard::Impl::look_up_early(std::size_t count) {
  insertions_before_ = index_.insertions();
  maybe_known_ = 0;
  reopenings_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    FlowRef likely;
    if (!index_.may_have(flow_lanes_.hashes[i], likely)) continue;
    maybe_known_ |= std::uint64_t{1} << i;
    switch (likely.kind()) {
      case RecordKind::Connection:
        connections_.prefetch(likely.index());
        break;
      case RecordKind::TimeWait:
        if (!expect_reopening(i, likely.index())) time_wait_.prefetch(likely.index());
        break;
      case RecordKind::HalfOpen:
        half_open_.prefetch(likely.index());
        break;
      case RecordKind::None:
        break;
    }
  }
  prepare_reopenings();
}

void Shard::Impl::deliver(const Message& message) {
  stats_.count(Counter::MailReceived);
  if (const auto* learnt = std::get_if<NeighbourLearnt>(&message)) {
    Neighbour* entry = neighbours_.find_or_add(learnt->address, learnt->interface, now_);
    if (entry == nullptr) {
      stats_.count(Counter::NeighbourTableFull);
      return;
    }
    Neighbours::learn(*entry, learnt->mac, now_);
    wake_waiting();
  } else if (const auto* asked = std::get_if<NeighbourAsked>(&message)) {
    if (Neighbour* entry = neighbours_.find_or_add(asked->address, asked->interface, now_)) {
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
  if (options_.shards > 1 && !forwarded && owner_of(packet.flow()) != options_.index) {
    return forward(packet, owner_of(packet.flow())) ? std::nullopt : std::optional(Drop::MailboxFull);
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
