// The first check of RFC 9293 3.10.7.4, with PAWS (RFC 7323 5.3) before it, and what an unacceptable segment is
// answered with.
#pragma once

#include <optional>

#include "levee/stats.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

// RFC 7323 5.3 R1, and 3.2 for a missing option. nullopt: go on.
[[nodiscard]] std::optional<Drop> check_timestamps(Tcb& tcb, const Segment& segment, Env& env);

// RFC 9293 3.4, the four cases of Table 6. With a closed window, text at RCV.NXT is let through so that its ACK, URG
// and RST count (MUST-66); the text itself is trimmed later.
[[nodiscard]] bool in_window(const Tcb& tcb, const Segment& segment);

// SEG.SEQ itself is in the window (RFC 5961 3.2).
[[nodiscard]] inline bool begins_in_window(const Tcb& tcb, const Segment& segment) {
  return segment.seq >= tcb.rcv_nxt && segment.seq < tcb.rcv_edge;
}

// RFC 7323 4.3 (2): the echo follows the segment that covers the last ACK sent.
void update_ts_recent(Tcb& tcb, const Segment& segment, const Env& env);

// An ACK that answers something wrong (RFC 5961 7, THR-1): limited per connection, never by a counter that others can
// probe (CVE-2016-5696).
void challenge(Tcb& tcb, Env& env);

// What an unacceptable segment that is not an RST is answered with: "send an acknowledgment". Those that carry text are
// never limited, or a lossy transfer would crawl.
void acknowledge_unacceptable(Tcb& tcb, const Segment& segment, Env& env);

}  // namespace levee::tcp
