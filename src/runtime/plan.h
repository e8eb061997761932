// From the operator's options to each shard's: links become interfaces, names become indexes, totals are shared out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "levee/endpoint.h"
#include "levee/options.h"

namespace levee::runtime {

// Every link that an address or a route names, each once, in order of appearance.
[[nodiscard]] std::vector<LinkId> links_of(const EndpointOptions& options);
// A default route; whatever the family of its prefix, it is the next hop's.
[[nodiscard]] inline bool is_gateway(const EndpointRoute& route) {
  return route.prefix_length == 0 && route.prefix.is_unspecified();
}
// The link of a route: the one it names, else the one whose on-link prefix holds the next hop.
[[nodiscard]] std::optional<LinkId> link_of(const EndpointRoute& route, const EndpointOptions& options);

// The multicast MAC addresses that solicitations for the IPv6 addresses on a port go to (RFC 4861 7.2.2).
[[nodiscard]] std::vector<MacAddress> groups_of(const EndpointOptions& options, std::uint16_t port);

// What a started port contributes.
struct PortFacts {
  MacAddress mac{};
  bool ipv4_checksum_offload = false;
  bool tcp_checksum_offload = false;
};

// The options of shard `index`; `ports` by port number, `buffers` is the size of the pool that all shards share.
// REQUIRES: options that validate() accepts.
[[nodiscard]] ShardOptions shard_options(const EndpointOptions& options, const std::vector<PortFacts>& ports,
                                         std::uint32_t buffers, std::uint16_t index);

}  // namespace levee::runtime
