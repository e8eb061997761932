#include "tcp/acceptability.h"

namespace levee::tcp {
namespace {

constexpr std::uint32_t kTimestampValidMs = 24U * 24 * 3600 * 1000;  // RFC 7323 5.5: 24 days

}  // namespace

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

void acknowledge_unacceptable(Tcb& tcb, const Segment& segment, Env& env) {
  if (segment.payload_length == 0 && !segment.has(wire::kFin)) {
    challenge(tcb, env);
  } else {
    tcb.ack_now = true;
  }
}

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

}  // namespace levee::tcp
