#include "tcp/recovery.h"

#include <algorithm>

#include "base/check.h"
#include "tcp/duplicate_acks.h"
#include "tcp/retransmission_timer.h"
#include "tcp/sack_blocks.h"
#include "tcp/tcb.h"
#include "tcp/undo.h"

namespace levee::tcp {
namespace {

using Phase = Recovery::Phase;

std::uint32_t milliseconds_of(Instant now) { return static_cast<std::uint32_t>(to_milliseconds(now)); }

// Segments within a 32nd of a round trip share a run: an eighth of the smallest reordering window.
std::uint32_t run_tolerance_us(const Tcb& tcb) { return tcb.rtt.srtt_us / 32; }

// RFC 6675 IsLost(): enough has arrived behind a hole that, by the old rule, it would be lost.
bool much_arrived_behind(const Tcb& tcb, const Scoreboard& scoreboard) {
  if (scoreboard.sacked() == 0) return false;
  return scoreboard.sacked() > (kDupThresh - 1) * tcb.mss || scoreboard.sacked_runs(kDupThresh) == kDupThresh;
}

// The window is smaller now, for whatever reason: marks of the same flight mean nothing new, and the peer may stop to
// echo them (RFC 3168 6.1.2).
void note_reduction(Tcb& tcb, Recovery& recovery) {
  recovery.ecn_reduced = true;
  recovery.ecn_point = tcb.nxt;
  tcb.cwr_owed = tcb.ecn;
}

void reduce_window(Tcb& tcb, Transfer& transfer, Signal signal, std::uint32_t flight, const Env& env) {
  reduce(tcb.congestion, transfer.growth, signal, flight, tcb.mss, env.options.congestion_control);
  note_reduction(tcb, transfer.recovery);
}

void begin_fast_recovery(Tcb& tcb, Transfer& transfer, std::uint32_t flight, std::uint32_t delivered, Env& env) {
  Recovery& recovery = transfer.recovery;
  env.stats.count(Counter::TCPFastRetrans);
  remember_for_undo(tcb, recovery);
  reduce_window(tcb, transfer, Signal::Loss, flight, env);
  recovery.phase = Phase::Fast;
  recovery.point = tcb.nxt;
  recovery.point_valid = true;
  recovery.probe.outstanding = false;
  // RFC 6937: RecoverFS is what was in the network when the loss was found.
  const std::uint32_t gone = transfer.scoreboard.sacked() + recovery.duplicate_bytes;
  recovery.reduction = {.flight = std::max(tcb.mss + 0U, tcb.flight() - std::min(tcb.flight(), gone) + delivered)};
}

// RFC 6937 3, with the slow-start bound where an ACK advanced and found nothing more lost, and else conserving packets.
void reduce_by_rate(Tcb& tcb, Transfer& transfer, std::uint32_t delivered, bool safe) {
  RateReduction& rate = transfer.recovery.reduction;
  rate.delivered += delivered;
  const std::uint32_t road = pipe(tcb, transfer);
  const std::uint32_t ssthresh = tcb.congestion.ssthresh;
  std::uint32_t may_go = 0;
  if (road > ssthresh) {
    const std::uint64_t due = (std::uint64_t{rate.delivered} * ssthresh + rate.flight - 1) / rate.flight;
    may_go = due > rate.out ? static_cast<std::uint32_t>(due) - rate.out : 0;
  } else {
    may_go = std::max(rate.delivered > rate.out ? rate.delivered - rate.out : 0, delivered);
    if (safe) may_go += tcb.mss;
    may_go = std::min(may_go, ssthresh - road);
  }
  if (rate.out == 0) may_go = std::max<std::uint32_t>(may_go, tcb.mss);  // the first retransmission always goes
  tcb.congestion.cwnd = std::max<std::uint32_t>(tcb.mss, road + may_go);
}

void leave_recovery(Tcb& tcb, Transfer& transfer, const Env& env) {
  Recovery& recovery = transfer.recovery;
  if (recovery.phase == Phase::Fast) {
    // RFC 6937: ssthresh; but no burst larger than the one that a connection begins with (RFC 6582 3.2 (3)).
    const std::uint32_t burst = Congestion::initial_window(tcb.mss, env.options.initial_window_segments);
    tcb.congestion.cwnd = std::min(tcb.congestion.ssthresh, pipe(tcb, transfer) + burst);
    rack_recovered(recovery.rack);
  }
  recovery.phase = Phase::Open;
  recovery.duplicate_acks = 0;
  recovery.duplicate_bytes = 0;
}

// RFC 8985 7.4.2: what became of the tail loss probe. If it repaired the only loss, that loss counts all the same.
void judge_probe(Tcb& tcb, Transfer& transfer, const Segment& segment, const AckNews& news, const Duplicate& duplicate,
                 Env& env) {
  TailProbe& probe = transfer.recovery.probe;
  if (!probe.outstanding || segment.ack < probe.end) return;
  const bool came_twice = duplicate.reported || (news.duplicate && segment.options.sack_count == 0);
  if (!probe.resent || came_twice) {
    probe.outstanding = false;
  } else if (segment.ack > probe.end) {
    probe.outstanding = false;
    env.stats.count(Counter::TCPLossProbeRecovery);
    if (transfer.recovery.phase != Phase::Open) return;
    reduce_window(tcb, transfer, Signal::Loss, news.flight, env);
    tcb.congestion.cwnd = std::min(tcb.congestion.cwnd, tcb.congestion.ssthresh);
  }
}

void echo_arrives(Tcb& tcb, Transfer& transfer, std::uint32_t flight, const Env& env) {
  Recovery& recovery = transfer.recovery;
  if (recovery.ecn_reduced && tcb.una <= recovery.ecn_point) return;  // at most once per window of data
  if (recovery.phase != Phase::Open) {
    note_reduction(tcb, recovery);
    return;
  }
  env.stats.count(Counter::TCPECNReductions);
  reduce_window(tcb, transfer, Signal::EcnEcho, flight, env);
  tcb.congestion.cwnd = std::min(tcb.congestion.cwnd, tcb.congestion.ssthresh);
}

// RFC 8985 6.2, steps 4 and 5. Returns in how many microseconds to look again, 0: not at all.
std::uint32_t detect_by_time(const Tcb& tcb, Transfer& transfer, std::uint32_t now_us) {
  const Recovery& recovery = transfer.recovery;
  Scoreboard& scoreboard = transfer.scoreboard;
  // In order, nothing missing: nothing on the road was sent before what has just arrived.
  if (recovery.phase == Phase::Open && scoreboard.sacked() == 0) return 0;
  const bool hurry = recovery.phase != Phase::Open || much_arrived_behind(tcb, scoreboard);
  const std::uint32_t window_us = reordering_window_us(recovery.rack, hurry, tcb.rtt.srtt_us);
  return rack_detect(recovery.rack, scoreboard, now_us, window_us);
}

void grow_window(Tcb& tcb, Transfer& transfer, std::uint32_t delivered, std::uint32_t rtt_us, const Env& env) {
  if (delivered == 0) return;
  Recovery& recovery = transfer.recovery;
  const bool after_timeout = recovery.phase == Phase::Timeout;
  // RFC 7661: what is not used is not known to be there.
  if (!recovery.cwnd_limited && !after_timeout) {
    pause_growth(transfer.growth);
    return;
  }
  grow(tcb.congestion, transfer.growth,
       {.delivered = delivered,
        .mss = tcb.mss,
        .srtt_us = tcb.rtt.srtt_us,
        .rtt_us = rtt_us,
        .now_us = microsecond_clock(env.now),
        .now_ms = milliseconds_of(env.now),
        .una = tcb.una,
        .nxt = tcb.nxt,
        .after_timeout = after_timeout,
        .selective = tcb.sack},
       env.options.congestion_control);
}

}  // namespace

std::uint32_t pipe(const Tcb& tcb, const Transfer& transfer) {
  if (transfer.scoreboard.empty()) return tcb.flight();
  const std::uint32_t road = transfer.scoreboard.pipe();
  return road - std::min(road, transfer.recovery.duplicate_bytes);
}

AckResult recover(Tcb& tcb, Transfer& transfer, const Segment& segment, const AckNews& news, Env& env) {
  Recovery& recovery = transfer.recovery;
  Scoreboard& scoreboard = transfer.scoreboard;
  const RackClock clock{microsecond_clock(env.now), milliseconds_of(env.now)};
  Delivery delivery;
  if (!scoreboard.empty() && news.acked > 0) scoreboard.acknowledge(tcb.una, delivery);
  Duplicate duplicate;
  // RFC 2018 2: without permission nothing is read from a SACK option.
  if (tcb.sack && segment.options.sack_count > 0) {
    duplicate = sack_blocks_arrive(tcb, segment, scoreboard, delivery, env.stats);
  }
  std::uint32_t delivered = delivery.bytes;
  if (tcb.sack) {
    const bool echo_is_old = caused_by_original(tcb, recovery, segment);
    rack_delivered(recovery.rack, delivery, echo_is_old, clock);
    if (duplicate.reported) rack_duplicate(recovery.rack, tcb.una, tcb.nxt);
  } else {
    delivered = delivered_without_sack(tcb, recovery, news);
  }
  judge_probe(tcb, transfer, segment, news, duplicate, env);
  if (recovery.undo.possible) consider_undo(tcb, transfer, segment, news, duplicate, env);
  if (recovery.phase != Phase::Open && tcb.una >= recovery.point) leave_recovery(tcb, transfer, env);
  if (recovery.point_valid && recovery.phase == Phase::Open && tcb.una > recovery.point) recovery.point_valid = false;

  // RFC 2018 8: what stands at SND.UNA cannot be with the peer. It has thrown away what it held.
  if (!scoreboard.empty() && scoreboard.run(0).fate == Fate::Sacked) {
    env.stats.count(Counter::TCPSACKReneging);
    scoreboard.forget_sacks();
  }
  AckResult result;
  const std::uint32_t lost_before = scoreboard.lost();
  if (!tcb.sack) {
    detect_without_sack(tcb, transfer, news);
  } else if (delivered > 0) {
    result.wait_us = detect_by_time(tcb, transfer, clock.now_us);
  }
  const bool new_loss = scoreboard.lost() > lost_before;
  const bool begins = new_loss && recovery.phase == Phase::Open;
  if (begins) {
    begin_fast_recovery(tcb, transfer, news.flight, delivered, env);
  }
  const bool echo = tcb.ecn && segment.has(wire::kEce);
  if (recovery.phase == Phase::Fast) {
    if (delivered > 0 || new_loss) reduce_by_rate(tcb, transfer, delivered, news.acked > 0 && !new_loss);
  } else if (!echo && (news.acked > 0 || recovery.rack.reordering_seen)) {
    // RFC 5681 3.2 (1): duplicates do not open the window, unless they are known to mean no loss.
    const std::uint32_t latest_us = delivery.original.any ? std::max(1U, clock.now_us - delivery.original.sent_us) : 0;
    grow_window(tcb, transfer, delivered, latest_us, env);
  }
  if (echo) echo_arrives(tcb, transfer, news.flight, env);
  if (delivery.original.any) result.rtt_us = std::max(1U, clock.now_us - delivery.oldest_us);
  result.restart_timer = news.acked > 0 || begins || (delivered > 0 && tcb.alarm != Alarm::Retransmission);
  return result;
}

void time_out_flight(Tcb& tcb, Transfer& transfer, bool first, Env& env) {
  Recovery& recovery = transfer.recovery;
  Scoreboard& scoreboard = transfer.scoreboard;
  // RFC 5681 3.1 (4): once per segment; and not again for a window that fast recovery has reduced already.
  if (recovery.phase == Phase::Open || (recovery.phase == Phase::Timeout && first)) {
    if (recovery.phase == Phase::Open) remember_for_undo(tcb, recovery);
    reduce_window(tcb, transfer, Signal::Timeout, pipe(tcb, transfer), env);
  }
  // RFC 2018 8, RFC 6675 5.1: SACK blocks are believed over one timeout, but not over two in a row.
  if (!first) scoreboard.forget_sacks();
  scoreboard.lose_all();
  tcb.congestion.cwnd = tcb.mss;
  recovery.phase = Phase::Timeout;
  recovery.point = tcb.nxt;
  recovery.point_valid = true;
  recovery.probe.outstanding = false;
  recovery.duplicate_acks = 0;
  recovery.duplicate_bytes = 0;
}

void reordering_timeout(Tcb& tcb, Transfer& transfer, Env& env) {
  Scoreboard& scoreboard = transfer.scoreboard;
  const std::uint32_t lost_before = scoreboard.lost();
  start_retransmission_timer(tcb, env);
  const std::uint32_t wait_us = detect_by_time(tcb, transfer, microsecond_clock(env.now));
  if (wait_us > 0) start_reordering_timer(tcb, wait_us, env);
  if (scoreboard.lost() == lost_before) return;
  if (transfer.recovery.phase == Phase::Open) begin_fast_recovery(tcb, transfer, tcb.flight(), 0, env);
  if (transfer.recovery.phase == Phase::Fast) reduce_by_rate(tcb, transfer, 0, false);
}

void text_sent(const Tcb& tcb, Transfer& transfer, Seq begin, Seq end, const Env& env) {
  transfer.scoreboard.sent(begin, end, microsecond_clock(env.now), run_tolerance_us(tcb));
  if (transfer.recovery.phase == Phase::Fast) transfer.recovery.reduction.out += end - begin;
}

void text_resent(const Tcb& tcb, Transfer& transfer, Seq begin, Seq end, const Env& env) {
  Recovery& recovery = transfer.recovery;
  if (!transfer.scoreboard.empty()) {
    transfer.scoreboard.resent(begin, end, microsecond_clock(env.now), run_tolerance_us(tcb));
  }
  if (recovery.phase == Phase::Fast) recovery.reduction.out += end - begin;
  resent_for_undo(tcb, recovery, end - begin, env);
}

}  // namespace levee::tcp
