// Virtual time over captures: what comes out, when, and that it is the same every time.
#include "runtime/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/random.h"
#include "runtime/timed_device.h"
#include "sim/conversation.h"

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;
using sim::Bytes;
using sim::TcpPacket;
using testing::IsEmpty;

constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
constexpr Ipv4Address kOurs{0x0a000001};
constexpr Ipv4Address kPeers{0x0a000002};
constexpr MasterKey kMaster{7, 8};
constexpr Duration kStart = 1'700'000'000s;  // since 1970, as captures say it

Bytes arp_request() {
  return sim::build(sim::ArpMessage{.source_mac = kPeerMac,
                                    .destination_mac = {{255, 255, 255, 255, 255, 255}},
                                    .sender_mac = kPeerMac,
                                    .target_mac = {},
                                    .sender = kPeers,
                                    .target = kOurs});
}

Bytes syn(std::uint16_t source_port) {
  TcpPacket packet;
  packet.source_mac = kPeerMac;
  packet.destination_mac = kOurMac;
  packet.source = kPeers;
  packet.destination = kOurs;
  packet.source_port = source_port;
  packet.destination_port = 80;
  packet.sequence = 1000;
  packet.flags = sim::kSyn;
  packet.window = 65535;
  packet.mss = 1460;
  return sim::build(packet);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One run over captures that the test writes with `device(i).at`.
class Playback {
 public:
  explicit Playback(std::size_t devices = 1, device::PcapWriter* writer = nullptr,
                    SynCookies cookies = SynCookies::Auto, const MasterKey& master = kMaster)
      : writer_(writer), keys_(master, 30s) {
    sim::ConversationOptions options;
    options.shard.syn.cookies = cookies;
    shard_ = std::make_unique<shard::Shard>(options.shard, options.secrets, std::vector<shard::Mailbox*>{nullptr});
    WorkerParts parts{.shard = shard_.get(), .ports = {}, .inboxes = {&control_}, .writer = writer};
    for (std::size_t i = 0; i < devices; ++i) {
      devices_.push_back(std::make_unique<TimedDevice>(pool_));
      parts.ports.push_back(devices_.back().get());
    }
    worker_ = std::make_unique<Worker>(std::move(parts));
    std::vector<std::unique_ptr<Service>> services;
    services.push_back(std::make_unique<sim::RecordingService>());
    worker_->employ(std::move(services));
  }

  TimedDevice& device(std::size_t i = 0) { return *devices_[i]; }
  shard::Shard& shard() { return *shard_; }
  // To the end, connections that nobody finishes reset; then every buffer has to be back.
  void play() {
    Replay replay(*worker_, writer_, keys_);
    replay.run();
    end_ = replay.now();
    ASSERT_TRUE(control_.push(shard::Drain{}) && control_.push(shard::AbortAll{}));
    worker_->take_mail(end_);
    while (worker_->serve(end_)) {
    }
    worker_->finish(end_);
    EXPECT_EQ(worker_->status().phase.load(), Phase::Drained);
    EXPECT_EQ(shard_->check_invariants(), "");
    EXPECT_EQ(pool_.out(), 0U);
  }
  [[nodiscard]] Instant end() const { return end_; }

 private:
  device::PcapWriter* writer_;
  KeySchedule keys_;
  device::SlabPool pool_{2048, 2048};
  shard::Mailbox control_{16};
  std::unique_ptr<shard::Shard> shard_;
  std::vector<std::unique_ptr<TimedDevice>> devices_;
  std::unique_ptr<Worker> worker_;
  Instant end_{};
};

std::vector<Instant> times_of(const std::vector<TimedDevice::Sent>& sent) {
  std::vector<Instant> times;
  for (const auto& frame : sent) times.push_back(frame.at);
  return times;
}

TEST(Replay, AnswersAtTheTimeOfTheFrameCountedFromTheFirst) {
  Playback run;
  run.device().at(kStart, arp_request());
  run.device().at(kStart + 7s, arp_request());
  run.play();
  EXPECT_THAT(times_of(run.device().sent()), testing::ElementsAre(Instant(0s), Instant(7s)));
}

TEST(Replay, TimersFireAtTheirOwnTimeBetweenFrames) {
  Playback run;
  run.device().at(kStart, arp_request());
  run.device().at(kStart + 1ms, syn(5000));
  run.device().at(kStart + 2500ms, arp_request());
  run.play();
  std::vector<Instant> syn_acks;
  for (const auto& sent : run.device().sent()) {
    if (sim::dissect(sent.frame).tcp) syn_acks.push_back(sent.at);
  }
  // The SYN-ACK, and its retransmissions 1, 3 and 7 s later: one of them before the last frame, two behind it.
  ASSERT_EQ(syn_acks.size(), 4U);
  Duration expected = 1ms;
  Duration step = 1s;
  for (const Instant at : syn_acks) {
    EXPECT_GE(at, Instant(expected));
    EXPECT_LE(at, Instant(expected + 10ms));
    expected += step;
    step *= 2;
  }
}

TEST(Replay, TimeThatGoesBackIsClampedAndCountedOnce) {
  Playback run;
  run.device().at(kStart + 5s, arp_request());
  run.device().at(kStart + 3s, arp_request());
  run.device().at(kStart + 3s, arp_request());
  run.device().at(kStart + 4s, arp_request());
  run.device().at(kStart + 6s, arp_request());
  run.play();
  EXPECT_THAT(times_of(run.device().sent()),
              testing::ElementsAre(Instant(0s), Instant(0s), Instant(0s), Instant(0s), Instant(1s)));
  EXPECT_EQ(run.shard().stats().value(Counter::ClockWentBack), 1U);
}

TEST(Replay, CapturesOfSeveralPortsAreMergedByTime) {
  Playback run(2);
  run.device(0).at(kStart + 2s, syn(1));
  run.device(0).at(kStart + 4s, syn(2));
  run.device(1).at(kStart + 1s, syn(3));
  run.device(1).at(kStart + 3s, syn(4));
  run.play();
  EXPECT_EQ(run.shard().stats().value(Counter::ClockWentBack), 0U);
  EXPECT_EQ(run.shard().stats().value(Counter::SynsReceived), 4U);
}

TEST(Replay, AnEmptyCaptureEndsAtOnce) {
  Playback run;
  run.play();
  EXPECT_THAT(run.device().sent(), IsEmpty());
  EXPECT_EQ(run.end(), Instant{});
}

void feed_mixture(TimedDevice& device, std::uint64_t seed) {
  Random random(seed);
  for (int i = 0; i < 400; ++i) {
    const Duration at = kStart + i * 37ms;
    switch (random.below(3)) {
      case 0:
        device.at(at, arp_request());
        break;
      case 1:
        device.at(at, syn(static_cast<std::uint16_t>(1000 + random.below(50))));
        break;
      default: {
        Bytes garbage(random.below(100));
        random.fill(garbage);
        if (garbage.size() > 12)
          std::copy(kOurMac.octets.begin(), kOurMac.octets.end(), reinterpret_cast<std::uint8_t*>(garbage.data()));
        device.at(at, garbage);
      }
    }
  }
}

TEST(Replay, TheSameCaptureGivesTheSameFileByteForByte) {
  const auto directory = std::filesystem::temp_directory_path();
  std::string files[2];
  std::vector<TimedDevice::Sent> sent[2];
  for (int i = 0; i < 2; ++i) {
    const std::filesystem::path path = directory / ("levee-replay-" + std::to_string(getpid()) + ".pcap");
    device::PcapWriter writer(path);
    Playback run(1, &writer);
    run.device().burst = i == 0 ? 64 : 1;  // nor does it matter how the device cuts its bursts
    feed_mixture(run.device(), 42);
    run.play();
    EXPECT_EQ(writer.close(), "");
    files[i] = contents(path);
    sent[i] = run.device().sent();
    std::filesystem::remove(path);
  }
  EXPECT_GT(sent[0].size(), 100U);
  EXPECT_EQ(sent[0], sent[1]);
  EXPECT_EQ(files[0], files[1]);
  // The file header, then for each frame 16 bytes and itself.
  std::size_t bytes = 24;
  for (const auto& frame : sent[0]) bytes += 16 + frame.frame.size();
  EXPECT_EQ(files[0].size(), bytes);
}

// The ISS of each SYN-ACK to the same SYN, sent at these times behind kStart.
std::vector<std::uint32_t> cookies_at(std::initializer_list<Duration> times, const MasterKey& master = kMaster) {
  Playback run(1, nullptr, SynCookies::Always, master);
  for (const Duration at : times) run.device().at(kStart + at, syn(5000));
  run.play();
  std::vector<std::uint32_t> made;
  for (const auto& sent : run.device().sent()) {
    const auto seen = sim::dissect(sent.frame);
    if (seen.tcp) made.push_back(seen.tcp->sequence);
  }
  return made;
}

// kStart is 20 s into an epoch of 30 s.
TEST(Replay, CookieKeysFollowTheCapturesTime) {
  static_assert(kStart % 30s == 20s);
  const auto made = cookies_at({0s, 9s, 10s - 1ns, 10s, 39s, 40s, 1h});
  ASSERT_EQ(made.size(), 7U);
  EXPECT_EQ(made[0], made[1]);
  EXPECT_EQ(made[0], made[2]);
  EXPECT_NE(made[2], made[3]);
  EXPECT_EQ(made[3], made[4]);
  EXPECT_NE(made[4], made[5]);
  EXPECT_NE(made[5], made[6]);
}

TEST(Replay, CookiesAreTheMasterKeysAndNothingElse) {
  EXPECT_EQ(cookies_at({0s, 45s}), cookies_at({0s, 45s}));
  EXPECT_NE(cookies_at({0s}), cookies_at({0s}, MasterKey{1, 1}));
}

TEST(Replay, GarbageIsCountedAndEndsCleanly) {
  Playback run;
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    Bytes garbage(random.below(200));
    random.fill(garbage);
    run.device().at(kStart + i * 1ms, garbage);
  }
  run.play();
  const StatsSnapshot stats = run.shard().stats().snapshot();
  EXPECT_EQ(stats[Counter::FramesReceived], 2000U);
  EXPECT_EQ(stats.total_drops(), 2000U);
  EXPECT_THAT(run.device().sent(), IsEmpty());
}

TEST(Replay, CutShortLeavesTheRestOfTheCapture) {
  device::SlabPool pool(512, 2048);
  sim::ConversationOptions options;
  shard::Shard shard(options.shard, options.secrets, std::vector<shard::Mailbox*>{nullptr});
  TimedDevice device(pool);
  device.at(kStart, arp_request());
  Worker worker({.shard = &shard, .ports = {&device}, .inboxes = {}, .writer = nullptr});
  worker.status().cut_short = true;
  Replay(worker, nullptr, KeySchedule(kMaster, 30s)).run();
  EXPECT_THAT(device.sent(), IsEmpty());
  EXPECT_EQ(pool.out(), 0U);
}

}  // namespace
}  // namespace levee::runtime
