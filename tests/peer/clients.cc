// Addresses, clocks and timers of a population of clients; see clients.h.
#include "peer/clients.h"

#include <utility>

#include "base/check.h"
#include "peer/script.h"
#include "sim/packet.h"

namespace levee::peer {
namespace {

constexpr Duration kIsnTick = std::chrono::microseconds(4);

std::uint64_t tuple_of(Ipv4Address address, std::uint16_t tcp_port) {
  return std::uint64_t{address.value} << 16 | tcp_port;
}

}  // namespace

Clients::Clients(const ClientsOptions& options, Sink sink) : options_(options), sink_(std::move(sink)) {}

std::uint32_t Clients::start(Instant now, const Plan& plan) {
  CHECK(plan.request >= kScriptLength && plan.segments > 0);
  const auto next = static_cast<std::uint32_t>(clients_.size());
  const auto [place, added] = by_tuple_.try_emplace(tuple_of(plan.address, plan.tcp_port), next);
  const std::uint32_t number = place->second;
  if (added) clients_.emplace_back();
  Client& client = clients_[number];
  CHECK(added || client.over());
  const Instant queued_at = client.queued_at;
  client = Client{};
  client.plan = plan;
  client.queued_at = queued_at;
  client.nonce = ++nonces_ * 0x9e3779b9U;
  client.iss = initial_sequence_number(plan, now);
  ++running_;
  ++waiting_;
  open(client, now, *this);
  settle(number, false, true);
  return number;
}

void Clients::receive(Instant now, std::span<const std::byte> frame) {
  if (is_arp(frame)) return answer_arp(frame);
  const std::optional<Segment> segment = read(frame);
  if (!segment || segment->source != options_.server || segment->source_port != options_.server_port) {
    ++malformed_;
    return;
  }
  const auto place = by_tuple_.find(tuple_of(segment->destination, segment->destination_port));
  if (place == by_tuple_.end()) {
    ++strays_;
    return;
  }
  Client& client = clients_[place->second];
  const bool was_over = client.over(), waited = waits(client);
  segment_arrives(client, *segment, now, *this);
  settle(place->second, was_over, waited);
}

void Clients::expire(Instant now) {
  while (!timers_.empty() && timers_.top().at <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    Client& client = clients_[timer.client];
    if (client.queued_at != timer.at) continue;  // another entry has taken its place
    client.queued_at = kNever;
    const bool was_over = client.over(), waited = waits(client);
    if (client.deadline() <= now) timeout(client, now, *this);
    settle(timer.client, was_over, waited);
  }
}

// A deadline that moves away leaves its entry, to be queued again when that comes up.
void Clients::settle(std::uint32_t number, bool was_over, bool waited) {
  Client& client = clients_[number];
  if (waited && !waits(client)) --waiting_;
  if (client.over() && !was_over) {
    ended_.push_back(number);
    --running_;
  }
  const Instant deadline = client.deadline();
  if (deadline >= client.queued_at) return;
  client.queued_at = deadline;
  timers_.push({deadline, number});
}

std::vector<std::uint32_t> Clients::take_ended() { return std::exchange(ended_, {}); }

const Client* Clients::find(Ipv4Address address, std::uint16_t tcp_port) const {
  const auto place = by_tuple_.find(tuple_of(address, tcp_port));
  return place == by_tuple_.end() ? nullptr : &clients_[place->second];
}

Duration Clients::delay_to(std::span<const std::byte> frame) const {
  const std::optional<Segment> segment = read(frame);
  if (!segment) return Duration::zero();
  const Client* client = find(segment->destination, segment->destination_port);
  return client == nullptr ? Duration::zero() : client->plan.delay;
}

// RFC 6528: a hash of the tuple and a clock of 4 us.
std::uint32_t Clients::initial_sequence_number(const Plan& plan, Instant now) const {
  const std::array<std::uint32_t, 4> tuple = {options_.server.value, plan.address.value, options_.server_port,
                                              plan.tcp_port};
  const std::uint64_t hash = siphash_2_4(options_.key, std::as_bytes(std::span(tuple)));
  return static_cast<std::uint32_t>(hash) + static_cast<std::uint32_t>(now.time_since_epoch() / kIsnTick);
}

// Milliseconds with an offset of the pair of addresses, as Linux has it.
std::uint32_t Clients::timestamp(const Client& client, Instant now) const {
  const std::array<std::uint32_t, 2> pair = {options_.server.value, client.plan.address.value};
  const std::uint64_t hash = siphash_2_4(options_.key, std::as_bytes(std::span(pair)));
  return static_cast<std::uint32_t>(hash) + static_cast<std::uint32_t>(to_milliseconds(now));
}

void Clients::send(const Client& client, Segment& segment) {
  segment.source = client.plan.address;
  segment.destination = options_.server;
  segment.source_port = client.plan.tcp_port;
  segment.destination_port = options_.server_port;
  sink_(client.plan.delay, write(segment, options_.link, buffer_));
}

void Clients::answer_arp(std::span<const std::byte> frame) {
  const sim::Dissected parts = sim::dissect(frame);
  if (!parts.error.empty()) {
    ++malformed_;
    return;
  }
  if (parts.arp->operation != 1 || parts.arp->target != options_.gateway) return;
  sim::ArpMessage reply;
  reply.operation = 2;
  reply.source_mac = reply.sender_mac = options_.link.from;
  reply.destination_mac = reply.target_mac = parts.arp->sender_mac;
  reply.sender = options_.gateway;
  reply.target = parts.arp->sender;
  sink_(Duration::zero(), sim::build(reply));
}

}  // namespace levee::peer
