// Frames out: what tcp/output allows, written into blanks with the payload as slices.
#include "shard/egress.h"

#include <algorithm>

#include "base/check.h"
#include "shard/impl.h"
#include "tcp/timeouts.h"
#include "wire/checksum.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t kIpHeader = 20, kIp6Header = wire::kIpv6HeaderLength, kTcpHeader = 20;
static_assert(kHeaders4 == kIpHeader + kTcpHeader && kHeaders6 == kIp6Header + kTcpHeader);
constexpr int kSegmentsPerTurn = 16;  // of one connection, before the next has its turn

std::uint64_t write_ipv4(std::byte* l3, const FlowKey4& key, const tcp::OutSegment& segment, std::uint16_t tcp_length,
                         const InterfaceOptions& interface) {
  auto& ip = *reinterpret_cast<wire::Ipv4Header*>(l3);
  ip.set_version_and_length(kIpHeader);
  ip.type_of_service = segment.traffic_class;
  ip.set_total_length(kIpHeader + std::size_t{tcp_length});
  ip.identification = 0;  // RFC 6864: not used in atomic datagrams; the same when one is repeated (MAY-4)
  ip.flags_and_offset = wire::kDontFragment;
  ip.ttl = segment.ttl;
  ip.protocol = wire::kProtocolTcp;
  ip.checksum = 0;
  ip.set_source(key.local);
  ip.set_destination(key.remote);
  if (!interface.ipv4_checksum_offload) ip.checksum = wire::finish(wire::sum({l3, kIpHeader}));
  return wire::pseudo_header(key.local, key.remote, wire::kProtocolTcp, tcp_length);
}

std::uint64_t write_ipv6(std::byte* l3, const Labelled& flow, const tcp::OutSegment& segment,
                         std::uint16_t tcp_length) {
  auto& ip = *reinterpret_cast<wire::Ipv6Header*>(l3);
  ip.set_class_and_flow(segment.traffic_class, flow.flow_label);
  ip.payload_length = tcp_length;
  ip.next_header = wire::kProtocolTcp;
  ip.hop_limit = segment.ttl;
  ip.source = flow.key.addresses.local;
  ip.destination = flow.key.addresses.remote;
  return wire::pseudo_header(ip.source, ip.destination, wire::kProtocolTcp, tcp_length);
}

struct Place {
  Block* head;
  std::byte *data, *l3, *l4;
};

// The TCP header and what floor 3 is told. `write_ip` writes the IP header for so many bytes behind it and returns the
// pseudo-header's sum.
template <typename Key, typename WriteIp>
OutFrame write_segment(const Place& place, const Key& key, const tcp::OutSegment& segment,
                       const InterfaceOptions& interface, WriteIp&& write_ip) {
  std::byte* const l4 = place.l4;
  auto& tcp = *reinterpret_cast<wire::TcpHeader*>(l4);
  const std::size_t options = wire::write(segment.options, {l4 + kTcpHeader, wire::kMaxOptionBytes});
  const auto tcp_header = static_cast<std::uint32_t>(kTcpHeader + options);
  const std::uint64_t pseudo = write_ip(static_cast<std::uint16_t>(tcp_header + segment.payload_length));

  tcp.source_port = key.local_port;
  tcp.destination_port = key.remote_port;
  tcp.sequence = segment.seq.value();
  tcp.acknowledgment = segment.ack.value();
  tcp.set_data_offset(tcp_header);
  tcp.flags = segment.flags;
  tcp.window = segment.window;
  tcp.checksum = 0;  // MUST-2: computed here or by the device
  tcp.urgent_pointer = segment.urgent_pointer;
  if (interface.tcp_checksum_offload) {
    tcp.checksum = wire::fold(pseudo);
  } else {
    wire::Checksum checksum(pseudo);
    checksum.add({l4, tcp_header});
    for (std::size_t i = 0; i < segment.slice_count; ++i) {
      checksum.add({segment.slices[i].data, segment.slices[i].length});
    }
    tcp.checksum = checksum.finish();
  }

  OutFrame frame;
  frame.head = place.head;
  frame.data = place.data;
  frame.length = static_cast<std::uint32_t>(l4 - place.data) + tcp_header;
  frame.port = interface.port;
  frame.l2_length = static_cast<std::uint8_t>(place.l3 - place.data);
  frame.l3_length = static_cast<std::uint8_t>(l4 - place.l3);
  frame.l4_length = static_cast<std::uint8_t>(tcp_header);
  frame.tcp_checksum = interface.tcp_checksum_offload;
  return frame;
}

}  // namespace

std::byte* write_link(std::byte* at, const LinkHeader& link) {
  auto* ethernet = reinterpret_cast<wire::EthernetHeader*>(at);
  ethernet->destination = link.destination;
  ethernet->source = link.source;
  at += sizeof(wire::EthernetHeader);
  if (!link.has_vlan) {
    ethernet->ether_type = link.ether_type;
    return at;
  }
  ethernet->ether_type = wire::kEtherTypeVlan;
  auto* tag = reinterpret_cast<wire::VlanTag*>(at);
  tag->tci = link.vlan_tci;
  tag->ether_type = link.ether_type;
  return at + sizeof(wire::VlanTag);
}

std::uint32_t header_length(const LinkHeader& link, std::uint32_t headers, const tcp::OutSegment& segment) {
  const std::uint32_t l2 = sizeof(wire::EthernetHeader) + (link.has_vlan ? sizeof(wire::VlanTag) : 0U);
  return l2 + headers + static_cast<std::uint32_t>(wire::written_length(segment.options));
}

OutFrame write_headers(Block* head, std::byte* data, const LinkHeader& link, const FlowKey4& key,
                       const tcp::OutSegment& segment, const InterfaceOptions& interface) {
  std::byte* const l3 = write_link(data, link);
  OutFrame frame = write_segment({head, data, l3, l3 + kIpHeader}, key, segment, interface,
                                 [&](std::uint16_t length) { return write_ipv4(l3, key, segment, length, interface); });
  frame.ipv4_checksum = interface.ipv4_checksum_offload;
  return frame;
}

OutFrame write_headers(Block* head, std::byte* data, const LinkHeader& link, const Labelled& flow,
                       const tcp::OutSegment& segment, const InterfaceOptions& interface) {
  std::byte* const l3 = write_link(data, link);
  return write_segment({head, data, l3, l3 + kIp6Header}, flow.key, segment, interface,
                       [&](std::uint16_t length) { return write_ipv6(l3, flow, segment, length); });
}

bool Shard::Impl::send_segment(const FlowKey4& key, const tcp::OutSegment& segment, const Way& way) {
  Block* blank = !outgoing_.full() ? stash_.take() : nullptr;
  if (blank == nullptr) {
    stats_.count(Counter::BlanksExhausted);
    return false;
  }
  const InterfaceOptions& options = topology_.interface(way.interface);
  const LinkHeader link{.destination = way.to,
                        .source = options.mac,
                        .ether_type = ether_type_of(key),
                        .has_vlan = options.vlan != 0,
                        .vlan_tci = options.vlan};
  std::byte* const data = blank->base + kHeadroom;
  OutFrame frame = key.is_v4() ? write_headers(blank, data, link, key, segment, options)
                               : write_headers(blank, data, link,
                                               Labelled{key6_of(key), flow_label(label_multiplier_, way.ts_offset)},
                                               segment, options);
  const std::size_t first = out_slices_.size();
  out_slices_.append(std::span(segment.slices).first(segment.slice_count));
  frame.slices = out_slices_.elements().subspan(first);
  emit(frame);
  stats_.count(Counter::OutSegs);
  return true;
}

bool Shard::Impl::transmit() {
  feed_starved();
  // On top of this loop's replies, so that a flood of those cannot silence connections.
  outgoing_limit_ = std::min(outgoing_.capacity(), outgoing_.size() + options_.limits.outgoing_per_transmit);
  if (reap_next_ != kNoIndex) {
    reap(reap_next_);
    reap_next_ = kNoIndex;
  }
  // Those that are on the list now get their turn; who has more to say goes to the end and waits for the next call.
  for (std::size_t turns = output_.size; turns > 0; --turns) {
    const std::uint32_t index = pop_output();
    const Sent sent = transmit_one(index);
    ConnectionRecord& record = connections_[index];
    if (sent != Sent::All) push_output(index);
    update_timer(index);
    if (sent == Sent::All && record.told_closed) reap(index);
    if (sent == Sent::Stuck) return false;
  }
  return output_.size == 0 && ready_.size == 0;  // a starved service that may write again has not heard it yet
}

Shard::Impl::Sent Shard::Impl::transmit_one(std::uint32_t index) {
  ConnectionRecord& record = connections_[index];
  tcp::Env now = env(record);
  if (!tcp::wants_output(record.tcb, transfers_)) return Sent::All;
  Neighbour* neighbour = neighbour_at(hop_of(record), record.interface);
  if (neighbour == nullptr || !neighbour->known) {
    if (neighbour != nullptr) {
      stats_.count(Counter::NeighbourUnresolved);
      request_neighbour(*neighbour);
    }
    if (!record.detached) tcp::hold_back(record.tcb, now);
    if (waiting_.size() < waiting_.capacity()) waiting_.push_back({index, record.generation});
    return Sent::All;
  }
  // RFC 9293 3.8.3, R1: after three fruitless retransmissions IP is advised to look for another way (MUST-20).
  constexpr unsigned kR1 = 3;
  const bool stale = now_ - neighbour->confirmed > Neighbours::kFresh;
  if (stale || record.tcb.backoff >= kR1) request_neighbour(*neighbour);

  tcp::release_hold(record.tcb);
  const tcp::MssLimits limits = topology_.mss_limits(record.interface, now.options, headers_of(record.key));
  const Way way{.to = neighbour->mac, .interface = record.interface, .ts_offset = record.tcb.ts_offset};
  for (int n = 0; n < kSegmentsPerTurn; ++n) {
    if (outgoing_.size() >= outgoing_limit_) return Sent::Stuck;
    if (stash_.available() == 0) {
      stats_.count(Counter::BlanksExhausted);
      return Sent::Stuck;
    }
    tcp::OutSegment segment;
    if (!tcp::next_segment(record.tcb, now, limits, segment)) return Sent::All;
    const bool sent = send_segment(record.key, segment, way);
    DCHECK(sent);
    static_cast<void>(sent);
  }
  return tcp::wants_output(record.tcb, transfers_) ? Sent::More : Sent::All;
}

}  // namespace levee::shard
