#include "tcp/segment_arrives.h"

#include <algorithm>

#include "base/check.h"
#include "tcp/acknowledgment.h"
#include "tcp/reassembly.h"

namespace levee::tcp {
namespace {

constexpr std::uint32_t kTimestampValidMs = 24U * 24 * 3600 * 1000;  // RFC 7323 5.5: 24 days

// An ACK that answers something wrong (RFC 5961 7): limited per connection, never by a counter that others can probe.
void challenge(Tcb& tcb, Env& env) {
  const auto second = static_cast<std::uint32_t>(to_milliseconds(env.now) / 1000);
  if (second != tcb.challenge_second) {
    tcb.challenge_second = second;
    tcb.challenges = 0;
  }
  if (tcb.challenges >= kChallengesPerSecond) return;
  ++tcb.challenges;
  tcb.ack_now = true;
  env.stats.count(Counter::TCPChallengeACK);
}

// What to do about an unacceptable segment that is not an RST: "send an acknowledgment" (3.10.7.4, first). Those that
// carry text are never limited, or a lossy transfer would crawl.
void acknowledge_unacceptable(Tcb& tcb, const Segment& segment, Env& env) {
  if (segment.payload_length == 0 && !segment.has(wire::kFin)) {
    challenge(tcb, env);
  } else {
    tcb.ack_now = true;
  }
}

// RFC 7323 5.3 R1, and 3.2 for a missing option. nullopt: go on.
std::optional<Drop> check_timestamps(Tcb& tcb, const Segment& segment, Env& env) {
  if (!tcb.timestamps || segment.has(wire::kRst)) return std::nullopt;
  if (!segment.options.has_timestamps) {
    // A SYN of a peer that has forgotten us may well have none, and must be challenged all the same (RFC 5961 4).
    return segment.has(wire::kSyn) ? std::nullopt : std::optional(Drop::MissingTimestamp);
  }
  const std::uint32_t age = static_cast<std::uint32_t>(to_milliseconds(env.now)) - tcb.ts_recent_age_ms;
  if (timestamp_before(segment.options.ts_value, tcb.ts_recent) && age < kTimestampValidMs) {
    env.stats.count(Counter::PAWSEstab);
    acknowledge_unacceptable(tcb, segment, env);
    return Drop::Paws;
  }
  return std::nullopt;
}

// RFC 9293 3.4, the four cases of Table 6. With a closed window, text at RCV.NXT is let through so that its ACK, URG
// and RST count (MUST-66); the text itself is trimmed later.
bool in_window(const Tcb& tcb, const Segment& segment) {
  const std::uint32_t window = receive_window(tcb);
  if (segment.seq == tcb.rcv_nxt) return true;
  if (window == 0) return false;
  // As in Linux: the ACK of a peer that has filled the window stands at its edge, and must count if text was lost on
  // the way, or two full windows would wait for each other.
  if (segment.length() == 0 && segment.seq == tcb.rcv_edge) return true;
  const auto inside = [&](Seq point) { return point >= tcb.rcv_nxt && point - tcb.rcv_nxt < window; };
  return inside(segment.seq) || (segment.length() > 0 && inside(segment.seq + (segment.length() - 1)));
}

// RFC 7323 4.3 (2): the echo follows the segment that covers the last ACK sent.
void update_ts_recent(Tcb& tcb, const Segment& segment, const Env& env) {
  if (!tcb.timestamps || !segment.options.has_timestamps) return;
  if (segment.seq > tcb.last_ack_sent) return;
  if (timestamp_before(segment.options.ts_value, tcb.ts_recent)) {
    const std::uint32_t age = static_cast<std::uint32_t>(to_milliseconds(env.now)) - tcb.ts_recent_age_ms;
    if (age < kTimestampValidMs) return;
  }
  tcb.ts_recent = segment.options.ts_value;
  tcb.ts_recent_age_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
}

// Second check. RFC 5961 3: only RCV.NXT itself resets.
Arrival reset_arrives(Tcb& tcb, const Segment& segment, Env& env) {
  if (segment.seq != tcb.rcv_nxt) {
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

// RFC 5681 4.2 and RFC 9293 3.8.6.3: at least every second segment is acknowledged at once, and a connection starts
// with immediate ACKs so that the peer's window opens quickly.
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

// Seventh: the segment text. What is not in order, or meets data that is queued, goes through the out-of-order queue,
// where the first byte wins.
std::optional<Drop> text_arrives(Tcb& tcb, const Segment& segment, Env& env) {
  if (tcb.state() != State::Established && tcb.state() != State::FinWait1 && tcb.state() != State::FinWait2) {
    tcb.ack_now = true;
    return Drop::DataAfterClose;
  }
  const Seq begin = later(segment.seq, tcb.rcv_nxt);
  Seq end = earlier(segment.seq + segment.payload_length, later(tcb.rcv_edge, tcb.rcv_nxt));
  if (tcb.fin_arrived) end = earlier(end, tcb.fin_seq);
  if (begin >= end) {
    tcb.ack_now = true;  // a duplicate, or beyond the window: the sender must hear where we are
    if (segment.seq >= tcb.rcv_nxt) return Drop::ReceiveQueueFull;
    env.stats.count(Counter::TCPDSACKIgnored);
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
    bool overlapped = false;
    result = insert(transfer->out_of_order, {begin, end, in_order}, skip, segment.payload, env.memory(), overlapped);
    if (overlapped) env.stats.count(Counter::TCPOFOMerge);
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

// Eighth: the FIN bit. A FIN that came out of order is remembered until the text before it is there.
void fin_arrives(Tcb& tcb, const Segment& segment, Env& env) {
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

// What an acknowledged FIN of ours means; part of the fifth check. False when the connection is over.
bool our_fin_may_be_acknowledged(Tcb& tcb, Env& env) {
  if (!fin_acknowledged(tcb)) return true;
  switch (tcb.state()) {
    case State::FinWait1:
      tcb.enter(State::FinWait2, env.stats);
      tcb.linger_until = env.now + env.options.fin_wait_2_timeout;
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
  DCHECK(tcb.synchronized() && tcb.state() != State::TimeWait);
  if (const auto drop = check_timestamps(tcb, segment, env)) return {.drop = drop};

  // First, sequence number.
  if (!in_window(tcb, segment)) {
    if (segment.has(wire::kRst)) return {.drop = Drop::OutOfWindow};
    acknowledge_unacceptable(tcb, segment, env);
    // A keepalive, or a probe of the window that we closed: the peer is there.
    if (tcb.state() == State::FinWait2 && segment.seq + 1 == tcb.rcv_nxt) {
      tcb.linger_until = env.now + env.options.fin_wait_2_timeout;
    }
    return {.drop = Drop::OutOfWindow};
  }
  // Second, RST. Third, security: not here.
  if (segment.has(wire::kRst)) return reset_arrives(tcb, segment, env);
  // Fourth, SYN. RFC 5961 4: whatever its sequence number, a challenge.
  if (segment.has(wire::kSyn)) {
    challenge(tcb, env);
    return {.drop = Drop::InWindowSyn};
  }
  // Fifth, ACK.
  if (!segment.has(wire::kAck)) return {.drop = Drop::NoAckFlag};
  if (process_ack(tcb, segment, env) == AckVerdict::Unacceptable) {
    acknowledge_unacceptable(tcb, segment, env);
    return {.drop = Drop::BadAck};
  }
  // Only now: a blind segment must not poison TS.Recent, or PAWS would drop everything genuine.
  update_ts_recent(tcb, segment, env);
  if (tcb.state() == State::FinWait2) tcb.linger_until = env.now + env.options.fin_wait_2_timeout;
  if (!our_fin_may_be_acknowledged(tcb, env)) return {};
  // Sixth, URG: urgent data is delivered in line (RFC 6093). Seventh, text.
  std::optional<Drop> drop;
  if (segment.payload_length > 0) drop = text_arrives(tcb, segment, env);
  // Eighth, FIN.
  fin_arrives(tcb, segment, env);
  return_if_idle(tcb, env);
  return {.drop = drop};
}

Arrival segment_arrives_in_syn_sent(Tcb& tcb, const Segment& segment, MssLimits limits, Env& env) {
  DCHECK(tcb.state() == State::SynSent);
  // First, ACK: one value is acceptable.
  const bool acknowledges_syn = segment.has(wire::kAck) && segment.ack == tcb.iss + 1 && tcb.nxt == segment.ack;
  if (segment.has(wire::kAck) && !acknowledges_syn) {
    return {.drop = Drop::BadAck, .send_rst = !segment.has(wire::kRst)};
  }
  // Second, RST: only with an acceptable ACK (RFC 5961 3.2).
  if (segment.has(wire::kRst)) {
    if (!acknowledges_syn) return {.drop = Drop::UnexpectedInSynSent};
    env.stats.count(Counter::InRsts);
    env.stats.count(Counter::AttemptFails);
    tcb.enter(State::Closed, env.stats);
    finish(tcb, CloseCause::Refused, env);
    return {};
  }
  // Fourth, SYN. Without an ACK it would be a simultaneous open, which this version does not take part in: the peer's
  // retransmitted SYN or our own is answered by the other side's stack.
  if (!segment.has(wire::kSyn) || !acknowledges_syn) return {.drop = Drop::UnexpectedInSynSent};

  const wire::SegmentOptions& offered = segment.options;
  const levee::TcpOptions& options = env.options;
  tcb.rcv_nxt = segment.seq + 1;
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.rcv_edge = tcb.rcv_nxt + syn_window(options);
  tcb.una = tcb.rtx = segment.ack;
  tcb.timestamps = options.timestamps && offered.has_timestamps;
  tcb.sack = options.sack && offered.sack_permitted;
  tcb.window_scaling = options.window_scaling && offered.has_window_scale;
  tcb.snd_scale = tcb.window_scaling ? offered.window_scale : std::uint8_t{0};
  tcb.rcv_scale = tcb.window_scaling ? scale_for(options.receive_buffer) : std::uint8_t{0};
  if (tcb.timestamps) {
    tcb.ts_recent = offered.ts_value;
    tcb.ts_recent_age_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
  }
  tcb.mss = effective_mss(offered.has_mss ? offered.mss : kDefaultMss, limits, tcb.timestamps, options);
  tcb.wnd = tcb.max_wnd = segment.window;  // the window of a SYN is never scaled (RFC 7323 2.2)
  tcb.wl1 = segment.seq;
  tcb.wl2 = segment.ack;
  tcb.congestion.open(tcb.mss, options.initial_window_segments, tcb.iss);
  tcb.rto_shift = 0;
  if (tcb.backoff == 0) {
    tcb.rtt.sample(env.now - tcb.rtt_start);
  } else {
    tcb.congestion.cwnd = tcb.mss;  // RFC 5681 3.1: after a lost SYN the initial window is one segment
    tcb.rtt.syn_was_lost = true;
  }
  tcb.rtt_running = false;
  tcb.backoff = 0;
  tcb.retransmit_at = kNever;
  tcb.quick_acks = options.quick_acks;
  tcb.enter(State::Established, env.stats);
  tcb.events |= kOpenedEvent;
  tcb.ack_now = true;
  // Text or FIN on a SYN-ACK would have to be queued (RFC 9293 3.10.7.3); it is left to the peer's retransmission.
  return {};
}

}  // namespace levee::tcp
