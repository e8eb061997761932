#include "fuzz/fuzzed_shard.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "fuzz/target.h"
#include "runtime/dispatch.h"

namespace levee::fuzz {
namespace {

constexpr std::size_t kBuffers = 640;
constexpr std::uint32_t kBufferSize = 2048;
// A shard that still has something to do after this many loops at one instant never finishes.
constexpr int kLoopBound = 20'000;
// Longer than 2MSL, than any retransmission timer and than ARP.
constexpr Duration kUntilAllIsOver = std::chrono::minutes(10);

// Pools whose buffers are all back. A run is short, and much of it would be their making.
std::vector<std::unique_ptr<device::SlabPool>>& spare_pools() {
  static std::vector<std::unique_ptr<device::SlabPool>> pools;
  return pools;
}

std::unique_ptr<device::SlabPool> a_pool() {
  if (spare_pools().empty()) return std::make_unique<device::SlabPool>(kBuffers, kBufferSize);
  std::unique_ptr<device::SlabPool> pool = std::move(spare_pools().back());
  spare_pools().pop_back();
  return pool;
}

}  // namespace

ShardOptions small_options() {
  ShardOptions options;
  options.interfaces = {InterfaceOptions{.mac = kOurMac}};
  options.addresses = {AddressOptions{.address = kOurAddress},
                       AddressOptions{.address = kOurAddress6, .prefix_length = 64}};
  ListenerOptions listener;
  listener.tcp_port = 80;
  listener.accept_backlog = 4;
  options.listeners = {listener};
  options.limits.connections = 6;
  options.limits.transfers = 4;
  options.limits.half_open = 4;
  options.limits.time_wait = 2;
  options.limits.slices = 128;
  options.limits.neighbours = 8;
  options.limits.blanks = 96;
  options.limits.held_buffers = 128;
  options.limits.outgoing_per_transmit = 32;
  return options;
}

shard::Secrets fixed_secrets() {
  shard::Secrets secrets;
  secrets.flow_key = {1, 2};
  secrets.isn_key = {3, 4};
  secrets.cookie_keys = {SipKey{5, 6}, SipKey{7, 8}};
  for (std::size_t i = 0; i < secrets.toeplitz_key.size(); ++i) {
    secrets.toeplitz_key[i] = static_cast<std::uint8_t>(0x6d + 37 * i);
  }
  secrets.random_seed = 7;
  return secrets;
}

FuzzedShard::FuzzedShard(const ShardOptions& options, std::vector<std::unique_ptr<Service>> services)
    : pool_(a_pool()), services_(std::move(services)) {
  const std::vector<shard::Mailbox*> outboxes(options.shards, nullptr);
  shard_ = std::make_unique<shard::Shard>(options, fixed_secrets(), outboxes);
  run();
}

FuzzedShard::~FuzzedShard() {
  shard_.reset();
  if (pool_->out() == 0) spare_pools().push_back(std::move(pool_));
}

void FuzzedShard::receive(const std::vector<Arrival>& burst) {
  give_blanks();
  std::vector<std::vector<shard::Frame>> chains;
  std::vector<shard::Frame> frames;
  for (const Arrival& arrival : burst) {
    std::vector<shard::Frame> pieces;
    for (std::size_t begin = 0, cut = 0; begin < arrival.bytes.size() || pieces.empty(); ++cut) {
      const std::size_t end = cut < arrival.cuts.size() ? arrival.cuts[cut] : arrival.bytes.size();
      const std::size_t length = std::min({std::max(end, begin), arrival.bytes.size(), begin + kBufferSize}) - begin;
      Block* block = pool_->take();
      CHECK(block != nullptr);
      shard::Frame piece;
      piece.block = block;
      piece.data = block->base + device::SlabPool::kHeadroom;
      piece.length = static_cast<std::uint32_t>(length);
      piece.port = arrival.port;
      piece.ip_checksum = arrival.ip_checksum;
      piece.tcp_checksum = arrival.tcp_checksum;
      piece.exclusive = arrival.exclusive;
      if (length > 0) std::memcpy(piece.data, arrival.bytes.data() + begin, length);
      begin += length;
      pieces.push_back(piece);
    }
    chains.push_back(std::move(pieces));
  }
  for (std::vector<shard::Frame>& pieces : chains) {
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) pieces[i].next = &pieces[i + 1];
    frames.push_back(pieces.front());
  }
  shard_->receive(now_, frames);
  run();
}

std::size_t FuzzedShard::serve() { return busy_ ? 0 : runtime::dispatch(*shard_, services_); }

void FuzzedShard::run() {
  for (int i = 0; i < kLoopBound; ++i) {
    give_blanks();
    std::size_t served = serve();
    const bool all_fired = shard_->expire(now_);
    served += serve();
    const bool all_written = shard_->transmit(now_) || (busy_ && shard_->outgoing().empty());
    take_outgoing();
    while (Block* block = shard_->next_released()) pool_->put(block);
    check();
    if (served == 0 && all_fired && all_written) return;
  }
  finding("the shard does not come to rest");
}

void FuzzedShard::advance(Duration duration) {
  const Instant target = now_ + duration;
  run();
  for (int i = 0; shard_->next_deadline() <= target; ++i) {
    if (i == kLoopBound) finding("the shard's deadline does not pass");
    now_ = std::max(now_, shard_->next_deadline());
    run();
  }
  now_ = target;
  run();
}

void FuzzedShard::give_blanks() {
  while (shard_->blanks_wanted() > 0) {
    Block* blank = pool_->take();
    if (blank == nullptr) return;
    shard_->give_blank(blank);
  }
}

void FuzzedShard::take_outgoing() {
  for (const shard::OutFrame& out : shard_->outgoing()) {
    Sent sent;
    device::gather(out, sent.bytes);
    if (sent.bytes.size() != out.total_length()) finding("an outgoing frame's length is not that of its parts");
    sent.parts = sim::dissect(sent.bytes);
    sent.port = out.port;
    if (!sent.parts.error.empty())
      finding("a bad frame was sent: " + sent.parts.error + ": " + sim::describe(sent.bytes));
    if (--out.head->refs == 0) pool_->put(out.head);
    sent_.push_back(std::move(sent));
  }
  shard_->outgoing_taken();
}

void FuzzedShard::check() {
  const std::string broken = shard_->check_invariants();
  if (!broken.empty()) finding(broken);
  const Stats& stats = shard_->stats();
  if (pool_->out() != stats.value(Counter::BuffersIn) - stats.value(Counter::BuffersOut)) {
    finding("buffers are lost or were given back twice");
  }
  const StatsSnapshot figures = stats.snapshot();
  if (figures[Counter::FramesReceived] != figures[Counter::FramesDelivered] + figures.total_drops()) {
    finding("a frame was neither delivered nor dropped for a reason, or both");
  }
}

void FuzzedShard::end() {
  busy_ = false;
  shard_->deliver(now_, shard::Drain{});
  shard_->deliver(now_, shard::AbortAll{});
  advance(kUntilAllIsOver);
  sent_.clear();
  if (shard_->connections() != 0 || shard_->half_open() != 0 || shard_->time_wait() != 0 || !shard_->idle()) {
    finding("something is left after everything was reset");
  }
  shard_->release_blanks();
  while (Block* block = shard_->next_released()) pool_->put(block);
  if (pool_->out() != 0) finding("buffers are left after everything was reset");
}

}  // namespace levee::fuzz
