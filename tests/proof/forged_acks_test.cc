// Blind ACKs while cookies live: each has odds of 2^-24 (shard/syn_cookie.h), no better and no worse, and every genuine
// cookie among them is accepted. LEVEE_PROOF_SIZE=full sends 10^9.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proof/cookie_client.h"
#include "proof/size.h"
#include "proof/statistics.h"

namespace levee::proof {
namespace {

constexpr std::uint64_t kGenuine = 1000;
constexpr unsigned kBits = 32;

TEST(ForgedAcks, OpenOneConnectionInTwoToThe24) {
  const std::uint64_t total = chosen({.small = 256'000, .usual = 4'096'000, .full = 1'000'000'000});
  const std::uint64_t bursts_between = total / kGenuine / FloodedShard::kBurst;
  FloodedShard flooded(flood_options(SynCookies::Always));
  Random random(2);
  std::uint64_t forged = 0, by_chance = 0, genuine = 0;

  // What has been opened since the last look is due to chance.
  const auto opened = [&] {
    const std::uint64_t count = flooded.doorman().opened.size();
    flooded.doorman().opened.clear();
    return count;
  };
  for (std::uint64_t n = 0; n < kGenuine; ++n) {
    const std::optional<Cookie> cookie = fetch_cookie(flooded, random_numbers(random));
    ASSERT_TRUE(cookie);
    for (std::uint64_t burst = 0; burst < bursts_between; ++burst) {
      for (std::size_t i = 0; i < FloodedShard::kBurst; ++i) add_ack(flooded, random_numbers(random));
      forged += FloodedShard::kBurst;
      flooded.run(ignore);
      flooded.advance(std::chrono::microseconds(FloodedShard::kBurst), ignore);
    }
    // Nearly right is as wrong as any other.
    for (unsigned bit = 0; bit < kBits; ++bit) {
      Cookie damaged = *cookie;
      damaged.acknowledgment = ((cookie->acknowledgment - 1) ^ 1U << bit) + 1;
      add_ack(flooded, damaged);
    }
    forged += kBits;
    flooded.run(ignore);
    by_chance += opened();
    add_ack(flooded, *cookie);
    flooded.run(ignore);
    genuine += opened();
  }

  const double expected = static_cast<double>(forged) * 0x1p-24;
  const Interval interval = poisson_interval(expected, 0.99);
  fmt::print("{} forged ACKs: {} accepted, {:.2f} expected, 99 % within {} to {}; {} of {} genuine cookies accepted\n",
             forged, by_chance, expected, interval.low, interval.high, genuine, kGenuine);
  EXPECT_TRUE(interval.contains(by_chance));
  EXPECT_EQ(genuine, kGenuine);
  EXPECT_EQ(flooded.count(Drop::CookieFailed), forged - by_chance);
  EXPECT_EQ(flooded.count(Counter::OutRsts), 0U);
  EXPECT_EQ(flooded.shard().half_open(), 0U);
  EXPECT_EQ(flooded.held(), flooded.buffers_out());
}

}  // namespace
}  // namespace levee::proof
