// From the operator's options to each shard's: links become interfaces, names become indexes, totals are shared out.
#pragma once

#include <optional>
#include <vector>

#include "levee/endpoint.h"
#include "levee/options.h"

namespace levee::runtime {

[[nodiscard]] constexpr std::uint32_t mask_of(unsigned prefix_length) {
  return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

// Every link that an address or a route names, each once, in order of appearance.
[[nodiscard]] std::vector<LinkId> links_of(const EndpointOptions& options);
// The link of a route: the one it names, else the one whose on-link prefix holds the next hop.
[[nodiscard]] std::optional<LinkId> link_of(const EndpointRoute& route, const EndpointOptions& options);

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
