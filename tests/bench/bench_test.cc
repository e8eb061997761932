// That the benchmark's clients are what they claim to be, and that its oracle sees what is wrong with a reply. A
// flipped bit is caught by a checksum; these replies have right ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_set>

#include "bench/endpoint.h"
#include "bench/harness.h"
#include "bench/oracle.h"
#include "bench/traffic.h"
#include "sim/packet.h"

namespace levee::bench {
namespace {

TEST(Traffic, ClientsAreDistinctAndMayBeSources) {
  constexpr std::size_t kClients = 1 << 18;
  std::unordered_set<std::uint64_t> seen;
  for (std::uint64_t number = 0; number < kClients; ++number) {
    const Client client = client_of(number);
    ASSERT_TRUE(client.address.is_valid_source());
    ASSERT_NE(client.tcp_port, 0);
    seen.insert(client.key());
  }
  EXPECT_EQ(seen.size(), kClients);
}

TEST(Traffic, SynsAreWhatTheySayInTheSharesThatTheIssueGives) {
  constexpr int kSyns = 10000;
  int linux_like = 0, windows_like = 0, apple_like = 0;
  for (std::uint64_t number = 0; number < kSyns; ++number) {
    const Syn syn = syn_of(number, Mix::Mixed);
    const auto packet = sim::dissect(syn.packet.bytes()).tcp;
    ASSERT_TRUE(packet) << number;
    EXPECT_EQ(packet->sequence, syn.sequence);
    EXPECT_EQ(packet->destination, kServer);
    const std::size_t options = packet->raw_options.size();
    const bool known = packet->mss == syn.offer.mss && packet->sack_permitted == syn.offer.sack;
    linux_like += known && options == 20 && packet->timestamps ? 1 : 0;
    windows_like += known && options == 12 && packet->window_scale == 8 ? 1 : 0;
    apple_like += known && options == 24 && packet->window_scale == 6 ? 1 : 0;
  }
  EXPECT_NEAR(linux_like, kSyns * 0.60, kSyns * 0.02);
  EXPECT_NEAR(windows_like, kSyns * 0.25, kSyns * 0.02);
  EXPECT_NEAR(apple_like, kSyns * 0.10, kSyns * 0.02);
}

TEST(Traffic, AReturningClientIsLater) {
  const Syn first = syn_of(7, Mix::Linux), again = syn_of(7, Mix::Linux, 1000);
  EXPECT_EQ(first.client.key(), again.client.key());
  EXPECT_EQ(again.sequence - first.sequence, 250'000U);
  EXPECT_EQ(*again.offer.timestamp - *first.offer.timestamp, 1000U);
}

class OracleTest : public testing::Test {
 protected:
  OracleTest() {
    for (std::uint64_t number = 0; number < 16; ++number) syns_.push_back(syn_of(number, Mix::Linux));
    replies_ = endpoint_.exchange(packets_of(syns_));
  }
  // One reply changed, and its checksums made right again.
  void tamper(const std::function<void(Packet&)>& change) {
    change(replies_[5]);
    sim::fix_checksums(std::span(replies_[5].data).first(replies_[5].length));
  }
  void expect_void() { EXPECT_THROW(static_cast<void>(check_syn_acks(syns_, replies_)), VoidRun); }

  static constexpr std::size_t kTcp = 34;  // where the TCP header starts
  BenchDevice device_{{.buffers = 64, .burst = 8}};
  Endpoint endpoint_{device_, {.limits = Endpoint::small_limits()}};
  std::vector<Syn> syns_;
  std::vector<Packet> replies_;
};

TEST_F(OracleTest, RightRepliesPassInAnyOrderAndTheirCookiesAreAccepted) {
  std::reverse(replies_.begin(), replies_.end());
  const std::vector<SynAck> answers = check_syn_acks(syns_, replies_);
  check_cookies(endpoint_, syns_, answers);
  EXPECT_EQ(endpoint_.count(Counter::SyncookiesRecv), syns_.size());
  endpoint_.finish();
}

TEST_F(OracleTest, MissingReply) {
  replies_.pop_back();
  expect_void();
}

TEST_F(OracleTest, TheSameReplyTwice) {
  replies_[5] = replies_[6];
  expect_void();
}

TEST_F(OracleTest, WrongMac) {
  tamper([](Packet& reply) { reply.data[5] ^= std::byte{1}; });
  expect_void();
}

TEST_F(OracleTest, WrongSourcePort) {
  tamper([](Packet& reply) { reply.data[kTcp + 1] ^= std::byte{1}; });
  expect_void();
}

TEST_F(OracleTest, WrongAcknowledgment) {
  tamper([](Packet& reply) { reply.data[kTcp + 11] ^= std::byte{1}; });
  expect_void();
}

TEST_F(OracleTest, WrongFlags) {
  tamper([](Packet& reply) { reply.data[kTcp + 13] |= std::byte{0x40}; });
  expect_void();
}

TEST_F(OracleTest, WrongTimestampEcho) {
  tamper([](Packet& reply) { reply.data[kTcp + 35] ^= std::byte{1}; });
  expect_void();
}

// MSS, SACK-permitted and timestamps, NOP, window scale: each one blotted out by NOPs.
TEST_F(OracleTest, MissingOptions) {
  const std::vector<Packet> right = replies_;
  struct Option {
    std::size_t at, length;
  };
  for (const Option& option : {Option{20, 4}, Option{24, 2}, Option{26, 10}, Option{37, 3}}) {
    replies_ = right;
    tamper([&](Packet& reply) { std::fill_n(reply.data.begin() + kTcp + option.at, option.length, std::byte{1}); });
    expect_void();
  }
}

TEST_F(OracleTest, OptionThatWasNotOffered) {
  syns_[5].offer.sack = false;
  expect_void();
}

TEST_F(OracleTest, MoreBytesThanTheSyn) {
  syns_[5].packet.length -= 4;
  expect_void();
}

TEST_F(OracleTest, WrongCookie) {
  std::vector<SynAck> answers = check_syn_acks(syns_, replies_);
  answers[5].sequence ^= 1;
  EXPECT_THROW(check_cookies(endpoint_, syns_, answers), VoidRun);
}

TEST(Harness, SpreadIsMinimumMedianAndMaximum) {
  const Spread odd = spread_of({3, 1, 2}), even = spread_of({4, 1, 2, 3});
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.max, 3);
  EXPECT_EQ(even.median, 2.5);
  EXPECT_EQ(even.samples, 4U);
}

// A mode that is disturbed once is run once more; the rounds pair up.
TEST(Harness, DisturbedPassesAreMadeUpFor) {
  int runs = 0;
  const std::vector<Mode> modes = {
      {"steady", [] { return Timed{.cycles = 100, .frames = 10, .disturbed = false}; }},
      {"noisy", [&] { return Timed{.cycles = 400, .frames = 10, .disturbed = ++runs == 3}; }}};
  const Measured measured = measure(modes, 5, 1);
  EXPECT_EQ(measured.dropped, 1U);
  EXPECT_EQ(runs, 1 + 5 + 1);
  EXPECT_EQ(less(*measured.of("noisy"), *measured.of("steady")), std::vector<double>(5, 30.0));
  EXPECT_EQ(measured.of("other"), nullptr);
}

TEST(Harness, ACoreThatIsNeverQuietVoidsTheRun) {
  const std::vector<Mode> modes = {{"noisy", [] { return Timed{.cycles = 1, .frames = 1, .disturbed = true}; }}};
  EXPECT_THROW(static_cast<void>(measure(modes, 1, 1)), VoidRun);
}

// Every buffer has its turn before one is used again, and their places follow no order.
TEST(BenchDevice, BuffersTakeTurns) {
  BenchDevice device({.buffers = 64, .burst = 16});
  std::vector<const std::byte*> first, second;
  for (std::vector<const std::byte*>* places : {&first, &second}) {
    device.load(std::vector<Packet>(64, syn_of(1, Mix::Linux).packet));
    std::array<shard::Frame, 64> frames;
    while (const std::size_t count = device.receive(frames).frames) {
      EXPECT_EQ(count, 16U);
      for (std::size_t i = 0; i < count; ++i) {
        places->push_back(frames[i].data);
        frames[i].block->refs = 0;
        device.release(frames[i].block);
      }
    }
    std::vector<Packet> sent;
    EXPECT_TRUE(device.collect(sent));
    EXPECT_TRUE(sent.empty());
  }
  EXPECT_EQ(first, second);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  std::sort(first.begin(), first.end());
  EXPECT_EQ(std::adjacent_find(first.begin(), first.end()), first.end());
}

TEST(BenchDevice, ABufferThatIsNotBackIsMissed) {
  BenchDevice device({.buffers = 64, .burst = 16});
  device.load(std::vector<Packet>(1, syn_of(1, Mix::Linux).packet));
  std::array<shard::Frame, 64> frames;
  EXPECT_EQ(device.receive(frames).frames, 1U);
  std::vector<Packet> sent;
  EXPECT_FALSE(device.collect(sent));
}

}  // namespace
}  // namespace levee::bench
