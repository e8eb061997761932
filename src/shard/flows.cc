// Flows of either family and the records that hold their state: where an IPv6 flow's addresses lie, who owns a flow,
// who listens for it, and where its packets go.
#include "base/check.h"
#include "shard/impl.h"

namespace levee::shard {

FlowKey4 Shard::Impl::keep(const FlowKey& flow) {
  if (flow.is_v4()) return flow.v4();
  const std::uint32_t place = addresses6_.take();
  CHECK(place != kNoIndex);  // there is one for each record of every kind
  const FlowKey6 key = flow.v6();
  addresses6_[place] = key.addresses;
  return FlowKey4::stand_in(place, key.local_port, key.remote_port);
}

void Shard::Impl::forget(const FlowKey4& key) {
  if (!key.is_v4()) addresses6_.put(key.place());
}

void Shard::Impl::set_hop(ConnectionRecord& record, const std::optional<NextHop>& hop) {
  if (record.key.is_v4()) {
    record.next_hop = hop ? hop->address.v4() : record.key.remote;
  } else {
    record.next_hop = {hop && hop->route != NextHop::kOnLink ? hop->route + 1 : 0};
  }
}

IpAddress Shard::Impl::hop_of(const ConnectionRecord& record) const {
  if (record.key.is_v4()) return record.next_hop;
  const std::uint32_t route = record.next_hop.value;
  return route == 0 ? addresses6_[record.key.place()].remote : topology_.route_options(route - 1).next_hop;
}

// Where answers to the packet go. A link-local address means a different host on each link (RFC 4291 2.5.6): there is
// no route, the peer is where its packet came from.
std::optional<NextHop> Shard::Impl::route_of(const Packet& packet) const {
  if (packet.key.is_v4()) return topology_.route(packet.key.remote);
  const Ipv6Address& remote = packet.addresses6().remote;
  return remote.is_link_local() ? std::nullopt : topology_.route(remote);
}

unsigned Shard::Impl::owner_of(const FlowKey& flow) const {
  if (flow.is_v4()) {
    const FlowKey4& key = flow.v4();
    return toeplitz_.hash(key.remote, key.local, key.remote_port, key.local_port) % options_.shards;
  }
  const FlowKey6 key = flow.v6();
  return toeplitz_.hash(key.addresses.remote, key.addresses.local, key.remote_port, key.local_port) % options_.shards;
}

std::uint16_t Shard::Impl::listener_of(const Packet& packet) const {
  return packet.key.is_v4() ? topology_.listener(packet.key.local, packet.key.local_port)
                            : topology_.listener(packet.addresses6().local, packet.key.local_port);
}

}  // namespace levee::shard
