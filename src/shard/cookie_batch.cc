// SYNs by cookie and forged ACKs, a burst at a time: all tags together, then each packet at its own turn in a few
// stores or one comparison. What is not so simple is left to the long way, which comes to the same.
#include "shard/cookie_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/endian.h"
#include "shard/impl.h"
#include "shard/plain_packet.h"
#include "wire/ethernet.h"
#include "wire/syn_offer.h"

namespace levee::shard {
CookieBatch::Target Shard::Impl::cookie_target(const Packet& packet) const {
  const bool ipv6 = !packet.key.is_v4();
  CookieBatch::Target target{.address = ipv6 ? IpAddress(packet.addresses6().local) : IpAddress(packet.key.local),
                             .ipv6 = ipv6,
                             .tcp_port = packet.key.local_port,
                             .interface = packet.interface};
  const std::uint16_t listener = listener_of(packet);
  if (listener == Topology::kNoListener || topology_.listener_options(listener).server_first) return target;
  target.listener = listener;
  target.forms = &syn_acks_.forms(listener, packet.interface);
  target.largest_mss = (ipv6 ? target.forms->limits6() : target.forms->limits()).send;
  target.allowed = tcp::allowed(tcp_options(listener));
  return target;
}

// What the burst's plain and bare SYNs offer: those at `wanted`.
void Shard::Impl::read_offers(std::size_t count, std::uint64_t wanted) {
  CookieBatch::Offers& offers = cookie_batch_.offers;
  std::uint64_t odd =
      burst_is_ipv6_ ? cookie_columns_.read6(columns_, count, offers) : cookie_columns_.read(columns_, count, offers);
  for (odd &= wanted; odd != 0; odd &= odd - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(odd));
    const std::uint32_t tcp = burst_is_ipv6_ ? kBareTcp6 : kBareTcp4;
    offers.set(i, wire::parse_syn_offer(bare_options(burst_frames_[i], tcp)));
  }
}

// For the present target.
CookieColumns::Found Shard::Impl::prepare_columns(std::size_t count) {
  CookieBatch& batch = cookie_batch_;
  CookieColumns::Constants constants{.keys = cookies_.keys(),
                                     .parity = cookies_.parity(),
                                     .clock = static_cast<std::uint32_t>(to_milliseconds(now_)),
                                     .label_multiplier = label_multiplier_ | 1};
  batch.forms_of_columns = batch.target.forms;
  if (burst_is_ipv6_) {
    std::memcpy(&constants.address, &batch.target.address.v6(), sizeof(constants.address));
    return cookie_columns_.prepare(columns_, flow_lanes6_, count, constants, batch);
  }
  constants.address[0] = swap_if_little_endian(batch.target.address.v4().value);
  return cookie_columns_.prepare(columns_, flow_lanes_, count, constants, batch);
}

// The tags of the burst's SYNs, if they will be answered by cookie, and of its ACKs that no flow expects.
void Shard::Impl::prepare_cookies(std::size_t count) {
  const bool for_syns = !draining_ && in_cookie_mode();
  const bool for_acks = !draining_ && options_.syn.cookies != SynCookies::Never && cookies_.live(now_);
  CookieBatch& batch = cookie_batch_;
  prepared_ = columns_syns_ = forged_acks_ = 0;
  // Bare frames are of one port and untagged. Shards that share it see to it that a SYN is answered by its owner.
  const Topology::PlainLink* const link = topology_.plain_link(burst_frames_.front().port);
  const bool in_columns = (for_syns || for_acks) && bare_ != 0 && options_.shards == 1 &&
                          batch.target.forms != nullptr && batch.target.ipv6 == burst_is_ipv6_ &&
                          link->interface == batch.target.interface;
  CookieColumns::Found found;
  if (in_columns) {
    read_offers(count, for_syns ? bare_ : 0);
    found = prepare_columns(count);
  }
  look_up_early(count);  // not before: what it reads is still on its way
  const std::uint64_t reopenings = reopenings_.places;
  if (reopenings != 0) prepare_reopenings(count, in_columns && for_syns);
  // A SYN into TIME-WAIT gets no cookie.
  if ((!for_syns && !for_acks) || reopenings == all_of(count)) return;
  columns_syns_ = for_syns ? found.syns & bare_ & ~reopenings : 0;
  const std::uint64_t acks = for_acks ? found.acks & bare_ & ~maybe_known_ : 0;
  const std::uint64_t by_columns = columns_syns_ | acks;
  prepared_ = by_columns;
  for (std::uint64_t left = all_of(count) & ~by_columns & ~reopenings; left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(left));
    const Packet& packet = packet_at(i);
    if (packet.kind != PacketKind::Tcp || !prepare_cookie(packet, i, for_syns, for_acks)) continue;
    const std::uint64_t bit = std::uint64_t{1} << i;
    prepared_ |= bit;
    // One for another listener with the same forms is answered like its neighbours.
    if (in_columns && batch.agreed[i] != CookieBatch::kAck && batch.forms[i] == batch.forms_of_columns) {
      columns_syns_ |= bit & bare_;
    }
  }
  const auto end_of = [](std::uint64_t places) { return static_cast<std::size_t>(std::bit_width(places)); };
  const std::size_t end = end_of(prepared_ & ~ipv6_), end6 = end_of(prepared_ & ipv6_);  // of the lanes in use
  if (end != 0) sip_.hash_2_4(batch.lanes, end);
  if (end6 != 0) sip_.hash_2_4(batch.lanes6, end6);
  if (in_columns) {
    forged_acks_ = acks & ~(burst_is_ipv6_ ? cookie_columns_.finish6(columns_, end6, batch)
                                           : cookie_columns_.finish(columns_, end, batch));
  }
  // The next burst's columns are for the listener that most of this one was for, as far as one can tell.
  if (std::popcount(prepared_ & ~by_columns) > std::popcount(by_columns)) batch.target = batch.last;
}

bool Shard::Impl::prepare_cookie(const Packet& packet, std::size_t lane, bool for_syns, bool for_acks) {
  const wire::TcpHeader& header = packet.tcp();
  const std::uint8_t flags = header.flags & (wire::kSyn | wire::kAck | wire::kRst);
  const bool wanted =
      flags == wire::kSyn ? for_syns : flags == wire::kAck && for_acks && (maybe_known_ >> lane & 1) == 0;
  if (!wanted) return false;
  CookieBatch& batch = cookie_batch_;
  if (!batch.last.is_of(packet)) batch.last = cookie_target(packet);
  const CookieBatch::Target& target = batch.last;
  if (target.forms == nullptr) return false;
  if (options_.shards > 1 && owner_of(packet.flow()) != options_.index) return false;

  std::optional<tcp::HalfOpen> offer;
  if (flags == wire::kSyn) {
    offer = tcp::listen(tcp::Seq(header.sequence.value()), offer_of(packet), packet.has_room(),
                        timestamp_offset(packet.hash), now_, tcp_options(target.listener));
    forget_ecn_without_timestamps(*offer);
    batch.forms[lane] = target.forms;
    batch.agreed[lane] = offer->agreed;
    batch.acknowledgment[lane] = swap_if_little_endian((offer->irs + 1).value());
    batch.ts_value[lane] = offer->timestamps() ? swap_if_little_endian(cookie_timestamp(*offer, now_)) : 0;
    batch.ts_echo[lane] = offer->timestamps() ? swap_if_little_endian(offer->ts_recent) : 0;
  } else {
    batch.agreed[lane] = CookieBatch::kAck;
  }
  const auto fill = [&](const auto& key, tcp::MssLimits limits, auto& lanes) {
    const auto input =
        offer ? cookies_.input_for(key, *offer, limits)
              : CookieJar::input_for(key, tcp::Seq(header.sequence.value()), tcp::Seq(header.acknowledgment.value()));
    batch.byte[lane] = input.byte;
    cookies_.set_lane(input, lanes, lane);
  };
  if (packet.key.is_v4()) {
    fill(packet.key, target.forms->limits(), batch.lanes);
  } else {
    fill(packet.key6(), target.forms->limits6(), batch.lanes6);
  }
  return true;
}

// The frames rewritten: MACs swapped, the packets from their forms. Returns the bytes of the replies. `form_of` and
// `words_of` are the family's, by place in the burst.
template <typename FormOf, typename WordsOf>
std::uint64_t Shard::Impl::answer_with(std::size_t begin, std::size_t count, OutFrame* replies, FormOf&& form_of,
                                       WordsOf&& words_of) {
  const Frame* frame = &burst_frames_[begin];
  std::uint64_t bytes = 0;
  for (std::size_t i = begin; i < begin + count; ++i, ++frame) {
    const auto& form = form_of(i);
    const auto words = words_of(i);
    std::byte* const data = frame->data;
    OutFrame& reply = *replies++;
    reply = form.frame();
    reply.head = frame->block;
    reply.data = data;
    bytes += form.frame().length;
    std::memcpy(data, cookie_batch_.ethernet[i].data(), sizeof(cookie_batch_.ethernet[i]));
    form.fill_in(data + sizeof(wire::EthernetHeader), words);
  }
  return bytes;
}

std::uint64_t Shard::Impl::answer_from_columns(std::size_t begin, std::size_t count, OutFrame* replies) {
  const CookieBatch& batch = cookie_batch_;
  const SynAckForms& forms = *batch.forms_of_columns;
  if (burst_is_ipv6_) {
    return answer_with(
        begin, count, replies, [&](std::size_t i) -> const SynAckForm6& { return forms.six(batch.agreed[i]); },
        [&](std::size_t i) {
          return SynAckForm6::Words{.label = batch.label[i],
                                    .sequence = batch.sequence[i],
                                    .acknowledgment = batch.acknowledgment[i],
                                    .checksum = batch.checksums[i],
                                    .timestamps = batch.timestamps[i]};
        });
  }
  return answer_with(
      begin, count, replies, [&](std::size_t i) -> const SynAckForm& { return forms[batch.agreed[i]]; },
      [&](std::size_t i) {
        return SynAckForm::Words{.begin = batch.begin[i],
                                 .acknowledgment = batch.acknowledgment[i],
                                 .checksums = batch.checksums[i],
                                 .timestamps = batch.timestamps[i]};
      });
}

// One that was prepared by itself, or whose flow may be known. Without `reply` it gets none.
Shard::Impl::Settled Shard::Impl::settle_alone(std::size_t place, OutFrame* reply) {
  const CookieBatch& batch = cookie_batch_;
  Packet& packet = packet_at(place);
  const Frame& frame = *packet.frame;
  const bool maybe_known = (maybe_known_ >> place & 1) != 0 || index_.insertions() != insertions_before_;
  if (frame.next != nullptr || (maybe_known && find_flow(packet))) return Settled::No;
  const bool ipv4 = packet.key.is_v4();
  const tcp::Seq iss = ipv4 ? batch.iss(place) : batch.iss6(place);
  if (batch.agreed[place] == CookieBatch::kAck) {
    // What has the right tag is looked at more closely; the others are 2^24 - 1 of 2^24.
    if (tcp::Seq(packet.tcp().acknowledgment.value()) == iss + 1) return Settled::No;
    stash_.drop(frame.block);
    return Settled::Refused;
  }
  // A frame that may not be written into takes a blank.
  const Block& block = *frame.block;
  std::byte* const ip = frame.data + packet.l3_offset;
  const bool fits = ip + (ipv4 ? SynAckForm::kRoom : SynAckForm6::kRoom) <= block.base + block.size;
  if (reply == nullptr || !frame.exclusive || block.refs != 1 || !fits) return Settled::No;
  const bool by_columns = (columns_syns_ >> place & 1) != 0;
  const SynAckForms& forms = *(by_columns ? batch.forms_of_columns : batch.forms[place]);
  if (ipv4) {
    const SynAckForm& form = forms[batch.agreed[place]];
    form.describe(*reply, packet.l3_offset);
    form.fill_in(
        ip, form.words_for(packet.key, iss, batch.acknowledgment[place], batch.ts_value[place], batch.ts_echo[place]));
  } else {
    const SynAckForm6& form = forms.six(batch.agreed[place]);
    SynAckForm6::Words words =
        form.words_for(ip, iss, batch.acknowledgment[place], batch.ts_value[place], batch.ts_echo[place]);
    words.label = swap_if_little_endian(flow_label(label_multiplier_, timestamp_offset(packet.hash)));
    form.describe(*reply, packet.l3_offset);
    form.fill_in(ip, words);
  }
  reply->head = frame.block;
  reply->data = frame.data;
  wire::swap_macs(frame.data);  // the tag of a VLAN stays
  packet.frame_taken = true;
  return Settled::Answered;
}

// At its turn a prepared packet is settled here if there is no flow for it and nothing else stands in the way. What is
// settled changes neither a flow nor the mode, so a run of them needs one look at both.
std::size_t Shard::Impl::settle_prepared(std::size_t begin, std::size_t end) {
  if (begin == end || (prepared_ >> begin & 1) == 0) return begin;
  const bool answers = in_cookie_mode();
  const std::uint64_t unknown = index_.insertions() == insertions_before_ ? ~maybe_known_ : 0;
  const std::uint64_t answerable = answers ? columns_syns_ & unknown : 0, refusable = forged_acks_ & unknown;
  OutFrame* const replies = outgoing_.free();
  const std::size_t room = outgoing_.capacity() - outgoing_.size();
  std::size_t answered = 0, refused = 0;
  std::uint64_t bytes = 0;
  std::size_t i = begin;
  while (i < end && (prepared_ >> i & 1) != 0) {
    const auto run_of = [i](std::uint64_t places) { return static_cast<std::size_t>(std::countr_one(places >> i)); };
    if (const std::size_t run = std::min(run_of(answerable), room - answered); run != 0) {
      bytes += answer_from_columns(i, run, replies + answered);
      answered += run;
      i += run;
      continue;
    }
    if (const std::size_t run = run_of(refusable); run != 0) {
      for (const Frame& frame : burst_frames_.subspan(i, run)) stash_.drop(frame.block);
      refused += run;
      i += run;
      continue;
    }
    const Settled settled = settle_alone(i, answers && answered < room ? replies + answered : nullptr);
    if (settled == Settled::No) break;
    if (settled == Settled::Answered) {
      bytes += replies[answered].length;
      ++answered;
    } else {
      ++refused;
    }
    ++i;
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
