#include "tcp/time_wait.h"

#include <algorithm>

namespace levee::tcp {
TimeWait time_wait(const Tcb& tcb) {
  TimeWait entry;
  entry.snd_nxt = tcb.nxt;
  entry.rcv_nxt = tcb.rcv_nxt;
  entry.ts_recent = tcb.ts_recent;
  entry.timestamps = tcb.timestamps;
  entry.window = static_cast<std::uint16_t>(std::min<std::uint32_t>(receive_window(tcb) >> tcb.rcv_scale, 65535));
  return entry;
}

TimeWaitVerdict judge(const TimeWait& entry, const Segment& segment) {
  if (segment.has(wire::kRst)) return TimeWaitVerdict::Ignore;  // RFC 1337: no assassination
  if (segment.has(wire::kSyn)) {
    // RFC 5961 4.2: the challenge to whoever answered an old duplicate of our SYN; its RST ends that.
    if (segment.has(wire::kAck)) return TimeWaitVerdict::Acknowledge;
    return may_reopen(entry, segment.seq, segment.options.has_timestamps, segment.options.ts_value)
               ? TimeWaitVerdict::Reopen
               : TimeWaitVerdict::Ignore;
  }
  if (entry.timestamps && !segment.options.has_timestamps) return TimeWaitVerdict::Ignore;  // RFC 7323 3.2
  if (entry.timestamps && timestamp_before(segment.options.ts_value, entry.ts_recent)) {
    // PAWS (RFC 7323 5.3); not for a bare ACK, see below.
    return segment.length() == 0 ? TimeWaitVerdict::Ignore : TimeWaitVerdict::Acknowledge;
  }
  if (segment.has(wire::kFin) && segment.seq + segment.payload_length + 1 == entry.rcv_nxt) {
    return TimeWaitVerdict::Restart;
  }
  // Nothing beyond the FIN is acceptable: text is answered with an ACK. A bare ACK is not, or two ends could go on for
  // ever.
  return segment.length() == 0 ? TimeWaitVerdict::Ignore : TimeWaitVerdict::Acknowledge;
}

OutSegment time_wait_ack(const TimeWait& entry, std::uint32_t timestamp_offset, Instant now) {
  OutSegment out;
  out.seq = entry.snd_nxt;
  out.ack = entry.rcv_nxt;
  out.flags = wire::kAck;
  out.window = entry.window;
  out.options.has_timestamps = entry.timestamps;
  out.options.ts_value = timestamp_clock(now, timestamp_offset);
  out.options.ts_echo = entry.ts_recent;
  return out;
}

}  // namespace levee::tcp
