// Shard options out of endpoint options; see plan.h.
#include "runtime/plan.h"

#include <algorithm>

#include "wire/ndp.h"

namespace levee::runtime {

namespace {

void add_once(std::vector<LinkId>& links, const LinkId& link) {
  if (std::find(links.begin(), links.end(), link) == links.end()) links.push_back(link);
}

std::uint16_t index_of(const std::vector<LinkId>& links, const LinkId& link) {
  return static_cast<std::uint16_t>(std::find(links.begin(), links.end(), link) - links.begin());
}

constexpr std::uint32_t kNotHeld = 4096;

// One shard's part of a total, rounded up.
std::uint32_t share_of(std::uint32_t total, const EndpointOptions& options) {
  return (total + options.workers - 1) / options.workers;
}

ShardLimits limits_of(const EndpointOptions& options, std::uint32_t buffers) {
  ShardLimits limits = options.limits;
  // The rest stays with the devices' queues, the blanks and the pool's cache.
  limits.held_buffers = std::min(limits.held_buffers, buffers - std::max(buffers / 4, kNotHeld));
  limits.transfers = std::min(limits.transfers, limits.connections);
  for (std::uint32_t* total : {&limits.connections, &limits.transfers, &limits.half_open, &limits.time_wait,
                               &limits.slices, &limits.held_buffers}) {
    *total = share_of(*total, options);
  }
  return limits;
}

}  // namespace

std::vector<LinkId> links_of(const EndpointOptions& options) {
  std::vector<LinkId> links;
  for (const EndpointAddress& own : options.addresses) add_once(links, own.link);
  for (const EndpointRoute& route : options.routes) {
    if (route.link) add_once(links, *route.link);
  }
  return links;
}

std::optional<LinkId> link_of(const EndpointRoute& route, const EndpointOptions& options) {
  if (route.link) return route.link;
  for (const EndpointAddress& own : options.addresses) {
    const bool on_link = route.next_hop.is_within(own.address, own.prefix_length);
    if (own.prefix_length < own.address.bits() && on_link) return own.link;
  }
  return std::nullopt;
}

std::vector<MacAddress> groups_of(const EndpointOptions& options, std::uint16_t port) {
  std::vector<MacAddress> groups;
  for (const EndpointAddress& own : options.addresses) {
    if (own.address.is_v4() || own.link.port != port) continue;
    const MacAddress group = wire::multicast_mac(wire::solicited_node(own.address.v6()));
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

ShardOptions shard_options(const EndpointOptions& options, const std::vector<PortFacts>& ports, std::uint32_t buffers,
                           std::uint16_t index) {
  ShardOptions made;
  made.index = index;
  made.shards = static_cast<std::uint16_t>(options.workers);
  made.time_wait = options.time_wait;
  made.limits = limits_of(options, buffers);
  made.synack_retries = options.synack_retries;
  made.synack_retransmit_rate = options.synack_retransmit_rate;
  made.syn = options.syn;
  made.active = options.active;
  // The cookie may be another host's, and this one may have sent none.
  made.syn.accept_always = options.syn.accept_always || !options.cookie_key_file.empty();

  const std::vector<LinkId> links = links_of(options);
  for (const LinkId& link : links) {
    const PortFacts& port = ports[link.port];
    made.interfaces.push_back({.port = link.port,
                               .vlan = link.vlan,
                               .mac = port.mac,
                               .mtu = options.mtu,
                               .ipv4_checksum_offload = port.ipv4_checksum_offload,
                               .tcp_checksum_offload = port.tcp_checksum_offload});
  }
  for (const EndpointAddress& own : options.addresses) {
    made.addresses.push_back(
        {.address = own.address, .prefix_length = own.prefix_length, .interface = index_of(links, own.link)});
  }
  for (const EndpointRoute& route : options.routes) {
    const IpAddress everything = route.next_hop.is_v4() ? IpAddress() : IpAddress(Ipv6Address{});
    made.routes.push_back({.prefix = is_gateway(route) ? everything : route.prefix,
                           .prefix_length = route.prefix_length,
                           .next_hop = route.next_hop,
                           .interface = index_of(links, *link_of(route, options))});
  }
  // One service object per worker and listener entry: the entry's index names it. Those of the
  // clients follow, and the shard learns theirs with each connect.
  for (const EndpointListener& listener : options.listeners) {
    const bool any = listener.local.address.is_unspecified();
    made.listeners.push_back({.address = any ? IpAddress{} : listener.local.address,
                              .tcp_port = listener.local.tcp_port,
                              .service = static_cast<std::uint16_t>(made.listeners.size()),
                              .server_first = listener.server_first,
                              .accept_backlog = share_of(listener.accept_backlog, options),
                              .tcp = listener.tcp});
  }
  return made;
}

}  // namespace levee::runtime
