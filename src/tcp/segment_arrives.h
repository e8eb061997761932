// SEGMENT ARRIVES for a connection that has a Tcb (RFC 9293 3.10.7.3 and 3.10.7.4). Changes the Tcb, leaves what is
// owed in its flags (output.h pays) and what the service must hear in `events`. Work per segment is bounded.
#pragma once

#include <optional>

#include "levee/stats.h"
#include "tcp/half_open.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

struct Arrival {
  std::optional<Drop> drop;  // why (part of) the segment was not used
  bool send_rst =
      false;  // answer with <SEQ=SEG.ACK><CTL=RST>: an unacceptable ACK before the connection is synchronized
};

// After this `tcb.state()` may be TIME-WAIT (the caller makes an entry of it) or CLOSED.
[[nodiscard]] Arrival segment_arrives(Tcb& tcb, const Segment& segment, Env& env);

// 3.10.7.3, SYN-SENT. `limits` are the interface's.
[[nodiscard]] Arrival segment_arrives_in_syn_sent(Tcb& tcb, const Segment& segment, MssLimits limits, Env& env);

// SYN-RECEIVED of an active open that met the peer's (3.5, simultaneous open).
[[nodiscard]] Arrival segment_arrives_in_syn_received(Tcb& tcb, const Segment& segment, Env& env);

}  // namespace levee::tcp
