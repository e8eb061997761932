// What a peer learns from its own SYN-ACKs says nothing about those of others: ISNs (RFC 6528), cookies and timestamp
// offsets (RFC 7323 5.4) look random across tuples that differ by one bit and less. The clock stands still meanwhile,
// or it would hide what the tuples have in common. LEVEE_PROOF_SIZE=full takes 10^6 tuples.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "proof/flood_frames.h"
#include "proof/flooded_shard.h"
#include "proof/randomness.h"
#include "proof/size.h"
#include "proof/statistics.h"

namespace levee::proof {
namespace {

constexpr double kSurely = 0.9999;

struct Sampled {
  std::vector<std::uint32_t> numbers, timestamps;
};

// Host by host, TCP port by TCP port, as a scanner goes; all with the same sequence number.
Numbers by_tuple(std::uint64_t n) {
  constexpr std::uint64_t kPorts = 32;
  return {.source = {static_cast<std::uint32_t>(0xc0a80001U + n / kPorts)},
          .source_port = static_cast<std::uint16_t>(32768 + n % kPorts),
          .sequence = 1000,
          .acknowledgment = 0};
}

// One tuple, its SYNs counting up.
Numbers by_sequence(std::uint64_t n) {
  Numbers numbers = by_tuple(0);
  numbers.sequence += static_cast<std::uint32_t>(n);
  return numbers;
}

// The ISN and the timestamp of the answer to each SYN, in the order of the SYNs.
Sampled sample(SynCookies cookies, std::uint64_t count, Numbers (*numbers_of)(std::uint64_t) = by_tuple) {
  const FrameTemplate& syn = syn_templates()[0];
  const FrameTemplate rst(flood_packet(sim::kRst));
  FloodedShard flooded(flood_options(cookies));
  Sampled sampled;
  for (std::uint64_t begin = 0; begin < count; begin += FloodedShard::kBurst) {
    const std::uint64_t end = std::min<std::uint64_t>(begin + FloodedShard::kBurst, count);
    for (std::uint64_t n = begin; n < end; ++n) flooded.add(syn.write(flooded.room(), numbers_of(n)));
    flooded.run([&](std::span<const std::byte> frame) {
      const Reply reply(frame);
      if (!reply.whole || reply.flags != (sim::kSyn | sim::kAck) || !reply.has_timestamps) return;
      sampled.numbers.push_back(reply.sequence);
      sampled.timestamps.push_back(reply.timestamp);
    });
    // Where state is kept, the clients go away again: there is room for the next ones.
    for (std::uint64_t n = begin; n < end; ++n) {
      Numbers numbers = numbers_of(n);
      ++numbers.sequence;
      flooded.add(rst.write(flooded.room(), numbers));
    }
    flooded.run([](std::span<const std::byte>) {});
  }
  EXPECT_EQ(flooded.shard().half_open(), 0U);
  EXPECT_EQ(sampled.numbers.size(), count);
  return sampled;
}

void expect_random(const char* what, Sample numbers, unsigned bits) {
  SCOPED_TRACE(what);
  const Interval pairs = poisson_interval(expected_pairs(numbers.size(), bits), kSurely);
  const std::uint64_t equal = equal_pairs(numbers);
  const std::vector<std::uint32_t> steps = differing_bits(numbers, numbers.subspan(1));
  fmt::print("{:32} {} numbers: bit {:.1f}, byte {:.1f}, pair {:.1f}, step {:.1f} deviations; {} equal in {} to {}\n",
             what, numbers.size(), worst_bit(numbers), worst_byte(numbers), worst_serial_pair(numbers),
             worst_byte(steps), equal, pairs.low, pairs.high);
  EXPECT_LT(worst_bit(numbers), kDeviations);
  EXPECT_LT(worst_byte(numbers), kDeviations);
  EXPECT_LT(worst_serial_pair(numbers), kDeviations);
  EXPECT_LT(worst_byte(steps), kDeviations);
  EXPECT_TRUE(pairs.contains(equal));
}

class Numbers32 : public testing::Test {
 protected:
  const std::uint64_t count_ = chosen({.small = 50'000, .usual = 300'000, .full = 1'000'000});
};

// RFC 6528 3, MUST-9, SHLD-1; RFC 7323 5.4.
TEST_F(Numbers32, IsnsAndTimestampOffsetsLookRandomAcrossTuples) {
  const Sampled kept = sample(SynCookies::Never, count_);
  expect_random("ISN", kept.numbers, 32);
  expect_random("timestamp offset", kept.timestamps, 32);
  // An ISN tells nothing about the offset, though one hash may have made both.
  expect_random("ISN xor timestamp offset", differing_bits(kept.numbers, kept.timestamps), 32);
}

// Its low byte is the options masked by the tag, whose 24 bits are all that is random.
TEST_F(Numbers32, CookiesLookRandomAcrossTuples) {
  const Sampled cookies = sample(SynCookies::Always, count_);
  expect_random("cookie", cookies.numbers, 24);
  const Sampled kept = sample(SynCookies::Never, count_);
  expect_random("cookie xor ISN", differing_bits(cookies.numbers, kept.numbers), 32);
}

TEST_F(Numbers32, CookiesLookRandomAcrossSequenceNumbers) {
  expect_random("cookie of one tuple", sample(SynCookies::Always, count_, by_sequence).numbers, 24);
}

// RFC 7323 5.4: one tuple's timestamps go on where they were, whichever way it is answered; with a cookie the low six
// bits carry options.
TEST_F(Numbers32, OneOffsetPerTuple) {
  const Sampled kept = sample(SynCookies::Never, 1000);
  const Sampled again = sample(SynCookies::Never, 1000);
  const Sampled cookies = sample(SynCookies::Always, 1000);
  EXPECT_EQ(kept.timestamps, again.timestamps);
  for (std::size_t i = 0; i < cookies.timestamps.size(); ++i) {
    EXPECT_LE(kept.timestamps[i] - cookies.timestamps[i], 127U) << i;
  }
}

}  // namespace
}  // namespace levee::proof
