// Half-open records for SYNs, above all for those that reopen a TIME-WAIT entry (RFC 6191). These are found when the
// burst is looked up early: what each will touch is fetched, their ISNs are computed together, and at its turn each
// takes a record and is answered in its own frame. What is not so simple is left to the long way, which comes to the
// same.
#include <bit>
#include <utility>

#include "base/endian.h"
#include "shard/impl.h"
#include "tcp/time_wait.h"
#include "wire/syn_offer.h"

namespace levee::shard {

inline HalfOpenRecord& Shard::Impl::begin_half_open(std::uint32_t half, const Packet& packet, tcp::Seq irs,
                                                    const wire::SynOffer& offer, tcp::Seq iss, std::uint16_t listener,
                                                    bool reopens) {
  HalfOpenRecord& record = half_open_[half];
  record.key = keep(packet.flow());
  tcp::listen(record.tcp, irs, offer, packet.has_room(), timestamp_offset(packet.hash), now_, tcp_options(listener));
  record.tcp.iss = iss;
  record.mac = packet.ethernet().source;
  record.listener = listener;
  record.interface = static_cast<std::uint8_t>(packet.interface);
  record.reopens = reopens;
  record.refused = false;
  arm_half_open(half);
  return record;
}

// `reopened`: the TIME-WAIT entry whose tuple this SYN wants, which stays until the handshake's ACK is valid.
std::optional<Drop> Shard::Impl::open_half(Packet& packet, const tcp::Segment& syn, std::uint16_t listener,
                                           std::uint32_t reopened) {
  // An eighth of the queue is for those who reopen a TIME-WAIT entry, which a cookie cannot always do.
  const std::uint32_t reserve = reopened == kNoIndex ? half_open_.capacity() / 8 : 0;
  const bool room = half_open_.in_use() + reserve < half_open_.capacity();
  const std::uint32_t half = room ? half_open_.take() : kNoIndex;
  if (half == kNoIndex) return syn_queue_full();
  if (!index_.insert(packet.hash, FlowRef(RecordKind::HalfOpen, half))) {
    half_open_.put(half);
    stats_.count(Counter::ListenDrops);
    return Drop::ConnectionsFull;
  }
  tcp::Seq iss = initial_sequence_number(secret_hash(secrets_.isn_key, packet.flow()), now_);
  if (reopened != kNoIndex) {
    TimeWaitEntry& entry = time_wait_[reopened];
    iss = tcp::iss_beyond(entry.tcp, iss);
    entry.tcp.reopening = true;
  }
  stats_.enter(State::SynReceived);
  const HalfOpenRecord& record =
      begin_half_open(half, packet, syn.seq, offer_of(packet), iss, listener, reopened != kNoIndex);
  if (!reply_syn_ack(packet, record.tcp, listener, tcp::timestamp_clock(now_, record.tcp.ts_offset))) {
    // Nothing is kept for a SYN that has no answer: in this press the record would be worth less than its slot, and its
    // timer's SYN-ACK comes no sooner than the client's next SYN.
    drop_half_open(half);
    return Drop::ReplyShed;
  }
  stats_.count(Counter::SynAcksSent);
  return std::nullopt;
}

// Of the packet at `place` of the burst all that is known yet is that its hash leads to this entry. False: no SYN, or
// one over IPv6, which goes the long way.
bool Shard::Impl::expect_reopening(std::size_t place, std::uint32_t entry) {
  const Packet& packet = packet_at(place);
  if (packet.kind != PacketKind::Tcp || !packet.key.is_v4() ||
      (packet.tcp().flags & (wire::kSyn | wire::kAck)) != wire::kSyn || packet.frame->next != nullptr)
    return false;
  ReopeningBatch& batch = reopenings_;
  batch.places |= std::uint64_t{1} << place;
  batch.entries[batch.count] = entry;
  batch.lanes.words[0][batch.count] = packet.key.addresses();
  batch.lanes.words[1][batch.count] = std::uint64_t{sizeof(FlowKey4)} << 56 | packet.key.ports();
  ++batch.count;
  return true;
}

// In loops of nothing else, so that as many as the machine can are on their way together; the hashes are between what
// is fetched and its use.
void Shard::Impl::prepare_reopenings() {
  const ReopeningBatch& batch = reopenings_;
  if (batch.count == 0) return;
  half_open_.prefetch_free_list(batch.count);
  for (std::uint32_t n = 0; n < batch.count; ++n) time_wait_.prefetch(batch.entries[n]);
  sip_.hash_2_4(reopenings_.lanes, batch.count);
  for (std::uint32_t n = 0; n < batch.count; ++n) half_open_.prefetch_free(n);
}

// Settles as many of the burst's packets from `begin` on as are SYNs that reopen an entry; returns the first that is
// not.
std::size_t Shard::Impl::settle_reopenings(std::size_t begin, std::size_t end) {
  const ReopeningBatch& batch = reopenings_;
  if (begin == end || (batch.places >> begin & 1) == 0 || draining_) return begin;
  auto lane = static_cast<std::size_t>(std::popcount(batch.places & ((std::uint64_t{1} << begin) - 1)));
  const Instant now = now_;
  OutFrame* const replies = outgoing_.free();
  const std::size_t room = outgoing_.capacity() - outgoing_.size();
  std::uint64_t bytes = 0;
  FlowKey4 last;  // of the packet before, whose listener this is
  std::uint16_t listener = Topology::kNoListener, interface = kNoInterface;
  const SynAckForms* forms = nullptr;
  std::size_t i = begin;
  for (; i < end && (batch.places >> i & 1) != 0 && i - begin < room; ++i, ++lane) {
    Packet& packet = burst_[i];
    const Frame& frame = *packet.frame;
    // The burst's earlier packets may have ended the entry, or have made a record for it.
    tcp::TimeWait& entry = time_wait_[batch.entries[lane]].tcp;
    if (time_wait_[batch.entries[lane]].key != packet.key || entry.reopening) break;
    const wire::SynOffer offer = offer_of(packet);
    const tcp::Seq irs(packet.tcp().sequence.value());
    if (!tcp::may_reopen(entry, irs, (offer.options & wire::SynOffer::kTimestamps) != 0, offer.ts_value)) break;
    if (packet.key.local != last.local || packet.key.local_port != last.local_port || packet.interface != interface) {
      last = packet.key;
      interface = packet.interface;
      listener = topology_.listener(last.local, last.local_port);
      if (listener == Topology::kNoListener) break;
      forms = &syn_acks_.forms(listener, interface);
    }
    const Block& block = *frame.block;
    const bool fits = frame.data + packet.l3_offset + SynAckForm::kRoom <= block.base + block.size;
    if (!frame.exclusive || block.refs != 1 || !fits) break;
    const std::uint32_t half = half_open_.take();
    if (half == kNoIndex) break;
    if (!index_.insert(packet.hash, FlowRef(RecordKind::HalfOpen, half))) {
      half_open_.put(half);
      break;
    }

    entry.reopening = true;
    const tcp::Seq iss = tcp::iss_beyond(entry, initial_sequence_number(batch.lanes.hashes[lane], now));
    const tcp::HalfOpen& half_open = begin_half_open(half, packet, irs, offer, iss, listener, true).tcp;
    const bool timestamps = half_open.timestamps();
    const std::uint32_t ts_value = tcp::timestamp_clock(now, half_open.ts_offset);
    const SynAckForm& form = (*forms)[half_open.agreed];
    const SynAckForm::Words words = form.words_for(packet.key, iss, swap_if_little_endian((irs + 1).value()),
                                                   timestamps ? swap_if_little_endian(ts_value) : 0,
                                                   timestamps ? swap_if_little_endian(half_open.ts_recent) : 0);
    OutFrame& reply = replies[i - begin];
    form.describe(reply, packet.l3_offset);
    reply.head = frame.block;
    reply.data = frame.data;
    bytes += reply.length;
    std::swap(packet.ethernet().source, packet.ethernet().destination);  // the tag of a VLAN is kept
    form.fill_in(frame.data + packet.l3_offset, words);
    packet.frame_taken = true;
  }
  const std::size_t answered = i - begin;
  if (answered == 0) return i;
  outgoing_.filled(answered);
  burst_buffers_ -= static_cast<std::uint32_t>(answered);
  for (const Counter counter : {Counter::SynsReceived, Counter::SynAcksSent, Counter::OutSegs, Counter::FramesSent,
                                Counter::BuffersOut, Counter::FramesDelivered}) {
    stats_.count(counter, answered);
  }
  stats_.count(Counter::BytesSent, bytes);
  stats_.enter(State::SynReceived, answered);
  return i;
}

}  // namespace levee::shard
