#include "tcp/user_calls.h"

#include <algorithm>

#include "base/check.h"
#include "tcp/compose.h"
#include "tcp/half_open.h"

namespace levee::tcp {

void open_active(Tcb& tcb, Seq iss, std::uint32_t timestamp_offset, Env& env) {
  tcb.iss = tcb.una = tcb.nxt = iss;
  tcb.ts_offset = timestamp_offset;
  take_options(tcb, env.options);
  tcb.syn_owed = true;
  tcb.enter(State::SynSent, env.stats);
  env.stats.count(Counter::ActiveOpens);
}

// 3.10.2: before the connection is synchronized text is queued.
bool may_send(const Tcb& tcb) {
  switch (tcb.state()) {
    case State::SynSent:
    case State::SynReceived:
    case State::Established:
    case State::CloseWait:
      return !tcb.fin_queued;
    default:
      return false;
  }
}

std::uint32_t send_space(const Tcb& tcb, const Env& env) {
  if (!may_send(tcb)) return 0;
  const std::uint32_t queued = unsent_and_unacked(tcb, env.transfers);
  return env.options.send_buffer > queued ? env.options.send_buffer - queued : 0;
}

namespace {

// How much may be added to the send queue: what the buffer has room for; when memory is short, one segment, and only by
// who holds none, so that no connection comes to a standstill.
std::uint32_t room_to_send(const Tcb& tcb, const Env& env) {
  const std::uint32_t space = send_space(tcb, env);
  if (env.may_hold_text) return space;
  return env.may_hold_segment && unsent_and_unacked(tcb, env.transfers) == 0 ? std::min<std::uint32_t>(space, tcb.mss)
                                                                             : 0;
}

}  // namespace

std::uint32_t send(Tcb& tcb, std::span<const std::byte> bytes, Env& env) {
  if (!may_send(tcb) || bytes.empty()) return 0;
  const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), room_to_send(tcb, env)));
  std::uint32_t accepted = 0;
  if (wanted > 0) {
    if (Transfer* transfer = borrow_transfer(tcb, env)) {
      accepted = append_copy(transfer->send, bytes.first(wanted), env.memory());
      return_if_idle(tcb, env);
    }
  }
  if (accepted < bytes.size()) tcb.want_writable = true;
  return accepted;
}

std::uint32_t send_urgent(Tcb& tcb, std::span<const std::byte> bytes, Env& env) {
  const std::uint32_t accepted = send(tcb, bytes, env);
  if (accepted == 0) return 0;
  tcb.urgent_queued = true;
  tcb.snd_up = tcb.una + unsent_and_unacked(tcb, env.transfers) + (tcb.synchronized() ? 0U : 1U);
  // The pointer goes out even where the window keeps the text back (3.8.5; MUST-66 is the other side of this).
  if (tcb.synchronized()) tcb.ack_now = true;
  return accepted;
}

std::span<std::byte> reserve(Tcb& tcb, std::uint32_t wanted, Env& env) {
  wanted = std::min(wanted, room_to_send(tcb, env));
  if (!may_send(tcb)) return {};
  if (wanted > 0) {
    if (Transfer* transfer = borrow_transfer(tcb, env)) {
      SliceQueue& queue = transfer->send;
      if (!queue.empty()) {
        const Slice& last = env.slices[queue.tail].slice;
        if (const std::uint32_t room = std::min(room_behind(last), wanted); room > 0) {
          return {last.block->base + last.block->used, room};
        }
      }
      // An empty piece at the tail holds the blank until commit() fills it.
      if (Block* blank = env.blocks.take(kBlanksForControl)) {
        const bool pushed = push_back(queue, {blank, blank->base, 0}, env.memory());
        env.blocks.drop(blank);
        if (pushed) return {blank->base, std::min<std::size_t>(blank->size, wanted)};
      }
      return_if_idle(tcb, env);
    }
  }
  tcb.want_writable = true;
  return {};
}

void commit(Tcb& tcb, std::uint32_t count, Env& env) {
  if (tcb.transfer == kNoIndex) return;
  SliceQueue& queue = env.transfers[tcb.transfer].send;
  if (queue.empty()) return;
  Slice& last = env.slices[queue.tail].slice;
  Block& block = *last.block;
  count = std::min(count, block.size - block.used);
  last.length += count;
  block.used += count;
  queue.bytes += count;
}

std::uint32_t forward(Tcb& from, Tcb& to, std::uint32_t count, Env& env) {
  const std::uint32_t wanted = std::min(count, readable(from, env.transfers));
  count = std::min(wanted, send_space(to, env));
  std::uint32_t moved = 0;
  if (count > 0) {
    if (Transfer* target = borrow_transfer(to, env)) {
      moved = move_front(env.transfers[from.transfer].receive, target->send, count, env.memory());
      return_if_idle(to, env);
    }
  }
  if (moved < wanted) to.want_writable = true;
  return moved;
}

void consume(Tcb& tcb, std::uint32_t count, Env& env) {
  if (tcb.transfer != kNoIndex) {
    SliceQueue& queue = env.transfers[tcb.transfer].receive;
    pop_front(queue, std::min(count, queue.bytes), env.memory());
    return_if_idle(tcb, env);
  }
  if (tcb.urgent_announced && urgent_offset(tcb, env.transfers) == 0) tcb.urgent_announced = false;
  const bool receiving =
      tcb.state() == State::Established || tcb.state() == State::FinWait1 || tcb.state() == State::FinWait2;
  if (receiving && window_update_due(tcb, env)) tcb.ack_now = true;
}

void close(Tcb& tcb, Env& env) {
  switch (tcb.state()) {
    case State::SynSent:
      tcb.enter(State::Closed, env.stats);
      finish(tcb, CloseCause::Aborted, env);
      return;
    case State::SynReceived:
      break;  // queued until ESTABLISHED
    case State::Established:
      tcb.enter(State::FinWait1, env.stats);
      break;
    case State::CloseWait:
      tcb.enter(State::LastAck, env.stats);
      break;
    default:
      return;
  }
  tcb.fin_queued = true;
  tcb.want_writable = false;
}

void abort(Tcb& tcb, Env& env) {
  if (tcb.state() == State::Closed || tcb.state() == State::TimeWait) {
    // Over already, but perhaps with text that the user no longer wants: then the close can be told.
    if (tcb.transfer != kNoIndex) {
      clear(env.transfers[tcb.transfer].receive, env.memory());
      return_if_idle(tcb, env);
    }
    return;
  }
  // 3.10.5: in CLOSING and LAST-ACK the peer has said all it had to; it may still wait for what we sent, so it is told.
  tcb.rst_owed = tcb.synchronized();
  tcb.enter(State::Closed, env.stats);
  finish(tcb, CloseCause::Aborted, env);
}

}  // namespace levee::tcp
