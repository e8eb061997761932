#include "tcp/keepalive.h"

namespace levee::tcp {

void set_keepalive(Tcb& tcb, bool on, const Env& env) {
  tcb.keepalive = on;
  tcb.keepalive_at = kNever;
  if (tcb.synchronized()) heard_from_peer(tcb, env);
}

bool keepalive_timeout(Tcb& tcb, Env& env) {
  // MUST-26: only an idle connection; with text on its way the retransmission timer watches the peer.
  if (tcb.una != tcb.nxt || unsent_and_unacked(tcb, env.transfers) > 0) {
    heard_from_peer(tcb, env);
    return true;
  }
  if (tcb.keepalives >= env.options.keepalive_probes) return false;
  ++tcb.keepalives;
  tcb.keepalive_owed = true;
  tcb.keepalive_at = env.now + env.options.keepalive_interval;
  return true;
}

}  // namespace levee::tcp
