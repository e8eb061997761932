#include "tcp/compose.h"

#include <algorithm>

#include "tcp/reassembly.h"

namespace levee::tcp {
namespace {

// RFC 9293 3.8.6.2.2, MUST-39: the right edge moves only by a worthwhile step, and never back (SHLD-14); whoever reads
// nothing keeps his window shut as long as he likes (MAY-8). Returns SEG.WND.
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

// MUST-31, MUST-62: urgent data may end further away than the pointer can say.
void add_urgent_pointer(Tcb& tcb, OutSegment& out) {
  if (!tcb.urgent_queued) return;
  if (tcb.snd_up <= tcb.una) tcb.urgent_queued = false;
  if (tcb.snd_up <= out.seq) return;
  out.flags |= wire::kUrg;
  out.urgent_pointer = static_cast<std::uint16_t>(std::min<std::uint32_t>(tcb.snd_up - out.seq, 65535));
}

// Every segment of a synchronized connection carries an ACK and pays what was owed.
void add_ack(Tcb& tcb, Env& env, OutSegment& out) {
  out.flags |= wire::kAck;
  out.ack = tcb.rcv_nxt;
  out.window = advertise_window(tcb, env);
  if (tcb.ece_owed) out.flags |= wire::kEce;  // until the peer says CWR (RFC 3168 6.1.3)
  add_urgent_pointer(tcb, out);
  add_timestamps(tcb, env, out);
  if (tcb.dsack_owed && out.options.sack_count > 0) {
    tcb.dsack_owed = false;
    env.stats.count(Counter::TCPDSACKOldSent);
  }
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.ack_now = false;
  tcb.segments_unacked = 0;
  tcb.delayed_ack_at = kNever;
}

}  // namespace

void start_segment(const Tcb& tcb, OutSegment& out) {
  out.flags = 0;
  out.traffic_class = static_cast<std::uint8_t>(tcb.dscp << 2);  // MUST-48, SHLD-22
  out.ttl = tcb.ttl;                                             // MUST-49
  out.urgent_pointer = 0;
  out.options = {};
  out.slice_count = 0;
  out.payload_length = 0;
}

void add_sack(const Tcb& tcb, const IndexPool<Transfer>& transfers, OutSegment& out) {
  out.options.sack_count = 0;
  if (!tcb.sack) return;
  if (tcb.dsack_owed) out.options.sack[out.options.sack_count++] = {tcb.dsack_begin.value(), tcb.dsack_end.value()};
  if (!has_hole(tcb, transfers)) return;
  add_sack_blocks(transfers[tcb.transfer].out_of_order, tcb.timestamps ? 3 : 4, out.options);
}

std::uint32_t text_room(const Tcb& tcb, const OutSegment& out) {
  const std::uint32_t sack = out.options.sack_count == 0 ? 0 : 4 + 8U * out.options.sack_count;
  return tcb.mss - std::min<std::uint32_t>(sack, tcb.mss - 1U);
}

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
  if (fin && after == end) out.flags |= wire::kFin;
  add_ack(tcb, env, out);
  return out.payload_length + ((out.flags & wire::kFin) != 0 ? 1U : 0U);
}

void write_ack(Tcb& tcb, Env& env, OutSegment& out) {
  // MUST-34: where the peer has taken window back, SND.NXT is outside of it, and so would be our ACK (as in Linux).
  out.seq = earlier(tcb.nxt, tcb.una + tcb.wnd);
  add_sack(tcb, env.transfers, out);
  add_ack(tcb, env, out);
}

// RFC 9293 MUST-36 and 3.8.4 (SHLD-12) in the form that every stack answers: an old sequence number without text, which
// is unacceptable and therefore acknowledged.
void write_probe(Tcb& tcb, Env& env, OutSegment& out) {
  out.seq = tcb.una - 1;
  add_sack(tcb, env.transfers, out);
  add_ack(tcb, env, out);
}

// The only segment with an MSS option (MUST-65): SYN, or in SYN-RECEIVED (a simultaneous open, MUST-10) SYN,ACK with
// the options that the peer's SYN allows.
void write_syn(Tcb& tcb, const Env& env, MssLimits limits, OutSegment& out) {
  const levee::TcpOptions& options = env.options;
  const bool answers = tcb.state() == State::SynReceived;
  out.seq = tcb.iss;
  out.flags = wire::kSyn;
  out.window = syn_window(options);
  out.options.has_mss = true;
  out.options.mss = limits.receive;
  out.options.has_window_scale = answers ? tcb.window_scaling : options.window_scaling;
  out.options.window_scale = scale_for(options.receive_buffer);
  out.options.sack_permitted = answers ? tcb.sack : options.sack;
  out.options.has_timestamps = answers ? tcb.timestamps : options.timestamps;
  out.options.ts_value = timestamp_clock(env.now, tcb.ts_offset);
  if (answers) {
    out.flags |= wire::kAck;
    if (tcb.ecn) out.flags |= wire::kEce;  // RFC 3168 6.1.1
    out.ack = tcb.rcv_nxt;
    out.options.ts_echo = tcb.ts_recent;
    tcb.last_ack_sent = tcb.rcv_nxt;
    tcb.ack_now = false;
  } else if (options.ecn == Ecn::Request && tcb.backoff == 0) {
    // A repeated SYN asks no more: these flags may be why it was dropped (6.1.1.1).
    out.flags |= wire::kEce | wire::kCwr;
  }
}

void write_rst(Tcb& tcb, const Env& env, OutSegment& out) {
  tcb.rst_owed = false;
  out.seq = tcb.nxt;
  out.flags = wire::kRst | wire::kAck;
  out.ack = tcb.rcv_nxt;
  add_timestamps(tcb, env, out);
  env.stats.count(Counter::OutRsts);
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
