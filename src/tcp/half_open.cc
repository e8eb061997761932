#include "tcp/half_open.h"

#include <algorithm>

#include "tcp/keepalive.h"

namespace levee::tcp {
namespace {

constexpr std::uint16_t kTimestampsLength = 12;  // NOP NOP TS in every segment (RFC 7323 3.2)

}  // namespace

std::uint8_t scale_for(std::uint32_t receive_buffer) {
  std::uint8_t scale = 0;
  while (scale < 14 && (receive_buffer >> scale) > 65535) ++scale;
  return scale;
}

std::uint16_t effective_mss(std::uint16_t offered, MssLimits limits, bool timestamps,
                            const levee::TcpOptions& options) {
  const std::uint16_t peer = std::max(offered, options.min_peer_mss);
  const std::uint16_t mss = std::min(peer, limits.send);
  const std::uint16_t taken = timestamps ? kTimestampsLength : std::uint16_t{0};
  return static_cast<std::uint16_t>(mss > taken + 32 ? mss - taken : 32);
}

OutSegment syn_ack(const HalfOpen& half_open, Instant now, MssLimits limits, const levee::TcpOptions& options) {
  OutSegment out;
  out.seq = half_open.iss;
  out.ack = half_open.irs + 1;
  out.flags = wire::kSyn | wire::kAck;
  if (half_open.ecn()) out.flags |= wire::kEce;  // RFC 3168 6.1.1
  out.traffic_class = static_cast<std::uint8_t>(options.dscp << 2);
  out.ttl = options.ttl;
  out.window = syn_window(options);
  out.options.has_mss = (half_open.agreed & wire::SynOffer::kMss) != 0;
  out.options.mss = limits.receive;
  out.options.has_window_scale = half_open.window_scaling();
  out.options.window_scale = scale_for(options.receive_buffer);
  out.options.sack_permitted = half_open.sack();
  out.options.has_timestamps = half_open.timestamps();
  out.options.ts_value = timestamp_clock(now, half_open.ts_offset);
  out.options.ts_echo = half_open.ts_recent;
  return out;
}

OutSegment half_open_ack(const HalfOpen& half_open, Instant now, const levee::TcpOptions& options) {
  OutSegment out;
  out.seq = half_open.iss + 1;
  out.ack = half_open.irs + 1;
  out.flags = wire::kAck;
  out.traffic_class = static_cast<std::uint8_t>(options.dscp << 2);
  out.ttl = options.ttl;
  const unsigned scale = half_open.window_scaling() ? scale_for(options.receive_buffer) : 0U;
  out.window = static_cast<std::uint16_t>(syn_window(options) >> scale);
  out.options.has_timestamps = half_open.timestamps();
  out.options.ts_value = timestamp_clock(now, half_open.ts_offset);
  out.options.ts_echo = half_open.ts_recent;
  return out;
}

HalfOpenVerdict judge(const HalfOpen& half_open, const Segment& segment, const levee::TcpOptions& options) {
  const Seq next = half_open.irs + 1;
  if (segment.has(wire::kRst)) {
    // RFC 5961 3: exactly RCV.NXT resets, elsewhere in the window is challenged, outside is dropped.
    if (segment.seq == next) return HalfOpenVerdict::Remove;
    const bool in_window = segment.seq >= next && segment.seq - next < syn_window(options);
    return in_window ? HalfOpenVerdict::Acknowledge : HalfOpenVerdict::Ignore;
  }
  if (segment.has(wire::kSyn)) {
    if (segment.seq == half_open.irs && !segment.has(wire::kAck)) return HalfOpenVerdict::ResendSynAck;
    return HalfOpenVerdict::Acknowledge;
  }
  if (!segment.has(wire::kAck)) return HalfOpenVerdict::Ignore;
  if (half_open.timestamps()) {
    if (!segment.options.has_timestamps) return HalfOpenVerdict::Ignore;  // RFC 7323 3.2
    if (timestamp_before(segment.options.ts_value, half_open.ts_recent)) return HalfOpenVerdict::Acknowledge;  // PAWS
  }
  // RFC 9293 3.10.7.4, first check, with the window of our SYN-ACK.
  const std::uint32_t window = syn_window(options), length = segment.length();
  const auto inside = [&](Seq point) { return point >= next && point - next < window; };
  if (!inside(segment.seq) && (length == 0 || !inside(segment.seq + (length - 1)))) return HalfOpenVerdict::Acknowledge;
  // Fifth check: SND.UNA < SEG.ACK =< SND.NXT leaves one value.
  if (segment.ack != half_open.iss + 1) return HalfOpenVerdict::Reset;
  return HalfOpenVerdict::Accept;
}

void establish(Tcb& tcb, const HalfOpen& half_open, const Segment& ack, MssLimits limits, Env& env) {
  const levee::TcpOptions& options = env.options;
  tcb.iss = half_open.iss;
  tcb.una = tcb.nxt = half_open.iss + 1;
  tcb.rcv_nxt = half_open.irs + 1;
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.rcv_edge = tcb.rcv_nxt + syn_window(options);
  tcb.timestamps = half_open.timestamps();
  tcb.sack = half_open.sack();
  tcb.window_scaling = half_open.window_scaling();
  tcb.snd_scale = half_open.window_scaling() ? half_open.peer_scale : std::uint8_t{0};
  tcb.rcv_scale = half_open.window_scaling() ? scale_for(options.receive_buffer) : std::uint8_t{0};
  tcb.ts_offset = half_open.ts_offset;
  tcb.ts_recent = half_open.ts_recent;
  tcb.ts_recent_age_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
  tcb.mss = tcb.mss_limit = effective_mss(half_open.peer_mss, limits, tcb.timestamps, options);
  tcb.ecn = half_open.ecn();
  tcb.wnd = tcb.max_wnd = static_cast<std::uint32_t>(ack.window) << tcb.snd_scale;
  tcb.wl1 = ack.seq;
  tcb.wl2 = ack.ack;
  take_options(tcb, options);
  tcb.quick_acks = options.quick_acks;
  tcb.congestion.open(tcb.mss, options.initial_window_segments);
  // RFC 6298 (3), Karn: only a SYN-ACK that was sent once, or one that the timestamp tells apart, gives a sample.
  if (half_open.retransmits > 0) {
    tcb.congestion.cwnd = tcb.mss;  // RFC 5681 3.1: after a lost SYN-ACK the initial window is one segment
    tcb.rtt.syn_was_lost = true;
  }
  // A cookie's TSval was changed to carry options, and nobody knows when it was sent.
  if (half_open.by_cookie) {
    tcb.rtt = {};
  } else if (tcb.timestamps) {
    const std::uint32_t elapsed = timestamp_clock(env.now, tcb.ts_offset) - ack.options.ts_echo;
    if (elapsed < 600'000) tcb.rtt.sample(std::chrono::milliseconds(elapsed));
  } else if (half_open.retransmits == 0) {
    const std::uint32_t elapsed = static_cast<std::uint32_t>(to_milliseconds(env.now)) - half_open.sent_ms;
    tcb.rtt.sample(std::chrono::milliseconds(elapsed));
  }
  tcb.enter(State::Established, env.stats);
  tcb.events |= kOpenedEvent;
  heard_from_peer(tcb, env);
}

}  // namespace levee::tcp
