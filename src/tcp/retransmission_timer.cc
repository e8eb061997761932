#include "tcp/retransmission_timer.h"

#include <algorithm>

namespace levee::tcp {
namespace {

using std::chrono::microseconds;

// RFC 8985 7.2: the peer may delay the ACK of a single segment by so much.
constexpr Duration kLongestDelay = std::chrono::milliseconds(200);
constexpr Duration kGranularity = std::chrono::milliseconds(2);  // two ticks of the wheel

// RFC 8985 7.2 and 7.3: SACK, nothing known to be missing, no probe on the road.
bool may_probe(const Tcb& tcb, const Transfer& transfer) {
  const Recovery& recovery = transfer.recovery;
  return tcb.sack && tcb.rtt.srtt_us != 0 && tcb.backoff == 0 && recovery.phase == Recovery::Phase::Open &&
         !recovery.probe.outstanding && !transfer.scoreboard.empty() && transfer.scoreboard.sacked() == 0 &&
         transfer.scoreboard.lost() == 0;
}

}  // namespace

void start_retransmission_timer(Tcb& tcb, const Env& env) {
  tcb.alarm = Alarm::Retransmission;
  tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
}

void start_timer(Tcb& tcb, const Transfer* transfer, const Env& env) {
  start_retransmission_timer(tcb, env);
  if (transfer == nullptr || !may_probe(tcb, *transfer)) return;
  const bool single = tcb.flight() <= tcb.mss;
  const Duration probe = 2 * microseconds(tcb.rtt.srtt_us) + (single ? kLongestDelay : kGranularity);
  tcb.alarm = Alarm::TailProbe;
  tcb.retransmit_at = std::min(tcb.retransmit_at, env.now + probe);
}

void start_reordering_timer(Tcb& tcb, std::uint32_t wait_us, const Env& env) {
  start_retransmission_timer(tcb, env);
  const Instant look = env.now + microseconds(wait_us);
  if (look >= tcb.retransmit_at) return;
  tcb.alarm = Alarm::Reordering;
  tcb.retransmit_at = look;
}

}  // namespace levee::tcp
