#include "tcp/segment_arrives.h"

#include "base/check.h"
#include "tcp/acceptability.h"
#include "tcp/acknowledgment.h"
#include "tcp/arriving_text.h"
#include "tcp/keepalive.h"
#include "tcp/path_mtu.h"

namespace levee::tcp {
namespace {

// Second check. RFC 5961 3.2 (RST-1, RST-2, RST-3): only RCV.NXT itself resets, and what is outside the window is not
// even answered. An RST may carry text (SHLD-2). SEG.SEQ
// alone decides: neither text that reaches into the window nor a place at its edge makes an RST worth a challenge.
Arrival reset_arrives(Tcb& tcb, const Segment& segment, Env& env) {
  if (segment.seq != tcb.rcv_nxt) {
    if (!begins_in_window(tcb, segment)) return {.drop = Drop::OutOfWindow};
    challenge(tcb, env);
    return {.drop = Drop::InexactRst};
  }
  env.stats.count(Counter::InRsts);
  env.stats.count(Counter::EstabResets);
  // In LAST-ACK everything has been exchanged but the last ACK of our FIN: for the service that was a normal end.
  const bool over = tcb.state() == State::LastAck && unsent_and_unacked(tcb, env.transfers) == 0;
  tcb.enter(State::Closed, env.stats);
  finish(tcb, over ? CloseCause::Normal : CloseCause::Reset, env);
  return {};
}

// What the bounds on a peer that takes nothing count from: R2 as a time, and RFC 6429's patience.
void note_progress(Tcb& tcb, Seq una, Env& env) {
  if (tcb.una == tcb.nxt) {
    tcb.unacked_since = kNever;  // until the next text, or the next probe
  } else if (tcb.una != una || tcb.wnd == 0) {
    tcb.unacked_since = env.now;  // who answers probes is alive (MUST-37)
  }
  if (tcb.transfer == kNoIndex) return;
  Instant& closed_at = env.transfers[tcb.transfer].window_closed_at;
  if (tcb.wnd != 0) {
    closed_at = kNever;
  } else if (closed_at == kNever) {
    closed_at = env.now;
  }
}

// FIN-WAIT-2, and the peer has just been heard.
void linger(Tcb& tcb, const Env& env) {
  const Duration bound = env.options.fin_wait_2_timeout;
  tcb.linger_until = bound == Duration::zero() ? kNever : env.now + bound;
}

// What an acknowledged FIN of ours means; part of the fifth check. False when the connection is over.
bool our_fin_may_be_acknowledged(Tcb& tcb, Env& env) {
  if (!fin_acknowledged(tcb)) return true;
  switch (tcb.state()) {
    case State::FinWait1:
      tcb.enter(State::FinWait2, env.stats);
      linger(tcb, env);
      return true;
    case State::Closing:
      tcb.enter(State::TimeWait, env.stats);
      finish(tcb, CloseCause::Normal, env);
      return false;
    case State::LastAck:
      tcb.enter(State::Closed, env.stats);
      finish(tcb, CloseCause::Normal, env);
      return false;
    default:
      return true;
  }
}

}  // namespace

Arrival segment_arrives(Tcb& tcb, const Segment& segment, Env& env) {
  if (tcb.state() == State::SynReceived) return segment_arrives_in_syn_received(tcb, segment, env);
  DCHECK(tcb.synchronized() && tcb.state() != State::TimeWait);
  if (const auto drop = check_timestamps(tcb, segment, env)) return {.drop = drop};

  // First, sequence number.
  if (!in_window(tcb, segment)) {
    if (segment.has(wire::kRst)) return {.drop = Drop::OutOfWindow};
    acknowledge_unacceptable(tcb, segment, env);
    if (segment.seq + segment.payload_length <= tcb.rcv_nxt)
      owe_dsack(tcb, segment.seq, segment.seq + segment.payload_length);
    // A keepalive, or a probe of the window that we closed: the peer is there.
    if (tcb.state() == State::FinWait2 && segment.seq + 1 == tcb.rcv_nxt) {
      linger(tcb, env);
    }
    return {.drop = Drop::OutOfWindow};
  }
  // Second, RST. Third, security: not here.
  if (segment.has(wire::kRst)) return reset_arrives(tcb, segment, env);
  // Fourth, SYN. RFC 5961 4.2 (SYN-1): whatever its sequence number, a challenge.
  if (segment.has(wire::kSyn)) {
    challenge(tcb, env);
    return {.drop = Drop::InWindowSyn};
  }
  // Fifth, ACK.
  if (!segment.has(wire::kAck)) return {.drop = Drop::NoAckFlag};
  const Seq una = tcb.una;
  if (process_ack(tcb, segment, env) == AckVerdict::Unacceptable) {
    acknowledge_unacceptable(tcb, segment, env);
    return {.drop = Drop::BadAck};
  }
  // Only now: a blind segment must not poison TS.Recent, or PAWS would drop everything genuine.
  update_ts_recent(tcb, segment, env);
  heard_from_peer(tcb, env);
  if (tcb.state() == State::FinWait2) linger(tcb, env);
  if (!our_fin_may_be_acknowledged(tcb, env)) return {};
  note_progress(tcb, una, env);
  if (tcb.una != una) judge_mss(tcb, env);
  raise_mss_if_due(tcb, env);
  congestion_marks_arrive(tcb, segment);
  // Sixth, URG. Seventh, text.
  urgent_pointer_arrives(tcb, segment, env);
  std::optional<Drop> drop;
  if (segment.payload_length > 0) drop = text_arrives(tcb, segment, env);
  // Eighth, FIN.
  fin_arrives(tcb, segment, env);
  return_if_idle(tcb, env);
  return {.drop = drop};
}

}  // namespace levee::tcp
