// How each kind of segment is written (RFC 9293 3.1, 3.10.7.4): the header's fields, the options, the text. When one is
// written, and what that does to SND.NXT and the timers, is tcp/output's.
#pragma once

#include "tcp/half_open.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

// Sequence number after the last byte queued: our FIN's own. Asked only in states in which our FIN is not acknowledged.
[[nodiscard]] inline Seq queue_end(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  return tcb.una + unsent_and_unacked(tcb, transfers);
}

// Text is missing before text that has arrived.
[[nodiscard]] inline bool has_hole(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  return tcb.transfer != kNoIndex && !transfers[tcb.transfer].out_of_order.empty();
}

// An empty segment with what every segment of the connection has in common.
void start_segment(const Tcb& tcb, OutSegment& out);
// SACK blocks, on every segment while text is missing (RFC 2018 4); what came twice before them (RFC 2883 4). Before
// the text, for which they leave less room.
void add_sack(const Tcb& tcb, const IndexPool<Transfer>& transfers, OutSegment& out);
// The most text that `out` has room for beside its SACK blocks (MUST-16).
[[nodiscard]] std::uint32_t text_room(const Tcb& tcb, const OutSegment& out);
// Text [from, from + length) and, with `fin` and if that reaches the queue's end, our FIN, with the ACK. Returns the
// sequence space used; less than asked for if the text lies in too many pieces.
std::uint32_t write_text(Tcb& tcb, Env& env, Seq from, std::uint32_t length, bool fin, OutSegment& out);
void write_ack(Tcb& tcb, Env& env, OutSegment& out);
// A probe of a closed window, or of an idle peer.
void write_probe(Tcb& tcb, Env& env, OutSegment& out);
void write_syn(Tcb& tcb, const Env& env, MssLimits limits, OutSegment& out);
void write_rst(Tcb& tcb, const Env& env, OutSegment& out);

// Reading has opened the window by so much that the peer should hear of it (RFC 9293 3.8.6.2.2).
[[nodiscard]] bool window_update_due(const Tcb& tcb, const Env& env);

}  // namespace levee::tcp
