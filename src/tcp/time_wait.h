// TIME-WAIT (RFC 9293 3.6.1, 3.10.7.4): what a segment means to a connection that is over. The entry itself lives in
// the shard's table (shard/time_wait_table.h).
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

// `timestamp_offset` is the tuple's (RFC 7323 5.4); it is computed again rather than kept.
[[nodiscard]] OutSegment time_wait_ack(const TimeWait& entry, std::uint32_t timestamp_offset, Instant now);

}  // namespace levee::tcp
