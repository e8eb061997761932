// Keepalive (RFC 9293 3.8.4, MAY-5): off by default (MUST-25), switched per connection (MUST-24). An idle peer is
// probed; only `keepalive_probes` unanswered ones in a row end the connection (MUST-29).
#pragma once

#include "tcp/tcb.h"

namespace levee::tcp {

// The peer sent something acceptable.
inline void heard_from_peer(Tcb& tcb, const Env& env) {
  if (!tcb.keepalive) return;
  tcb.keepalives = 0;
  tcb.keepalive_at = env.now + env.options.keepalive_idle;
}

void set_keepalive(Tcb& tcb, bool on, const Env& env);

// keepalive_at has come. False when the peer is given up.
[[nodiscard]] bool keepalive_timeout(Tcb& tcb, Env& env);

}  // namespace levee::tcp
