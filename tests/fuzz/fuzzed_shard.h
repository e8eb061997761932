// One shard in virtual time, driven by a fuzz target: its loop, its buffers, and what must hold after every step
// whatever its peers do. tests/sim/conversation.h is the same for tests that are written by hand.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "device/memory.h"
#include "levee/service.h"
#include "shard/shard.h"
#include "sim/packet.h"

namespace levee::fuzz {

inline constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
inline constexpr Ipv4Address kOurAddress{0x0a000001};
// fd00::LAST; the shard's own is fd00::1.
[[nodiscard]] constexpr Ipv6Address fd00(std::uint8_t last) {
  return {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}};
}
inline constexpr Ipv6Address kOurAddress6 = fd00(1);
inline constexpr Instant kStart{std::chrono::hours(1)};

// One interface, 10.0.0.1/24 and fd00::1/64, a listener on TCP port 80, tables so small that they can be filled.
[[nodiscard]] ShardOptions small_options();
[[nodiscard]] shard::Secrets fixed_secrets();

// A frame on its way in, and how it lies in the device's buffers.
struct Arrival {
  sim::Bytes bytes;
  std::uint16_t port = 0;
  shard::ChecksumState ip_checksum = shard::ChecksumState::Unverified;
  shard::ChecksumState tcp_checksum = shard::ChecksumState::Unverified;
  bool exclusive = true;
  std::vector<std::uint32_t> cuts{};  // offsets at which a new piece begins, ascending
};

struct Sent {
  sim::Bytes bytes;
  sim::Dissected parts;
  std::uint16_t port = 0;
};

class FuzzedShard {
 public:
  FuzzedShard(const ShardOptions& options, std::vector<std::unique_ptr<Service>> services);
  ~FuzzedShard();
  FuzzedShard(const FuzzedShard&) = delete;
  FuzzedShard& operator=(const FuzzedShard&) = delete;

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] shard::Shard& shard() { return *shard_; }

  // A burst arrives, and the shard runs until it has nothing more to do.
  void receive(const std::vector<Arrival>& burst);
  void run();
  // Moves time, stopping at every deadline of the shard on the way.
  void advance(Duration duration);
  // While the services are busy elsewhere the shard goes on, but tells them nothing.
  void services_are_busy(bool busy) { busy_ = busy; }
  // What was sent since the last call.
  [[nodiscard]] std::vector<Sent> take_sent() { return std::exchange(sent_, {}); }
  // Resets what is left and waits: every record and every buffer has to come back.
  void end();

 private:
  void give_blanks();
  void take_outgoing();
  void check();
  std::size_t serve();

  std::unique_ptr<device::SlabPool> pool_;
  std::unique_ptr<shard::Shard> shard_;
  std::vector<std::unique_ptr<Service>> services_;
  Instant now_ = kStart;
  std::vector<Sent> sent_;
  bool busy_ = false;
};

}  // namespace levee::fuzz
