// The model as an oracle over traffic that no simulated world has: conversations woven into garbage, RSTs, old
// duplicates and SYNs, on few tuples, so that states meet what does not belong there.
#include "sim/mixed_traffic.h"

#include <gtest/gtest.h>

namespace levee::model {
namespace {

// RFC 9293 3.10.7; RFC 5961; RFC 7323 5.3; RFC 6191 2; RFC 1337
TEST(MixedTraffic, EverySegmentIsAsTheModelSays) {
  constexpr std::size_t kFrames = 100'000;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const sim::Recording recording = sim::record_mixed_traffic(seed, kFrames, {});
    sim::FedShard fed({});
    fed.ask_model();
    for (std::size_t begin = 0; begin < recording.frames(); begin += sim::kGroup) {
      const std::size_t group = begin / sim::kGroup;
      const auto unseen = [](Instant, std::span<const std::byte>) {};
      fed.begin_group(group, unseen);
      fed.burst(sim::Recording::time_of_group(group), recording, begin, begin + sim::kGroup, unseen);
    }
    EXPECT_EQ(fed.oracle().failure(), "") << "seed " << seed;
    EXPECT_GT(fed.oracle().tally().predicted, kFrames / 4);
    EXPECT_LT(fed.oracle().tally().left_out * 20, fed.oracle().tally().predicted);
  }
}

}  // namespace
}  // namespace levee::model
