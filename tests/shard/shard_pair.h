// Two shards of one process with mail between them, each with a queue of the device of its own, driven by hand: frames
// can be handed to the wrong shard, and mail can be held up.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/toeplitz.h"
#include "runtime/dispatch.h"
#include "shard/frames.h"
#include "shard/shard.h"
#include "sim/recording_service.h"

namespace levee::shard {

struct SentFrame {
  std::size_t from = 0;  // the shard
  sim::Bytes bytes;
  sim::Dissected parts;
};

class ShardPair {
 public:
  explicit ShardPair(std::size_t mailbox_size = 64) {
    sim::ConversationOptions defaults;
    defaults.with_ipv6();
    toeplitz_ = std::make_unique<Toeplitz>(defaults.secrets.toeplitz_key);
    for (std::size_t i = 0; i < 2; ++i) boxes_[i] = std::make_unique<Mailbox>(mailbox_size);
    for (std::size_t i = 0; i < 2; ++i) {
      ShardOptions options = defaults.shard;
      options.shards = 2;
      options.index = static_cast<std::uint16_t>(i);
      Secrets secrets = defaults.secrets;
      std::array<Mailbox*, 2> outboxes{};
      outboxes[1 - i] = boxes_[i].get();
      shards_[i] = std::make_unique<Shard>(options, secrets, outboxes);
      auto recording = std::make_unique<sim::RecordingService>();
      recordings_[i] = recording.get();
      services_[i].push_back(std::move(recording));
    }
    run();
  }
  ~ShardPair() {
    delivers_mail = true;
    run();
  }
  ShardPair(const ShardPair&) = delete;
  ShardPair& operator=(const ShardPair&) = delete;

  [[nodiscard]] Shard& shard(std::size_t index) { return *shards_[index]; }
  [[nodiscard]] StatsSnapshot stats(std::size_t index) const { return shards_[index]->stats().snapshot(); }
  [[nodiscard]] sim::RecordingService& service(std::size_t index) { return *recordings_[index]; }
  [[nodiscard]] device::SlabPool& pool() { return pool_; }

  // The shard that a segment from the peer's TCP port to our port 80 belongs to, and a port that belongs to a shard.
  [[nodiscard]] std::size_t owner(std::uint16_t source_port) const {
    return owner(tcp_from_peer(sim::kSyn, source_port));
  }
  [[nodiscard]] std::uint16_t port_of(std::size_t index, std::uint16_t from = 40000) const {
    while (owner(from) != index) ++from;
    return from;
  }

  // Of any segment.
  [[nodiscard]] std::size_t owner(const sim::TcpPacket& packet) const {
    if (packet.source.is_v6()) {
      return toeplitz_->hash(packet.source.v6(), packet.destination.v6(), packet.source_port, packet.destination_port) %
             2;
    }
    return toeplitz_->hash(packet.source.v4(), packet.destination.v4(), packet.source_port, packet.destination_port) %
           2;
  }

  // A frame reaches the queue of this shard; then both run.
  void arrives(std::size_t index, const sim::Bytes& bytes, const Layout& layout = {}) {
    const LaidOutFrame frame(pool_, bytes, layout);
    shards_[index]->receive(now, frame.frame());
    run();
  }
  void deliver(std::size_t index, const Message& message) {
    shards_[index]->deliver(now, message);
    run();
  }
  void advance(Duration duration) {
    now += duration;
    run();
  }

  // Both loops until nothing moves any more.
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      for (std::size_t i = 0; i < 2; ++i) busy |= run_one(i);
    }
    check();
  }

  // The next frame that either sent.
  [[nodiscard]] std::optional<SentFrame> next() {
    if (sent_.empty()) return std::nullopt;
    SentFrame frame = std::move(sent_.front());
    sent_.pop_front();
    return frame;
  }
  // The next one must be TCP: it, or a failure and an empty packet.
  [[nodiscard]] sim::TcpPacket next_tcp(std::size_t from) {
    const auto frame = next();
    if (!frame || !frame->parts.tcp) {
      ADD_FAILURE() << "expected a segment, got " << (frame ? sim::describe(frame->bytes) : "nothing");
      return {};
    }
    EXPECT_EQ(frame->from, from);
    return *frame->parts.tcp;
  }

  // A handshake whose frames reach the shard `at`, though the flow may be the other's. Returns what the peer sends
  // next, without text.
  sim::TcpPacket opens(std::size_t at, std::uint16_t source_port) {
    return opens(at, tcp_from_peer(sim::kSyn, source_port));
  }
  sim::TcpPacket opens(std::size_t at, sim::TcpPacket packet) {
    arrives(at, build(packet));
    const sim::TcpPacket syn_ack = next_tcp(owner(packet));
    EXPECT_EQ(syn_ack.flags, sim::kSyn | sim::kAck);
    packet.flags = sim::kAck;
    packet.sequence += 1;
    packet.acknowledgment = syn_ack.sequence + 1;
    arrives(at, build(packet));
    return packet;
  }

  Instant now{std::chrono::hours(1)};
  bool delivers_mail = true;

 private:
  bool run_one(std::size_t index) {
    Shard& own = *shards_[index];
    while (own.blanks_wanted() > 0) own.give_blank(pool_.take());
    bool busy = false;
    Message message;
    while (delivers_mail && boxes_[1 - index]->pop(message)) {
      own.deliver(now, message);
      busy = true;
    }
    busy |= runtime::dispatch(own, services_[index]) > 0;
    busy |= !own.expire(now);
    busy |= runtime::dispatch(own, services_[index]) > 0;
    busy |= !own.transmit(now);
    for (const OutFrame& out : own.outgoing()) {
      SentFrame frame{.from = index, .bytes = {}, .parts = {}};
      device::gather(out, frame.bytes);
      frame.parts = sim::dissect(frame.bytes);
      EXPECT_EQ(frame.parts.error, "");
      sent_.push_back(std::move(frame));
      if (--out.head->refs == 0) pool_.put(out.head);
      busy = true;
    }
    own.outgoing_taken();
    while (Block* block = own.next_released()) pool_.put(block);
    return busy;
  }

  void check() const {
    std::uint64_t held = 0;
    for (const auto& one : shards_) {
      EXPECT_EQ(one->check_invariants(), "");
      const StatsSnapshot stats = one->stats().snapshot();
      EXPECT_EQ(stats[Counter::FramesReceived], stats[Counter::FramesDelivered] + stats.total_drops());
      held += stats[Counter::BuffersIn] - stats[Counter::BuffersOut];
    }
    if (!delivers_mail) return;  // some are in the mail
    EXPECT_EQ(pool_.out(), held);
  }

  device::SlabPool pool_{2048, 2048};
  std::unique_ptr<Toeplitz> toeplitz_;
  std::array<std::unique_ptr<Mailbox>, 2> boxes_;  // from the shard of this number to the other
  std::array<std::unique_ptr<Shard>, 2> shards_;
  std::array<std::vector<std::unique_ptr<Service>>, 2> services_;
  std::array<sim::RecordingService*, 2> recordings_{};
  std::deque<SentFrame> sent_;
};

}  // namespace levee::shard
