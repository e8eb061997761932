// The event loop; see world.h.
#include "flood/world.h"

#include <algorithm>
#include <utility>

namespace levee::flood {
namespace {

// UTC at the origin of the test's clock: epochs of 30 s begin at multiples of 30 s of both.
constexpr Duration kUtcAtOrigin = std::chrono::seconds(1'700'000'010);

SynSourceOptions begun_at(SynSourceOptions flood, Instant start) {
  flood.begin = std::max(flood.begin, start);
  return flood;
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      now_(options.start),
      server_(options.server),
      flood_(begun_at(options.flood, options.start)),
      clients_(options.clients,
               [this](Duration delay, Frame frame) {
                 if (!loses_to_server || !loses_to_server(frame)) post(now_ + delay, true, frame);
               }),
      keys_(runtime::MasterKey{21, 22}, options.server.shard.syn.rotate),
      server_free_(options.start) {
  change_keys();
}

void World::call_at(Instant when, std::function<void()> what) { calls_.push({when, order_++, std::move(what)}); }

void World::post(Instant at, bool to_server, Frame frame) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot].assign(frame.begin(), frame.end());
  in_flight_.push({at, order_++, slot, to_server});
}

Instant World::next_event() const {
  Instant next = std::max(server_free_, server_.next_serve(now_));
  next = std::min({next, flood_.next(), clients_.next_deadline()});
  if (!in_flight_.empty()) next = std::min(next, in_flight_.top().at);
  if (!calls_.empty()) next = std::min(next, calls_.top().at);
  return next;
}

void World::run_until(Instant end, const std::function<bool()>& done) {
  while (!done || !done()) {
    const Instant next = next_event();
    if (next > end) break;
    now_ = std::max(now_, next);
    arrivals();
    flood();
    calls();
    clients_.expire(now_);
    serve();
    for (const std::uint32_t client : clients_.take_ended()) {
      if (on_ended) on_ended(client);
    }
  }
  if (!done || !done()) now_ = std::max(now_, end);
}

void World::arrivals() {
  while (!in_flight_.empty() && in_flight_.top().at <= now_) {
    const InFlight frame = in_flight_.top();
    in_flight_.pop();
    if (frame.to_server) {
      ++arrived_;
      if (!server_.push(slots_[frame.slot])) ++dropped_;
    } else {
      // What the client answers may move the slots.
      std::vector<std::byte> bytes = std::move(slots_[frame.slot]);
      clients_.receive(now_, bytes);
      slots_[frame.slot] = std::move(bytes);
    }
    free_slots_.push_back(frame.slot);
  }
}

void World::flood() {
  for (; flood_.next() <= now_; flood_.pass()) {
    ++flooded_;
    if (server_.full()) {
      ++dropped_flood_;
    } else if (!server_.push(
                   flood_.write(options_.clients.server, options_.clients.server_port, options_.clients.link))) {
      ++dropped_flood_;
    }
  }
}

void World::calls() {
  while (!calls_.empty() && calls_.top().at <= now_) {
    const std::function<void()> what = calls_.top().what;
    calls_.pop();
    what();
  }
}

void World::change_keys() {
  const Duration utc = kUtcAtOrigin + now_.time_since_epoch();
  if (const auto epoch = keys_.due(utc)) {
    server_.shard().deliver(now_, *epoch);
    ++key_changes_;
  }
  const Duration next = runtime::next_change(options_.server.shard.syn.rotate, utc);
  call_at(Instant(next - kUtcAtOrigin), [this] { change_keys(); });
}

void World::serve() {
  if (std::max(server_free_, server_.next_serve(now_)) > now_) return;
  server_free_ = now_ + server_.serve(now_, [this](Duration after, Frame frame) {
    if (loses_to_client && loses_to_client(frame)) return;
    post(now_ + after + clients_.delay_to(frame), false, frame);
  });
}

}  // namespace levee::flood
