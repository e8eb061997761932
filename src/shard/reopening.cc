// Half-open records for SYNs, above all for those that reopen a TIME-WAIT entry (RFC 6191). These are found when the
// burst is looked up early: what each will touch is fetched, their ISNs are computed together, and at its turn each
// takes a record and is answered in its own frame. What is not so simple is left to the long way, which comes to the
// same.
#include <bit>
#include <cstring>

#include "base/endian.h"
#include "shard/impl.h"
#include "tcp/time_wait.h"
#include "wire/syn_offer.h"

namespace levee::shard {
namespace {

// Of the IPv6 header at `ip`.
const Addresses6& addresses6_in(const std::byte* ip) {
  return *reinterpret_cast<const Addresses6*>(ip + offsetof(wire::Ipv6Header, source));
}

// What offer_of says of a packet.
template <bool kIpv4>
wire::SynOffer offer_at(const CookieBatch::Offers& offers, const HeaderColumns& columns, std::size_t place) {
  const std::uint32_t flags = columns.words[HeaderColumns::kTcpFlags + (kIpv4 ? 0 : HeaderColumns::kIp6Shift)][place];
  wire::SynOffer offer = offers.at(place);
  if ((offer.options & wire::SynOffer::kMss) == 0) offer.mss = kIpv4 ? tcp::kDefaultMss : tcp::kDefaultMss6;
  if (wire::asks_for_ecn(static_cast<std::uint8_t>(flags >> 8))) offer.options |= wire::SynOffer::kEcn;
  return offer;
}

}  // namespace

struct Shard::Impl::Opening {
  FlowKey4 key;  // as keep() gave it
  tcp::Seq irs, iss;
  wire::SynOffer offer;
  bool has_room = false;     // Packet::has_room
  std::uint8_t allowed = 0;  // by the listener: wire::SynOffer's bits
  std::uint32_t ts_offset = 0;
  const std::byte* ethernet = nullptr;  // the SYN's header
  std::uint16_t listener = 0, interface = 0;
  bool reopens = false;
  decltype(wheel_)::Due timeout;
};

[[gnu::always_inline]] inline HalfOpenRecord& Shard::Impl::begin_half_open(std::uint32_t half, const Opening& opening) {
  HalfOpenRecord& record = half_open_[half];
  record.key = opening.key;
  tcp::listen(record.tcp, opening.irs, opening.offer, opening.has_room, opening.ts_offset, now_, opening.allowed);
  record.tcp.iss = opening.iss;
  std::memcpy(&record.mac, opening.ethernet + offsetof(wire::EthernetHeader, source), sizeof(record.mac));
  record.listener = opening.listener;
  record.interface = static_cast<std::uint8_t>(opening.interface);
  record.reopens = opening.reopens;
  record.refused = false;
  wheel_.arm(half | kHalfOpenTimer, opening.timeout);
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
  const HalfOpenRecord& record = begin_half_open(half, {.key = keep(packet.flow()),
                                                        .irs = syn.seq,
                                                        .iss = iss,
                                                        .offer = offer_of(packet),
                                                        .has_room = packet.has_room(),
                                                        .allowed = tcp::allowed(tcp_options(listener)),
                                                        .ts_offset = timestamp_offset(packet.hash),
                                                        .ethernet = packet.frame->data,
                                                        .listener = listener,
                                                        .interface = packet.interface,
                                                        .reopens = reopened != kNoIndex,
                                                        .timeout = wheel_.due(synack_due(0))});
  if (!reply_syn_ack(packet, record.tcp, listener, tcp::timestamp_clock(now_, record.tcp.ts_offset))) {
    // Nothing is kept for a SYN that has no answer: in this press the record would be worth less than its slot, and its
    // timer's SYN-ACK comes no sooner than the client's next SYN.
    drop_half_open(half);
    return Drop::ReplyShed;
  }
  stats_.count(Counter::SynAcksSent);
  return std::nullopt;
}

// Of the packet at `place` of the burst all that is known yet is that its hash leads to this entry. Nothing but a SYN
// that is plain and bare is expected to reopen it.
void Shard::Impl::expect_reopening(std::size_t place, std::uint32_t entry) {
  constexpr std::uint32_t kSynAndAck = wire::kSyn | wire::kAck;
  const std::size_t shift = burst_is_ipv6_ ? HeaderColumns::kIp6Shift : 0;
  const std::uint32_t flags = columns_.words[HeaderColumns::kTcpFlags + shift][place] >> 8;
  if ((bare_ >> place & 1) == 0 || (flags & kSynAndAck) != wire::kSyn) return;
  const auto copy_key = [&](const auto& from, auto& to) {
    for (std::size_t word = 0; word < to.words.size(); ++word) {
      to.words[word][reopenings_.count] = from.words[word][place];
    }
  };
  if (burst_is_ipv6_) {
    copy_key(flow_lanes6_, reopenings_.lanes6);
  } else {
    copy_key(flow_lanes_, reopenings_.lanes);
  }
  reopenings_.places |= std::uint64_t{1} << place;
  reopenings_.entries[reopenings_.count++] = entry;
}

// In loops of nothing else, so that as many as the machine can are on their way together; the hashes are between what
// is fetched and its use.
void Shard::Impl::prepare_reopenings(std::size_t count, bool offers_are_read) {
  ReopeningBatch& batch = reopenings_;
  half_open_.prefetch_free_list(batch.count);
  if (!offers_are_read) read_offers(count, batch.places);
  if (burst_is_ipv6_) {
    addresses6_.prefetch_free_list(batch.count);
    sip_.hash_2_4(batch.lanes6, batch.count);
  } else {
    sip_.hash_2_4(batch.lanes, batch.count);
  }
  for (std::uint32_t n = 0; n < batch.count; ++n) half_open_.prefetch_free(n);
  if (!burst_is_ipv6_) return;
  for (std::uint32_t n = 0; n < batch.count; ++n) {
    const FlowKey4& key = time_wait_[batch.entries[n]].key;
    if (!key.is_v4()) addresses6_.prefetch(key.place());
    addresses6_.prefetch_free(n);
  }
}

// Settles as many of the burst's packets from `begin` on as are SYNs that reopen an entry; returns the first that is
// not.
std::size_t Shard::Impl::settle_reopenings(std::size_t begin, std::size_t end) {
  if (begin == end || (reopenings_.places >> begin & 1) == 0 || draining_) return begin;
  return burst_is_ipv6_ ? settle_reopenings_of<false>(begin, end) : settle_reopenings_of<true>(begin, end);
}

template <bool kIpv4>
std::size_t Shard::Impl::settle_reopenings_of(std::size_t begin, std::size_t end) {
  using H = HeaderColumns;
  constexpr std::size_t kShift = kIpv4 ? 0 : H::kIp6Shift;
  constexpr std::uint32_t kIp = sizeof(wire::EthernetHeader);
  const ReopeningBatch& batch = reopenings_;
  const auto& words = columns_.words;
  const Instant now = now_;
  const auto timeout = wheel_.due(synack_due(0));
  const tcp::Seq isn_clock = initial_sequence_number(0, now);
  const std::uint16_t interface = topology_.plain_link(burst_frames_.front().port)->interface;
  OutFrame* const replies = outgoing_.free();
  const std::size_t room = outgoing_.capacity() - outgoing_.size();
  std::uint64_t bytes = 0;
  auto lane = static_cast<std::size_t>(std::popcount(batch.places & ((std::uint64_t{1} << begin) - 1)));
  // The packet before that was for another listener than those before it, and this listener.
  std::size_t last = begin;
  std::uint16_t listener = Topology::kNoListener;
  const SynAckForms* forms = nullptr;
  std::uint8_t allowed = 0;
  const auto same_receiver = [&](std::size_t one, std::size_t other) {
    std::uint32_t different = (words[H::kTcpPorts + kShift][one] ^ words[H::kTcpPorts + kShift][other]) >> 16;
    for (std::size_t word = 0; word < (kIpv4 ? 1 : 4); ++word) {
      const auto& column = words[(kIpv4 ? H::kIpDestination : H::kIp6Destination) + word];
      different |= column[one] ^ column[other];
    }
    return different == 0;
  };
  std::size_t i = begin;
  for (; i < end && (batch.places >> i & 1) != 0 && i - begin < room; ++i, ++lane) {
    const Frame& frame = burst_frames_[i];
    std::byte* const ip = frame.data + kIp;
    // The burst's earlier packets may have ended the entry, or have made a record for it.
    TimeWaitEntry& entry = time_wait_[batch.entries[lane]];
    FlowKey4 key;
    if constexpr (kIpv4) {
      key = flow_key(flow_lanes_, i);
      if (entry.key != key) break;
    } else {
      key = flow_key(flow_lanes6_, i);
      if (!is_of(entry.key, addresses6_in(ip), key)) break;
    }
    if (entry.tcp.reopening) break;
    const wire::SynOffer offer = offer_at<kIpv4>(cookie_batch_.offers, columns_, i);
    const tcp::Seq irs(swap_if_little_endian(words[H::kTcpSequence + kShift][i]));
    if (!tcp::may_reopen(entry.tcp, irs, (offer.options & wire::SynOffer::kTimestamps) != 0, offer.ts_value)) break;
    if (listener == Topology::kNoListener || !same_receiver(i, last)) {
      last = i;
      listener = kIpv4 ? topology_.listener(key.local, key.local_port)
                       : topology_.listener(addresses6_in(ip).local, key.local_port);
      if (listener == Topology::kNoListener) break;
      forms = &syn_acks_.forms(listener, interface);
      allowed = tcp::allowed(tcp_options(listener));
    }
    const std::uint32_t half = half_open_.take();
    if (half == kNoIndex) break;
    const std::uint64_t hash = flow_lanes_.hashes[i];
    if (!index_.insert(hash, FlowRef(RecordKind::HalfOpen, half))) {
      half_open_.put(half);
      break;
    }

    entry.tcp.reopening = true;
    if constexpr (!kIpv4) key = keep(FlowKey6{addresses6_in(ip), key.local_port, key.remote_port});
    const std::uint64_t isn_hash = kIpv4 ? batch.lanes.hashes[lane] : batch.lanes6.hashes[lane];
    const tcp::Seq iss = tcp::iss_beyond(entry.tcp, isn_clock + static_cast<std::uint32_t>(isn_hash));
    const tcp::HalfOpen& half_open = begin_half_open(half, {.key = key,
                                                            .irs = irs,
                                                            .iss = iss,
                                                            .offer = offer,
                                                            .has_room = kIpv4,
                                                            .allowed = allowed,
                                                            .ts_offset = timestamp_offset(hash),
                                                            .ethernet = frame.data,
                                                            .listener = listener,
                                                            .interface = interface,
                                                            .reopens = true,
                                                            .timeout = timeout})
                                         .tcp;
    const bool timestamps = half_open.timestamps();
    const std::uint32_t acknowledgment = swap_if_little_endian((irs + 1).value());
    const std::uint32_t ts_value =
        timestamps ? swap_if_little_endian(tcp::timestamp_clock(now, half_open.ts_offset)) : 0;
    const std::uint32_t ts_echo = timestamps ? cookie_batch_.offers.ts_value[i] : 0;
    OutFrame& reply = replies[i - begin];
    if constexpr (kIpv4) {
      const SynAckForm& form = (*forms)[half_open.agreed];
      reply = form.frame();
      form.fill_in(ip, form.words_for({words[H::kIpDestination][i], words[H::kIpSource][i],
                                       std::rotl(words[H::kTcpPorts][i], 16), swap_if_little_endian(iss.value())},
                                      acknowledgment, ts_value, ts_echo));
    } else {
      const SynAckForm6& form = forms->six(half_open.agreed);
      SynAckForm6::Words added = form.words_for(ip, iss, acknowledgment, ts_value, ts_echo);
      added.label = swap_if_little_endian(flow_label(label_multiplier_, half_open.ts_offset));
      reply = form.frame();
      form.fill_in(ip, added);
    }
    reply.head = frame.block;
    reply.data = frame.data;
    bytes += reply.length;
    wire::swap_macs(frame.data);
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
