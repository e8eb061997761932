#include "tcp/acknowledgment.h"

#include <algorithm>

#include "base/check.h"
#include "tcp/retransmission_timer.h"

namespace levee::tcp {
namespace {

// RFC 5961 5.2 (DATA-1, MAY-12): (SND.UNA - MAX.SND.WND) =< SEG.ACK =< SND.NXT; and never before the ISS, or a blind
// attacker could acknowledge bytes of an earlier incarnation ("ghost ACKs", CVE-2023-52881).
bool acceptable(const Tcb& tcb, Seq ack) {
  if (ack > tcb.nxt) return false;
  if (ack >= tcb.una) return true;
  const bool before_iss = !tcb.acked_a_lot && ack <= tcb.iss;
  return !before_iss && tcb.una - ack <= tcb.max_wnd;
}

// RFC 6298 (4) and RFC 7323 4: one sample per flight. The scoreboard knows the time of what was sent once; of what was
// sent more often only a timestamp tells (Karn, MUST-18), and without one a retransmission has ended the sample.
void sample_rtt(Tcb& tcb, const Segment& segment, std::uint32_t exact_us, const Env& env) {
  if (!tcb.rtt_running || segment.ack <= tcb.rtt_seq) return;
  tcb.rtt_running = false;
  tcb.rto_shift = 0;  // Karn: only a valid sample ends the back-off, or an RTT that grew past the RTO is never learnt
  if (exact_us != 0) {
    tcb.rtt.sample(std::chrono::microseconds(exact_us));
    return;
  }
  if (!tcb.timestamps) {
    tcb.rtt.sample(env.now - tcb.rtt_start);
    return;
  }
  const std::uint32_t elapsed = timestamp_clock(env.now, tcb.ts_offset) - segment.options.ts_echo;
  if (elapsed < 600'000) tcb.rtt.sample(std::chrono::milliseconds(elapsed));
}

// SND.UNA moves on; what it passes is given back.
void advance(Tcb& tcb, std::uint32_t acked, Env& env) {
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
  tcb.una += acked;
  tcb.retransmit_first = tcb.tail_probe_owed = false;
  if (tcb.una - tcb.iss > 0x40000000) tcb.acked_a_lot = true;
  tcb.backoff = 0;  // progress starts R2's count anew
  tcb.persisting = false;
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

// RFC 6298 5.2 and 5.3: off when nothing is outstanding, from now on when something was acknowledged.
void restart_timer(Tcb& tcb, const Transfer* transfer, const AckResult& result, const Env& env) {
  if (tcb.una == tcb.nxt) {
    if (tcb.persisting) return;
    tcb.retransmit_at = kNever;
    tcb.alarm = Alarm::Retransmission;
  } else if (result.wait_us > 0) {
    start_reordering_timer(tcb, result.wait_us, env);
  } else if (result.restart_timer) {
    start_timer(tcb, transfer, env);
  }
}

}  // namespace

bool fin_acknowledged(const Tcb& tcb) { return tcb.fin_sent && tcb.una == tcb.nxt; }

AckVerdict process_ack(Tcb& tcb, const Segment& segment, Env& env) {
  if (!acceptable(tcb, segment.ack)) return AckVerdict::Unacceptable;
  const AckNews news{.acked = segment.ack > tcb.una ? segment.ack - tcb.una : 0,
                     .flight = tcb.flight(),
                     .duplicate = is_duplicate(tcb, segment)};
  if (news.acked > 0) {
    advance(tcb, news.acked, env);
  }
  Transfer* transfer = tcb.transfer == kNoIndex ? nullptr : &env.transfers[tcb.transfer];
  AckResult result{.restart_timer = news.acked > 0};
  if (transfer != nullptr && (news.flight > 0 || segment.options.sack_count > 0)) {
    result = recover(tcb, *transfer, segment, news, env);
  } else if (segment.options.sack_count > 0 && transfer == nullptr) {
    tcb.probe_unjudged = false;  // nothing is on the road, so it can only be a duplicate that is reported
  }
  if (news.acked > 0) sample_rtt(tcb, segment, result.rtt_us, env);
  restart_timer(tcb, transfer, result, env);
  if (segment.ack >= tcb.una) update_window(tcb, segment, news.acked > 0, env);
  return AckVerdict::Fine;
}

}  // namespace levee::tcp
