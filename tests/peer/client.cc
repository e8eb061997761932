// The rules of one client, from RFC 9293 and Linux's habits; see client.h.
#include "peer/client.h"

#include <array>

#include "peer/retransmission.h"
#include "peer/script.h"

namespace levee::peer {
namespace {

using std::chrono::seconds;

constexpr std::uint16_t kMss = 1460;
constexpr std::uint8_t kScale = 7;
constexpr std::uint32_t kQuickAcks = 16;  // segments acknowledged at once at the start

bool before(std::uint32_t one, std::uint32_t other) { return static_cast<std::int32_t>(one - other) < 0; }

// How far the stream goes now, the FIN counted.
std::uint32_t limit(const Client& client) { return client.plan.request + (client.fin_wanted ? 1U : 0U); }
std::uint32_t rcv_nxt(const Client& client) { return client.irs + 1 + client.received + (client.peer_fin ? 1U : 0U); }

void end(Client& client, Phase phase, Failure failure, Instant now) {
  client.phase = phase;
  client.failure = failure;
  client.ended = now;
  client.retransmit_at = client.acknowledge_at = kNever;
}

void send(Client& client, Segment& segment, Instant now, Wire& wire) {
  const bool syn = segment.has(kSyn);
  if (syn ? client.plan.timestamps : client.timestamps) {
    client.last_timestamp = wire.timestamp(client, now);
    segment.timestamps = Clock{client.last_timestamp, syn ? 0 : client.ts_recent};
  }
  segment.window =
      static_cast<std::uint16_t>(client.scaled ? client.plan.window >> kScale : std::min(client.plan.window, 65535U));
  client.unacknowledged = 0;
  client.acknowledge_at = kNever;
  wire.send(client, segment);
}

void send_syn(Client& client, Instant now, Wire& wire) {
  Segment syn;
  syn.sequence = client.iss;
  syn.flags = kSyn;
  syn.mss = kMss;
  syn.sack_permitted = true;
  syn.window_scale = kScale;
  ++client.syns;
  send(client, syn, now, wire);
  if (client.syns == 1) client.first_timestamp = client.last_timestamp;
  const unsigned linear = wire.rules().syn_linear_timeouts;
  const unsigned doublings = client.syns > linear ? client.syns - 1U - linear : 0U;
  client.retransmit_at = now + std::min<Duration>(seconds(1LL << doublings), wire.rules().max_rto);
}

void send_ack(Client& client, Instant now, Wire& wire) {
  Segment ack;
  ack.sequence = client.iss + 1 + client.nxt;
  ack.acknowledgment = rcv_nxt(client);
  ack.flags = kAck;
  send(client, ack, now, wire);
}

// RFC 9293 3.5.2: <SEQ=SEG.ACK><CTL=RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
void send_rst(const Client& client, const Segment& cause, Wire& wire) {
  if (cause.has(kRst)) return;
  Segment rst;
  rst.flags = kRst;
  if (cause.has(kAck)) {
    rst.sequence = cause.acknowledgment;
  } else {
    rst.acknowledgment = cause.sequence + cause.length();
    rst.flags |= kAck;
  }
  wire.send(client, rst);
}

// One piece from `nxt` on: to the next cut, the FIN with the last of them.
void send_piece(Client& client, Instant now, Wire& wire) {
  std::array<std::byte, kMss> text;
  const std::uint32_t request = client.plan.request;
  const std::uint32_t begin = client.nxt;
  const std::uint32_t finish = std::min((begin / client.cut + 1) * client.cut, request);
  const auto head = encode({.request = request,
                            .reply = client.plan.reply,
                            .server_closes = client.plan.close == Close::ServerFirst,
                            .nonce = client.nonce});
  Segment piece;
  piece.sequence = client.iss + 1 + begin;
  piece.acknowledgment = rcv_nxt(client);
  piece.flags = kAck;
  for (std::uint32_t at = begin; at < finish; ++at) {
    text[at - begin] = at < kScriptLength ? head[at] : stream_byte(client.nonce, at);
  }
  if (begin < finish) {
    piece.payload = std::span(text).first(finish - begin);
    piece.flags |= kPsh;
    client.nxt = finish;
  }
  if (client.nxt == request && client.fin_wanted) {
    piece.flags |= kFin;
    ++client.nxt;
  }
  client.sent = std::max(client.sent, client.nxt);
  send(client, piece, now, wire);
}

// What both windows allow; at least one piece if nothing is outstanding, as a probe.
void send_more(Client& client, Instant now, Wire& wire) {
  const std::uint32_t edge = client.una + std::min(client.peer_window, client.window * client.cut);
  while (client.nxt < limit(client) && (client.nxt == client.una || client.nxt + client.cut <= edge ||
                                        (client.nxt < edge && limit(client) <= edge + 1))) {
    send_piece(client, now, wire);
  }
  if (client.una == client.sent) {
    client.retransmit_at = kNever;
  } else if (client.retransmit_at == kNever) {
    arm_retransmission(client, now, wire.rules());
  }
}

// RFC 8985 7.3: new data if the server's window takes it, else the last piece again. The RTO starts anew behind it and
// has not backed off.
void probe(Client& client, Instant now, Wire& wire) {
  if (client.nxt == limit(client) || client.nxt + client.cut > client.una + client.peer_window) {
    client.nxt = last_piece(client);
  }
  send_piece(client, now, wire);
  client.no_probe_before = client.sent;
  arm_retransmission(client, now, wire.rules());
}

void establish(Client& client, const Segment& syn_ack, Instant now, Wire& wire) {
  client.phase = Phase::Open;
  client.established = now;
  client.irs = syn_ack.sequence;
  client.timestamps = client.plan.timestamps && syn_ack.timestamps.has_value();
  if (client.timestamps) {
    client.ts_recent = syn_ack.timestamps->value;
    sample_rtt(client, std::chrono::milliseconds(wire.timestamp(client, now) - syn_ack.timestamps->echo));
  } else if (client.syns == 1) {
    sample_rtt(client, now - client.started);
  }
  client.sack = syn_ack.sack_permitted;
  client.scaled = syn_ack.window_scale.has_value();
  client.peer_scale = syn_ack.window_scale.value_or(0);
  client.peer_window = syn_ack.window;
  const std::uint32_t mss =
      std::min(syn_ack.mss.value_or(536), kMss) - (client.timestamps ? 12U : 0U);  // RFC 7323 3.2: in every segment
  client.cut = std::min((client.plan.request + client.plan.segments - 1) / client.plan.segments, mss);
  client.window = wire.rules().initial_window;
  client.fin_wanted = client.plan.close == Close::HalfClose;
  client.retransmit_at = kNever;
  send_ack(client, now, wire);
  send_more(client, now, wire);
}

// RFC 9293 3.10.7.3.
void arrives_in_syn_sent(Client& client, const Segment& segment, Instant now, Wire& wire) {
  if (segment.has(kAck) && segment.acknowledgment != client.iss + 1) return send_rst(client, segment, wire);
  if (segment.has(kRst)) {
    if (segment.has(kAck)) end(client, Phase::Failed, Failure::Refused, now);
    return;
  }
  if (!segment.has(kSyn) || !segment.has(kAck)) return;
  // Linux resets a SYN-ACK whose echo is of no SYN of this connection (PAWSActive).
  if (client.plan.timestamps && segment.timestamps &&
      (before(segment.timestamps->echo, client.first_timestamp) ||
       before(client.last_timestamp, segment.timestamps->echo))) {
    return send_rst(client, segment, wire);
  }
  establish(client, segment, now, wire);
}

void take_ack(Client& client, const Segment& segment, Instant now, Wire& wire) {
  const std::uint32_t acked = segment.acknowledgment - (client.iss + 1);
  if (acked > client.sent || acked < client.una) return;
  client.peer_window = static_cast<std::uint32_t>(segment.window) << client.peer_scale;
  if (acked == client.una) return;
  client.una = acked;
  client.nxt = std::max(client.nxt, acked);
  if (client.timestamps && segment.timestamps) {
    sample_rtt(client, std::chrono::milliseconds(wire.timestamp(client, now) - segment.timestamps->echo));
  }
  client.retries = 0;
  ++client.window;
  client.retransmit_at = kNever;  // armed anew for what is left
}

// Seventh and eighth step, in order or not at all. Returns whether an ACK is owed at once.
bool take_text(Client& client, const Segment& segment, Instant now, Wire& wire) {
  const std::uint32_t next = rcv_nxt(client);
  if (segment.length() == 0) return false;
  const std::uint32_t old = next - segment.sequence;
  if (before(next, segment.sequence) || old >= segment.length()) return true;
  if (!client.peer_fin && old < segment.payload.size()) {
    for (const std::byte byte : segment.payload.subspan(old)) {
      if (byte != stream_byte(~client.nonce, client.received) || client.received == client.plan.reply) {
        end(client, Phase::Failed, Failure::WrongBytes, now);
        return false;
      }
      ++client.received;
    }
  }
  ++client.segments_received;
  if (segment.has(kFin)) {
    client.peer_fin = true;
    if (client.received != client.plan.reply) {
      end(client, Phase::Failed, Failure::ShortReply, now);
      return false;
    }
    return true;
  }
  ++client.unacknowledged;
  if (client.segments_received <= kQuickAcks || client.unacknowledged >= 2) return true;
  client.acknowledge_at = now + wire.rules().delayed_ack;
  return false;
}

// RFC 9293 3.10.7.4.
void arrives(Client& client, const Segment& segment, Instant now, Wire& wire) {
  const std::uint32_t next = rcv_nxt(client);
  if (segment.has(kRst)) {
    if (segment.sequence == next) return end(client, Phase::Failed, Failure::Reset, now);
    if (segment.sequence - next < client.plan.window) send_ack(client, now, wire);  // RFC 5961 3
    return;
  }
  // RFC 5961 4; a repeated SYN-ACK among them.
  if (segment.has(kSyn)) return send_ack(client, now, wire);
  if (client.timestamps) {
    if (!segment.timestamps) return;
    if (before(segment.timestamps->value, client.ts_recent)) return send_ack(client, now, wire);  // PAWS
  }
  if (segment.sequence - next >= client.plan.window && !before(segment.sequence, next)) {
    return send_ack(client, now, wire);
  }
  if (!segment.has(kAck)) return;
  if (client.timestamps && !before(next, segment.sequence)) client.ts_recent = segment.timestamps->value;
  take_ack(client, segment, now, wire);
  const bool owed = take_text(client, segment, now, wire);
  if (client.over()) return;
  if (client.plan.close == Close::ClientFirst && client.received == client.plan.reply) client.fin_wanted = true;
  if (client.peer_fin) client.fin_wanted = true;
  const bool heard_all = client.peer_fin || client.plan.close != Close::ServerFirst;
  if (client.served == kNever && client.received == client.plan.reply && heard_all) client.served = now;
  const std::uint32_t sent = client.nxt;
  send_more(client, now, wire);
  if (owed && client.nxt == sent) send_ack(client, now, wire);
  if (client.peer_fin && client.fin_wanted && client.una == limit(client)) end(client, Phase::Done, Failure::None, now);
}

}  // namespace

void open(Client& client, Instant now, Wire& wire) {
  client.started = now;
  send_syn(client, now, wire);
}

void segment_arrives(Client& client, const Segment& segment, Instant now, Wire& wire) {
  switch (client.phase) {
    case Phase::SynSent:
      return arrives_in_syn_sent(client, segment, now, wire);
    case Phase::Open:
      return arrives(client, segment, now, wire);
    case Phase::Failed:
      return send_rst(client, segment, wire);
    case Phase::Done:
      break;
  }
  // TIME-WAIT where it closed first; else nobody is there any more.
  if (client.plan.close == Close::ServerFirst) return send_rst(client, segment, wire);
  if (segment.length() > 0 && !segment.has(kRst)) send_ack(client, now, wire);
}

void timeout(Client& client, Instant now, Wire& wire) {
  if (client.acknowledge_at <= now) send_ack(client, now, wire);
  if (client.retransmit_at > now) return;
  if (client.phase == Phase::SynSent) {
    if (client.syns > wire.rules().syn_retries + wire.rules().syn_linear_timeouts) {
      return end(client, Phase::Failed, Failure::TimedOut, now);
    }
    return send_syn(client, now, wire);
  }
  if (client.probing) return probe(client, now, wire);
  // With everything exchanged the socket is an orphan, and what becomes of its FIN is nobody's business any more.
  if (client.served != kNever && client.retries == wire.rules().orphan_retries) {
    return end(client, Phase::Done, Failure::None, now);
  }
  if (client.retries == wire.rules().retries) return end(client, Phase::Failed, Failure::TimedOut, now);
  ++client.retries;
  client.window = 1;
  client.no_probe_before = client.sent;
  client.nxt = client.una;
  client.retransmit_at = kNever;
  send_more(client, now, wire);
}

}  // namespace levee::peer
