// Everything that one run of the simulator depends on, drawn from a seed. Swarm testing: each seed switches features
// and faults on or off as a whole, so that rare combinations are met instead of an average of everything.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "device/impaired.h"
#include "levee/options.h"
#include "shard/shard.h"
#include "sim/plan.h"

namespace levee::sim {

inline constexpr Ipv4Address kClientAddress{0x0a000001}, kServerAddress{0x0a000002};
inline constexpr Ipv6Address kClientAddress6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    kServerAddress6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
inline constexpr std::uint16_t kServerPort = 80;

struct HostScenario {
  ShardOptions shard;
  shard::Secrets secrets;
  std::size_t buffers = 0;
  std::uint32_t buffer_size = 0;
  bool rss = true;  // false: every frame reaches shard 0, which hands it to its owner by mail
};

// Which number of the first connection passes 2^32 soon after it opens.
enum class Wrap : std::uint8_t { None, ClientSequence, ServerSequence, ClientTimestamp, ServerTimestamp };

struct Scenario {
  std::uint64_t seed = 0;
  Instant start{};
  Instant faults_stop{};
  // When every stream must have ended: twice the largest RTO after the faults, FIN-WAIT-2's bound (it ends the second
  // lives of cookies), and the time that transfers and pauses take.
  Instant streams_end{};
  std::array<device::Impairment, 2> link;
  std::array<HostScenario, 2> hosts;  // 0 opens, 1 listens
  std::vector<ConnectionPlan> connections;
  bool ipv6 = false;
  bool small_tables = false;   // connections may be refused for want of room
  bool small_buffers = false;  // frames and text may be refused for want of buffers
  Wrap wrap = Wrap::None;

  [[nodiscard]] IpAddress client() const { return ipv6 ? IpAddress(kClientAddress6) : IpAddress(kClientAddress); }
  [[nodiscard]] IpAddress server() const { return ipv6 ? IpAddress(kServerAddress6) : IpAddress(kServerAddress); }
  // Large packets vanish one way while there are faults, and nobody says so.
  [[nodiscard]] bool black_hole() const {
    const auto swallows = [](const device::Impairment& bad) { return bad.mtu != 0 && !bad.tells_mtu; };
    return swallows(link[0]) || swallows(link[1]);
  }
  // Loses more than every twentieth frame, or all large ones: here R2 may end a connection.
  [[nodiscard]] bool lossy() const {
    const auto loses = [](const device::Impairment& bad) {
      return bad.loss > 0.05 || bad.burst_begin * bad.burst_loss > 0.005;
    };
    return black_hole() || loses(link[0]) || loses(link[1]);
  }
};

[[nodiscard]] Scenario make_scenario(std::uint64_t seed);
[[nodiscard]] std::string describe(const Scenario& scenario);

}  // namespace levee::sim
