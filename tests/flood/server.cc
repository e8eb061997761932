// The receive queue, the loop and what it costs; see server.h.
#include "flood/server.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "runtime/dispatch.h"
#include "sim/conversation.h"

namespace levee::flood {

ServerOptions::ServerOptions() {
  const sim::ConversationOptions conversation;
  shard = conversation.shard;
  secrets = conversation.secrets;
  secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
  shard.routes = {RouteOptions{.next_hop = Ipv4Address{0x0a000002}}};
  shard.limits.connections = 4096;
  shard.limits.transfers = 4096;
  shard.limits.half_open = 1024;
  shard.limits.time_wait = 8192;
  shard.limits.slices = 16384;
  shard.limits.held_buffers = 4096;
}

Server::Server(ServerOptions options) : options_(std::move(options)), pool_(options_.buffers, 2048) {
  const std::vector<shard::Mailbox*> outboxes(options_.shard.shards, nullptr);
  shard_ = std::make_unique<shard::Shard>(options_.shard, options_.secrets, outboxes);
  auto service = std::make_unique<ScriptedService>();
  service_ = service.get();
  services_.push_back(std::move(service));
}

bool Server::push(std::span<const std::byte> frame) {
  if (full()) return false;
  Block* block = pool_.take();
  if (block == nullptr) return false;
  shard::Frame received;
  received.data = block->base + device::SlabPool::kHeadroom;
  received.length = static_cast<std::uint32_t>(frame.size());
  received.block = block;
  received.exclusive = options_.exclusive;
  std::memcpy(received.data, frame.data(), frame.size());
  queue_.push_back(received);
  return true;
}

void Server::give_blanks() {
  while (shard_->blanks_wanted() > 0) {
    Block* blank = pool_.take();
    if (blank == nullptr) return;
    shard_->give_blank(blank);
  }
}

Duration Server::serve(Instant now, const Sink& sink) {
  give_blanks();
  const std::size_t count = std::min(options_.burst, queue_.size());
  taken_.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  shard_->receive(now, taken_);
  runtime::dispatch(*shard_, services_);
  const bool all_fired = shard_->expire(now);
  runtime::dispatch(*shard_, services_);
  const bool all_written = shard_->transmit(now);
  more_ = !all_fired || !all_written || shard_->ready() > 0;
  const double stretch = 1 + options_.jitter * (2 * random_.uniform() - 1);
  const double rate = static_cast<double>(options_.frames_per_second);
  const Duration each(options_.frames_per_second == 0 ? 0 : static_cast<std::int64_t>(1e9 * stretch / rate));
  std::size_t sent = 0;
  for (const shard::OutFrame& frame : shard_->outgoing()) {
    scratch_.clear();
    device::gather(frame, scratch_);
    ++sent;
    sink(each * static_cast<std::int64_t>(sent), scratch_);
    CHECK(frame.head->refs > 0);
    if (--frame.head->refs == 0) pool_.put(frame.head);
  }
  shard_->outgoing_taken();
  while (Block* block = shard_->next_released()) pool_.put(block);
  return each * static_cast<std::int64_t>(std::max(count, sent));
}

Instant Server::next_serve(Instant now) const {
  if (more_ || !queue_.empty()) return now;
  return std::max(now, shard_->next_deadline());
}

std::size_t Server::buffers_held() const {
  return pool_.out() - queue_.size() - (options_.shard.limits.blanks - shard_->blanks_wanted());
}

}  // namespace levee::flood
