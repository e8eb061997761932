// A capture driven through a worker by its time stamps, which say anything: they stand still, run back, jump by years.
// The same capture gives the same frames at the same times.
#include <array>
#include <deque>
#include <utility>

#include "base/check.h"
#include "fuzz/frames.h"
#include "fuzz/fuzzed_shard.h"
#include "fuzz/target.h"
#include "runtime/replay.h"
#include "sim/recording_service.h"

namespace levee::fuzz {
namespace {

struct Recorded {
  Duration at;  // since 1970
  Arrival arrival;
};

// A port that brings what was recorded for it, each instant by itself.
class Capture final : public device::Device {
 public:
  Capture(device::SlabPool& pool, std::uint16_t port) : pool_(&pool), queue_(pool), port_(port) {}

  std::deque<Recorded> waiting;
  std::vector<std::pair<Instant, sim::Bytes>> sent;

  device::Received receive(std::span<shard::Frame> frames) override {
    if (waiting.empty()) return {.end = true};
    const Recorded& next = waiting.front();
    const Instant at(next.at);
    CHECK(queue_.push(next.arrival.bytes));
    waiting.pop_front();
    const std::size_t count = queue_.pop(frames);
    frames.front().port = port_;
    return {.frames = count, .time = at};
  }
  std::size_t send(Instant now, std::span<const shard::OutFrame> frames) override {
    for (const shard::OutFrame& frame : frames) {
      CHECK(sent.empty() || sent.back().first <= now);
      sent.push_back({now, {}});
      device::gather(frame, sent.back().second);
      const std::string error = sim::dissect(sent.back().second).error;
      if (!error.empty()) finding("a bad frame was sent: " + error);
      frame.head->refs = 0;
      pool_->put(frame.head);
    }
    return 0;
  }
  Block* blank() override { return pool_->take(); }
  void release(Block* block) override { pool_->put(block); }

 private:
  device::SlabPool* pool_;
  device::ReceiveQueue queue_;
  std::uint16_t port_;
};

using Played = std::vector<std::pair<Instant, sim::Bytes>>;

Played play(const std::vector<Recorded>& capture, SynCookies cookies) {
  ShardOptions options = crossroads();
  options.syn.cookies = cookies;
  const std::vector<shard::Mailbox*> outboxes{nullptr};
  shard::Shard shard(options, fixed_secrets(), outboxes);
  device::SlabPool pool(512, 2048);
  std::array<Capture, 3> ports{Capture(pool, 0), Capture(pool, 1), Capture(pool, 2)};
  for (const Recorded& recorded : capture) ports[recorded.arrival.port % 3].waiting.push_back(recorded);
  shard::Mailbox control(8);
  runtime::Worker worker({.shard = &shard, .ports = {&ports[0], &ports[1], &ports[2]}, .inboxes = {&control}});
  std::vector<std::unique_ptr<Service>> services;
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    services.push_back(std::make_unique<sim::RecordingService>());
  }
  worker.employ(std::move(services));
  runtime::Replay replay(worker, nullptr, runtime::KeySchedule({1, 2}, std::chrono::seconds(30)));
  replay.run();
  CHECK(control.push(shard::Drain{}) && control.push(shard::AbortAll{}));
  worker.take_mail(replay.now());
  while (worker.serve(replay.now())) {
  }
  const std::string broken = shard.check_invariants();
  if (!broken.empty()) finding(broken);
  worker.finish(replay.now());
  CHECK(pool.out() == 0);
  Played played;
  for (Capture& port : ports) played.insert(played.end(), port.sent.begin(), port.sent.end());
  return played;
}

}  // namespace

FUZZ_TARGET(capture, input) {
  const auto cookies = static_cast<SynCookies>(input.below(3));
  std::vector<Recorded> capture;
  Duration at = std::chrono::seconds(input.u32());
  while (!input.empty() && capture.size() < 32) {
    const std::uint8_t magnitude = input.u8();
    const Duration step(static_cast<std::int64_t>(input.u16()) << magnitude % 48);
    at = std::max(Duration{}, (magnitude & 0x80) != 0 ? at - step : at + step);
    capture.push_back({at, read_arrival(input)});
  }
  if (play(capture, cookies) != play(capture, cookies)) finding("a replay is not repeated");
}

}  // namespace levee::fuzz
