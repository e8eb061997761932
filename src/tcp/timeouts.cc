#include "tcp/timeouts.h"

#include <algorithm>

#include "tcp/keepalive.h"
#include "tcp/output.h"
#include "tcp/path_mtu.h"
#include "tcp/retransmission_timer.h"

namespace levee::tcp {
namespace {

void time_out(Tcb& tcb, Env& env) {
  if (!tcb.synchronized()) env.stats.count(Counter::AttemptFails);
  tcb.enter(State::Closed, env.stats);
  finish(tcb, CloseCause::TimedOut, env);
}

// RFC 9293 3.8.3: R2 as a number of retransmissions of the same segment; its own for SYN (MUST-22, MUST-23).
bool beyond_r2(const Tcb& tcb, const levee::TcpOptions& options) {
  return tcb.backoff > (!tcb.synchronized() ? options.max_syn_retransmits : options.max_retransmits);
}

constexpr unsigned kR1 = 3;  // retransmissions (SHLD-10)

// SHLD-9: between R1 and R2 the user is told; of a SYN as of text (MUST-22).
void back_off(Tcb& tcb) {
  tcb.backoff = static_cast<std::uint8_t>(std::min(tcb.backoff + 1, 255));
  tcb.rto_shift = static_cast<std::uint8_t>(std::min(tcb.rto_shift + 1, 32));
  if (tcb.backoff == kR1) {
    tcb.report = ErrorReport::Retransmitting;
    tcb.events |= kReportEvent;
  }
}

// MUST-35, MUST-36, SHLD-29, SHLD-30: probes at the retransmission timeout, doubled. A peer that answers them may keep
// its window shut (MUST-37): every ACK that says so lowers the back-off again.
void persist(Tcb& tcb, Env& env) {
  back_off(tcb);
  if (beyond_r2(tcb, env.options)) {
    time_out(tcb, env);
    return;
  }
  if (tcb.unacked_since == kNever) tcb.unacked_since = env.now;
  if (tcb.wnd == 0) {
    tcb.probe_owed = true;
  } else {
    tcb.force_send = true;  // SWS avoidance has waited long enough (RFC 9293 3.8.6.2.1 (4))
  }
  tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
}

// RFC 6429 3: who keeps the window shut while memory is short may be aborted, though he answers every probe.
bool out_of_patience(const Tcb& tcb, const Env& env) {
  if (env.may_hold_text || tcb.transfer == kNoIndex) return false;
  const Instant closed_at = env.transfers[tcb.transfer].window_closed_at;
  return closed_at != kNever && env.now - closed_at >= env.options.zero_window_patience;
}

// What was sent and not acknowledged in time is lost, and the window with it (MUST-19; RFC 6298 5.4 to 5.7, RFC 5681
// 3.1).
void expire_flight(Tcb& tcb, bool first, Env& env) {
  suspect_black_hole(tcb, env);
  if (tcb.transfer != kNoIndex) time_out_flight(tcb, env.transfers[tcb.transfer], first, env);
  tcb.retransmit_first = true;
  tcb.tail_probe_owed = false;
}

void retransmission_timeout(Tcb& tcb, Env& env) {
  Transfer* transfer = tcb.transfer == kNoIndex ? nullptr : &env.transfers[tcb.transfer];
  if (tcb.alarm == Alarm::Reordering && transfer != nullptr) {
    reordering_timeout(tcb, *transfer, env);
    return;
  }
  if (tcb.alarm == Alarm::TailProbe && transfer != nullptr) {
    tcb.tail_probe_owed = true;
    start_retransmission_timer(tcb, env);  // RFC 8985 7.3: the probe's own loss is left to it
    return;
  }
  env.stats.count(Counter::TCPTimeouts);
  const bool first = tcb.backoff == 0;
  back_off(tcb);
  if (beyond_r2(tcb, env.options)) {
    time_out(tcb, env);
    return;
  }
  if (!tcb.timestamps) tcb.rtt_running = false;
  if (tcb.pending_mss != 0) lower_mss(tcb, tcb.pending_mss, env);
  if (!tcb.synchronized()) {
    tcb.syn_owed = true;
  } else if (tcb.una != tcb.nxt) {  // else the output was held back: nothing was lost, only R2 counts
    expire_flight(tcb, first, env);
  }
  // Armed here, not when the segment leaves: it may be held back for want of a neighbour or a blank.
  start_retransmission_timer(tcb, env);
}

}  // namespace

void timeouts(Tcb& tcb, Env& env) {
  if (tcb.linger_until <= env.now) {
    // FIN-WAIT-2 has no timer in the RFC; without one, as the options may ask, a silent peer keeps the record for ever.
    tcb.enter(State::Closed, env.stats);
    finish(tcb, CloseCause::TimedOut, env);
    return;
  }
  if (tcb.delayed_ack_at <= env.now) {
    tcb.delayed_ack_at = kNever;
    tcb.ack_now = true;
    env.stats.count(Counter::DelayedACKs);
  }
  if (tcb.keepalive_at <= env.now && !keepalive_timeout(tcb, env)) {
    tcb.rst_owed = true;  // as in Linux: perhaps only the way back is broken
    time_out(tcb, env);
    return;
  }
  if (tcb.give_up_at() <= env.now) {
    time_out(tcb, env);
    return;
  }
  if (tcb.retransmit_at <= env.now) {
    if (out_of_patience(tcb, env)) {
      env.stats.count(Counter::ZeroWindowAborted);
      tcb.rst_owed = true;
      tcb.enter(State::Closed, env.stats);
      finish(tcb, CloseCause::NoResource, env);
      return;
    }
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
