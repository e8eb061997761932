// A flood of SYNs from sources that do not exist leaves nothing behind: each is answered by cookie, in its own buffer,
// back to the MAC that it came from, and afterwards the shard is what it was. LEVEE_PROOF_SIZE=full sends 10^8.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "proof/flood_frames.h"
#include "proof/flooded_shard.h"
#include "proof/size.h"

namespace levee::proof {
namespace {

using namespace std::chrono_literals;

// Everything that a SYN could have left.
struct Footprint {
  std::uint64_t connections, half_open, time_wait, held, out, arp_requests, neighbours, resident;
  Instant deadline;

  static Footprint of(FloodedShard& flooded) {
    return {.connections = flooded.shard().connections(),
            .half_open = flooded.shard().half_open(),
            .time_wait = flooded.shard().time_wait(),
            .held = flooded.held(),
            .out = flooded.buffers_out(),
            .arp_requests = flooded.count(Counter::ArpRequestsSent),
            .neighbours = flooded.count(Counter::NeighboursLearnt),
            .resident = resident_pages(),
            .deadline = flooded.shard().next_deadline()};
  }
};

class Flood {
 public:
  // `count` SYNs at 1 M/s.
  void send(FloodedShard& flooded, std::uint64_t count) {
    for (std::uint64_t sent = 0; sent < count; sent += FloodedShard::kBurst) {
      for (Numbers& numbers : burst_) {
        numbers = random_numbers(random_);
        const auto layout = static_cast<std::size_t>(numbers.acknowledgment) % syn_templates().size();
        numbers.acknowledgment = 0;
        flooded.add(syn_templates()[layout].write(flooded.room(), numbers));
      }
      next_ = 0;
      flooded.run([this](std::span<const std::byte> frame) { hear(frame); });
      flooded.advance(std::chrono::microseconds(FloodedShard::kBurst),
                      [this](std::span<const std::byte>) { ++unasked_; });
    }
  }
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
  [[nodiscard]] std::uint64_t unasked() const { return unasked_; }

 private:
  // Replies come in the order of the SYNs.
  void hear(std::span<const std::byte> frame) {
    ++answered_;
    if (next_ == burst_.size()) {
      ++unasked_;
      return;
    }
    const Numbers& asked = burst_[next_++];
    const Reply reply(frame);
    const bool right = reply.whole && reply.flags == (sim::kSyn | sim::kAck) &&
                       reply.acknowledgment == asked.sequence + 1 && reply.destination == asked.source &&
                       reply.destination_port == asked.source_port && reply.source == kOurAddress &&
                       reply.source_port == kOpenPort &&
                       std::memcmp(frame.data(), kFloodMac.octets.data(), kFloodMac.octets.size()) == 0;
    wrong_ += right ? 0 : 1;
  }

  Random random_{1};
  std::array<Numbers, FloodedShard::kBurst> burst_;
  std::size_t next_ = 0;
  std::uint64_t answered_ = 0, wrong_ = 0, unasked_ = 0;
};

TEST(SpoofedSyns, LeaveNothingBehind) {
  const std::uint64_t total = chosen({.small = 128'000, .usual = 1'024'000, .full = 100'032'000});
  FloodedShard flooded(flood_options(SynCookies::Always));
  Flood flood;
  const std::uint64_t warm_up = total / 8;
  flood.send(flooded, warm_up);
  static_cast<void>(Footprint::of(flooded));  // what the first look touches is not the flood's
  const Footprint before = Footprint::of(flooded);
  flood.send(flooded, total - warm_up);
  const Footprint after = Footprint::of(flooded);

  const std::uint64_t sent = flooded.count(Counter::FramesReceived);
  EXPECT_GE(sent, total);
  EXPECT_EQ(flooded.count(Counter::SyncookiesSent), sent);
  EXPECT_EQ(flood.answered(), sent);
  EXPECT_EQ(flood.wrong(), 0U);
  EXPECT_EQ(flood.unasked(), 0U);
  EXPECT_EQ(after.connections + after.half_open + after.time_wait, 0U);
  EXPECT_EQ(after.held, before.held);
  EXPECT_EQ(after.out, before.out);
  EXPECT_EQ(after.deadline, kNever);
  EXPECT_EQ(after.arp_requests, 0U);
  EXPECT_EQ(after.neighbours, 0U);
  EXPECT_EQ(after.resident, before.resident);
  EXPECT_EQ(flooded.shard().check_invariants(), "");  // compares the flow index with the tables, among others
  fmt::print("{} SYNs: buffers held {} -> {}, resident pages {} -> {}\n", sent, before.held, after.held,
             before.resident, after.resident);
}

}  // namespace
}  // namespace levee::proof
