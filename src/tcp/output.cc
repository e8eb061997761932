#include "tcp/output.h"

#include <algorithm>

#include "base/check.h"
#include "tcp/compose.h"
#include "tcp/path_mtu.h"
#include "tcp/retransmission_timer.h"

namespace levee::tcp {
namespace {

Transfer* transfer_of(const Tcb& tcb, Env& env) {
  return tcb.transfer == kNoIndex ? nullptr : &env.transfers[tcb.transfer];
}

void arm_timer(Tcb& tcb, Env& env) {
  if (tcb.unacked_since == kNever) tcb.unacked_since = env.now;
  if (tcb.retransmit_at != kNever && !tcb.persisting) return;
  tcb.persisting = false;
  start_timer(tcb, transfer_of(tcb, env), env);
}

void count_retransmission(Tcb& tcb, Env& env) {
  ++tcb.retransmits;
  env.stats.count(Counter::RetransSegs);
  if (!tcb.timestamps) tcb.rtt_running = false;  // Karn (RFC 6298 3); a timestamp tells the transmissions apart
}

// Repeats what lies in [from, limit), at most one segment of it, our FIN included if that is there. Never ECN-capable
// (RFC 3168 6.1.5).
void retransmit(Tcb& tcb, Env& env, Seq from, Seq limit, OutSegment& out) {
  add_sack(tcb, env.transfers, out);
  const Seq end = earlier(queue_end(tcb, env.transfers), limit);
  const std::uint32_t length = end > from ? std::min(end - from, text_room(tcb, out)) : 0;
  const std::uint32_t used = write_text(tcb, env, from, length, tcb.fin_sent && limit == tcb.nxt, out);
  if (Transfer* transfer = transfer_of(tcb, env)) text_resent(tcb, *transfer, from, from + used, env);
  count_retransmission(tcb, env);
  arm_timer(tcb, env);
}

bool may_have_text_to_send(State state) {
  return state == State::Established || state == State::CloseWait || state == State::FinWait1 ||
         state == State::Closing || state == State::LastAck;
}

// The segment at SND.UNA, whatever the windows say: towards a closed window it is the probe (MAY-7, SHLD-17).
void retransmit_first(Tcb& tcb, Env& env, OutSegment& out) {
  tcb.retransmit_first = false;
  const Transfer* transfer = transfer_of(tcb, env);
  const bool known = transfer != nullptr && !transfer->scoreboard.empty();
  retransmit(tcb, env, tcb.una, known ? transfer->scoreboard.end_of(0) : tcb.nxt, out);
}

// What is lost, the lowest first (RFC 6675 4, rule 1), as the congestion window and the peer's allow (SHLD-16).
bool retransmit_lost(Tcb& tcb, Env& env, OutSegment& out) {
  const Transfer* transfer = transfer_of(tcb, env);
  if (transfer == nullptr || transfer->scoreboard.lost() == 0) return false;
  const Scoreboard& scoreboard = transfer->scoreboard;
  const std::uint32_t i = scoreboard.first_lost();
  const Seq from = scoreboard.run(i).begin;
  const Seq limit = earlier(scoreboard.end_of(i), tcb.una + tcb.wnd);
  if (from >= limit) return false;
  const std::uint32_t road = pipe(tcb, *transfer);
  if (road > 0 && road + std::min<std::uint32_t>(limit - from, tcb.mss) > tcb.congestion.cwnd) return false;
  retransmit(tcb, env, from, limit, out);
  return true;
}

// RFC 9293 3.8.6.2.1 (sender's silly window avoidance, MUST-38) and 3.7.4 (Nagle). There is no PUSH: what was sent goes
// as soon as it may, at the latest when the persist timer says so (MUST-60), what has gathered in as large segments as
// possible (SHLD-27, SHLD-28, MAY-16).
struct Offer {
  std::uint32_t length = 0;  // of the text that may go
  bool full = false;         // a whole segment
  bool all = false;          // everything that is queued
  bool with_fin = false;
};
bool worth_sending(const Tcb& tcb, const Offer& offer) {
  if (offer.full || tcb.force_send) return true;
  if (offer.all && (offer.with_fin || !tcb.nagle || tcb.una == tcb.nxt)) return true;
  return offer.length > 0 && offer.length >= tcb.max_wnd / 2;
}

// How many octets of new text the windows allow.
struct Usable {
  std::uint32_t bytes = 0;
  bool by_congestion = false;  // the congestion window is the smaller one
};
Usable usable_window(const Tcb& tcb, const Transfer* transfer) {
  const std::uint32_t road = transfer == nullptr ? tcb.flight() : pipe(tcb, *transfer);
  const std::uint32_t cwnd = tcb.congestion.cwnd;
  const std::uint32_t congestion = cwnd > road ? cwnd - road : 0;
  // MUST-34, SHLD-15: a window that was taken back is negative here, and nothing new goes.
  const std::uint32_t peer = tcb.wnd > tcb.flight() ? tcb.wnd - tcb.flight() : 0;
  return {std::min(congestion, peer), congestion < peer};
}

// As in Linux: slow start goes on while the flight is more than half the window, which will have doubled by the time
// that its ACKs are here (RFC 7661's concern is what is not used at all).
bool nearly_fills_slow_start(const Tcb& tcb) {
  return tcb.congestion.cwnd < tcb.congestion.ssthresh && tcb.congestion.cwnd / 2 < tcb.flight();
}

// RFC 5681 4.1: what was learnt about the path is stale after an idle time of more than one RTO.
void begin_flight(Tcb& tcb, const Env& env) {
  const auto now_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
  if (std::chrono::milliseconds(now_ms - tcb.last_text_ms) <= tcb.rtt.rto(env.options, 0)) return;
  tcb.congestion.restart(tcb.mss, env.options.initial_window_segments);
}

// RFC 3168 6.1.2 and 6.1.5 (SHLD-8): new text may be marked on its way, and says that a reduction was made.
void add_ecn(Tcb& tcb, OutSegment& out) {
  if (!tcb.ecn || out.payload_length == 0) return;
  out.traffic_class |= wire::kEct0;
  if (!tcb.cwr_owed) return;
  tcb.cwr_owed = false;
  out.flags |= wire::kCwr;
}

void note_sent(Tcb& tcb, std::uint32_t used, Env& env) {
  tcb.last_text_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
  if (!tcb.rtt_running) {
    tcb.rtt_running = true;
    tcb.rtt_seq = tcb.nxt;
    tcb.rtt_start = env.now;
  }
  if (Transfer* transfer = transfer_of(tcb, env)) {
    // Where a FIN is on the road that the scoreboard never saw, it goes on not knowing (it was sent without a
    // Transfer).
    const bool follows = transfer->scoreboard.empty() ? tcb.una == tcb.nxt : transfer->scoreboard.end() == tcb.nxt;
    if (follows) text_sent(tcb, *transfer, tcb.nxt, tcb.nxt + used, env);
  }
  tcb.nxt += used;
}

bool send_new_text(Tcb& tcb, Env& env, bool probe, OutSegment& out) {
  const Seq end = queue_end(tcb, env.transfers);
  const std::uint32_t unsent = end > tcb.nxt ? end - tcb.nxt : 0;
  const bool fin_unsent = tcb.fin_queued && !tcb.fin_sent;
  Transfer* transfer = transfer_of(tcb, env);
  if (unsent == 0 && !fin_unsent) {
    if (transfer != nullptr) transfer->recovery.cwnd_limited = nearly_fills_slow_start(tcb);
    return false;
  }
  const std::uint32_t flight = tcb.flight();
  if (flight == 0) begin_flight(tcb, env);
  Usable usable = usable_window(tcb, transfer);
  if (probe) usable.bytes = tcb.wnd > flight ? tcb.wnd - flight : 0;  // RFC 8985 7.3: beyond the congestion window
  add_sack(tcb, env.transfers, out);
  const std::uint32_t room = text_room(tcb, out);
  const std::uint32_t length = std::min({unsent, usable.bytes, room});
  const bool all = length == unsent;
  if (transfer != nullptr) {
    const bool held_back = usable.by_congestion && length < std::min(unsent, room);
    transfer->recovery.cwnd_limited = held_back || nearly_fills_slow_start(tcb);
  }
  // Our FIN needs a place in the window too; alone on the road it may also serve as the probe of a closed one.
  const bool with_fin = fin_unsent && all && (usable.bytes > length || flight == 0);
  const bool anything = length > 0 || with_fin;
  if (!anything || !worth_sending(tcb, {.length = length, .full = length >= room, .all = all, .with_fin = with_fin})) {
    // Only the peer's window is in the way and nothing is on the road whose ACK would tell: persist (MUST-36).
    if (flight == 0 && !tcb.persisting && tcb.retransmit_at == kNever) {
      tcb.persisting = true;
      start_retransmission_timer(tcb, env);
    }
    return false;
  }
  tcb.force_send = false;
  const std::uint32_t used = write_text(tcb, env, tcb.nxt, length, with_fin, out);
  if ((out.flags & wire::kFin) != 0) tcb.fin_sent = true;
  add_ecn(tcb, out);
  if (transfer != nullptr) text_goes_out(tcb, *transfer, out.payload_length, tcb.nxt + out.payload_length);
  note_sent(tcb, used, env);
  arm_timer(tcb, env);
  // RFC 8985 7.2: once more than one segment is on the road, the peer's delayed ACK need not be waited for.
  if (tcb.alarm == Alarm::TailProbe && flight <= tcb.mss && tcb.flight() > tcb.mss) start_timer(tcb, transfer, env);
  return true;
}

// RFC 8985 7.3: something new if there is, else the last segment again.
bool send_tail_probe(Tcb& tcb, Env& env, OutSegment& out) {
  tcb.tail_probe_owed = false;
  Transfer* transfer = transfer_of(tcb, env);
  if (transfer == nullptr || transfer->scoreboard.empty() || tcb.wnd < tcb.flight()) return false;
  TailProbe& probe = transfer->recovery.probe;
  const bool fresh = send_new_text(tcb, env, true, out);
  if (!fresh) {
    const Scoreboard& scoreboard = transfer->scoreboard;
    const std::uint32_t last = scoreboard.runs() - 1;
    if (scoreboard.run(last).fate == Fate::Sacked) return false;
    const std::uint32_t fin = tcb.fin_sent ? 1 : 0;
    const std::uint32_t length = std::min<std::uint32_t>(scoreboard.length(last), text_room(tcb, out) + fin);
    retransmit(tcb, env, tcb.nxt - length, tcb.nxt, out);
  }
  probe = {.outstanding = true, .resent = !fresh, .end = tcb.nxt};
  env.stats.count(Counter::TCPLossProbes);
  start_retransmission_timer(tcb, env);
  return true;
}

void send_syn(Tcb& tcb, Env& env, MssLimits limits, OutSegment& out) {
  write_syn(tcb, env, limits, out);
  if (tcb.nxt == tcb.iss) {
    tcb.nxt = tcb.iss + 1;
    tcb.rtt_start = env.now;
  } else {
    count_retransmission(tcb, env);
  }
  arm_timer(tcb, env);
}

}  // namespace

bool next_segment(Tcb& tcb, Env& env, MssLimits limits, OutSegment& out) {
  start_segment(tcb, out);
  if (tcb.rst_owed) {
    write_rst(tcb, env, out);
    return true;
  }
  if (tcb.syn_owed) {
    tcb.syn_owed = false;
    send_syn(tcb, env, limits, out);
    return true;
  }
  // A duplicate ACK must be recognisable as one: without text, and before text would carry it (RFC 5681 2).
  if (tcb.ack_now && has_hole(tcb, env.transfers)) {
    write_ack(tcb, env, out);
    return true;
  }
  if (may_have_text_to_send(tcb.state())) {
    if (tcb.retransmit_first) {
      retransmit_first(tcb, env, out);
      return true;
    }
    if (tcb.tail_probe_owed && send_tail_probe(tcb, env, out)) return true;
    if (retransmit_lost(tcb, env, out)) return true;
    if (send_new_text(tcb, env, false, out)) return true;
    if (tcb.probe_owed) {
      tcb.probe_owed = false;
      write_probe(tcb, env, out);
      env.stats.count(Counter::TCPPersistProbes);
      return true;
    }
  }
  if (tcb.keepalive_owed) {
    tcb.keepalive_owed = false;
    write_probe(tcb, env, out);
    env.stats.count(Counter::TCPKeepAlive);
    return true;
  }
  if (!tcb.ack_now) return false;
  write_ack(tcb, env, out);
  return true;
}

bool wants_output(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  if (tcb.rst_owed || tcb.syn_owed || tcb.ack_now || tcb.retransmit_first || tcb.tail_probe_owed || tcb.probe_owed ||
      tcb.keepalive_owed) {
    return true;
  }
  if (!may_have_text_to_send(tcb.state())) return false;
  if (tcb.transfer != kNoIndex && transfers[tcb.transfer].scoreboard.lost() > 0) return true;
  return (tcb.fin_queued && !tcb.fin_sent) || tcb.una + unsent_and_unacked(tcb, transfers) > tcb.nxt;
}

}  // namespace levee::tcp
