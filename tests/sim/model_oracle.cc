// What is predicted from Shard::view, and what is left out of the comparison; see model_oracle.h.
#include "sim/model_oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "device/memory.h"
#include "model/exceptions.h"
#include "model/from_shard.h"

namespace levee::sim {
namespace {

using model::Outcome;
using model::Reply;
using model::Variables;

Bytes whole(const shard::Frame& frame) {
  Bytes bytes;
  for (const shard::Frame* piece = &frame; piece != nullptr; piece = piece->next) {
    bytes.insert(bytes.end(), piece->data, piece->data + piece->length);
  }
  return bytes;
}

model::Segment segment_of(const TcpPacket& packet) {
  model::Segment segment;
  segment.seq = packet.sequence;
  segment.ack = packet.acknowledgment;
  segment.flags = packet.flags & model::kFlagMask;
  segment.wnd = packet.window;
  segment.length = static_cast<std::uint32_t>(packet.payload.size());
  if (packet.timestamps) segment.ts_value = packet.timestamps->value;
  return segment;
}

bool gone(State state) { return state == State::Closed || state == State::Listen; }

bool is_bare_ack(const TcpPacket& packet) {
  return packet.payload.empty() && (packet.flags & (kFin | kSyn | kRst | kAck)) == kAck;
}

}  // namespace

ModelOracle::Tally& ModelOracle::Tally::operator+=(const Tally& other) {
  predicted += other.predicted;
  left_out += other.left_out;
  return *this;
}

std::uint64_t ModelOracle::dropped_before_tcp() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= static_cast<std::size_t>(Drop::TcpPortZero); ++i) {
    sum += shard_->stats().value(static_cast<Drop>(i));
  }
  return sum;
}

// What stands for "the shard could not, or did as its tables and not the RFC decided".
std::uint64_t ModelOracle::refusals() const {
  const Stats& stats = shard_->stats();
  std::uint64_t sum = 0;
  for (const Drop reason : {Drop::SynQueueFull, Drop::ReplyShed, Drop::AcceptQueueFull, Drop::CookieFailed,
                            Drop::ConnectionsFull, Drop::OutOfOrderFull, Drop::BuffersFull, Drop::MailboxFull}) {
    sum += stats.value(reason);
  }
  for (const Counter counter :
       {Counter::BlanksExhausted, Counter::NeighbourTableFull, Counter::NeighbourUnresolved, Counter::SyncookiesRecv,
        Counter::SyncookiesFailed, Counter::SyncookiesSent, Counter::RstLimited}) {
    sum += stats.value(counter);
  }
  return sum;
}

std::optional<ModelOracle::Expectation> ModelOracle::predict(const shard::Frame& frame) {
  const Dissected parts = dissect(whole(frame));
  if (!parts.tcp || !parts.error.empty()) return std::nullopt;
  Expectation expected;
  expected.local = {parts.tcp->destination, parts.tcp->destination_port};
  expected.remote = {parts.tcp->source, parts.tcp->source_port};
  const shard::FlowView kept = shard_->view(expected.local, expected.remote);
  if (kept.state == State::Closed) return std::nullopt;
  if (kept.reopening) {
    ++tally_.left_out;
    return std::nullopt;
  }
  expected.ack_waits = kept.ack_waits;
  expected.window_edge = kept.rcv_nxt + kept.rcv_wnd;
  expected.before = model::variables_of(kept);
  expected.before.listened = std::count(listening_.begin(), listening_.end(), expected.local.tcp_port) > 0;
  expected.segment = segment_of(*parts.tcp);
  expected.outcome = model::levee_outcome(expected.before, expected.segment);
  return expected;
}

// What must go out at once; an ACK may ride on text.
std::string ModelOracle::compare_replies(const Expectation& expected) const {
  const Reply& wanted = expected.outcome.reply;
  const Variables& after = expected.outcome.after;
  const shard::FlowView kept = shard_->view(expected.local, expected.remote);
  const bool window_opened = kept.rcv_nxt + kept.rcv_wnd != expected.window_edge;
  // RFC 5961 7: challenges are limited.
  const bool limited = expected.segment.length == 0 && !expected.segment.has(model::kFin);
  bool found =
      wanted.kind == Reply::Kind::None || expected.outcome.may_wait || (wanted.kind == Reply::Kind::Ack && limited);
  for (const TcpPacket& sent : sent_) {
    if (sent.destination != expected.remote.address || sent.destination_port != expected.remote.tcp_port ||
        sent.source_port != expected.local.tcp_port) {
      continue;
    }
    if (sent.has(kRst)) {
      if (wanted.kind != Reply::Kind::Rst || sent.sequence != wanted.seq) return "sends " + describe(sent);
      found = true;
    } else if (sent.has(kSyn)) {
      if (wanted.kind != Reply::Kind::SynAck || sent.acknowledgment != wanted.ack) return "sends " + describe(sent);
      found = true;
    } else {
      if (sent.acknowledgment != after.rcv_nxt) return "acknowledges another number: " + describe(sent);
      const bool unasked =
          is_bare_ack(sent) && wanted.kind != Reply::Kind::Ack && !expected.ack_waits && !window_opened;
      if (unasked) return "sends an ACK that nothing asks for: " + describe(sent);
      found |= wanted.kind == Reply::Kind::Ack;
    }
  }
  return found ? "" : "does not answer";
}

std::string ModelOracle::compare(const Expectation& expected) const {
  const shard::FlowView kept = shard_->view(expected.local, expected.remote);
  const Variables seen = model::variables_of(kept);
  const Variables& wanted = expected.outcome.after;
  const bool reopens = expected.before.state == State::TimeWait && wanted.state == State::SynReceived;
  const State state = kept.reopening && reopens ? State::SynReceived : seen.state;
  if (state != wanted.state && !(gone(state) && gone(wanted.state))) {
    return fmt::format("enters {}, not {}", name(state), name(wanted.state));
  }
  if (gone(state) || state == State::SynReceived) return {};
  if (seen.rcv_nxt != wanted.rcv_nxt)
    return fmt::format("RCV.NXT is off by {}", static_cast<std::int32_t>(seen.rcv_nxt - wanted.rcv_nxt));
  if (state == State::TimeWait) return {};
  if (seen.snd_una != wanted.snd_una)
    return fmt::format("SND.UNA is off by {}", static_cast<std::int32_t>(seen.snd_una - wanted.snd_una));
  if (seen.snd_wnd != wanted.snd_wnd) return fmt::format("SND.WND is {}, not {}", seen.snd_wnd, wanted.snd_wnd);
  return {};
}

// Until nothing more goes out: one call writes no more than its limit.
void ModelOracle::transmit(Instant now, const std::function<void()>& send) {
  constexpr int kMostRounds = 64;
  sent_.clear();
  Bytes bytes;
  for (int round = 0; round < kMostRounds; ++round) {
    const bool all = shard_->transmit(now);
    const bool any = !shard_->outgoing().empty();
    for (const shard::OutFrame& frame : shard_->outgoing()) {
      bytes.clear();
      device::gather(frame, bytes);
      Dissected parts = dissect(bytes);
      if (parts.tcp) sent_.push_back(std::move(*parts.tcp));
    }
    send();
    if (all || !any) return;
  }
}

void ModelOracle::receive(Instant now, std::span<const shard::Frame> frames, const std::function<void()>& serve,
                          const std::function<void()>& send) {
  for (const shard::Frame& frame : frames) {
    const std::uint64_t refused = refusals(), dropped = dropped_before_tcp();
    const std::optional<Expectation> expected = predict(frame);
    shard_->receive(now, std::span(&frame, 1));
    std::string wrong = expected ? compare(*expected) : "";
    serve();
    transmit(now, send);
    if (expected && wrong.empty()) wrong = compare_replies(*expected);
    if (!expected || dropped_before_tcp() != dropped) continue;
    if (refusals() != refused) {
      ++tally_.left_out;
      continue;
    }
    ++tally_.predicted;
    if (wrong.empty() || !failure_.empty()) continue;
    const std::uint32_t irs = expected->before.rcv_nxt - 1, iss = expected->before.snd_una - 1;
    failure_ = fmt::format(
        "{} receives {} (numbers from RCV.NXT-1 and SND.UNA-1; RCV.WND {}): the shard: {}; the model says {}",
        name(expected->before.state), model::describe(expected->segment, iss, irs), expected->before.rcv_wnd, wrong,
        model::describe(expected->outcome.reply, iss, irs));
  }
}

}  // namespace levee::sim
