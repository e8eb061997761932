// Writing the headers of an outgoing TCP frame.
#pragma once

#include "levee/options.h"
#include "shard/flow_key.h"
#include "shard/frame.h"
#include "tcp/segment.h"
#include "wire/ethernet.h"

namespace levee::shard {

inline constexpr std::uint32_t kHeadroom = 128;  // before the frame in a blank, for what drivers put in front

struct LinkHeader {
  MacAddress destination, source;
  std::uint16_t ether_type = wire::kEtherTypeIpv4;
  bool has_vlan = false;
  std::uint16_t vlan_tci = 0;
};

// Writes an Ethernet header at `at`, with the VLAN's tag if there is one; returns where the packet begins.
std::byte* write_link(std::byte* at, const LinkHeader& link);

// Bytes of Ethernet, IP and TCP header, options included. `headers`: kHeaders4 or kHeaders6.
[[nodiscard]] std::uint32_t header_length(const LinkHeader& link, std::uint32_t headers,
                                          const tcp::OutSegment& segment);

// Writes the headers at `data`; attaching the segment's slices is left to the caller. Checksums are complete, or
// prepared for the device where the interface says that it completes them.
[[nodiscard]] OutFrame write_headers(Block* head, std::byte* data, const LinkHeader& link, const FlowKey4& key,
                                     const tcp::OutSegment& segment, const InterfaceOptions& interface);

struct Labelled {
  FlowKey6 key;
  std::uint32_t flow_label = 0;
};
// The same for IPv6, which has no checksum of its own. `link.ether_type` is the caller's to set.
[[nodiscard]] OutFrame write_headers(Block* head, std::byte* data, const LinkHeader& link, const Labelled& flow,
                                     const tcp::OutSegment& segment, const InterfaceOptions& interface);

}  // namespace levee::shard
