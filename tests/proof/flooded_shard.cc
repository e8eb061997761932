// The driver of a shard under a flood; see flooded_shard.h.
#include "proof/flooded_shard.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "proof/flood_frames.h"
#include "runtime/dispatch.h"
#include "runtime/secrets.h"

namespace levee::proof {

ShardOptions flood_options(SynCookies cookies) {
  ShardOptions options;
  options.interfaces = {InterfaceOptions{.mac = kOurMac}};
  options.addresses = {AddressOptions{.address = kOurAddress}};
  ListenerOptions listener;
  listener.tcp_port = kOpenPort;
  options.listeners = {listener};
  options.syn.cookies = cookies;
  options.limits.connections = 16384;
  options.limits.transfers = 1024;
  options.limits.time_wait = 1024;
  options.limits.slices = 4096;
  options.limits.blanks = 256;
  options.limits.held_buffers = 512;
  return options;
}

FloodedShard::FloodedShard(const ShardOptions& options, std::uint64_t seed)
    : keys_(runtime::make_secrets(seed, 1).cookie_master, options.syn.rotate) {
  const std::array<shard::Mailbox*, 1> outboxes{nullptr};
  shard_ = std::make_unique<shard::Shard>(options, runtime::make_secrets(seed, 1).shards.front(), outboxes);
  auto doorman = std::make_unique<Doorman>();
  doorman_ = doorman.get();
  services_.push_back(std::move(doorman));
  mail_keys();
}

std::byte* FloodedShard::room() {
  CHECK(count_ < kBurst);
  Block* block = pool_.take();
  CHECK(block != nullptr);
  shard::Frame& frame = burst_[count_];
  frame = {};
  frame.block = block;
  frame.data = block->base + device::SlabPool::kHeadroom;
  return frame.data;
}

void FloodedShard::add(std::size_t length, Handed handed) {
  shard::Frame& frame = burst_[count_];
  frame.length = static_cast<std::uint32_t>(length);
  frame.exclusive = handed == Handed::Over;
  if (handed == Handed::SharedInPieces) {
    shard::Frame& second = second_pieces_[count_];
    second.block = pool_.take();
    CHECK(second.block != nullptr);
    second.data = second.block->base;
    frame.next = &second;
  }
  ++count_;
}

void FloodedShard::receive() {
  shard_->receive(now_, std::span(burst_).first(count_));
  count_ = 0;
}

bool FloodedShard::work() {
  while (shard_->blanks_wanted() > 0) {
    Block* blank = pool_.take();
    CHECK(blank != nullptr);
    shard_->give_blank(blank);
  }
  std::size_t served = runtime::dispatch(*shard_, services_);
  bool more = !shard_->expire(now_);
  served += runtime::dispatch(*shard_, services_);
  more |= !shard_->transmit(now_);
  return more || served > 0;
}

void FloodedShard::mail_keys() {
  if (const auto epoch = keys_.due(now_.time_since_epoch())) shard_->deliver(now_, *epoch);
}

// By the system calls: a stream would leave pages of its own behind.
std::uint64_t resident_pages() {
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0);
  std::array<char, 128> text{};
  const ssize_t length = read(file, text.data(), text.size() - 1);
  close(file);
  CHECK(length > 0);
  std::uint64_t size = 0, resident = 0;
  CHECK(std::sscanf(text.data(), "%" SCNu64 " %" SCNu64, &size, &resident) == 2);
  return resident;
}

}  // namespace levee::proof
