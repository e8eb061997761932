#include "tcp/timeouts.h"

#include <algorithm>

#include "tcp/output.h"

namespace levee::tcp {
namespace {

void time_out(Tcb& tcb, Env& env) {
  if (tcb.state() == State::SynSent) env.stats.count(Counter::AttemptFails);
  tcb.enter(State::Closed, env.stats);
  finish(tcb, CloseCause::TimedOut, env);
}

// RFC 9293 3.8.3: R2 as a number of retransmissions of the same segment; its own for SYN (MUST-22, MUST-23).
bool beyond_r2(const Tcb& tcb, const levee::TcpOptions& options) {
  return tcb.backoff > (tcb.state() == State::SynSent ? options.max_syn_retransmits : options.max_retransmits);
}

void back_off(Tcb& tcb) {
  tcb.backoff = static_cast<std::uint8_t>(std::min(tcb.backoff + 1, 255));
  tcb.rto_shift = static_cast<std::uint8_t>(std::min(tcb.rto_shift + 1, 32));
}

// MUST-36, SHLD-29, SHLD-30: probes at the retransmission timeout, doubled. A peer that answers them may keep its
// window shut (MUST-37): every ACK that says so lowers the back-off again.
void persist(Tcb& tcb, Env& env) {
  back_off(tcb);
  if (beyond_r2(tcb, env.options)) {
    time_out(tcb, env);
    return;
  }
  if (tcb.wnd == 0) {
    tcb.probe_owed = true;
  } else {
    tcb.force_send = true;  // SWS avoidance has waited long enough (RFC 9293 3.8.6.2.1 (4))
  }
  tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
}

void retransmission_timeout(Tcb& tcb, Env& env) {
  env.stats.count(Counter::TCPTimeouts);
  const bool first = tcb.backoff == 0;
  back_off(tcb);
  if (beyond_r2(tcb, env.options)) {
    time_out(tcb, env);
    return;
  }
  if (!tcb.timestamps) tcb.rtt_running = false;
  if (tcb.state() == State::SynSent) {
    tcb.syn_owed = true;
  } else if (tcb.una != tcb.nxt) {  // else the output was held back: nothing was lost, only R2 counts
    const std::uint32_t flight = tcb.rtx > tcb.una && tcb.rtx < tcb.nxt ? tcb.rtx - tcb.una : tcb.flight();
    tcb.congestion.on_timeout(tcb.nxt, flight, tcb.mss, first);
    tcb.rtx = tcb.una;
    tcb.retransmit_first = false;
  }
  // Armed here, not when the segment leaves: it may be held back for want of a neighbour or a blank.
  tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
}

}  // namespace

void timeouts(Tcb& tcb, Env& env) {
  if (tcb.linger_until <= env.now) {
    // FIN-WAIT-2 has no timer in the RFC; without one a silent peer would keep the record for ever.
    tcb.enter(State::Closed, env.stats);
    finish(tcb, CloseCause::TimedOut, env);
    return;
  }
  if (tcb.delayed_ack_at <= env.now) {
    tcb.delayed_ack_at = kNever;
    tcb.ack_now = true;
    env.stats.count(Counter::DelayedACKs);
  }
  if (tcb.retransmit_at <= env.now) {
    if (tcb.persisting) {
      persist(tcb, env);
    } else {
      retransmission_timeout(tcb, env);
    }
  }
}

void release_hold(Tcb& tcb) {
  if (!tcb.synchronized() || tcb.una != tcb.nxt || tcb.persisting || tcb.retransmit_at == kNever) return;
  tcb.retransmit_at = kNever;
  tcb.backoff = tcb.rto_shift = 0;
}

void hold_back(Tcb& tcb, Env& env) {
  if (tcb.retransmit_at == kNever) tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
}

}  // namespace levee::tcp
