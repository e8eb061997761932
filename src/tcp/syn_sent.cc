// SEGMENT ARRIVES before an active open is synchronized: SYN-SENT (RFC 9293 3.10.7.3), and SYN-RECEIVED after a
// simultaneous open (3.5, Figure 8). A passive open's SYN-RECEIVED has a compact record of its own (half_open.h).
#include "base/check.h"
#include "tcp/acceptability.h"
#include "tcp/keepalive.h"
#include "tcp/segment_arrives.h"

namespace levee::tcp {
namespace {

// What the peer's SYN says; fourth check of 3.10.7.3.
void synchronize(Tcb& tcb, const Segment& syn, MssLimits limits, const Env& env) {
  const wire::SegmentOptions& offered = syn.options;
  const levee::TcpOptions& options = env.options;
  tcb.rcv_nxt = syn.seq + 1;
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.rcv_edge = tcb.rcv_nxt + syn_window(options);
  tcb.timestamps = options.timestamps && offered.has_timestamps;
  tcb.sack = options.sack && offered.sack_permitted;
  tcb.window_scaling = options.window_scaling && offered.has_window_scale;
  tcb.snd_scale = tcb.window_scaling ? offered.window_scale : std::uint8_t{0};
  tcb.rcv_scale = tcb.window_scaling ? scale_for(options.receive_buffer) : std::uint8_t{0};
  if (tcb.timestamps) {
    tcb.ts_recent = offered.ts_value;
    tcb.ts_recent_age_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
  }
  tcb.wnd = tcb.max_wnd = syn.window;
  tcb.mss = tcb.mss_limit =
      effective_mss(offered.has_mss ? offered.mss : limits.assumed, limits, tcb.timestamps, options);
}

// RFC 3168 6.1.1: a SYN with both flags asks, a SYN-ACK with ECE alone agrees to what our first SYN asked for.
bool agrees_on_ecn(const Tcb& tcb, const Segment& syn, const levee::TcpOptions& options) {
  if (syn.has(wire::kAck)) {
    return options.ecn == Ecn::Request && tcb.backoff == 0 && syn.has(wire::kEce) && !syn.has(wire::kCwr);
  }
  return options.ecn != Ecn::Off && wire::asks_for_ecn(syn.flags);
}

// Our SYN is acknowledged, and the peer's has arrived: ESTABLISHED, and on to what a close has asked for meanwhile.
void establish(Tcb& tcb, const Segment& segment, Env& env) {
  const levee::TcpOptions& options = env.options;
  tcb.una = segment.ack;
  // The window of a SYN is never scaled (RFC 7323 2.2).
  tcb.wnd = static_cast<std::uint32_t>(segment.window) << (segment.has(wire::kSyn) ? 0 : tcb.snd_scale);
  tcb.max_wnd = tcb.wnd;
  tcb.wl1 = segment.seq;
  tcb.wl2 = segment.ack;
  tcb.congestion.open(tcb.mss, options.initial_window_segments);
  tcb.rto_shift = 0;
  if (tcb.backoff == 0) {
    tcb.rtt.sample(env.now - tcb.rtt_start);
  } else {
    tcb.congestion.cwnd = tcb.mss;  // RFC 5681 3.1: after a lost SYN the initial window is one segment
    tcb.rtt.syn_was_lost = true;
  }
  tcb.rtt_running = false;
  tcb.backoff = 0;
  tcb.syn_owed = false;
  tcb.retransmit_at = kNever;
  tcb.quick_acks = options.quick_acks;
  tcb.enter(State::Established, env.stats);
  tcb.events |= kOpenedEvent;
  heard_from_peer(tcb, env);
  if (tcb.fin_queued) tcb.enter(State::FinWait1, env.stats);
}

// The segment without its SYN: what follows is text and FIN (RFC 9293 3.10.7.3, fourth: "process the segment text").
Segment behind_syn(const Segment& segment, const Tcb& tcb) {
  Segment rest = segment;
  rest.seq += 1;
  rest.flags &= static_cast<std::uint8_t>(~(wire::kSyn | wire::kEce | wire::kCwr));
  // It is read as a segment of the connection, whose windows are scaled and which the SYN's is not.
  rest.window = static_cast<std::uint16_t>(segment.window >> tcb.snd_scale);
  return rest;
}

Arrival refused(Tcb& tcb, Env& env) {
  env.stats.count(Counter::InRsts);
  env.stats.count(Counter::AttemptFails);
  tcb.enter(State::Closed, env.stats);
  finish(tcb, CloseCause::Refused, env);
  return {};
}

}  // namespace

Arrival segment_arrives_in_syn_sent(Tcb& tcb, const Segment& segment, MssLimits limits, Env& env) {
  DCHECK(tcb.state() == State::SynSent);
  // First, ACK: one value is acceptable.
  const bool acknowledges_syn = segment.has(wire::kAck) && segment.ack == tcb.iss + 1 && tcb.nxt == segment.ack;
  if (segment.has(wire::kAck) && !acknowledges_syn) {
    return {.drop = Drop::BadAck, .send_rst = !segment.has(wire::kRst)};
  }
  // Second, RST: only with an acceptable ACK (RFC 5961 3.2, RST-4).
  if (segment.has(wire::kRst)) {
    if (!acknowledges_syn) return {.drop = Drop::UnexpectedInSynSent};
    return refused(tcb, env);
  }
  // Third, security: not here. Fourth, SYN. Fifth: without SYN or RST it is dropped.
  if (!segment.has(wire::kSyn)) return {.drop = Drop::UnexpectedInSynSent};
  tcb.ecn = agrees_on_ecn(tcb, segment, env.options);
  synchronize(tcb, segment, limits, env);
  if (!acknowledges_syn) {
    // MUST-10. Text on this SYN is left to the peer's retransmission.
    tcb.enter(State::SynReceived, env.stats);
    tcb.syn_owed = true;
    return {};
  }
  establish(tcb, segment, env);
  tcb.ack_now = true;
  if (segment.payload_length == 0 && !segment.has(wire::kFin)) return {};
  return segment_arrives(tcb, behind_syn(segment, tcb), env);
}

Arrival segment_arrives_in_syn_received(Tcb& tcb, const Segment& segment, Env& env) {
  DCHECK(tcb.state() == State::SynReceived);
  const bool is_its_syn = segment.has(wire::kSyn) && segment.seq + 1 == tcb.rcv_nxt && !segment.has(wire::kRst);
  if (is_its_syn && !segment.has(wire::kAck)) {
    if (tcb.timestamps && !segment.options.has_timestamps) return {.drop = Drop::MissingTimestamp};
    tcb.syn_owed = true;  // the peer has not heard our answer
    return {};
  }
  if (const auto drop = check_timestamps(tcb, segment, env)) return {.drop = drop};
  // First, sequence number. Figure 8, line 5: the SYN,ACK of a simultaneous open stands before RCV.NXT and is meant all
  // the same. An empty segment at the window's edge is not yet a peer's that has filled it.
  const bool at_edge = segment.length() == 0 && segment.seq == tcb.rcv_edge;
  const bool acceptable = in_window(tcb, segment) && !at_edge;
  const bool is_answer = is_its_syn && (acceptable || segment.ack == tcb.nxt);
  if (!is_answer && !acceptable) {
    if (!segment.has(wire::kRst)) acknowledge_unacceptable(tcb, segment, env);
    return {.drop = Drop::OutOfWindow};
  }
  // Second, RST. The open was active (MUST-11): the user is told "connection refused".
  if (segment.has(wire::kRst)) {
    if (segment.seq == tcb.rcv_nxt) return refused(tcb, env);
    if (!begins_in_window(tcb, segment)) return {.drop = Drop::OutOfWindow};
    challenge(tcb, env);
    return {.drop = Drop::InexactRst};
  }
  // Fourth, SYN.
  if (segment.has(wire::kSyn) && !is_answer) {
    challenge(tcb, env);
    return {.drop = Drop::InWindowSyn};
  }
  // Fifth, ACK: SND.UNA < SEG.ACK =< SND.NXT leaves one value.
  if (!segment.has(wire::kAck)) return {.drop = Drop::NoAckFlag};
  if (segment.ack != tcb.nxt || tcb.nxt != tcb.iss + 1) return {.drop = Drop::BadAck, .send_rst = true};
  establish(tcb, segment, env);
  if (is_answer) tcb.ack_now = true;
  return segment_arrives(tcb, is_answer ? behind_syn(segment, tcb) : segment, env);
}

}  // namespace levee::tcp
