// What levee is measured against on the same device, in the same run: frames passed on as they are (io), and with their
// MAC addresses swapped (macswap).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/device.h"
#include "bench/endpoint.h"
#include "bench/harness.h"

namespace levee::bench {

// The frames of one round, in passes of as many as the device has buffers: loaded, timed, collected into `replies`.
template <typename AnyPacket, typename Pass, typename Collect>
[[nodiscard]] Timed run_passes(BenchDevice& device, std::span<const AnyPacket> packets, Pass&& pass, Collect&& collect,
                               std::vector<AnyPacket>& replies) {
  Timed timed;
  while (!packets.empty()) {
    const auto part = packets.first(std::min(packets.size(), device.buffers()));
    packets = packets.subspan(part.size());
    device.load(part);
    timed += time_pass(part.size(), pass);
    const std::vector<AnyPacket> sent = collect();
    replies.insert(replies.end(), sent.begin(), sent.end());
  }
  return timed;
}

// levee's worker over the endpoint's device.
[[nodiscard]] Timed run_levee(Endpoint& endpoint, std::span<const Packet> packets, std::vector<Packet>& replies);

// The next round's frames.
using Generate = std::function<std::vector<Packet>()>;
using GenerateLong = std::function<std::vector<LongPacket>()>;

// Both check that what they pass on arrives. `burst` as the device's.
[[nodiscard]] Mode io_mode(BenchDevice& device, Generate generate);
[[nodiscard]] Mode io_mode(BenchDevice& device, GenerateLong generate);
[[nodiscard]] Mode macswap_mode(BenchDevice& device, Generate generate);

}  // namespace levee::bench
