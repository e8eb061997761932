// What the client repeats, and when: the schedules that Linux was measured to keep.
#include "peer/retransmission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "peer/talk.h"

namespace levee::peer {
namespace {

using namespace std::chrono_literals;

std::vector<Duration> syn_times(Talk& talk) {
  std::vector<Duration> times;
  const Instant start = talk.now();
  while (!talk.client().over()) {
    if (!talk.quiet()) {
      EXPECT_EQ(talk.next().flags, kSyn);
      times.push_back(talk.now() - start);
    }
    talk.advance(500ms);
  }
  times.push_back(talk.client().ended - start);
  return times;
}

// Linux 6.18, tcp_syn_retries = 6 and tcp_syn_linear_timeouts = 4, was seen at 0, 1.0, 2.0, 3.1, 4.1, 5.1, 7.1, 11.3,
// 19.5, 35.6 and 68.6 s, and gave up after 134 s; the same with only the SYN-ACKs lost.
TEST(Peer, SynIsRepeatedAsLinuxDoes) {
  Talk talk({});
  EXPECT_EQ(syn_times(talk), (std::vector<Duration>{0s, 1s, 2s, 3s, 4s, 5s, 7s, 11s, 19s, 35s, 67s, 131s}));
  EXPECT_EQ(talk.client().failure, Failure::TimedOut);
}

TEST(Peer, SynIsRepeatedSixTimesBeforeLinux65) {
  Talk talk({}, {.syn_linear_timeouts = 0});
  EXPECT_EQ(syn_times(talk), (std::vector<Duration>{0s, 1s, 3s, 7s, 15s, 31s, 63s, 127s}));
}

// No loss probe without SACK. The SYN-ACK came at once, so the RTO is at Linux's floor; it doubles up to two minutes,
// fifteen times.
TEST(Peer, TextIsRepeatedFrom200MillisecondsOn) {
  Talk talk(without_timestamps());
  talk.answers_syn();
  static_cast<void>(talk.next());
  const std::uint32_t sequence = talk.next().sequence;
  Duration rto = 200ms;
  for (int n = 0; n < 15; ++n) {
    talk.advance(rto - 1ms);
    EXPECT_TRUE(talk.quiet());
    talk.advance(1ms);
    EXPECT_EQ(talk.next().sequence, sequence);
    rto = std::min<Duration>(2 * rto, 120s);
  }
  talk.advance(rto);
  EXPECT_EQ(talk.client().failure, Failure::TimedOut);
}

struct Silence {
  const char* name;
  Duration rtt{};
  bool timestamps = true, syn_lost = false, sack = true, loss_probe = true;
  std::vector<Duration> repeated;  // after the request was first sent
};

class RequestRepeated : public testing::TestWithParam<Silence> {};

// The server answers the SYN and nothing more. The request's first repetition is a loss probe (RFC 8985 7) after
// min(2 * SRTT + 200 ms, RTO), and only then does the RTO run, and back off. Linux 6.18 with tcp_early_retrans = 3,
// tcp_rto_min_us = 200,000 and tcp_frto = 2, its defaults, sends at these times and up to 7 % later, as its timer wheel
// rounds up: after a round trip of 20 ms at 0.23, 0.45, 0.94, 1.87, 3.69, 7.37, 14.8, 29.4 and 59.6 s.
TEST_P(RequestRepeated, AsLinuxDoes) {
  const Silence& silence = GetParam();
  Plan plan;
  plan.timestamps = silence.timestamps;
  Talk talk(plan, {.loss_probe = silence.loss_probe});
  if (silence.syn_lost) {
    static_cast<void>(talk.next());
    talk.advance(1s);
  }
  talk.advance(silence.rtt);
  talk.answers_syn(silence.sack);
  const Instant sent = talk.now();
  EXPECT_TRUE(talk.next().payload.empty());
  const std::uint32_t sequence = talk.next().sequence;
  std::vector<Duration> times;
  while (talk.now() < sent + 60s) {
    talk.advance(1ms);
    while (!talk.quiet()) {
      EXPECT_EQ(talk.next().sequence, sequence);
      times.push_back(talk.now() - sent);
    }
  }
  EXPECT_EQ(times, silence.repeated);
}

INSTANTIATE_TEST_SUITE_P(
    Peer, RequestRepeated,
    testing::Values(
        Silence{.name = "NoRtt", .repeated = {200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 51200ms}},
        Silence{.name = "Rtt20",
                .rtt = 20ms,
                .repeated = {220ms, 440ms, 880ms, 1760ms, 3520ms, 7040ms, 14080ms, 28160ms, 56320ms}},
        Silence{.name = "Rtt20WithoutProbe",
                .rtt = 20ms,
                .loss_probe = false,
                .repeated = {220ms, 660ms, 1540ms, 3300ms, 6820ms, 13860ms, 27940ms, 56100ms}},
        Silence{.name = "Rtt20WithoutSack",
                .rtt = 20ms,
                .sack = false,
                .repeated = {220ms, 660ms, 1540ms, 3300ms, 6820ms, 13860ms, 27940ms, 56100ms}},
        // The probe's 2 * SRTT + 200 ms is less than the RTO's SRTT + 4 * RTTVAR.
        Silence{.name = "Rtt300", .rtt = 300ms, .repeated = {800ms, 1700ms, 3500ms, 7100ms, 14300ms, 28700ms, 57500ms}},
        Silence{.name = "SynLost",
                .rtt = 20ms,
                .syn_lost = true,
                .repeated = {220ms, 440ms, 880ms, 1760ms, 3520ms, 7040ms, 14080ms, 28160ms, 56320ms}},
        // No sample: the probe after 1 s, an RTO of 3 s (RFC 6298 5.7).
        Silence{.name = "SynLostNoTimestamps",
                .rtt = 20ms,
                .timestamps = false,
                .syn_lost = true,
                .repeated = {1s, 4s, 10s, 22s, 46s}},
        Silence{.name = "SynLostNoTimestampsWithoutProbe",
                .rtt = 20ms,
                .timestamps = false,
                .syn_lost = true,
                .loss_probe = false,
                .repeated = {3s, 9s, 21s, 45s}}),
    [](const auto& chosen) { return std::string(chosen.param.name); });

// RFC 8985 7.3: of several pieces the last, at 2 * SRTT and a little; 7.4.1: one probe until all of it is acknowledged.
TEST(Peer, LossProbeRepeatsTheLastPieceOnce) {
  Plan plan;
  plan.request = 300;
  plan.segments = 3;
  Talk talk(plan);
  talk.advance(20ms);
  talk.answers_syn(true);
  for (int i = 0; i < 4; ++i) static_cast<void>(talk.next());
  const std::uint32_t begin = talk.client_iss + 1;
  talk.advance(41ms);
  EXPECT_TRUE(talk.quiet());
  talk.advance(1ms);
  EXPECT_EQ(talk.next().sequence, begin + 200);
  talk.advance(219ms);
  EXPECT_TRUE(talk.quiet());
  talk.advance(1ms);
  EXPECT_EQ(talk.next().sequence, begin);
  Segment partial = talk.to_client(kAck, kIss + 1, begin + 100);
  partial.timestamps = Clock{901, talk.client().last_timestamp};
  talk.sends(partial);
  EXPECT_EQ(talk.next().sequence, begin + 100);
  EXPECT_EQ(talk.next().sequence, begin + 200);
  talk.advance(100ms);
  EXPECT_TRUE(talk.quiet());
  talk.advance(200ms);
  EXPECT_EQ(talk.next().sequence, begin + 100);
}

TEST(Peer, LossProbeSendsNewDataIfThereIsSome) {
  Plan plan = without_timestamps();
  plan.request = 1200;
  plan.segments = 12;
  Talk talk(plan);
  talk.advance(20ms);
  talk.answers_syn(true);
  static_cast<void>(talk.next());
  for (std::uint32_t piece = 0; piece < 10; ++piece) {
    EXPECT_EQ(talk.next().sequence, talk.client_iss + 1 + 100 * piece);
  }
  talk.advance(42ms);
  EXPECT_EQ(talk.next().sequence, talk.client_iss + 1 + 1000);
  EXPECT_TRUE(talk.quiet());
}

}  // namespace
}  // namespace levee::peer
