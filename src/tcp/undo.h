// Taking back a reduction of the window that was for nothing: nothing was lost, as timestamps (RFC 3522) or D-SACKs
// (RFC 2883, RFC 3708) show afterwards. What to go back to is in Recovery::undo.
#pragma once

#include <cstdint>

#include "tcp/recovery.h"
#include "tcp/sack_blocks.h"
#include "tcp/tcb.h"

namespace levee::tcp {

// A reduction is about to begin.
void remember_for_undo(const Tcb& tcb, Recovery& recovery);
// Octets have left again.
void resent_for_undo(const Tcb& tcb, Recovery& recovery, std::uint32_t octets, const Env& env);
// RFC 3522: the ACK that ends the hole echoes a time before the first retransmission, so it was an original that came.
[[nodiscard]] inline bool caused_by_original(const Tcb& tcb, const Recovery& recovery, const Segment& segment) {
  return tcb.timestamps && segment.options.has_timestamps && recovery.undo.stamped &&
         timestamp_before(segment.options.ts_echo, recovery.undo.resent_stamp);
}
// Takes the reduction back if this ACK shows that it was for nothing. REQUIRES: recovery.undo.possible.
void consider_undo(Tcb& tcb, Transfer& transfer, const Segment& segment, const AckNews& news,
                   const Duplicate& duplicate, Env& env);

}  // namespace levee::tcp
