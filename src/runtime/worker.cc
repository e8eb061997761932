// The poll loop's body; see worker.h and the comment on top of shard/shard.h.
#include "runtime/worker.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "runtime/dispatch.h"

namespace levee::runtime {

namespace {
constexpr std::size_t kMailPerLoop = 64;  // messages of one mailbox
}

Worker::Worker(WorkerParts parts) : parts_(std::move(parts)) {
  const auto port =
      std::find_if(parts_.ports.begin(), parts_.ports.end(), [](auto* device) { return device != nullptr; });
  CHECK(port != parts_.ports.end());
  pool_ = *port;
}

void Worker::begin(Instant now) {
  CHECK(!begun_);
  begun_ = true;
  now_ = now;
  if (parts_.tick > Duration::zero()) next_tick_ = now + parts_.tick;
  for (const auto& service : services_) service->on_started();
}

// `now_` is the loop's: a worker reads no clock.
ConnectResult Worker::connect(const SocketAddress& remote, std::uint16_t service) {
  CHECK(begun_);
  return parts_.shard->connect(now_, remote, service);
}

bool Worker::poll(Instant now) {
  bool busy = take_mail(now);
  for (device::Device* port : parts_.ports) {
    if (port == nullptr) continue;
    const device::Received received = port->receive(frames_);
    if (received.frames == 0) continue;
    take_frames(now, std::span(frames_).first(received.frames));
    busy = true;
  }
  return serve(now) || busy;
}

bool Worker::take_mail(Instant now) {
  std::size_t taken = 0;
  for (shard::Mailbox* inbox : parts_.inboxes) {
    shard::Message message;
    for (std::size_t i = 0; i < kMailPerLoop && inbox->pop(message); ++i, ++taken) {
      parts_.shard->deliver(now, message);
      if (std::holds_alternative<shard::Drain>(message))
        status_.phase.store(Phase::Draining, std::memory_order_release);
    }
  }
  return taken > 0;
}

void Worker::take_frames(Instant now, std::span<const shard::Frame> frames) {
  fill_blanks();
  parts_.shard->receive(now, frames);
}

bool Worker::serve(Instant now) {
  fill_blanks();
  now_ = now;
  if (now >= next_tick_) tick(now);
  std::size_t served = dispatch(*parts_.shard, services_);
  const bool timers_done = parts_.shard->expire(now);
  served += dispatch(*parts_.shard, services_);
  const bool all_written = parts_.shard->transmit(now);
  const std::size_t sent = send(now);
  give_back();
  if (status_.phase.load(std::memory_order_relaxed) == Phase::Draining && parts_.shard->idle()) {
    status_.phase.store(Phase::Drained, std::memory_order_release);
  }
  return served > 0 || sent > 0 || !timers_done || !all_written;
}

// A worker that was held up skips ticks instead of making up for them.
void Worker::tick(Instant now) {
  next_tick_ = now + parts_.tick;
  for (const auto& service : services_) service->on_tick();
}

void Worker::fill_blanks() {
  for (std::size_t wanted = parts_.shard->blanks_wanted(); wanted > 0; --wanted) {
    Block* blank = pool_->blank();
    if (blank == nullptr) return;
    parts_.shard->give_blank(blank);
  }
}

std::size_t Worker::send(Instant now) {
  const std::span<const shard::OutFrame> outgoing = parts_.shard->outgoing();
  if (parts_.writer != nullptr) parts_.writer->write(now, outgoing);
  std::size_t no_room = 0;
  for (auto frames = outgoing; !frames.empty();) {
    const std::uint16_t port = frames.front().port;
    const auto end =
        std::find_if(frames.begin(), frames.end(), [port](const auto& frame) { return frame.port != port; });
    const auto count = static_cast<std::size_t>(end - frames.begin());
    no_room += parts_.ports[port]->send(now, frames.first(count));
    frames = frames.subspan(count);
  }
  if (no_room > 0) parts_.shard->stats().count(Counter::DeviceDropped, no_room);
  parts_.shard->outgoing_taken();
  return outgoing.size();
}

void Worker::give_back() {
  while (Block* block = parts_.shard->next_released()) pool_->release(block);
}

void Worker::finish(Instant now) {
  serve(now);
  services_.clear();
  parts_.shard->release_blanks();
  give_back();
}

}  // namespace levee::runtime
