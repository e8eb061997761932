// One shard under a flood, driven by hand as fast as the machine allows: frames are written straight into buffers of
// its pool, time is moved by hand, and the keys of cookies change by mail as the runtime's control thread has it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "device/memory.h"
#include "levee/service.h"
#include "runtime/cookie_keys.h"
#include "shard/shard.h"

namespace levee::proof {

// One interface, 10.0.0.1/24, one listener on TCP port 80.
[[nodiscard]] ShardOptions flood_options(SynCookies cookies);

// Takes note of who connects, and does nothing else.
class Doorman final : public Service {
 public:
  void on_opened(Connection connection) override { opened.push_back(connection.remote()); }
  void on_data(Connection connection) override { connection.consume(connection.readable()); }

  std::vector<SocketAddress> opened;
};

class FloodedShard {
 public:
  static constexpr std::size_t kBurst = 64, kRoom = 2048;

  explicit FloodedShard(const ShardOptions& options, std::uint64_t seed = 1);

  // --- a burst ---
  // How a frame reaches the shard: alone in a buffer that nobody else reads, as most devices have it; in one that may
  // not be written to; or in that and a second, empty piece, which only the most general way through the shard takes.
  enum class Handed : std::uint8_t { Over, Shared, SharedInPieces };

  // Where its next frame is to be written: kRoom bytes.
  [[nodiscard]] std::byte* room();
  void add(std::size_t length, Handed handed = Handed::Over);
  void add(std::span<const std::byte> frame, Handed handed = Handed::Over) {
    std::memcpy(room(), frame.data(), frame.size());
    add(frame.size(), handed);
  }
  [[nodiscard]] std::size_t waiting() const { return count_; }
  // The shard receives it and runs until it has nothing more to do; each frame sent goes to `sent` as bytes.
  template <typename Sent>
  void run(Sent&& sent) {
    receive();
    for (bool more = true; more;) {
      more = work();
      take_outgoing(sent);
    }
  }

  // --- time ---
  [[nodiscard]] Instant now() const { return now_; }
  // Moves it, stopping at every deadline of the shard on the way; new keys are mailed when they are due.
  template <typename Sent>
  void advance(Duration duration, Sent&& sent) {
    const Instant target = now_ + duration;
    while (shard_->next_deadline() <= target) {
      now_ = std::max(now_, shard_->next_deadline());
      run(sent);
    }
    now_ = target;
    mail_keys();
  }

  [[nodiscard]] shard::Shard& shard() { return *shard_; }
  [[nodiscard]] std::uint64_t count(Counter counter) const { return shard_->stats().value(counter); }
  [[nodiscard]] std::uint64_t count(Drop reason) const { return shard_->stats().value(reason); }
  [[nodiscard]] Doorman& doorman() { return *doorman_; }
  // Buffers that the shard holds, blanks included.
  [[nodiscard]] std::uint64_t held() const { return count(Counter::BuffersIn) - count(Counter::BuffersOut); }
  [[nodiscard]] std::uint64_t buffers_out() const { return pool_.out(); }

 private:
  void receive();
  bool work();
  void mail_keys();
  template <typename Sent>
  void take_outgoing(Sent& sent) {
    for (const shard::OutFrame& out : shard_->outgoing()) {
      sent_.clear();
      device::gather(out, sent_);
      sent(std::span<const std::byte>(sent_));
      if (--out.head->refs == 0) pool_.put(out.head);
    }
    shard_->outgoing_taken();
    while (Block* block = shard_->next_released()) pool_.put(block);
  }

  device::SlabPool pool_{1024, kRoom};
  std::unique_ptr<shard::Shard> shard_;
  std::vector<std::unique_ptr<Service>> services_;
  Doorman* doorman_ = nullptr;
  runtime::KeySchedule keys_;
  std::array<shard::Frame, kBurst> burst_{}, second_pieces_{};
  std::size_t count_ = 0;
  std::vector<std::byte> sent_;  // the frame that is being sent, its checksums complete
  Instant now_{std::chrono::hours(24)};
};

// Pages of this process that are in memory (/proc/self/statm).
[[nodiscard]] std::uint64_t resident_pages();

}  // namespace levee::proof
