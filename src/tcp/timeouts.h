// Timeouts of a connection (RFC 9293 3.10.8, RFC 6298 5): retransmission, zero-window probe, delayed ACK, FIN-WAIT-2.
#pragma once

#include "tcp/tcb.h"

namespace levee::tcp {

// Handles every deadline that has passed at env.now; call when `tcb.deadline() <= env.now`. May end the connection.
void timeouts(Tcb& tcb, Env& env);

// Output is held back below TCP (no neighbour yet): make sure that somebody comes back to it, and that R2 still counts.
void hold_back(Tcb& tcb, Env& env);
// Output may go again: the timer that hold_back armed has nothing to time.
void release_hold(Tcb& tcb);

}  // namespace levee::tcp
