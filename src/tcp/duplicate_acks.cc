#include "tcp/duplicate_acks.h"

#include <algorithm>

namespace levee::tcp {
namespace {

using Phase = Recovery::Phase;

}  // namespace

std::uint32_t delivered_without_sack(Tcb& tcb, Recovery& recovery, const AckNews& news) {
  if (news.duplicate && recovery.phase != Phase::Timeout) {
    if (recovery.duplicate_acks < 255) ++recovery.duplicate_acks;
    const std::uint32_t before = recovery.duplicate_bytes;
    recovery.duplicate_bytes =
        std::min(before + tcb.mss, tcb.flight() - std::min<std::uint32_t>(tcb.flight(), tcb.mss));
    return recovery.duplicate_bytes - before;
  }
  if (news.acked == 0) return 0;
  recovery.duplicate_acks = 0;
  if (recovery.phase != Phase::Fast) {
    recovery.duplicate_bytes = 0;
    return news.acked;
  }
  // The first of it filled the hole; the rest had been announced by duplicates.
  const std::uint32_t known =
      std::min(news.acked - std::min<std::uint32_t>(news.acked, tcb.mss), recovery.duplicate_bytes);
  recovery.duplicate_bytes -= known;
  return news.acked - known;
}

void detect_without_sack(const Tcb& tcb, Transfer& transfer, const AckNews& news) {
  const Recovery& recovery = transfer.recovery;
  Scoreboard& scoreboard = transfer.scoreboard;
  if (scoreboard.empty()) return;
  if (recovery.phase == Phase::Fast) {
    if (news.acked > 0 && !scoreboard.run(0).resent) scoreboard.lose_first(tcb.mss);
  } else if (recovery.phase == Phase::Open && recovery.duplicate_acks == kDupThresh) {
    // RFC 6582 3.2 (2): not for duplicates that the retransmissions of a window before have caused.
    if (!recovery.point_valid || tcb.una > recovery.point) scoreboard.lose_first(tcb.mss);
  }
}

}  // namespace levee::tcp
