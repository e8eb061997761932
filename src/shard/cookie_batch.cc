// SYNs by cookie and forged ACKs, a burst at a time: all tags together, then each packet at its own turn in a few
// stores or one comparison. What is not so simple is left to the long way, which comes to the same.
#include "shard/cookie_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/endian.h"
#include "shard/impl.h"
#include "wire/syn_offer.h"

namespace levee::shard {
namespace {

void swap_macs(std::byte* ethernet) {
  std::uint32_t to_begin = 0, from_begin = 0;
  std::uint16_t to_end = 0, from_end = 0;
  std::memcpy(&to_begin, ethernet, 4);
  std::memcpy(&to_end, ethernet + 4, 2);
  std::memcpy(&from_begin, ethernet + 6, 4);
  std::memcpy(&from_end, ethernet + 10, 2);
  std::memcpy(ethernet, &from_begin, 4);
  std::memcpy(ethernet + 4, &from_end, 2);
  std::memcpy(ethernet + 6, &to_begin, 4);
  std::memcpy(ethernet + 10, &to_end, 2);
}

}  // namespace

CookieBatch::Target Shard::Impl::cookie_target(const Packet& packet) const {
  CookieBatch::Target target{
      .address = packet.key.local, .tcp_port = packet.key.local_port, .interface = packet.interface};
  const std::uint16_t listener = topology_.listener(packet.key.local, packet.key.local_port);
  if (listener == Topology::kNoListener || topology_.listener_options(listener).server_first) return target;
  target.listener = listener;
  target.forms = &syn_acks_.forms(listener, packet.interface);
  target.largest_mss = target.forms->limits().send;
  target.allowed = tcp::allowed(tcp_options(listener));
  return target;
}

// The tags of the burst's SYNs, if they will be answered by cookie, and of its ACKs that no flow expects.
void Shard::Impl::prepare_cookies(std::size_t count) {
  const bool for_syns = !draining_ && in_cookie_mode();
  const bool for_acks = !draining_ && options_.syn.cookies != SynCookies::Never && cookies_.live(now_);
  CookieBatch& batch = cookie_batch_;
  // Shards that share a port see to it that a SYN is answered by its owner.
  const bool in_columns = for_syns && batch.target.forms != nullptr && options_.shards == 1;
  if (in_columns) {
    const CookieColumns::Constants constants{cookies_.key(), cookies_.parity(),
                                             static_cast<std::uint32_t>(to_milliseconds(now_))};
    cookie_columns_.prepare(columns_, flow_lanes_.hashes, count, constants, batch);
  } else {
    std::fill_n(batch.simple.begin(), count, 0);
  }
  look_up_early(count);
  if (!for_syns && !for_acks) return;
  std::size_t end = 0;  // of the lanes that are in use
  std::size_t by_columns = 0, alone = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Packet& packet = burst_[i];
    if (batch.simple[i] != 0 && packet.interface == batch.target.interface) {
      batch.forms[i] = batch.target.forms;
      ++by_columns;
    } else {
      batch.simple[i] = 0;
      if (packet.kind != PacketKind::Tcp || !prepare_cookie(packet, i, for_syns, for_acks)) continue;
      ++alone;
    }
    packet.prepared = true;
    end = i + 1;
  }
  sip_.hash_2_4(batch.lanes, end);
  if (in_columns) cookie_columns_.finish(columns_, end, batch);
  // The next burst's columns are for the listener that most of this one was for, as far as one can tell.
  if (alone > by_columns) batch.target = batch.last;
}

bool Shard::Impl::prepare_cookie(const Packet& packet, std::size_t lane, bool for_syns, bool for_acks) {
  const wire::TcpHeader& header = packet.tcp();
  const std::uint8_t flags = header.flags & (wire::kSyn | wire::kAck | wire::kRst);
  const bool wanted = flags == wire::kSyn ? for_syns : flags == wire::kAck && for_acks && !packet.maybe_known;
  if (!wanted) return false;
  CookieBatch& batch = cookie_batch_;
  if (!batch.last.is_of(packet.key, packet.interface)) batch.last = cookie_target(packet);
  const CookieBatch::Target& target = batch.last;
  if (target.forms == nullptr) return false;
  if (options_.shards > 1 && owner_of(packet.key) != options_.index) return false;

  CookieInput input;
  if (flags == wire::kSyn) {
    const tcp::HalfOpen offer =
        tcp::listen(tcp::Seq(header.sequence.value()), wire::syn_offer(packet.tcp_options()), !packet.has_vlan,
                    timestamp_offset(packet.hash), now_, tcp_options(target.listener));
    batch.forms[lane] = target.forms;
    batch.agreed[lane] = offer.agreed;
    batch.acknowledgment[lane] = swap_if_little_endian((offer.irs + 1).value());
    batch.ts_value[lane] = offer.timestamps() ? swap_if_little_endian(cookie_timestamp(offer, now_)) : 0;
    batch.ts_echo[lane] = offer.timestamps() ? swap_if_little_endian(offer.ts_recent) : 0;
    input = cookies_.input_for(packet.key, offer, target.forms->limits());
  } else {
    batch.agreed[lane] = CookieBatch::kAck;
    input =
        CookieJar::input_for(packet.key, tcp::Seq(header.sequence.value()), tcp::Seq(header.acknowledgment.value()));
  }
  batch.byte[lane] = input.byte;
  cookies_.set_lane(input, batch.lanes, lane);
  return true;
}

// At its turn a prepared packet is settled here if there is no flow for it and nothing else stands in the way. What is
// settled changes neither a flow nor the mode, so a run of them needs one look at the latter.
std::size_t Shard::Impl::settle_prepared(std::size_t begin, std::size_t end) {
  if (begin == end || !burst_[begin].prepared) return begin;
  const CookieBatch& batch = cookie_batch_;
  const bool answers = in_cookie_mode();
  OutFrame* const replies = outgoing_.free();
  const std::size_t room = outgoing_.capacity() - outgoing_.size();
  std::size_t answered = 0, refused = 0;
  std::uint64_t bytes = 0;
  std::size_t i = begin;
  for (; i < end; ++i) {
    Packet& packet = burst_[i];
    const Frame& frame = *packet.frame;
    if (!packet.prepared || frame.next != nullptr) break;
    const bool maybe_known = packet.maybe_known || index_.insertions() != insertions_before_;
    if (maybe_known && find_flow(packet.key, packet.hash)) break;
    if (batch.agreed[i] == CookieBatch::kAck) {
      // What has the right tag is looked at more closely; the others are 2^24 - 1 of 2^24.
      if (tcp::Seq(packet.tcp().acknowledgment.value()) == batch.iss(i) + 1) break;
      stash_.drop(frame.block);
      ++refused;
      continue;
    }
    if (!answers || answered == room) break;
    const auto acknowledgment = static_cast<std::uint32_t>(batch.acknowledgment[i]);
    const auto ts_value = static_cast<std::uint32_t>(batch.ts_value[i]);
    const auto ts_echo = static_cast<std::uint32_t>(batch.ts_echo[i]);
    SynAckForm::Words words;
    if (batch.simple[i] != 0) {
      words = {.addresses = std::rotl(columns_.w2[i], 32),
               .ports = std::rotl(static_cast<std::uint32_t>(columns_.w3[i]), 16),
               .sequence = static_cast<std::uint32_t>(batch.sequence[i]),
               .acknowledgment = acknowledgment,
               .ts_value = ts_value,
               .ts_echo = ts_echo,
               .addresses_sum = batch.addresses_sum[i],
               .sum = batch.sum[i]};
    } else {
      // A frame that may not be written into takes a blank.
      const Block& block = *frame.block;
      const bool fits = frame.data + packet.l3_offset + SynAckForm::kRoom <= block.base + block.size;
      if (!frame.exclusive || block.refs != 1 || !fits) break;
      words = SynAckForm::words_for(packet.key, batch.iss(i), acknowledgment, ts_value, ts_echo);
    }

    // The frame rewritten: its MACs swapped, the tag of a VLAN kept, the packet from its form.
    const SynAckForm& form = (*batch.forms[i])[batch.agreed[i]];
    OutFrame& reply = replies[answered++];
    form.describe(reply, packet.l3_offset);
    reply.head = frame.block;
    reply.data = frame.data;
    bytes += reply.length;
    swap_macs(frame.data);
    form.fill_in(frame.data + packet.l3_offset, words);
    packet.frame_taken = true;
  }
  outgoing_.filled(answered);
  burst_buffers_ -= static_cast<std::uint32_t>(answered + refused);
  if (answered > 0) {
    cookie_mode_ = answers;
    cookies_.sent(now_);
    for (const Counter counter :
         {Counter::SynsReceived, Counter::SynAcksSent, Counter::SyncookiesSent, Counter::OutSegs, Counter::FramesSent,
          Counter::BuffersOut, Counter::FramesDelivered}) {
      stats_.count(counter, answered);
    }
    stats_.count(Counter::BytesSent, bytes);
  }
  if (refused > 0) {
    stats_.count(Counter::SyncookiesFailed, refused);
    stats_.count(Drop::CookieFailed, refused);
  }
  return i;
}

}  // namespace levee::shard
