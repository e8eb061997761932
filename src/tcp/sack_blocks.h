// What the SACK blocks of an ACK say (RFC 2018, RFC 2883). Blocks come from outside: one that cannot be true is
// ignored, or an attacker, or an octet changed on the way, could make octets count as delivered that were never sent.
#pragma once

#include <cstdint>

#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

// A segment came twice at the peer.
struct Duplicate {
  bool reported = false;
  Seq begin, end;
};

// Marks in the scoreboard what the blocks say is delivered; SND.UNA has been advanced.
[[nodiscard]] Duplicate sack_blocks_arrive(const Tcb& tcb, const Segment& segment, Scoreboard& scoreboard,
                                           Delivery& delivery, Stats& stats);

}  // namespace levee::tcp
