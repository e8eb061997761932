// Transfer quality in small: fewer seconds than the table of `levee-sim --transfer`, one seed.
#include "sim/transfer.h"

#include <gtest/gtest.h>

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

// What is expected, of a link of 20 Mbit/s.
struct Bound {
  const char* name;
  CongestionControl control;
  double loss;
  Duration rtt;
  double at_least;  // share of the link
};
constexpr Bound kGoodput[] = {
    {"CubicWithoutLoss", CongestionControl::Cubic, 0, 20ms, 0.95},
    {"NewRenoWithoutLoss", CongestionControl::NewReno, 0, 20ms, 0.95},
    {"CubicAtATenthOfAPercent", CongestionControl::Cubic, 0.001, 20ms, 0.9},
    {"CubicAtOnePercent", CongestionControl::Cubic, 0.01, 20ms, 0.3},
    {"CubicFarAwayWithoutLoss", CongestionControl::Cubic, 0, 100ms, 0.9},
};
constexpr double kMostSpurious = 0.01;
constexpr double kLeastFairness = 0.9;

class Goodput : public testing::TestWithParam<Bound> {};

TEST_P(Goodput, FillsTheLink) {
  TransferSetup setup;
  setup.congestion_control = GetParam().control;
  setup.loss = GetParam().loss;
  setup.rtt = GetParam().rtt;
  setup.time = 10s;
  const TransferResult result = run_transfer(setup);
  EXPECT_EQ(result.failure, "");
  EXPECT_GE(result.share(), GetParam().at_least);
  EXPECT_LE(result.share(), 1.0);
}
INSTANTIATE_TEST_SUITE_P(Bounds, Goodput, testing::ValuesIn(kGoodput),
                         [](const auto& bound) { return std::string(bound.param.name); });

TEST(Transfer, RepeatsLittleWhenSegmentsAreOnlyLate) {
  TransferSetup setup;
  setup.reordering = 0.1;
  setup.reorder_delay = setup.rtt / 4;
  setup.buffer = kUsualRate / 400;  // one product of bandwidth and delay
  setup.time = 10s;
  const TransferResult result = run_transfer(setup);
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(result.lost, 0u);
  EXPECT_LE(result.spurious(), kMostSpurious);
}

TEST(Transfer, TwoFlowsShareTheLink) {
  TransferSetup setup;
  setup.flows = 2;
  setup.time = 60s;
  const TransferResult result = run_transfer(setup);
  EXPECT_EQ(result.failure, "");
  EXPECT_GE(result.fairness(), kLeastFairness);
  EXPECT_GE(result.share(), 0.9);
}

}  // namespace
}  // namespace levee::sim
