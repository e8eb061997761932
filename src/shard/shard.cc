#include "shard/shard.h"

#include <algorithm>

#include "base/check.h"
#include "shard/impl.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t records_of(const ShardLimits& limits) {
  return limits.connections + limits.time_wait + limits.half_open;
}

}  // namespace

Shard::Impl::Impl(Shard& self, const ShardOptions& options, const Secrets& secrets, std::span<Mailbox* const> outboxes)
    : self_(self),
      options_(options),
      secrets_(secrets),
      outboxes_(outboxes.begin(), outboxes.end()),
      topology_(options_),
      index_(records_of(options_.limits)),
      connections_(options_.limits.connections),
      half_open_(options_.limits.half_open),
      time_wait_(options_.limits.time_wait, options_.time_wait),
      addresses6_(topology_.has_ipv6() ? records_of(options_.limits) : 0),
      transfers_(options_.limits.transfers),
      slices_(options_.limits.slices),
      stash_(options_.limits.blanks),
      neighbours_(options_.limits.neighbours, secrets_.flow_key),
      wheel_(Instant{}, TimerLinks{&connections_, &half_open_}),
      toeplitz_(secrets_.toeplitz_key),
      rst_limit_(secrets_.flow_key),
      cookies_(secrets_.cookie_keys, options_.syn),
      syn_acks_(topology_),
      sip_(widest_vector_unit(options_.max_simd_bits)),
      plain_(topology_, widest_vector_unit(options_.max_simd_bits)),
      cookie_columns_(widest_vector_unit(options_.max_simd_bits)),
      random_(secrets_.random_seed),
      label_multiplier_(siphash_2_4(secrets_.isn_key, std::as_bytes(std::span("flow label")))),
      // Replies to one burst, what timers send, and what one transmit writes.
      outgoing_(2 * std::size_t{options_.limits.outgoing_per_transmit} + options_.limits.timers_per_expire),
      out_slices_(outgoing_.capacity() * kMaxSlices),
      unheard_(options_.listeners.size()) {
  CHECK(options_.shards == 1 || outboxes_.size() == options_.shards);
  CHECK(options_.synack_retries <= 30);                    // doublings of a timeout
  CHECK(options_.limits.blanks > tcp::kBlanksForControl);  // or payload could never be written
  flow_lanes_.key0.fill(secrets_.flow_key[0]);
  flow_lanes_.key1.fill(secrets_.flow_key[1]);
  flow_lanes6_.key0 = flow_lanes_.key0;
  flow_lanes6_.key1 = flow_lanes_.key1;
  reopenings_.lanes.key0.fill(secrets_.isn_key[0]);
  reopenings_.lanes.key1.fill(secrets_.isn_key[1]);
  reopenings_.lanes6.key0 = reopenings_.lanes.key0;
  reopenings_.lanes6.key1 = reopenings_.lanes.key1;
  waiting_.reserve(1024);
  starved_.reserve(1024);
}

Shard::Shard(const ShardOptions& options, const Secrets& secrets, std::span<Mailbox* const> outboxes)
    : impl_(std::make_unique<Impl>(*this, options, secrets, outboxes)) {}
Shard::~Shard() = default;

void Shard::receive(Instant now, std::span<const Frame> frames) {
  impl_->now_ = now;
  impl_->receive(frames);
}

void Shard::deliver(Instant now, const Message& message) {
  impl_->now_ = now;
  impl_->deliver(message);
}

std::size_t Shard::ready() const { return impl_->ready_.size; }
std::optional<Ready> Shard::next_ready() { return impl_->next_ready(); }

bool Shard::expire(Instant now) {
  impl_->now_ = now;
  return impl_->expire();
}

bool Shard::transmit(Instant now) {
  impl_->now_ = now;
  return impl_->transmit();
}

Instant Shard::next_deadline() const { return impl_->next_deadline(); }
std::size_t Shard::blanks_wanted() const { return impl_->stash_.wanted(); }
void Shard::give_blank(Block* blank) { impl_->give_blank(blank); }
std::span<const OutFrame> Shard::outgoing() const { return impl_->outgoing_.elements(); }
void Shard::outgoing_taken() {
  impl_->outgoing_.clear();
  impl_->out_slices_.clear();
}
Block* Shard::next_released() { return impl_->next_released(); }
void Shard::release_blanks() { impl_->stash_.give_back_all(); }

ConnectResult Shard::connect(Instant now, SocketAddress remote, std::uint16_t service, std::uint16_t local_port,
                             const IpAddress& local_address) {
  impl_->now_ = now;
  return impl_->connect(remote, service, {local_address, local_port});
}

const Stats& Shard::stats() const { return impl_->stats_; }
Stats& Shard::stats() { return impl_->stats_; }
std::size_t Shard::connections() const { return impl_->connections_.in_use(); }
std::size_t Shard::half_open() const { return impl_->half_open_.in_use(); }
std::size_t Shard::time_wait() const { return impl_->time_wait_.size(); }

bool Shard::idle() const {
  return connections() == 0 && half_open() == 0 && impl_->outgoing_.empty() && impl_->output_.size == 0;
}

std::string Shard::check_invariants(Walk walk) const { return impl_->check_invariants(walk); }
std::uint64_t Shard::digest() const { return impl_->digest(); }

}  // namespace levee::shard
