// The sixth to eighth check of RFC 9293 3.10.7.4: urgent pointer, segment text, FIN.
#pragma once

#include <optional>

#include "levee/stats.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

// The ECN field and flags of a segment that is acceptable (RFC 3168 6.1.3).
void congestion_marks_arrive(Tcb& tcb, const Segment& segment);
// Sixth. Urgent data is delivered in line (RFC 6093); the pointer is a number to be told, never an index.
void urgent_pointer_arrives(Tcb& tcb, const Segment& segment, const Env& env);
// Seventh. What is not in order, or meets data that is queued, goes through the out-of-order queue, where the first
// byte wins. nullopt: all of it is held.
[[nodiscard]] std::optional<Drop> text_arrives(Tcb& tcb, const Segment& segment, Env& env);
// Eighth. A FIN that came out of order is remembered until the text before it is there.
void fin_arrives(Tcb& tcb, const Segment& segment, Env& env);

// Text [begin, end) came again: the next ACK says so (RFC 2883 4).
void owe_dsack(Tcb& tcb, Seq begin, Seq end);

}  // namespace levee::tcp
