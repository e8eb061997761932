#include "tcp/undo.h"

#include <algorithm>

#include "base/check.h"

namespace levee::tcp {
namespace {

using Phase = Recovery::Phase;

// Nothing was lost: as if the reduction had not been (RFC 4015 3, RFC 5681's cwnd never less than now).
void take_back(Tcb& tcb, Transfer& transfer) {
  Recovery& recovery = transfer.recovery;
  Congestion& congestion = tcb.congestion;
  congestion.cwnd = std::max(congestion.cwnd, recovery.undo.cwnd);
  congestion.ssthresh = std::max(congestion.ssthresh, recovery.undo.ssthresh);
  congestion.w_max = recovery.undo.w_max;
  transfer.growth.epoch.active = false;
  transfer.scoreboard.unlose();
  recovery.undo.possible = false;
  recovery.phase = Phase::Open;
  recovery.duplicate_acks = 0;
  recovery.duplicate_bytes = 0;
}

// RFC 2883, RFC 3708: every retransmission turned out to be superfluous.
bool all_superfluous(Undo& undo, const Duplicate& duplicate) {
  if (!undo.possible || undo.resent == 0 || duplicate.begin < undo.from) return false;
  undo.resent -= std::min(undo.resent, duplicate.end - duplicate.begin);
  return undo.resent == 0;
}

}  // namespace

void remember_for_undo(const Tcb& tcb, Recovery& recovery) {
  recovery.undo = {.possible = true,
                   .from = tcb.una,
                   .cwnd = tcb.congestion.cwnd,
                   .ssthresh = tcb.congestion.ssthresh,
                   .w_max = tcb.congestion.w_max};
}

void resent_for_undo(const Tcb& tcb, Recovery& recovery, std::uint32_t octets, const Env& env) {
  if (!recovery.undo.possible || recovery.phase == Phase::Open) return;
  recovery.undo.resent += octets;
  if (recovery.undo.stamped) return;
  recovery.undo.stamped = true;
  recovery.undo.resent_stamp = timestamp_clock(env.now, tcb.ts_offset);
}

void consider_undo(Tcb& tcb, Transfer& transfer, const Segment& segment, const AckNews& news,
                   const Duplicate& duplicate, Env& env) {
  Recovery& recovery = transfer.recovery;
  DCHECK(recovery.undo.possible);
  if (news.acked > 0 && recovery.phase != Phase::Open && caused_by_original(tcb, recovery, segment)) {
    env.stats.count(Counter::TCPFullUndo);
    take_back(tcb, transfer);
  } else if (duplicate.reported && all_superfluous(recovery.undo, duplicate)) {
    env.stats.count(Counter::TCPDSACKUndo);
    take_back(tcb, transfer);
  }
}

}  // namespace levee::tcp
