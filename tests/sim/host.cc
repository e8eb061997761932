// The loop of a simulated host's workers; see host.h.
#include "sim/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/dispatch.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/view.h"

namespace levee::sim {
namespace {

constexpr std::size_t kMailboxSize = 64;
constexpr std::size_t kBurst = 32;
// A host that still has something to do after this many loops at one instant never comes to rest.
constexpr int kLoopBound = 100000;

std::uint32_t rss_hash_v4(const Toeplitz& toeplitz, std::span<const std::byte> packet) {
  const auto* ip = wire::view<wire::Ipv4Header>(packet);
  if (ip == nullptr || ip->version() != 4 || ip->protocol != wire::kProtocolTcp || ip->is_fragment()) return 0;
  if (ip->header_length() < sizeof(wire::Ipv4Header) || ip->header_length() > packet.size()) return 0;
  const auto* tcp = wire::view<wire::TcpHeader>(packet.subspan(ip->header_length()));
  if (tcp == nullptr) return 0;
  return toeplitz.hash(ip->source(), ip->destination(), tcp->source_port.value(), tcp->destination_port.value());
}

std::uint32_t rss_hash_v6(const Toeplitz& toeplitz, std::span<const std::byte> packet) {
  const auto* ip = wire::view<wire::Ipv6Header>(packet);
  if (ip == nullptr || ip->version() != 6 || ip->next_header != wire::kProtocolTcp) return 0;
  const auto* tcp = wire::view<wire::TcpHeader>(packet.subspan(wire::kIpv6HeaderLength));
  if (tcp == nullptr) return 0;
  return toeplitz.hash(ip->source, ip->destination, tcp->source_port.value(), tcp->destination_port.value());
}

}  // namespace

std::uint32_t rss_hash(const Toeplitz& toeplitz, std::span<const std::byte> frame) {
  const auto* ethernet = wire::view<wire::EthernetHeader>(frame);
  if (ethernet == nullptr) return 0;
  const auto packet = frame.subspan(sizeof(wire::EthernetHeader));
  switch (ethernet->ether_type.value()) {
    case wire::kEtherTypeIpv4:
      return rss_hash_v4(toeplitz, packet);
    case wire::kEtherTypeIpv6:
      return rss_hash_v6(toeplitz, packet);
    default:
      return 0;
  }
}

Host::Host(const ShardOptions& options, const shard::Secrets& secrets, device::ImpairedLink& link, std::size_t end,
           device::SlabPool& pool, PlanBook& plans)
    : link_(&link), end_(end), pool_(&pool) {
  for (const ListenerOptions& listener : options.listeners) listening_.push_back(listener.tcp_port);
  const std::size_t count = options.shards;
  for (std::size_t i = 0; i < count * count; ++i) mailboxes_.push_back(std::make_unique<shard::Mailbox>(kMailboxSize));
  for (std::size_t from = 0; from < count; ++from) {
    std::vector<shard::Mailbox*> outboxes;
    for (std::size_t to = 0; to < count; ++to) {
      outboxes.push_back(to == from ? nullptr : mailboxes_[from * count + to].get());
    }
    ShardOptions own = options;
    own.index = static_cast<std::uint16_t>(from);
    shard::Secrets own_secrets = secrets;
    own_secrets.random_seed += from;
    shards_.push_back(std::make_unique<shard::Shard>(own, own_secrets, outboxes));
    auto application = std::make_unique<Application>(plans);
    application->attach(*shards_.back());
    applications_.push_back(application.get());
    services_.emplace_back();
    services_.back().push_back(std::move(application));
  }
}

void Host::run(Instant now) {
  for (int i = 0; i < kLoopBound; ++i) {
    bool busy = false;
    for (std::size_t index = 0; index < shards_.size(); ++index) busy |= run_shard(index, now);
    if (busy) continue;
    deadline_ = find_deadline();
    return;
  }
  if (failure_.empty()) failure_ = "the host does not come to rest";
}

bool Host::deliver_mail(std::size_t index, Instant now) {
  bool found = false;
  shard::Message message;
  for (std::size_t from = 0; from < shards_.size(); ++from) {
    // Bounded, as a worker's loop is: a sender that writes as fast as we read must not hold us.
    for (std::size_t i = 0; i < kMailboxSize && mailboxes_[from * shards_.size() + index]->pop(message); ++i) {
      shards_[index]->deliver(now, message);
      found = true;
    }
  }
  return found;
}

void Host::ask_model() {
  for (const auto& one : shards_) oracles_.emplace_back(*one, listening_);
}

ModelOracle::Tally Host::model_tally() const {
  ModelOracle::Tally sum;
  for (const ModelOracle& oracle : oracles_) sum += oracle.tally();
  return sum;
}

void Host::receive(std::size_t index, Instant now, std::span<const shard::Frame> frames) {
  if (oracles_.empty()) {
    shards_[index]->receive(now, frames);
    return;
  }
  oracles_[index].receive(
      now, frames, [this, index] { runtime::dispatch(*shards_[index], services_[index]); },
      [this, index, now] {
        static_cast<void>(send(index, now));
        give_blanks(index);
      });
  if (failure_.empty()) failure_ = oracles_[index].failure();
}

// Returns whether there was something to send.
bool Host::send(std::size_t index, Instant now) {
  const auto outgoing = shards_[index]->outgoing();
  const bool any = !outgoing.empty();
  if (link_->queue(end_, index).send(now, outgoing) != 0 && failure_.empty()) failure_ = "the link refused a frame";
  shards_[index]->outgoing_taken();
  return any;
}

void Host::give_blanks(std::size_t index) {
  device::Device& queue = link_->queue(end_, index);
  while (shards_[index]->blanks_wanted() > 0) {
    Block* blank = queue.blank();
    if (blank == nullptr) return;
    shards_[index]->give_blank(blank);
  }
}

// One loop of a worker, in the order of shard.h. Returns whether there may be more to do at this instant.
bool Host::run_shard(std::size_t index, Instant now) {
  shard::Shard& own = *shards_[index];
  device::Device& queue = link_->queue(end_, index);
  give_blanks(index);
  bool busy = deliver_mail(index, now);
  std::array<shard::Frame, kBurst> frames;
  const device::Received received = queue.receive(frames);
  receive(index, now, std::span(frames).first(received.frames));
  busy |= received.frames > 0;
  busy |= runtime::dispatch(own, services_[index]) > 0;
  applications_[index]->wake(now);
  busy |= !own.expire(now);
  busy |= runtime::dispatch(own, services_[index]) > 0;
  busy |= !own.transmit(now);
  busy |= send(index, now);
  while (Block* block = own.next_released()) queue.release(block);
  for (std::size_t to = 0; to < shards_.size(); ++to) busy |= !mailboxes_[index * shards_.size() + to]->empty();
  return busy;
}

Instant Host::find_deadline() const {
  Instant earliest = kNever;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    earliest = std::min({earliest, shards_[i]->next_deadline(), applications_[i]->next_wake()});
  }
  return earliest;
}

std::uint64_t Host::held_by_shards() const {
  std::uint64_t held = 0;
  for (const auto& one : shards_) {
    held += one->stats().value(Counter::BuffersIn) - one->stats().value(Counter::BuffersOut);
  }
  return held;
}

std::string Host::check(shard::Walk walk) const {
  if (!failure_.empty()) return failure_;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const std::string broken = shards_[i]->check_invariants(walk);
    if (!broken.empty()) return fmt::format("shard {}: {}", i, broken);
    if (!applications_[i]->failure().empty()) return applications_[i]->failure();
    const Stats& stats = shards_[i]->stats();
    const std::uint64_t received = stats.value(Counter::FramesReceived), drops = stats.total_drops();
    if (received != stats.value(Counter::FramesDelivered) + drops) {
      return fmt::format("shard {}: {} frames received, {} delivered, {} dropped", i, received,
                         stats.value(Counter::FramesDelivered), drops);
    }
  }
  const std::size_t waiting = link_->held(end_);
  if (pool_->out() != held_by_shards() + waiting) {
    return fmt::format("{} buffers are out, the shards hold {}, {} wait to be received", pool_->out(), held_by_shards(),
                       waiting);
  }
  return {};
}

bool Host::empty() const {
  return std::all_of(shards_.begin(), shards_.end(), [](const auto& one) {
    return one->connections() == 0 && one->half_open() == 0 && one->time_wait() == 0;
  });
}

void Host::release_blanks() {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i]->release_blanks();
    while (Block* block = shards_[i]->next_released()) link_->queue(end_, i).release(block);
  }
}

StatsSnapshot Host::stats() const {
  StatsSnapshot sum;
  for (const auto& one : shards_) sum += one->stats().snapshot();
  return sum;
}

}  // namespace levee::sim
