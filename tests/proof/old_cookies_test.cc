// A cookie lives through one change of keys and not through two, whatever the instant of its SYN within the epoch.
// LEVEE_PROOF_SIZE=full tries 10^6 cookies at each age.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proof/cookie_client.h"
#include "proof/size.h"

namespace levee::proof {
namespace {

using namespace std::chrono_literals;

class OldCookies : public testing::Test {
 protected:
  // The cookies of so many SYNs, spread over two epochs and used at this age; returns how many opened a connection.
  static std::uint64_t accepted(std::uint64_t count, Duration age) {
    FloodedShard flooded(flood_options(SynCookies::Always));
    Random random(3);
    const Duration step = Duration(60s) / count;
    std::vector<Cookie> cookies;
    cookies.reserve(count);
    const std::uint64_t bakes = count + static_cast<std::uint64_t>(age / step);
    for (std::uint64_t n = 0; n < bakes; ++n) {
      // SYNs go on to the end: so cookies are live, and an old one is tried as one.
      const std::optional<Cookie> cookie = fetch_cookie(flooded, random_numbers(random));
      if (!cookie) return ~std::uint64_t{0};
      if (n < count) cookies.push_back(*cookie);
      if (n >= bakes - count) {
        add_ack(flooded, cookies[n - (bakes - count)]);
        flooded.run(ignore);
      }
      flooded.advance(step, ignore);
    }
    EXPECT_EQ(flooded.count(Counter::SyncookiesRecv) + flooded.count(Drop::CookieFailed), count);
    return flooded.count(Counter::SyncookiesRecv);
  }
};

TEST_F(OldCookies, AreAcceptedForTwentyEightSeconds) {
  constexpr std::uint64_t kCount = 4000;
  for (const Duration age : {0s, 10s, 28s}) EXPECT_EQ(accepted(kCount, age), kCount) << age / 1s << " s";
}

TEST_F(OldCookies, AreRefusedAfterTwoRotations) {
  const std::uint64_t count = chosen({.small = 20'000, .usual = 100'000, .full = 1'000'000});
  for (const Duration age : {60s, 90s, 120s}) {
    const std::uint64_t opened = accepted(count, age);
    fmt::print("{} cookies of {} s: {} accepted\n", count, age / 1s, opened);
    EXPECT_LE(opened, 2U);
  }
}

}  // namespace
}  // namespace levee::proof
