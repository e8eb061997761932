// The timer of what is on the road: the retransmission timeout (RFC 6298 5), and the two that come before it, the tail
// loss probe's (RFC 8985 7.2) and RACK's (RFC 8985 6.3). One deadline of the Tcb serves all three.
#pragma once

#include "tcp/tcb.h"

namespace levee::tcp {

// From now on: for the tail loss probe where one may go, else for the retransmission timeout. `transfer` may be null.
void start_timer(Tcb& tcb, const Transfer* transfer, const Env& env);
void start_retransmission_timer(Tcb& tcb, const Env& env);
// RACK waits for stragglers.
void start_reordering_timer(Tcb& tcb, std::uint32_t wait_us, const Env& env);

}  // namespace levee::tcp
