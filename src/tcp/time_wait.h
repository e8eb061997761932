// TIME-WAIT (RFC 9293 3.6.1, MUST-13; 3.10.7.4): what a segment means to a connection that is over. The entry itself
// lives in the shard's table (shard/time_wait_table.h).
#pragma once

#include <cstdint>

#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

struct TimeWait {
  Seq snd_nxt, rcv_nxt;
  std::uint32_t ts_recent = 0;
  std::uint16_t window = 0;  // SEG.WND of the ACKs that it still sends
  bool timestamps : 1 = false;
  bool reopening : 1 = false;  // a half-open record with the same tuple waits for its ACK
};
static_assert(sizeof(TimeWait) == 16);

[[nodiscard]] TimeWait time_wait(const Tcb& tcb);

enum class TimeWaitVerdict : std::uint8_t {
  Ignore,       // RSTs (RFC 1337), and what needs no answer
  Acknowledge,  // not acceptable: an ACK is owed
  Restart,      // the peer's FIN again: an ACK is owed and 2MSL starts anew
  Reopen,       // a SYN of a new incarnation (RFC 6191)
};
[[nodiscard]] TimeWaitVerdict judge(const TimeWait& entry, const Segment& segment);

// RFC 6191 2 (SHLD-4): the five cases in which a SYN may reopen the connection, else it is dropped.
[[nodiscard]] inline bool may_reopen(const TimeWait& entry, Seq seq, bool has_timestamps, std::uint32_t ts_value) {
  const bool newer_sequence = seq > entry.rcv_nxt - 1;  // beyond the peer's FIN, the last number it used
  if (!has_timestamps) return newer_sequence;
  if (!entry.timestamps || timestamp_before(entry.ts_recent, ts_value)) return true;
  return ts_value == entry.ts_recent && newer_sequence;
}

// RFC 6191 2: the new incarnation's ISN is larger than the last number of the previous one; here by more than any
// window, and by less than 2^31, beyond which it would count as smaller. `iss` is RFC 6528's.
[[nodiscard]] inline Seq iss_beyond(const TimeWait& entry, Seq iss) {
  const Seq least = entry.snd_nxt + 65536;
  return iss - least < 0x7fff0000U ? iss : least;
}

// `timestamp_offset` is the tuple's (RFC 7323 5.4); it is computed again rather than kept.
[[nodiscard]] OutSegment time_wait_ack(const TimeWait& entry, std::uint32_t timestamp_offset, Instant now);

}  // namespace levee::tcp
