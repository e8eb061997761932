// The two baselines; see modes.h.
#include "bench/modes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace levee::bench {

namespace {

// Passes every frame on after `touch` has seen it.
template <typename Touch>
void pass_on(device::Device& device, Touch&& touch) {
  constexpr std::size_t kBurst = runtime::Worker::kBurst;
  std::array<shard::Frame, kBurst> received;
  std::array<shard::OutFrame, kBurst> out;
  while (const std::size_t count = device.receive(received).frames) {
    for (std::size_t i = 0; i < count; ++i) {
      const shard::Frame& frame = received[i];
      touch(frame.data);
      out[i].head = frame.block;
      out[i].data = frame.data;
      out[i].length = frame.length;
      out[i].port = frame.port;
    }
    static_cast<void>(device.send(Instant{}, std::span(out).first(count)));
  }
}

void read_first_line(const std::byte* data) {
  std::uint64_t word;
  std::memcpy(&word, data, sizeof(word));
  asm volatile("" : : "r"(word));
}

void swap_macs(std::byte* data) {
  std::array<std::byte, 6> first;
  std::memcpy(first.data(), data, first.size());
  std::memcpy(data, data + 6, 6);
  std::memcpy(data + 6, first.data(), first.size());
}

void expect_macs_swapped(Packet& packet) {
  std::swap_ranges(packet.data.begin(), packet.data.begin() + 6, packet.data.begin() + 6);
}

template <typename AnyPacket, typename Touch, typename Expect>
Mode baseline(std::string name, BenchDevice& device, std::function<std::vector<AnyPacket>()> generate, Touch touch,
              Expect expect) {
  return {std::move(name), [&device, generate = std::move(generate), touch, expect] {
            std::vector<AnyPacket> packets = generate();
            std::vector<AnyPacket> sent;
            const auto collect = [&] {
              std::vector<AnyPacket> replies;
              if (!device.collect(replies)) throw VoidRun("a buffer was lost by a baseline");
              return replies;
            };
            const Timed timed = run_passes(
                device, std::span<const AnyPacket>(packets), [&] { pass_on(device, touch); }, collect, sent);
            for (AnyPacket& packet : packets) expect(packet);
            const auto same = [](const AnyPacket& one, const AnyPacket& other) {
              return std::equal(one.bytes().begin(), one.bytes().end(), other.bytes().begin(), other.bytes().end());
            };
            if (!std::equal(packets.begin(), packets.end(), sent.begin(), sent.end(), same)) {
              throw VoidRun("a baseline changed what it passed on");
            }
            return timed;
          }};
}

}  // namespace

Timed run_levee(Endpoint& endpoint, std::span<const Packet> packets, std::vector<Packet>& replies) {
  return run_passes(
      endpoint.device(), packets, [&] { endpoint.drain(); }, [&] { return endpoint.collect(); }, replies);
}

Mode io_mode(BenchDevice& device, Generate generate) {
  return baseline("io", device, std::move(generate), read_first_line, [](Packet&) {});
}

Mode io_mode(BenchDevice& device, GenerateLong generate) {
  return baseline("io", device, std::move(generate), read_first_line, [](LongPacket&) {});
}

Mode macswap_mode(BenchDevice& device, Generate generate) {
  return baseline("macswap", device, std::move(generate), swap_macs, expect_macs_swapped);
}

}  // namespace levee::bench
