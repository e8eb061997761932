// What one packet on the path may carry (RFC 1191, RFC 8201): the effective MSS falls when a router says so or when
// full segments vanish without a word (a black hole, RFC 2923; after the idea of RFC 4821, as Linux's
// tcp_mtu_probing=1), and rises again after a while.
#pragma once

#include "tcp/tcb.h"

namespace levee::tcp {

// Bytes of text per segment are at most `mss` from now on; no reduction of the congestion window (RFC 8201 5.4). What
// is outstanding in larger segments is sent again.
void lower_mss(Tcb& tcb, std::uint32_t mss, Env& env);

// The retransmission timer has expired: every second time in a row the segment, if it is a large one, becomes smaller;
// where segments of this size have arrived before, every fourth time.
void suspect_black_hole(Tcb& tcb, Env& env);

// New text of `length` bytes goes out and ends before `end`.
void text_goes_out(const Tcb& tcb, Transfer& transfer, std::uint32_t length, Seq end);
// SND.UNA has moved. Only a full-sized segment proves the size: not several small ones under one ACK, nor those that
// went out before the size was raised.
void judge_mss(Tcb& tcb, Env& env);

// RFC 1191 6.3, RFC 8201 4: ten minutes after the last reduction the full size is tried again.
void raise_mss_if_due(Tcb& tcb, Env& env);

}  // namespace levee::tcp
