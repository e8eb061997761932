// Stateless replies: written into the frame that asked, if it is ours alone and has the room, else into a blank. They
// go back to the MAC that the frame came from, keep its VLAN tag, and take their length from their own IP header.
#include <algorithm>

#include "base/endian.h"
#include "shard/egress.h"
#include "shard/impl.h"

namespace levee::shard {

void Shard::Impl::emit(const OutFrame& frame) {
  stats_.count(Counter::FramesSent);
  stats_.count(Counter::BytesSent, frame.total_length());
  stats_.count(Counter::BuffersOut);
  outgoing_.push_back(frame);
}

Shard::Impl::ReplyBuffer Shard::Impl::reply_buffer(Packet& packet, std::uint32_t length) {
  if (outgoing_.full()) {
    stats_.count(Counter::BlanksExhausted);
    return {};
  }
  const Frame& frame = *packet.frame;
  const std::size_t needed = std::max<std::size_t>(length, kMaxHeader);
  if (frame.exclusive && frame.block->refs == 1 && frame.data + needed <= frame.block->base + frame.block->size) {
    packet.frame_taken = true;
    return {frame.block, frame.data};
  }
  if (Block* blank = stash_.take()) return {blank, blank->base + kHeadroom};
  stats_.count(Counter::BlanksExhausted);
  return {};
}

bool Shard::Impl::reply(Packet& packet, const tcp::OutSegment& segment) {
  const InterfaceOptions& interface = topology_.interface(packet.interface);
  const LinkHeader link{.destination = packet.ethernet().source,
                        .source = interface.mac,
                        .ether_type = ether_type_of(packet.key),
                        .has_vlan = packet.has_vlan,
                        .vlan_tci = packet.vlan_tci};
  const FlowKey flow = packet.flow();  // the views die when the buffer is written
  const ReplyBuffer buffer = reply_buffer(packet, header_length(link, headers_of(packet.key), segment));
  if (buffer.block == nullptr) return false;
  if (flow.is_v4()) {
    emit(write_headers(buffer.block, buffer.data, link, flow.v4(), segment, interface));
  } else {
    const std::uint32_t label = flow_label(label_multiplier_, timestamp_offset(packet.hash));
    emit(write_headers(buffer.block, buffer.data, link, Labelled{flow.v6(), label}, segment, interface));
  }
  stats_.count(Counter::OutSegs);
  return true;
}

bool Shard::Impl::reply_syn_ack(Packet& packet, const tcp::HalfOpen& half_open, std::uint16_t listener,
                                std::uint32_t ts_value) {
  if (!packet.key.is_v4()) {
    const levee::TcpOptions& options = tcp_options(listener);
    tcp::OutSegment segment =
        tcp::syn_ack(half_open, now_, topology_.mss_limits(packet.interface, options, kHeaders6), options);
    segment.options.ts_value = ts_value;
    return reply(packet, segment);
  }
  const SynAckForm& form = syn_acks_.forms(listener, packet.interface)[half_open.agreed];
  const LinkHeader link{.destination = packet.ethernet().source,
                        .source = topology_.interface(packet.interface).mac,
                        .has_vlan = packet.has_vlan,
                        .vlan_tci = packet.vlan_tci};
  const bool timestamps = half_open.timestamps();
  const SynAckForm::Words words = form.words_for(
      packet.key, half_open.iss, swap_if_little_endian((half_open.irs + 1).value()),
      timestamps ? swap_if_little_endian(ts_value) : 0, timestamps ? swap_if_little_endian(half_open.ts_recent) : 0);
  const ReplyBuffer buffer = reply_buffer(packet, packet.l3_offset + SynAckForm::kRoom);
  if (buffer.block == nullptr) return false;
  std::byte* const ip = write_link(buffer.data, link);
  form.fill_in(ip, words);
  OutFrame frame;
  form.describe(frame, static_cast<std::uint32_t>(ip - buffer.data));
  frame.head = buffer.block;
  frame.data = buffer.data;
  emit(frame);
  stats_.count(Counter::OutSegs);
  return true;
}

// RFC 9293 3.5.2 and 3.10.7.1: <SEQ=SEG.ACK><CTL=RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
void Shard::Impl::reply_rst(Packet& packet, const tcp::Segment& segment) {
  if (segment.has(wire::kRst)) return;
  const bool allowed = packet.key.is_v4() ? rst_limit_.allow(packet.key.remote, now_)
                                          : rst_limit_.allow(packet.addresses6().remote, now_);
  if (!allowed) {
    stats_.count(Counter::RstLimited);
    return;
  }
  tcp::OutSegment out;
  if (segment.has(wire::kAck)) {
    out.seq = segment.ack;
    out.flags = wire::kRst;
  } else {
    out.ack = segment.seq + segment.length();
    out.flags = wire::kRst | wire::kAck;
  }
  if (reply(packet, out)) stats_.count(Counter::OutRsts);
}

}  // namespace levee::shard
