// Mixed traffic for one shard, recorded once so that it can be fed to others: conversations of many connections, woven
// into each other and into garbage, RSTs, duplicates, ARP and ICMP, and into SYN floods if wanted. The frames of a
// group carry one arrival time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "device/memory.h"
#include "levee/service.h"
#include "shard/shard.h"
#include "sim/model_oracle.h"

namespace levee::sim {

inline constexpr std::size_t kGroup = 64;

// What kind of a shard it is, and whether SYN floods come over it.
struct Mix {
  SynCookies cookies = SynCookies::Auto;
  std::uint32_t half_open = 1024;
  Duration synack_timeout = std::chrono::seconds(1);
  bool floods = false;  // one second in four
};

struct Recording {
  Mix mix;
  std::vector<std::byte> bytes;
  std::vector<std::size_t> ends;  // of each frame within `bytes`

  [[nodiscard]] std::size_t frames() const { return ends.size(); }
  [[nodiscard]] std::span<const std::byte> frame(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends[index - 1];
    return std::span(bytes).subspan(begin, ends[index] - begin);
  }
  void add(std::span<const std::byte> frame) {
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    ends.push_back(bytes.size());
  }
  // Between two of the wheel's ticks: a timer due at the very instant of a frame fires before or behind it as bursts
  // have it.
  [[nodiscard]] static Instant time_of_group(std::size_t group) {
    return Instant{} + std::chrono::hours(1) + std::chrono::microseconds(500) + group * std::chrono::milliseconds(5);
  }
  [[nodiscard]] bool floods_in_group(std::size_t group) const { return mix.floods && group / 200 % 4 == 1; }
};

// Streams that begin with 'U' are only read; others are requests of kRequest bytes, each answered with kReply bytes,
// and after one that begins with 'Q' the service closes. Keeps a hash of each peer's bytes.
class MixedService final : public Service {
 public:
  static constexpr std::size_t kRequest = 64, kReply = 100;

  void on_opened(Connection connection) override;
  void on_data(Connection connection) override;

  // Of all bytes of all connections, however they were cut.
  [[nodiscard]] std::uint64_t digest() const;
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  struct Stream {
    std::uint64_t hash = 0xcbf29ce484222325U, length = 0;
    std::byte first{}, request{};
  };
  std::vector<Stream> streams_;                              // in order of opening; user_data is the place + 1
  std::unordered_map<std::uint64_t, std::uint64_t> opened_;  // how often the tuple was opened
  std::vector<std::uint64_t> tuples_;
  std::uint64_t bytes_ = 0;
};

// One shard that is fed by hand, with its pool, its service and a loop.
class FedShard {
 public:
  explicit FedShard(const Mix& mix);

  // Timers up to the group's time, then new keys for cookies if it is time for them.
  template <typename Sent>
  void begin_group(std::size_t group, Sent&& sent) {
    const Instant now = Recording::time_of_group(group);
    pass_time(now, sent);
    change_keys(now, group);
  }
  // One burst of a worker at `now`; sent frames go to `sent` as bytes.
  template <typename Sent>
  void burst(Instant now, const Recording& recording, std::size_t begin, std::size_t end, Sent&& sent) {
    for (std::size_t i = begin; i < end; ++i) push(recording.frame(i));
    run(now, sent);
  }
  // Timers up to `now`, one instant after the other.
  template <typename Sent>
  void pass_time(Instant now, Sent&& sent) {
    while (shard_->next_deadline() < now) run(shard_->next_deadline(), sent);
  }

  [[nodiscard]] shard::Shard& shard() { return *shard_; }
  [[nodiscard]] MixedService& service() { return *service_; }
  // Frames go one by one past the model of RFC 9293 3.10.7 from now on; what is sent then is seen by nobody else.
  void ask_model() { oracle_ = std::make_unique<ModelOracle>(*shard_, std::vector{kTcpPort}); }
  [[nodiscard]] const ModelOracle& oracle() const { return *oracle_; }
  // Everything goes back; returns the buffers that did not.
  [[nodiscard]] std::size_t buffers_lost();

 private:
  static constexpr std::uint16_t kTcpPort = 80;  // where it listens

  void push(std::span<const std::byte> frame);
  bool receive_and_write(Instant now);
  void give_blanks();
  void put_sent();
  void change_keys(Instant now, std::size_t group);
  template <typename Sent>
  void run(Instant now, Sent&& sent) {
    for (bool more = true; more;) {
      more = receive_and_write(now);
      for (const shard::OutFrame& out : shard_->outgoing()) {
        scratch_.clear();
        device::gather(out, scratch_);
        sent(now, std::span<const std::byte>(scratch_));
      }
      put_sent();
    }
  }

  device::SlabPool pool_{4096, 512};
  device::ReceiveQueue queue_{pool_};
  std::unique_ptr<shard::Shard> shard_;
  std::vector<std::unique_ptr<Service>> services_;
  MixedService* service_ = nullptr;
  std::unique_ptr<ModelOracle> oracle_;
  std::vector<std::byte> scratch_;
};

// At least `frames` frames, a multiple of kGroup.
[[nodiscard]] Recording record_mixed_traffic(std::uint64_t seed, std::size_t frames, const Mix& mix);

}  // namespace levee::sim
