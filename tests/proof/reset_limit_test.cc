// RSTs to strays are limited per destination in a table of fixed size, so that two destinations may share a cell by
// chance: how many of many observers can tell that RSTs to a victim are being provoked. Nobody can choose to share one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "proof/cookie_client.h"
#include "proof/statistics.h"

namespace levee::proof {
namespace {

constexpr std::uint32_t kObservers = 4096, kCells = 1024;
constexpr Ipv4Address kVictim{0xcb007101};

// The observers that are answered, each of whom sends one stray ACK after those in the victim's name.
std::set<std::uint32_t> answered_observers(std::uint64_t seed, unsigned victims_strays) {
  FloodedShard flooded(flood_options(SynCookies::Auto), seed);
  std::set<std::uint32_t> answered;
  const auto hear = [&](std::span<const std::byte> frame) { answered.insert(Reply(frame).destination.value); };
  const auto send = [&](Ipv4Address source) {
    add_ack(flooded, {.source = source, .source_port = 4000, .sequence = 1, .acknowledgment = 2});
    if (flooded.waiting() == FloodedShard::kBurst) flooded.run(hear);
  };
  for (unsigned i = 0; i < victims_strays; ++i) send(kVictim);
  for (std::uint32_t i = 0; i < kObservers; ++i) send({0xc6120000 + i});
  flooded.run(hear);
  answered.erase(kVictim.value);
  return answered;
}

TEST(ResetLimit, OneObserverInAThousandSharesTheVictimsCell) {
  constexpr std::uint64_t kKeys = 20;
  std::uint64_t disturbed = 0;
  for (std::uint64_t seed = 1; seed <= kKeys; ++seed) {
    ASSERT_EQ(answered_observers(seed, 0).size(), kObservers);
    disturbed += kObservers - answered_observers(seed, 200).size();
  }
  const Interval expected = poisson_interval(double{kKeys * kObservers} / kCells, 0.9999);
  fmt::print("{} observers under {} keys: {} share the victim's cell, {} to {} are expected of {} cells\n", kObservers,
             kKeys, disturbed, expected.low, expected.high, kCells);
  EXPECT_LE(disturbed, expected.high);
}

}  // namespace
}  // namespace levee::proof
