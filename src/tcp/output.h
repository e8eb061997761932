// What a connection may and must send now (RFC 9293 3.8.6, 3.10.2; RFC 5681; RFC 6582): one segment at a time, until
// there is none. Changes SND.NXT and the timers as if the segment had left.
#pragma once

#include "tcp/half_open.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

// Fills `out` and returns true, or returns false when nothing is owed and nothing may be sent. Arms the persist timer
// where only the peer's window is in the way.
[[nodiscard]] bool next_segment(Tcb& tcb, Env& env, MssLimits limits, OutSegment& out);

// Whether next_segment is worth calling.
[[nodiscard]] bool wants_output(const Tcb& tcb, const IndexPool<Transfer>& transfers);

}  // namespace levee::tcp
