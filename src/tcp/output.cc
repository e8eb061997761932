#include "tcp/output.h"

#include <algorithm>

#include "base/check.h"

namespace levee::tcp {
namespace {

// Sequence number after the last byte queued: our FIN's own. Asked only in states in which our FIN is not acknowledged.
Seq queue_end(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  return tcb.una + unsent_and_unacked(tcb, transfers);
}

// RFC 9293 3.8.6.2.2, MUST-39: the right edge moves only by a worthwhile step, and never back (SHLD-14). Returns
// SEG.WND.
std::uint16_t advertise_window(Tcb& tcb, Env& env) {
  const std::uint32_t held = readable(tcb, env.transfers);
  const std::uint32_t buffer = env.options.receive_buffer;
  const std::uint32_t room = buffer > held ? buffer - held : 0;
  const Seq wanted = tcb.rcv_nxt + room;
  const std::uint32_t step = std::min<std::uint32_t>(buffer / 2, tcb.mss);
  const std::uint32_t limit = std::uint32_t{65535} << tcb.rcv_scale;
  if (wanted > tcb.rcv_edge && wanted - tcb.rcv_edge >= step) tcb.rcv_edge = tcb.rcv_nxt + std::min(room, limit);
  // A scaled field is rounded down; the edge keeps the largest value that was ever offered (RFC 7323 2.4).
  const std::uint32_t field = std::min(receive_window(tcb), limit) >> tcb.rcv_scale;
  if (field == 0) env.stats.count(Counter::ZeroWindowSent);
  return static_cast<std::uint16_t>(field);
}

void add_timestamps(const Tcb& tcb, const Env& env, OutSegment& out) {
  if (!tcb.timestamps) return;
  out.options.has_timestamps = true;
  out.options.ts_value = timestamp_clock(env.now, tcb.ts_offset);
  out.options.ts_echo = tcb.ts_recent;
}

// Every segment of a synchronized connection carries an ACK and pays what was owed.
void add_ack(Tcb& tcb, Env& env, OutSegment& out) {
  out.flags |= wire::kAck;
  out.ack = tcb.rcv_nxt;
  out.window = advertise_window(tcb, env);
  add_timestamps(tcb, env, out);
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.ack_now = false;
  tcb.segments_unacked = 0;
  tcb.delayed_ack_at = kNever;
}

void arm_retransmission(Tcb& tcb, const Env& env) {
  if (tcb.retransmit_at == kNever || tcb.persisting) {
    tcb.persisting = false;
    tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
  }
}

// Writes text [from, from + length) and, with `fin` and if that reaches the queue's end, our FIN. Returns the sequence
// space used; less than asked for if the text lies in too many pieces.
std::uint32_t write_text(Tcb& tcb, Env& env, Seq from, std::uint32_t length, bool fin, OutSegment& out) {
  out.seq = from;
  if (length > 0) {
    Transfer& transfer = env.transfers[tcb.transfer];
    const Gathered gathered =
        gather(transfer.send, env.slices, tcb.una.value(), from.value(), length, out.slices, transfer.cursor);
    out.slice_count = static_cast<std::uint8_t>(gathered.pieces);
    out.payload_length = gathered.bytes;
  }
  const Seq after = from + out.payload_length;
  const Seq end = queue_end(tcb, env.transfers);
  if (out.payload_length > 0 && after == end) out.flags |= wire::kPsh;  // MUST-61
  if (fin && after == end) {
    out.flags |= wire::kFin;
    return out.payload_length + 1;
  }
  return out.payload_length;
}

void count_retransmission(Tcb& tcb, Env& env) {
  ++tcb.retransmits;
  env.stats.count(Counter::RetransSegs);
  if (!tcb.timestamps) tcb.rtt_running = false;  // Karn (RFC 6298 3); a timestamp tells the transmissions apart
}

// Repeats the segment that starts at `from`, at most one MSS, never beyond SND.NXT.
std::uint32_t retransmit(Tcb& tcb, Env& env, Seq from, OutSegment& out) {
  const Seq end = earlier(queue_end(tcb, env.transfers), tcb.nxt);
  const std::uint32_t length = end > from ? std::min<std::uint32_t>(end - from, tcb.mss) : 0;
  const std::uint32_t used = write_text(tcb, env, from, length, tcb.fin_sent, out);
  add_ack(tcb, env, out);
  count_retransmission(tcb, env);
  arm_retransmission(tcb, env);
  return used;
}

bool may_have_text_to_send(State state) {
  return state == State::Established || state == State::CloseWait || state == State::FinWait1 ||
         state == State::Closing || state == State::LastAck;
}

// After a timeout everything from SND.UNA on is repeated as the window allows.
bool retransmit_after_timeout(Tcb& tcb, Env& env, OutSegment& out) {
  if (tcb.rtx >= tcb.nxt) return false;
  const std::uint32_t outstanding = tcb.rtx - tcb.una;
  // The first segment goes in any case: towards a closed window it is the probe (MAY-7, SHLD-17).
  const std::uint32_t window = std::min(tcb.congestion.window(tcb.mss), tcb.wnd);
  if (outstanding > 0 && outstanding + tcb.mss > window) return false;
  tcb.rtx += retransmit(tcb, env, tcb.rtx, out);
  return true;
}

// RFC 9293 3.8.6.2.1 (sender's silly window avoidance, MUST-38) and 3.7.4 (Nagle).
bool worth_sending(const Tcb& tcb, std::uint32_t length, bool all, bool with_fin) {
  if (length >= tcb.mss || tcb.force_send) return true;
  if (all && (with_fin || !tcb.nagle || tcb.una == tcb.nxt)) return true;
  return length > 0 && length >= tcb.max_wnd / 2;
}

bool send_new_text(Tcb& tcb, Env& env, OutSegment& out) {
  const Seq end = queue_end(tcb, env.transfers);
  const std::uint32_t unsent = end > tcb.nxt ? end - tcb.nxt : 0;
  const bool fin_unsent = tcb.fin_queued && !tcb.fin_sent;
  if (unsent == 0 && !fin_unsent) return false;

  const std::uint32_t flight = tcb.flight();
  const auto now_ms = static_cast<std::uint32_t>(to_milliseconds(env.now));
  if (flight == 0 && std::chrono::milliseconds(now_ms - tcb.last_text_ms) > tcb.rtt.rto(env.options, 0)) {
    tcb.congestion.on_idle(tcb.mss, env.options.initial_window_segments);
  }
  const std::uint32_t congestion_window = tcb.congestion.window(tcb.mss);
  const std::uint32_t window = std::min(congestion_window, tcb.wnd);
  const std::uint32_t usable = window > flight ? window - flight : 0;
  const std::uint32_t length = std::min({unsent, usable, std::uint32_t{tcb.mss}});
  const bool all = length == unsent;
  // Our FIN needs a place in the window too; alone on the road it may also serve as the probe of a closed one.
  const bool with_fin = fin_unsent && all && (usable > length || flight == 0);
  const bool anything = length > 0 || with_fin;
  if (!anything || !worth_sending(tcb, length, all, with_fin)) {
    // Only the peer's window is in the way and nothing is on the road whose ACK would tell: persist (MUST-36).
    if (flight == 0 && congestion_window > 0 && !tcb.persisting && tcb.retransmit_at == kNever) {
      tcb.persisting = true;
      tcb.retransmit_at = env.now + tcb.rtt.rto(env.options, tcb.rto_shift);
    }
    return false;
  }
  tcb.force_send = false;
  tcb.last_text_ms = now_ms;
  const std::uint32_t used = write_text(tcb, env, tcb.nxt, length, with_fin, out);
  if (!tcb.rtt_running) {
    tcb.rtt_running = true;
    tcb.rtt_seq = tcb.nxt;
    tcb.rtt_start = env.now;
  }
  if ((out.flags & wire::kFin) != 0) tcb.fin_sent = true;
  tcb.nxt += used;
  tcb.rtx = tcb.nxt;
  add_ack(tcb, env, out);
  arm_retransmission(tcb, env);
  return true;
}

// RFC 9293 MUST-36 in the form that every stack answers: an old sequence number without text, which is unacceptable and
// therefore acknowledged.
void write_probe(Tcb& tcb, Env& env, OutSegment& out) {
  out.seq = tcb.una - 1;
  add_ack(tcb, env, out);
  env.stats.count(Counter::TCPPersistProbes);
}

void write_syn(Tcb& tcb, Env& env, MssLimits limits, OutSegment& out) {
  const levee::TcpOptions& options = env.options;
  out.seq = tcb.iss;
  out.flags = wire::kSyn;
  out.window = syn_window(options);
  out.options.has_mss = true;
  out.options.mss = limits.receive;
  out.options.has_window_scale = options.window_scaling;
  out.options.window_scale = scale_for(options.receive_buffer);
  out.options.sack_permitted = options.sack;
  out.options.has_timestamps = options.timestamps;
  out.options.ts_value = timestamp_clock(env.now, tcb.ts_offset);
  if (tcb.nxt == tcb.iss) {
    tcb.nxt = tcb.rtx = tcb.iss + 1;
    tcb.rtt_start = env.now;
  } else {
    count_retransmission(tcb, env);
  }
  arm_retransmission(tcb, env);
}

void write_ack(Tcb& tcb, Env& env, OutSegment& out) {
  // MUST-34: where the peer has taken window back, SND.NXT is outside of it, and so would be our ACK (as in Linux).
  out.seq = earlier(tcb.nxt, tcb.una + tcb.wnd);
  if (tcb.sack && tcb.transfer != kNoIndex) {
    write_sack(env.transfers[tcb.transfer].out_of_order, tcb.timestamps ? 3 : 4, out.options);
  }
  add_ack(tcb, env, out);
}

bool has_hole(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  return tcb.transfer != kNoIndex && !transfers[tcb.transfer].out_of_order.empty();
}

void write_rst(Tcb& tcb, const Env& env, OutSegment& out) {
  tcb.rst_owed = false;
  out.seq = tcb.nxt;
  out.flags = wire::kRst | wire::kAck;
  out.ack = tcb.rcv_nxt;
  add_timestamps(tcb, env, out);
  env.stats.count(Counter::OutRsts);
}

}  // namespace

bool next_segment(Tcb& tcb, Env& env, MssLimits limits, OutSegment& out) {
  out.flags = 0;
  out.options = {};
  out.slice_count = 0;
  out.payload_length = 0;
  if (tcb.rst_owed) {
    write_rst(tcb, env, out);
    return true;
  }
  if (tcb.syn_owed) {
    tcb.syn_owed = false;
    write_syn(tcb, env, limits, out);
    return true;
  }
  // A duplicate ACK must be recognisable as one: without text, and before text would carry it (RFC 5681 2).
  if (tcb.ack_now && has_hole(tcb, env.transfers)) {
    write_ack(tcb, env, out);
    return true;
  }
  if (may_have_text_to_send(tcb.state())) {
    if (tcb.retransmit_first) {
      tcb.retransmit_first = false;
      retransmit(tcb, env, tcb.una, out);
      return true;
    }
    if (retransmit_after_timeout(tcb, env, out)) return true;
    if (tcb.rtx == tcb.nxt && send_new_text(tcb, env, out)) return true;
    if (tcb.probe_owed) {
      tcb.probe_owed = false;
      write_probe(tcb, env, out);
      return true;
    }
  }
  if (!tcb.ack_now) return false;
  write_ack(tcb, env, out);
  return true;
}

bool wants_output(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  if (tcb.rst_owed || tcb.syn_owed || tcb.ack_now || tcb.retransmit_first || tcb.probe_owed) return true;
  if (!may_have_text_to_send(tcb.state())) return false;
  return tcb.rtx < tcb.nxt || (tcb.fin_queued && !tcb.fin_sent) ||
         tcb.una + unsent_and_unacked(tcb, transfers) > tcb.nxt;
}

bool window_update_due(const Tcb& tcb, const Env& env) {
  const std::uint32_t held = readable(tcb, env.transfers);
  const std::uint32_t buffer = env.options.receive_buffer;
  const std::uint32_t room = buffer > held ? buffer - held : 0;
  const Seq wanted = tcb.rcv_nxt + std::min(room, std::uint32_t{65535} << tcb.rcv_scale);
  if (wanted <= tcb.rcv_edge) return false;
  // A closed or nearly closed window is opened at once; else a step of two segments or half the buffer is worth an ACK.
  const std::uint32_t step = std::min<std::uint32_t>(buffer / 2, 2U * tcb.mss);
  return wanted - tcb.rcv_edge >= step && receive_window(tcb) < buffer / 2;
}

}  // namespace levee::tcp
