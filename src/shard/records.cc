// The life of records: connections, half-open ones and TIME-WAIT entries; their timers; the lists that they wait on.
#include <algorithm>

#include "base/check.h"
#include "shard/impl.h"
#include "tcp/time_wait.h"
#include "tcp/timeouts.h"
#include "tcp/user_calls.h"

namespace levee::shard {
namespace {

constexpr std::uint8_t kMostDoublings = 3;  // of a half-open record's timeout, unless --synack_retries wants more

void push(RecordList& list, IndexPool<ConnectionRecord>& records, std::uint32_t index,
          std::uint32_t ConnectionRecord::*next) {
  records[index].*next = kNoIndex;
  if (list.tail == kNoIndex) {
    list.head = index;
  } else {
    records[list.tail].*next = index;
  }
  list.tail = index;
  ++list.size;
}

std::uint32_t pop(RecordList& list, IndexPool<ConnectionRecord>& records, std::uint32_t ConnectionRecord::*next) {
  const std::uint32_t index = list.head;
  list.head = records[index].*next;
  if (list.head == kNoIndex) list.tail = kNoIndex;
  --list.size;
  return index;
}

}  // namespace

tcp::Env Shard::Impl::env_for(std::uint16_t listener) {
  const std::uint64_t held = held_buffers();
  return {.now = now_,
          .stats = stats_,
          .options = tcp_options(listener),
          .transfers = transfers_,
          .slices = slices_,
          .blocks = stash_,
          .may_hold_text = may_hold_text(held),
          .may_hold_segment = held < options_.limits.held_buffers};
}

// What is not on its way out or blank is held by payload.
std::uint64_t Shard::Impl::held_buffers() const {
  return stats_.value(Counter::BuffersIn) - stats_.value(Counter::BuffersOut) - burst_buffers_ - stash_.available() -
         stash_.released().size();
}

// The last eighth of buffers and slice nodes is for the one segment of those who hold none.
bool Shard::Impl::may_hold_text(std::uint64_t held) const {
  return held + options_.limits.held_buffers / 8 < options_.limits.held_buffers &&
         slices_.in_use() < slices_.capacity() - slices_.capacity() / 8;
}

ConnectionRecord* Shard::Impl::resolve(std::uint32_t index, std::uint32_t generation) {
  if (!connections_.is_taken(index)) return nullptr;
  ConnectionRecord& record = connections_[index];
  return record.generation == generation ? &record : nullptr;
}

std::uint32_t Shard::Impl::new_connection() {
  const std::uint32_t index = connections_.take();
  if (index == kNoIndex) return kNoIndex;
  ConnectionRecord& record = connections_[index];
  const std::uint32_t generation = record.generation + 1;
  record = {};
  record.generation = generation;
  stats_.count(Counter::Opened);
  return index;
}

void Shard::Impl::push_ready(std::uint32_t index) {
  if (connections_[index].on_ready) return;
  connections_[index].on_ready = true;
  push(ready_, connections_, index, &ConnectionRecord::next_ready);
}

void Shard::Impl::push_output(std::uint32_t index) {
  if (connections_[index].on_output) return;
  connections_[index].on_output = true;
  push(output_, connections_, index, &ConnectionRecord::next_output);
}

std::uint32_t Shard::Impl::pop_output() {
  const std::uint32_t index = pop(output_, connections_, &ConnectionRecord::next_output);
  connections_[index].on_output = false;
  return index;
}

void Shard::Impl::settle(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  const State state = record.tcb.state();
  if (record.unproven && (state != State::Established || (record.tcb.events & tcp::kDataEvent) != 0)) {
    record.unproven = false;
    if (state != State::FinWait2) record.tcb.linger_until = kNever;
  }
  if (!record.detached && (state == State::Closed || state == State::TimeWait)) detach(index);
  // A close is told once everything that arrived has been read; until then the service goes on reading.
  constexpr auto kBeforeClosed = static_cast<std::uint8_t>(~tcp::kClosedEvent);
  const bool closed_due = (record.tcb.events & tcp::kClosedEvent) != 0 && tcp::readable(record.tcb, transfers_) == 0;
  if ((record.tcb.events & kBeforeClosed) != 0 || closed_due) push_ready(index);
  if (tcp::wants_output(record.tcb, transfers_)) push_output(index);
  update_timer(index);
}

// The connection's tuple is given up: to a TIME-WAIT entry, or to whoever wants it.
void Shard::Impl::detach(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  const FlowKey flow = flow_of(record.key);
  const std::uint64_t hash = hash_of(flow);
  const FlowRef ref(RecordKind::Connection, index);
  record.detached = true;
  if (record.tcb.state() != State::TimeWait) {
    index_.erase(hash, ref);
    return;
  }
  if (time_wait_.full()) {
    if (time_wait_.size() == 0) {  // --time_wait entries may be 0
      index_.erase(hash, ref);
      return;
    }
    stats_.count(Counter::TimeWaitEvicted);
    remove_time_wait(time_wait_.oldest());
  }
  const std::uint32_t entry = time_wait_.add(keep(flow), tcp::time_wait(record.tcb), now_);
  index_.replace(hash, ref, FlowRef(RecordKind::TimeWait, entry));
  stats_.enter(State::TimeWait);
  stats_.count(Counter::TimeWaitEntered);
}

void Shard::Impl::reap(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  // What is still owed to the peer (the last ACK, an RST) goes out first; transmit() comes back here.
  if (record.on_output) return;
  CHECK(record.detached && !record.on_ready);
  tcp::Env now = env(record);
  tcp::finish(record.tcb, CloseCause::Aborted, now);
  CHECK(record.tcb.transfer == kNoIndex);
  wheel_.disarm(index);
  forget(record.key);
  connections_.put(index);
  stats_.count(Counter::Closed);
}

std::optional<Ready> Shard::Impl::next_ready() {
  if (reap_next_ != kNoIndex) {
    reap(reap_next_);
    reap_next_ = kNoIndex;
  }
  if (ready_.size == 0) return std::nullopt;
  const std::uint32_t index = pop(ready_, connections_, &ConnectionRecord::next_ready);
  ConnectionRecord& record = connections_[index];
  record.on_ready = false;
  const std::uint8_t events = record.tcb.events;
  const bool unread = tcp::readable(record.tcb, transfers_) > 0;
  Ready ready;
  ready.connection = Connection(&self_, index, record.generation);
  ready.service = record.service;
  ready.opened = (events & tcp::kOpenedEvent) != 0;
  if (ready.opened && record.listener != kActiveOpen) --unheard_[record.listener];
  ready.urgent = (events & tcp::kUrgentEvent) != 0;
  ready.urgent_offset = tcp::urgent_offset(record.tcb, transfers_);
  ready.data = (events & tcp::kDataEvent) != 0;
  ready.peer_closed = (events & tcp::kPeerClosedEvent) != 0;
  ready.writable = (events & tcp::kWritableEvent) != 0;
  ready.reported = (events & tcp::kReportEvent) != 0;
  ready.report = record.tcb.report;
  ready.closed = (events & tcp::kClosedEvent) != 0 && !unread;
  ready.cause = record.tcb.cause;
  record.tcb.events = ready.closed ? std::uint8_t{0} : static_cast<std::uint8_t>(events & tcp::kClosedEvent);
  if (ready.closed) {
    record.told_closed = true;
    stats_.count(record.tcb.cause);
    reap_next_ = index;
  }
  return ready;
}

void Shard::Impl::update_timer(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  const Instant deadline = record.tcb.deadline();
  if (deadline == kNever) return;  // an armed entry fires for nothing and is gone
  // Lazy: only an earlier deadline moves the entry; a later one is armed again when the entry fires.
  if (wheel_.fires_by(index, deadline)) return;
  wheel_.arm(index, deadline);
}

Instant Shard::Impl::synack_due(unsigned retransmits) const {
  const unsigned doublings = std::min(retransmits, std::max<unsigned>(options_.synack_retries, kMostDoublings));
  return now_ + options_.synack_timeout * (std::int64_t{1} << doublings);
}

void Shard::Impl::arm_half_open(std::uint32_t index) {
  wheel_.arm(index | kHalfOpenTimer, synack_due(half_open_[index].tcp.retransmits));
}

// A peer whose ACK was refused counts itself as connected and may be waiting for us to speak, so it is not given up
// with --synack_retries but like a connection: R2 of RFC 9293 3.8.3, three minutes for a SYN (MUST-23).
bool Shard::Impl::may_give_up(const HalfOpenRecord& record) const {
  if (record.tcp.retransmits < options_.synack_retries) return false;
  const std::uint32_t age_ms = static_cast<std::uint32_t>(to_milliseconds(now_)) - record.tcp.sent_ms;
  return !record.refused || std::chrono::milliseconds(age_ms) >= std::chrono::minutes(3);
}

void Shard::Impl::half_open_timeout(std::uint32_t index) {
  HalfOpenRecord& record = half_open_[index];
  if (may_give_up(record)) {
    stats_.count(Counter::HalfOpenTimeouts);
    stats_.count(Counter::AttemptFails);
    drop_half_open(index);
    return;
  }
  if (record.tcp.retransmits < tcp::HalfOpen::kMostRetransmits) ++record.tcp.retransmits;
  const levee::TcpOptions& options = tcp_options(record.listener);
  const tcp::OutSegment segment =
      tcp::syn_ack(record.tcp, now_, topology_.mss_limits(record.interface, options, headers_of(record.key)), options);
  const Way way{.to = record.mac, .interface = record.interface, .ts_offset = record.tcp.ts_offset};
  if (may_repeat_syn_ack(record) && send_segment(record.key, segment, way)) {
    stats_.count(Counter::SynAckRetrans);
    stats_.count(Counter::RetransSegs);
  }
  arm_half_open(index);
}

void Shard::Impl::drop_half_open(std::uint32_t index) {
  const HalfOpenRecord& record = half_open_[index];
  const FlowKey flow = flow_of(record.key);
  const std::uint64_t hash = hash_of(flow);
  index_.erase(hash, FlowRef(RecordKind::HalfOpen, index));
  if (record.reopens) {
    const FlowRef waiting = find_flow(flow, hash);
    CHECK(waiting.kind() == RecordKind::TimeWait);
    time_wait_[waiting.index()].tcp.reopening = false;
  }
  wheel_.disarm(index | kHalfOpenTimer);
  forget(record.key);
  half_open_.put(index);
  stats_.leave(State::SynReceived);
}

void Shard::Impl::remove_time_wait(std::uint32_t index) {
  const FlowKey4 key = time_wait_[index].key;
  const FlowKey flow = flow_of(key);
  const std::uint64_t hash = hash_of(flow);
  if (time_wait_[index].tcp.reopening) {
    // A half-open record outlives its entry and becomes an ordinary one. (When the record was just accepted there is
    // none.)
    const std::uint32_t half = find_reopening(flow, hash);
    if (half != kNoIndex) half_open_[half].reopens = false;
  }
  index_.erase(hash, FlowRef(RecordKind::TimeWait, index));
  forget(key);
  time_wait_.remove(index);
  stats_.leave(State::TimeWait);
}

bool Shard::Impl::expire() {
  const std::size_t budget = options_.limits.timers_per_expire;
  for (std::size_t n = 0; time_wait_.next_expiry(now_) <= now_; ++n) {
    if (n == budget) return false;
    stats_.count(Counter::TimeWaitExpired);
    remove_time_wait(time_wait_.oldest());
  }
  return wheel_.advance(now_, budget, [this](std::uint32_t id) {
    if ((id & kHalfOpenTimer) != 0) {
      half_open_timeout(id & ~kHalfOpenTimer);
      return;
    }
    ConnectionRecord& record = connections_[id];
    if (record.unproven && drop_unproven(id)) return;
    if (record.tcb.deadline() <= now_) {
      tcp::Env now = env(record);
      tcp::timeouts(record.tcb, now);
    }
    settle(id);
  });
}

Instant Shard::Impl::next_deadline() const { return std::min(wheel_.next_deadline(), time_wait_.next_expiry(now_)); }

void Shard::Impl::abort_all() {
  for (std::uint32_t i = 0; i < half_open_.high_water(); ++i) {
    if (half_open_.is_taken(i)) drop_half_open(i);
  }
  for (std::uint32_t i = 0; i < connections_.high_water(); ++i) {
    if (!connections_.is_taken(i)) continue;
    ConnectionRecord& record = connections_[i];
    tcp::Env now = env(record);
    tcp::abort(record.tcb, now);
    // In TIME-WAIT or CLOSED already, but with bytes that nobody reads: they are dropped so that the close can be told.
    tcp::consume(record.tcb, tcp::readable(record.tcb, transfers_), now);
    if (!record.told_closed) settle(i);
  }
}

ConnectResult Shard::Impl::connect(const SocketAddress& remote, std::uint16_t service, SocketAddress local) {
  if (draining_) return {.error = ConnectError::Draining, .connection = {}};
  // MUST-46: not to broadcast, multicast or ourselves.
  const IpAddress& to = remote.address;
  if (remote.tcp_port == 0 || !to.is_valid_source() || topology_.is_ours(to) ||
      (to.is_v4() && topology_.is_directed_broadcast(to.v4()))) {
    return {.error = ConnectError::BadAddress, .connection = {}};
  }
  const auto hop = topology_.route(to);
  if (!hop) return {.error = ConnectError::NoSourceAddress, .connection = {}};
  // MUST-43, MUST-44: an address of ours that was asked for, else the one that the route says.
  if (local.address.is_unspecified()) {
    local.address = hop->source;
  } else if (!topology_.is_ours(local.address) || local.address.is_v4() != to.is_v4()) {
    return {.error = ConnectError::NoSourceAddress, .connection = {}};
  }

  // A free TCP port whose replies the NIC hands to this shard, drawn anew each time (RFC 6056 3.3.2): neighbouring
  // ports would not do, as under some Toeplitz keys a hundred of them in a row belong to one shard.
  constexpr std::uint32_t kFirst = 32768, kPorts = 28232;  // Linux's ip_local_port_range
  const std::uint32_t tries = local.tcp_port != 0 ? 1 : 64U * options_.shards;
  FlowKey flow(local, remote);
  bool found = false;
  for (std::uint32_t n = 0; n < tries && !found; ++n) {
    if (local.tcp_port == 0) {
      flow = FlowKey({local.address, static_cast<std::uint16_t>(kFirst + random_.below(kPorts))}, remote);
    }
    if (options_.shards > 1 && owner_of(flow) != options_.index) continue;
    found = !find_flow(flow, hash_of(flow));
  }
  if (!found) return {.error = ConnectError::NoLocalPort, .connection = {}};

  const std::uint64_t hash = hash_of(flow);
  const std::uint32_t index = new_connection();
  if (index == kNoIndex) return {.error = ConnectError::NoResource, .connection = {}};
  if (!index_.insert(hash, FlowRef(RecordKind::Connection, index))) {
    connections_.put(index);
    stats_.count(Counter::Closed);
    return {.error = ConnectError::NoResource, .connection = {}};
  }
  ConnectionRecord& record = connections_[index];
  record.key = keep(flow);  // both addresses, for the connection's life (MUST-45)
  record.tcb.ipv6 = !record.key.is_v4();
  set_hop(record, hop);
  record.service = service;
  record.interface = hop->interface;
  tcp::Env now = env(record);
  tcp::open_active(record.tcb, initial_sequence_number(secret_hash(secrets_.isn_key, flow), now_),
                   timestamp_offset(hash), now);
  settle(index);
  return {.error = ConnectError::None, .connection = Connection(&self_, index, record.generation)};
}

void Shard::Impl::wait_for_buffers(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  if (starved_.size() < starved_.capacity()) {
    starved_.push_back({index, record.generation});
  } else {
    record.tcb.events |= tcp::kWritableEvent;  // it asks again in every loop: wasteful, never wrong
  }
}

// Wakes those for whom a send would succeed now; the others wait on.
void Shard::Impl::feed_starved() {
  if (starved_.empty() || stash_.available() <= tcp::kBlanksForControl || slices_.in_use() == slices_.capacity())
    return;
  std::size_t kept = 0;
  for (const Waiting& starved : starved_) {
    ConnectionRecord* record = resolve(starved.index, starved.generation);
    if (record == nullptr || record->told_closed) continue;
    const bool has_queues = record->tcb.transfer != kNoIndex || transfers_.in_use() < transfers_.capacity();
    const std::uint64_t held = held_buffers();
    const bool has_room = may_hold_text(held) || (held < options_.limits.held_buffers &&
                                                  tcp::unsent_and_unacked(record->tcb, transfers_) == 0);
    if (!has_queues || !has_room) {
      starved_[kept++] = starved;
      continue;
    }
    record->tcb.events |= tcp::kWritableEvent;
    settle(starved.index);
  }
  starved_.resize(kept);
}

void Shard::Impl::give_blank(Block* blank) {
  stats_.count(Counter::BuffersIn);
  stash_.give(blank);
}

Block* Shard::Impl::next_released() {
  Block* block = stash_.released().pop();
  if (block != nullptr) stats_.count(Counter::BuffersOut);
  return block;
}

}  // namespace levee::shard
