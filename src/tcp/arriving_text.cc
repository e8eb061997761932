#include "tcp/arriving_text.h"

#include "tcp/reassembly.h"

namespace levee::tcp {
namespace {

bool receives_text(State state) {
  return state == State::Established || state == State::FinWait1 || state == State::FinWait2;
}

// RFC 5681 4.2 and RFC 9293 3.8.6.3 (SHLD-18, SHLD-19): at least every second segment is acknowledged at once, and a
// connection starts with immediate ACKs so that the peer's window opens quickly. They are only owed here: a burst is
// taken in as a whole before one ACK leaves for all of it (MUST-58, MUST-59).
void owe_ack_for_text(Tcb& tcb, Env& env) {
  if (tcb.quick_acks > 0) {
    --tcb.quick_acks;
    tcb.ack_now = true;
  } else if (++tcb.segments_unacked >= 2) {
    tcb.ack_now = true;
  } else if (tcb.delayed_ack_at == kNever) {
    tcb.delayed_ack_at = env.now + env.options.delayed_ack;
  }
}

}  // namespace

void owe_dsack(Tcb& tcb, Seq begin, Seq end) {
  if (!tcb.sack || tcb.dsack_owed || begin >= end) return;  // the first of several is told
  tcb.dsack_owed = true;
  tcb.dsack_begin = begin;
  tcb.dsack_end = end;
}

void congestion_marks_arrive(Tcb& tcb, const Segment& segment) {
  if (!tcb.ecn) return;
  if (segment.has(wire::kCwr)) tcb.ece_owed = false;
  if (segment.ecn == wire::kCe && segment.payload_length > 0) tcb.ece_owed = true;
}

// MUST-30, MUST-32: told whenever there was no urgent data pending, and whenever the pointer advances.
void urgent_pointer_arrives(Tcb& tcb, const Segment& segment, const Env& env) {
  if (!segment.has(wire::kUrg) || !receives_text(tcb.state())) return;
  const Seq end = segment.seq + segment.urgent_pointer;  // MUST-62: the octet after the urgent data
  const Seq first_unread = tcb.rcv_nxt - readable(tcb, env.transfers);
  if (end <= first_unread || (tcb.urgent_announced && end <= tcb.rcv_up)) return;
  tcb.urgent_announced = true;
  tcb.rcv_up = end;
  tcb.events |= kUrgentEvent;
  env.stats.count(Counter::UrgentPointers);
}

std::optional<Drop> text_arrives(Tcb& tcb, const Segment& segment, Env& env) {
  if (!receives_text(tcb.state())) {
    tcb.ack_now = true;
    return Drop::DataAfterClose;
  }
  const Seq begin = later(segment.seq, tcb.rcv_nxt);
  owe_dsack(tcb, segment.seq, earlier(segment.seq + segment.payload_length, tcb.rcv_nxt));
  Seq end = earlier(segment.seq + segment.payload_length, later(tcb.rcv_edge, tcb.rcv_nxt));
  if (tcb.fin_arrived) end = earlier(end, tcb.fin_seq);
  if (begin >= end) {
    tcb.ack_now = true;  // a duplicate, or beyond the window: the sender must hear where we are
    if (segment.seq >= tcb.rcv_nxt) return Drop::ReceiveQueueFull;
    return Drop::OutOfWindow;
  }
  const std::uint32_t skip = begin - segment.seq;
  const bool in_order = begin == tcb.rcv_nxt;
  // When memory is short, whoever has nothing unread may still take the next segment: or text that waits to be sent
  // could keep out the very text whose reading would set it free.
  const bool may_hold = env.may_hold_text || (env.may_hold_segment && in_order && readable(tcb, env.transfers) == 0);
  Transfer* transfer = may_hold ? borrow_transfer(tcb, env) : nullptr;
  if (transfer == nullptr) return Drop::BuffersFull;

  Inserted result = Inserted::Queued;
  const Seq before = tcb.rcv_nxt;
  if (in_order && transfer->out_of_order.empty()) {
    const Appended appended = append(transfer->receive, segment.payload, skip, end - begin, env.memory());
    tcb.rcv_nxt += appended.bytes;
    if (appended.copied) env.stats.count(Counter::RcvCollapsed);
    if (tcb.rcv_nxt != end) result = Inserted::Full;
    owe_ack_for_text(tcb, env);
  } else {
    // RFC 5681 4.2: an out-of-order segment, and one that fills a hole, is acknowledged at once (SHLD-31, MAY-13).
    tcb.ack_now = true;
    if (!in_order) env.stats.count(Counter::TCPOFOQueue);
    std::optional<TextSpan> repeated;
    result = insert(transfer->out_of_order, {begin, end, in_order}, skip, segment.payload, env.memory(), repeated);
    if (repeated) {
      env.stats.count(Counter::TCPOFOMerge);
      owe_dsack(tcb, repeated->begin, repeated->end);
    }
    tcb.rcv_nxt = take_in_order(transfer->out_of_order, tcb.rcv_nxt, transfer->receive, env.memory());
  }
  if (tcb.rcv_nxt != before) {
    env.stats.count(Counter::BytesDelivered, tcb.rcv_nxt - before);
    tcb.events |= kDataEvent;
  }
  return_if_idle(tcb, env);
  if (result == Inserted::Full) return in_order ? Drop::BuffersFull : Drop::OutOfOrderFull;
  return std::nullopt;
}

void fin_arrives(Tcb& tcb, const Segment& segment, Env& env) {
  // RFC 5681 4.2: out of order it is answered at once, and again when it is repeated.
  if (segment.has(wire::kFin) && tcb.fin_arrived && !tcb.fin_received) tcb.ack_now = true;
  if (segment.has(wire::kFin) && !tcb.fin_arrived) {
    const Seq position = segment.seq + segment.payload_length;
    const bool in_window_or_next = position >= tcb.rcv_nxt && position <= later(tcb.rcv_edge, tcb.rcv_nxt);
    // Text that lies beyond it was there first, so it cannot be the end.
    const bool text_beyond =
        tcb.transfer != kNoIndex && ends_beyond(env.transfers[tcb.transfer].out_of_order, position);
    if (in_window_or_next && !text_beyond) {
      tcb.ack_now = true;  // in or out of order, it is answered at once
      tcb.fin_arrived = true;
      tcb.fin_seq = position;
    }
  }
  if (!tcb.fin_arrived || tcb.fin_received || tcb.rcv_nxt != tcb.fin_seq) return;
  tcb.fin_received = true;
  tcb.rcv_nxt += 1;
  tcb.ack_now = true;
  tcb.events |= kPeerClosedEvent;
  switch (tcb.state()) {
    case State::Established:
      tcb.enter(State::CloseWait, env.stats);
      return;
    case State::FinWait1:
      // "If our FIN has been ACKed (perhaps in this segment), then enter TIME-WAIT": the ACK was processed before.
      tcb.enter(State::Closing, env.stats);
      return;
    case State::FinWait2:
      tcb.enter(State::TimeWait, env.stats);
      finish(tcb, CloseCause::Normal, env);
      return;
    default:
      return;
  }
}

}  // namespace levee::tcp
