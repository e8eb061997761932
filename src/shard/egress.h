// Writing the headers of an outgoing TCP frame.
#pragma once

#include "levee/options.h"
#include "shard/flow_key.h"
#include "shard/frame.h"
#include "tcp/segment.h"

namespace levee::shard {

inline constexpr std::uint32_t kHeadroom = 128;  // before the frame in a blank, for what drivers put in front

struct LinkHeader {
  MacAddress destination, source;
  bool has_vlan = false;
  std::uint16_t vlan_tci = 0;
};

// Writes an Ethernet header for IPv4 at `at`, with the VLAN's tag if there is one; returns where the packet begins.
std::byte* write_link(std::byte* at, const LinkHeader& link);

// Bytes of Ethernet, IPv4 and TCP header, options included.
[[nodiscard]] std::uint32_t header_length(const LinkHeader& link, const tcp::OutSegment& segment);

// Writes the headers at `data`; attaching the segment's slices is left to the caller. Checksums are complete, or
// prepared for the device where the interface says that it completes them.
[[nodiscard]] OutFrame write_headers(Block* head, std::byte* data, const LinkHeader& link, const FlowKey4& key,
                                     const tcp::OutSegment& segment, const InterfaceOptions& interface);

}  // namespace levee::shard
