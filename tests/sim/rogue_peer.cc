// The honest part of every misbehaving peer; see rogue_peer.h. What it holds against levee is in rogue_watch.cc.
#include "sim/rogue_peer.h"

#include <algorithm>
#include <utility>

namespace levee::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kRepeatAfter = std::chrono::seconds(1);

std::int32_t distance(std::uint32_t from, std::uint32_t to) { return static_cast<std::int32_t>(to - from); }

}  // namespace

RoguePeer::RoguePeer(const RogueSetup& setup) : setup_(setup), random_(setup.seed) {
  const ConnectionPlan& plan = *setup.plan;
  const std::uint64_t client_seed = plan.seed, server_seed = plan.seed + 1;
  own_stream_ = StreamOracle(setup.opens ? client_seed : server_seed);
  levee_stream_ = StreamOracle(setup.opens ? server_seed : client_seed);
  to_send_ = setup.opens ? plan.client.bytes : plan.server.bytes;
  to_receive_ = setup.opens ? plan.server.bytes : plan.client.bytes;
  iss_ = static_cast<std::uint32_t>(random_.next());
  snd_una_ = snd_nxt_ = snd_max_ = iss_;
  if (!setup.opens) repeat_at_ = kNever;  // until levee's SYN is there
}

void RoguePeer::start_again(std::uint32_t iss) {
  irs_before_ = irs_;
  iss_ = snd_una_ = snd_nxt_ = snd_max_ = iss;
  opened_ = fin_received_ = fin_acked_ = false;
  duplicate_acks_ = 0;
  repeat_at_ = now_;
}

void RoguePeer::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
}

TcpPacket RoguePeer::blank(std::uint8_t flags) const {
  TcpPacket packet;
  packet.source_mac = setup_.own_mac;
  packet.destination_mac = setup_.levee_mac;
  packet.source = setup_.own;
  packet.destination = setup_.levee;
  packet.source_port = setup_.own_port;
  packet.destination_port = setup_.levee_port;
  packet.flags = flags;
  packet.sequence = snd_nxt_;
  if ((flags & kAck) != 0) packet.acknowledgment = rcv_nxt_;
  return packet;
}

void RoguePeer::emit(TcpPacket packet) {
  const bool is_syn = packet.has(kSyn);
  const std::uint32_t offered = window();
  const unsigned shift = scaling_on_ && !is_syn ? setup_.scale : 0;
  packet.window = static_cast<std::uint16_t>(std::min<std::uint32_t>(offered >> shift, 0xffff));
  if (is_syn ? setup_.timestamps && (setup_.opens || timestamps_on_) : timestamps_on_) {
    const auto clock = static_cast<std::uint32_t>(now_.time_since_epoch() / milliseconds(1));
    packet.timestamps = Timestamps{clock, packet.has(kAck) ? last_timestamp_ : 0};
  }
  touch(packet);
  if (silent_) return;
  if (packet.has(kAck) && !packet.has(kRst)) {
    const std::uint32_t edge = packet.acknowledgment + (std::uint32_t{packet.window} << shift);
    if (distance(offered_edge_, edge) > 0) offered_edge_ = edge;
    // One that is far beyond what was seen cannot be valid: no stream is that long.
    const bool possible = distance(seen_max_, packet.acknowledgment) < 100'000;
    const bool is_news = possible && distance(acked_high_, packet.acknowledgment) > 0;
    if (is_news) acked_high_ = packet.acknowledgment;
    if (setup_.link_duplicates || (!is_news && packet.payload.empty())) ++duplicate_acks_;
    if (setup_.link_duplicates && !is_news) ++duplicate_acks_;
  }
  send_(now_, build(packet));
}

void RoguePeer::send_syn() {
  TcpPacket packet = blank(static_cast<std::uint8_t>(setup_.opens ? kSyn : kSyn | kAck));
  packet.sequence = iss_;
  packet.mss = setup_.mss;
  if (setup_.scaling && (setup_.opens || scaling_on_)) packet.window_scale = setup_.scale;
  packet.sack_permitted = setup_.sack;
  snd_nxt_ = snd_max_ = iss_ + 1;
  emit(std::move(packet));
}

void RoguePeer::send_ack() { send_ack(rcv_nxt_); }

void RoguePeer::send_ack(std::uint32_t acknowledgment) {
  TcpPacket packet = blank(kAck);
  packet.acknowledgment = acknowledgment;
  emit(std::move(packet));
}

void RoguePeer::send_text(std::uint64_t offset, std::size_t length) {
  TcpPacket packet = blank(kAck);
  packet.sequence = iss_ + 1 + static_cast<std::uint32_t>(offset);
  packet.payload.resize(length);
  own_stream_.fill(offset, packet.payload);
  if (offset + length == to_send_ && close_due()) packet.flags |= kFin;
  const std::uint32_t end = packet.sequence + packet.length();
  if (distance(snd_max_, end) > 0) snd_max_ = end;
  emit(std::move(packet));
}

std::uint64_t RoguePeer::allowed_offset() const {
  return may_send() ? std::min<std::uint64_t>(to_send_, acked_offset() + levee_window_) : 0;
}

bool RoguePeer::may_send() const {
  return setup_.opens || setup_.plan->close != CloseOrder::HalfClose || fin_received_;
}

bool RoguePeer::close_due() const {
  const bool received_all = rcv_nxt_ - irs_ - 1 - (fin_received_ ? 1U : 0U) >= to_receive_;
  const bool after_peer = fin_received_ && received_all;
  switch (setup_.plan->close) {
    case CloseOrder::ClientFirst:
      return after_peer || (setup_.opens && received_all);
    case CloseOrder::ServerFirst:
      return after_peer || (!setup_.opens && received_all);
    case CloseOrder::Both:
      return true;
    case CloseOrder::HalfClose:
      return after_peer || setup_.opens;
  }
  return false;
}

void RoguePeer::send_more() {
  const std::uint64_t allowed = allowed_offset();
  std::uint64_t offset = snd_nxt_ - iss_ - 1;
  while (offset < allowed) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(allowed - offset, mss()));
    send_text(offset, length);
    offset += length;
    snd_nxt_ = iss_ + 1 + static_cast<std::uint32_t>(offset);
  }
  const std::uint32_t after_fin = iss_ + 2 + static_cast<std::uint32_t>(to_send_);
  if (offset == to_send_ && may_send() && close_due() && snd_nxt_ != after_fin) {
    send_text(offset, 0);
    snd_nxt_ = after_fin;
  }
}

bool RoguePeer::is_beyond_edge(const TcpPacket& got) const { return distance(offered_edge_, got.sequence) >= 0; }

void RoguePeer::give_up_beyond_edge() {
  if (distance(offered_edge_, rcv_nxt_) > 0) rcv_nxt_ = offered_edge_;
}

void RoguePeer::acknowledge(const TcpPacket& /*got*/) { send_ack(); }

void RoguePeer::wake(Instant now) {
  now_ = now;
  if (silent_ || reset_) {
    repeat_at_ = tick_at_ = kNever;
    return;
  }
  if (now >= repeat_at_) {
    repeat_at_ = finished() ? kNever : now + kRepeatAfter;
    if (!opened_) {
      send_syn();
    } else if (!finished()) {
      snd_nxt_ = snd_una_;
      if (allowed_offset() == acked_offset() && acked_offset() < to_send_ && may_send()) {
        send_text(acked_offset(), 1);  // a probe of the closed window
      }
      send_more();
    }
  }
  if (now >= tick_at_) {
    tick_at_ = kNever;
    tick();
  }
}

void RoguePeer::arrive(Instant now, const TcpPacket& packet) {
  now_ = now;
  if (silent_ || reset_) return;
  if (packet.has(kRst)) {
    reset_ = opened_ || packet.acknowledgment == iss_ + 1;
    return;
  }
  if (finished()) {  // what levee repeats; all else belongs to conversations that intruders began
    const std::int32_t behind = distance(packet.sequence, rcv_nxt_);
    if (packet.length() > 0 && behind > 0 && behind < (1 << 20)) send_ack();
    return;
  }
  if (packet.has(kSyn)) return take_handshake(packet);
  if (is_of_life_before(packet)) {
    if (opened_) send_ack();  // not acceptable (RFC 9293 3.10.7.4, first)
    return;
  }
  if (!opened_ && (setup_.opens || packet.acknowledgment != iss_ + 1)) return;
  opened_ = true;
  if (packet.timestamps) last_timestamp_ = packet.timestamps->value;
  take_ack(packet);
  judge(packet);
  if (packet.length() > 0) {
    take_text(packet);
  } else if (distance(packet.sequence, rcv_nxt_) > 0) {
    send_ack();  // a probe, of the window or of life (RFC 9293 3.10.7.4, first)
  }
  send_more();
}

void RoguePeer::take_handshake(const TcpPacket& packet) {
  if (opened_) {
    if (packet.sequence == irs_) send_ack();
    return;
  }
  if (packet.has(kAck) != setup_.opens) return;
  if (packet.has(kAck) && packet.acknowledgment != iss_ + 1) return;
  setup_.levee_port = packet.source_port;
  if (irs_ != packet.sequence) {
    irs_ = packet.sequence;
    rcv_nxt_ = seen_max_ = sent_max_ = acked_high_ = offered_edge_ = irs_ + 1;
  }
  levee_mss_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(packet.mss.value_or(536), 1400) - 12);
  scaling_on_ = setup_.scaling && packet.window_scale;
  levee_scale_ = scaling_on_ ? *packet.window_scale : std::uint8_t{0};
  timestamps_on_ = setup_.timestamps && packet.timestamps;
  levee_window_ = packet.window;
  if (packet.timestamps) last_timestamp_ = packet.timestamps->value;
  if (!setup_.opens) {
    repeat_at_ = now_ + kRepeatAfter;
    return send_syn();
  }
  opened_ = true;
  snd_una_ = iss_ + 1;
  send_ack();
  send_more();
}

void RoguePeer::take_ack(const TcpPacket& packet) {
  if (watches_acks_ && distance(snd_max_, packet.acknowledgment) > 0) fail("levee acknowledges what was never sent");
  const bool is_new = distance(snd_una_, packet.acknowledgment) > 0;
  if (is_new) {
    snd_una_ = packet.acknowledgment;
    if (distance(snd_nxt_, snd_una_) > 0) snd_nxt_ = snd_una_;
    repeat_at_ = now_ + kRepeatAfter;
  }
  if (packet.acknowledgment == snd_una_) levee_window_ = std::uint32_t{packet.window} << levee_scale_;
  fin_acked_ = snd_una_ == iss_ + 2 + static_cast<std::uint32_t>(to_send_);
}

void RoguePeer::take_text(const TcpPacket& packet) {
  check_text(packet);
  const std::uint32_t end = packet.sequence + packet.length();
  if (distance(packet.sequence, rcv_nxt_) >= 0 && distance(rcv_nxt_, end) > 0) {
    rcv_nxt_ = end;
    fin_received_ |= packet.has(kFin);
  }
  acknowledge(packet);
}

}  // namespace levee::sim
