#include "tcp/acknowledgment.h"

#include <algorithm>

#include "base/check.h"

namespace levee::tcp {
namespace {

// RFC 5961 5.2: (SND.UNA - MAX.SND.WND) =< SEG.ACK =< SND.NXT; and never before the ISS, or a blind attacker could
// acknowledge bytes of an earlier incarnation ("ghost ACKs", CVE-2023-52881).
bool acceptable(const Tcb& tcb, Seq ack) {
  if (ack > tcb.nxt) return false;
  if (ack >= tcb.una) return true;
  const bool before_iss = !tcb.acked_a_lot && ack <= tcb.iss;
  return !before_iss && tcb.una - ack <= tcb.max_wnd;
}

// RFC 6298 (4) and RFC 7323 4: one sample per flight; by timestamp when there is one, else never from a retransmission
// (Karn), which ended the sample.
void sample_rtt(Tcb& tcb, const Segment& segment, const Env& env) {
  if (!tcb.rtt_running || segment.ack <= tcb.rtt_seq) return;
  tcb.rtt_running = false;
  tcb.rto_shift = 0;  // Karn: only a valid sample ends the back-off, or an RTT that grew past the RTO is never learnt
  if (!tcb.timestamps) {
    tcb.rtt.sample(env.now - tcb.rtt_start);
    return;
  }
  const std::uint32_t elapsed = timestamp_clock(env.now, tcb.ts_offset) - segment.options.ts_echo;
  if (elapsed < 600'000) tcb.rtt.sample(std::chrono::milliseconds(elapsed));
}

void advance(Tcb& tcb, const Segment& segment, Env& env) {
  const std::uint32_t acked = segment.ack - tcb.una;
  const std::uint32_t flight = tcb.flight();
  std::uint32_t data = 0;
  if (tcb.transfer != kNoIndex) {
    Transfer& transfer = env.transfers[tcb.transfer];
    data = std::min(acked, transfer.send.bytes);
    pop_front(transfer.send, data, env.memory());
    if (tcb.want_writable && transfer.send.bytes <= env.options.send_buffer / 2) {
      tcb.want_writable = false;
      tcb.events |= kWritableEvent;
    }
  }
  DCHECK(acked - data <= (tcb.fin_sent ? 1U : 0U));
  env.stats.count(Counter::BytesAcked, data);
  tcb.una = segment.ack;
  tcb.rtx = later(tcb.rtx, tcb.una);
  tcb.retransmit_first = false;
  if (tcb.una - tcb.iss > 0x40000000) tcb.acked_a_lot = true;
  sample_rtt(tcb, segment, env);

  const NewReno::Ack verdict = tcb.congestion.on_ack(tcb.una, acked, flight, tcb.mss);
  if (verdict.retransmit_first && tcb.una < tcb.nxt) tcb.retransmit_first = true;
  // RFC 6298 5.2 and 5.3; progress starts R2's count anew.
  tcb.backoff = 0;
  tcb.persisting = false;
  if (tcb.una == tcb.nxt) {
    tcb.retransmit_at = kNever;
  } else if (verdict.restart_timer) {
    tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
  }
}

// RFC 9293 3.10.7.4: the window is taken from the latest segment by (SEG.SEQ, SEG.ACK). As in Linux also from one that
// acknowledges something new, which may be a retransmission: SND.WND counts from SND.UNA, and an old one behind a new
// SND.UNA would promise room beyond the edge that the peer has named.
void update_window(Tcb& tcb, const Segment& segment, bool advances, Env& env) {
  const bool later_by_sequence = tcb.wl1 < segment.seq || (tcb.wl1 == segment.seq && tcb.wl2 <= segment.ack);
  if (!advances && !later_by_sequence) return;
  const std::uint32_t before = tcb.wnd;
  tcb.wnd = static_cast<std::uint32_t>(segment.window) << tcb.snd_scale;
  tcb.max_wnd = std::max(tcb.max_wnd, tcb.wnd);
  tcb.wl1 = segment.seq;
  tcb.wl2 = segment.ack;
  if (tcb.wnd == 0 && before != 0) env.stats.count(Counter::ZeroWindowReceived);
  // A peer that answers probes is alive, however long it keeps its window shut (MUST-37).
  if (tcb.wnd == 0) tcb.backoff = 0;
  if (tcb.persisting && tcb.wnd > before) {
    tcb.persisting = false;
    tcb.backoff = tcb.rto_shift = 0;  // probes are no retransmissions: they said nothing about the path
    tcb.retransmit_at = tcb.una == tcb.nxt ? kNever : env.now + tcb.rtt.rto(env.options, 0);
  }
}

// RFC 5681 2: the five conditions of a duplicate ACK.
bool is_duplicate(const Tcb& tcb, const Segment& segment) {
  return tcb.una < tcb.nxt && segment.length() == 0 && segment.ack == tcb.una &&
         static_cast<std::uint32_t>(segment.window) << tcb.snd_scale == tcb.wnd;
}

}  // namespace

bool fin_acknowledged(const Tcb& tcb) { return tcb.fin_sent && tcb.una == tcb.nxt; }

AckVerdict process_ack(Tcb& tcb, const Segment& segment, Env& env) {
  if (!acceptable(tcb, segment.ack)) return AckVerdict::Unacceptable;
  const bool advances = segment.ack > tcb.una;
  if (advances) {
    advance(tcb, segment, env);
  } else if (is_duplicate(tcb, segment)) {
    if (tcb.congestion.on_duplicate_ack(tcb.una, tcb.nxt, tcb.mss)) {
      env.stats.count(Counter::TCPFastRetrans);
      tcb.retransmit_first = true;
    }
  }
  if (segment.ack >= tcb.una) update_window(tcb, segment, advances, env);
  return AckVerdict::Fine;
}

}  // namespace levee::tcp
