// The congestion control algorithms by themselves: CUBIC (RFC 9438), NewReno (RFC 5681), HyStart++ (RFC 9406).
#include "tcp/congestion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tcp/newreno.h"

namespace levee::tcp {
namespace {

constexpr std::uint32_t kMss = 1448;

struct Path {
  CongestionControl algorithm = CongestionControl::Cubic;
  std::uint32_t rtt_ms = 100;
};

// One round trip in which the whole window is acknowledged, two segments an ACK.
void round_trip(Congestion& congestion, Growth& growth, const Path& path, std::uint32_t& now_ms) {
  const std::uint32_t window = congestion.cwnd;
  for (std::uint32_t acked = 0; acked + 2 * kMss <= window; acked += 2 * kMss) {
    grow(congestion, growth, {.delivered = 2 * kMss, .mss = kMss, .srtt_us = path.rtt_ms * 1000, .now_ms = now_ms},
         path.algorithm);
  }
  now_ms += path.rtt_ms;
}

TEST(CubeRoot, IsExact) {
  for (std::uint64_t root : {0ULL, 1ULL, 2ULL, 99ULL, 1000ULL, 123456ULL, 2642245ULL}) {
    const std::uint64_t cube = root * root * root;
    EXPECT_EQ(cube_root(cube), root);
    if (root > 0) {
      EXPECT_EQ(cube_root(cube - 1), root - 1);
    }
  }
  EXPECT_EQ(cube_root(~std::uint64_t{0}), 2642245U);
}

// RFC 9438 4.2, (1) and (2), against floating point: K seconds after the reduction the window is back at W_max.
// RFC 9293 3.8.2, MAY-18.
TEST(Cubic, FollowsTheCubicFunction) {
  const Path path{.rtt_ms = 100};
  Congestion congestion{.cwnd = 1000 * kMss, .ssthresh = 1000 * kMss};
  Growth growth;
  reduce(congestion, growth, Signal::Loss, 1000 * kMss, kMss, path.algorithm);
  congestion.cwnd = congestion.ssthresh;
  EXPECT_NEAR(congestion.cwnd, 700 * kMss, kMss);  // beta (4.6)
  const double k = std::cbrt(300 / 0.4);
  std::uint32_t now_ms = 5000;
  for (int round = 1; round < 150; ++round) {
    round_trip(congestion, growth, path, now_ms);
    const double t = (now_ms - 5000) / 1000.0;
    const double expected = 0.4 * std::pow(t - k, 3) + 1000;
    ASSERT_NEAR(congestion.cwnd / double{kMss}, expected, 0.02 * expected) << "after " << t << " s";
  }
}

// 4.3: on a short path it grows as fast as Reno would.
TEST(Cubic, IsAsFastAsRenoOnAShortPath) {
  const Path path{.rtt_ms = 2};
  Congestion congestion{.cwnd = 40 * kMss, .ssthresh = 40 * kMss};
  Growth growth;
  reduce(congestion, growth, Signal::Loss, 40 * kMss, kMss, path.algorithm);
  congestion.cwnd = congestion.ssthresh;
  std::uint32_t now_ms = 0;
  for (int round = 0; round < 40; ++round) round_trip(congestion, growth, path, now_ms);
  // 28 + 0.53 per round trip until 40, then one per round trip.
  EXPECT_GT(congestion.cwnd, 45 * kMss);
  EXPECT_LT(congestion.cwnd, 62 * kMss);
}

// 4.7: a second loss below W_max leaves room.
TEST(Cubic, ConvergesFast) {
  Congestion congestion{.cwnd = 100 * kMss, .ssthresh = 100 * kMss};
  Growth growth;
  reduce(congestion, growth, Signal::Loss, 100 * kMss, kMss, CongestionControl::Cubic);
  EXPECT_EQ(congestion.w_max, 100 * kMss);
  congestion.cwnd = 80 * kMss;
  reduce(congestion, growth, Signal::Loss, 80 * kMss, kMss, CongestionControl::Cubic);
  EXPECT_NEAR(congestion.w_max, 68 * kMss, kMss);
}

// RFC 8511 3.1 against RFC 9438 4.6.
TEST(Cubic, AMarkCostsLessThanALoss) {
  for (const auto& [signal, kept] : {std::pair{Signal::Loss, 0.70}, std::pair{Signal::EcnEcho, 0.85}}) {
    Congestion congestion{.cwnd = 100 * kMss, .ssthresh = 100 * kMss};
    Growth growth;
    reduce(congestion, growth, signal, 100 * kMss, kMss, CongestionControl::Cubic);
    EXPECT_NEAR(congestion.ssthresh, kept * 100 * kMss, kMss);
  }
}

// RFC 5681 3.1, MUST-19: one segment more per round trip, half after a loss, never below two segments.
TEST(NewReno, AddsASegmentAndHalves) {
  const Path path{.algorithm = CongestionControl::NewReno};
  Congestion congestion{.cwnd = 20 * kMss, .ssthresh = 20 * kMss};
  Growth growth;
  std::uint32_t now_ms = 0;
  for (int round = 0; round < 10; ++round) round_trip(congestion, growth, path, now_ms);
  EXPECT_NEAR(congestion.cwnd, 30 * kMss, kMss);
  reduce(congestion, growth, Signal::Loss, congestion.cwnd, kMss, path.algorithm);
  EXPECT_NEAR(congestion.ssthresh, 15 * kMss, kMss);
  reduce(congestion, growth, Signal::Timeout, kMss, kMss, path.algorithm);
  EXPECT_EQ(congestion.ssthresh, 2 * kMss);
}

// RFC 3465, THREATS (ACK division): octets count, not ACKs; and one ACK counts for 8 segments at most (RFC 9406 4.2).
TEST(SlowStart, CountsOctets) {
  Growth growth;
  Congestion one{.cwnd = 10 * kMss}, many = one, huge = one;
  grow(one, growth, {.delivered = kMss, .mss = kMss}, CongestionControl::Cubic);
  for (std::uint32_t n = 0; n < kMss; ++n) grow(many, growth, {.delivered = 1, .mss = kMss}, CongestionControl::Cubic);
  EXPECT_EQ(one.cwnd, many.cwnd);
  grow(huge, growth, {.delivered = 64 * kMss, .mss = kMss}, CongestionControl::Cubic);
  EXPECT_EQ(huge.cwnd, 18 * kMss);
  // RFC 3465 2.3: one segment after a timeout, where an ACK may cover what had arrived long before.
  Congestion late{.cwnd = kMss, .ssthresh = 100 * kMss};
  grow(late, growth, {.delivered = 64 * kMss, .mss = kMss, .after_timeout = true}, CongestionControl::Cubic);
  EXPECT_EQ(late.cwnd, 2 * kMss);
}

// A round of `acks` ACKs, one every millisecond, each with the round-trip time `rtt_us`.
void round_of_acks(HyStart& state, Seq& una, int acks, std::uint32_t rtt_us, std::uint32_t& now_us) {
  const Seq nxt = una + 20 * kMss;
  for (int n = 0; n < acks; ++n) {
    now_us += 3000;
    una += kMss;
    static_cast<void>(hystart_step(state, kMss, {.rtt_us = rtt_us, .now_us = now_us, .una = una, .nxt = nxt}));
  }
  una = nxt;
  now_us += 50'000;
  static_cast<void>(
      hystart_step(state, kMss, {.rtt_us = rtt_us, .now_us = now_us, .una = una + 1, .nxt = una + 20 * kMss}));
}

// RFC 9406 4.2: round trips that grow by an eighth slow it down to a quarter, five such rounds end it; if they shrink
// again it was a false alarm.
TEST(HyStart, LeavesSlowStartWhenRoundTripsGrow) {
  for (const bool false_alarm : {false, true}) {
    HyStart state;
    Seq una(1);
    std::uint32_t now_us = 0;
    round_of_acks(state, una, 10, 100'000, now_us);
    round_of_acks(state, una, 10, 100'000, now_us);
    EXPECT_FALSE(state.conservative);
    round_of_acks(state, una, 10, 115'000, now_us);
    EXPECT_TRUE(state.conservative);
    EXPECT_EQ(hystart_step(state, 4 * kMss, {.rtt_us = 115'000, .now_us = now_us, .una = una, .nxt = una + 1}), kMss);
    for (int round = 0; round < 6; ++round) round_of_acks(state, una, 10, false_alarm ? 100'000 : 115'000, now_us);
    EXPECT_EQ(state.conservative, !false_alarm);
    EXPECT_EQ(state.done, !false_alarm);
  }
}

// As in Linux: ACKs without a gap for half a round trip.
TEST(HyStart, LeavesSlowStartWhenThePathIsFull) {
  for (const std::uint32_t spacing_us : {500U, 5000U}) {
    HyStart state;
    Seq una(1);
    std::uint32_t now_us = 0;
    round_of_acks(state, una, 10, 20'000, now_us);
    for (int n = 0; n < 30 && !state.done; ++n) {
      now_us += spacing_us;
      una += 1;
      static_cast<void>(
          hystart_step(state, kMss, {.rtt_us = 20'000, .now_us = now_us, .una = una, .nxt = una + 100 * kMss}));
    }
    EXPECT_EQ(state.done, spacing_us == 500U);
  }
}

}  // namespace
}  // namespace levee::tcp
