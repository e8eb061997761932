// Frames as an input spells them, and the place that they arrive at.
#pragma once

#include <vector>

#include "fuzz/fuzzed_shard.h"
#include "fuzz/target.h"

namespace levee::fuzz {

inline constexpr std::uint16_t kVlan = 5;

// Port 0 with a VLAN beside it, port 1 with an address on a /31 and a /127, port 2 with tagged frames alone, no port 3.
// TCP port 80 listens everywhere, 19 speaks first, 443 on one address of each family alone and without options.
[[nodiscard]] ShardOptions crossroads();

// One frame: how it lies in its buffers, then a template or nothing, then the changes to it or its bytes.
[[nodiscard]] Arrival read_arrival(Input& input);
// 1 to `most` of them.
[[nodiscard]] std::vector<Arrival> read_burst(Input& input, std::uint32_t most);

}  // namespace levee::fuzz
