// Steps, checks and judgement of a simulated world; see world.h.
#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/siphash.h"
#include "sim/packet.h"

namespace levee::sim {
namespace {

// Far more than any run needs: a world that takes more never comes to its end.
constexpr std::uint64_t kStepBound = 3'000'000;
// What the trace's hash takes in of a frame: the headers, whose checksums cover the rest.
constexpr std::size_t kHashedBytes = 96;

device::LinkEnd make_end(device::SlabPool& pool, const HostScenario& host, const Toeplitz& toeplitz) {
  device::LinkEnd end;
  end.pool = &pool;
  end.queues = host.shard.shards;
  if (host.rss) end.flow_hash = [&toeplitz](std::span<const std::byte> frame) { return rss_hash(toeplitz, frame); };
  return end;
}

bool is_arp_reply(std::span<const std::byte> frame) {
  const Dissected parts = dissect(frame);
  return parts.arp && parts.arp->operation == 2;
}

}  // namespace

Outcome& Outcome::operator+=(const Outcome& other) {
  trace_hash = trace_hash * 0x100000001b3U ^ other.trace_hash;
  connections += other.connections;
  lossy_connections += other.lossy_connections;
  refused += other.refused;
  aborted += other.aborted;
  timed_out += other.timed_out;
  rogues += other.rogues;
  frames += other.frames;
  lost += other.lost;
  retransmitted += other.retransmitted;
  bytes += other.bytes;
  steps += other.steps;
  predicted += other.predicted;
  left_out += other.left_out;
  elapsed += other.elapsed;
  return *this;
}

World::World(Scenario scenario, Watch watch)
    : scenario_(std::move(scenario)),
      watch_(std::move(watch)),
      toeplitz_{Toeplitz(scenario_.hosts[0].secrets.toeplitz_key), Toeplitz(scenario_.hosts[1].secrets.toeplitz_key)},
      pools_{{scenario_.hosts[0].buffers, scenario_.hosts[0].buffer_size},
             {scenario_.hosts[1].buffers, scenario_.hosts[1].buffer_size}},
      link_(scenario_.seed,
            {make_end(pools_[0], scenario_.hosts[0], toeplitz_[0]),
             make_end(pools_[1], scenario_.hosts[1], toeplitz_[1])},
            scenario_.link),
      hosts_{{scenario_.hosts[0].shard, scenario_.hosts[0].secrets, link_, 0, pools_[0], plans_},
             {scenario_.hosts[1].shard, scenario_.hosts[1].secrets, link_, 1, pools_[1], plans_}},
      now_(scenario_.start) {
  std::stable_sort(scenario_.connections.begin(), scenario_.connections.end(),
                   [](const ConnectionPlan& a, const ConnectionPlan& b) { return a.start < b.start; });
  link_.observe([this](Instant now, std::size_t from, std::span<const std::byte> frame, const device::Fate& fate) {
    const auto elapsed = static_cast<std::uint64_t>((now - scenario_.start).count());
    outcome_.trace_hash = siphash_1_3({outcome_.trace_hash ^ frame.size() << 48, elapsed * 2 + from},
                                      frame.first(std::min(frame.size(), kHashedBytes)));
    if (fate.corrupted && is_arp_reply(frame)) misled_ = true;
    if (watch_) watch_(now - scenario_.start, from, frame, fate);
  });
}

void World::ask_model() {
  for (Host& host : hosts_) host.ask_model();
}

Outcome World::run() {
  while (outcome_.failure.empty()) {
    step();
    if (!outcome_.failure.empty()) break;
    if (streams_ended() && hosts_[0].empty() && hosts_[1].empty() && link_.in_flight() == 0) break;
    const Instant next = next_event();
    if (next == kNever) {
      outcome_.failure = "nothing will ever happen again: " + check_liveness();
    } else if (outcome_.steps >= kStepBound) {
      outcome_.failure = "too many steps: " + check_liveness();
    }
    if (outcome_.failure.empty()) now_ = std::max(now_, next);
  }
  finish();
  return outcome_;
}

void World::step() {
  ++outcome_.steps;
  if (faults_on_ && now_ >= scenario_.faults_stop) {
    link_.stop_faults();
    faults_on_ = false;
  }
  link_.advance(now_);
  std::array<bool, 2> touched{start_connections(), false};
  const shard::Walk walk = outcome_.steps % walk_every_ == 0 ? shard::Walk::Everything : shard::Walk::Records;
  for (std::size_t i = 0; i < 2; ++i) {
    touched[i] |= hosts_[i].has_work(now_);
    if (!touched[i]) continue;
    hosts_[i].run(now_);
    check(i, walk);
  }
  if (outcome_.failure.empty() && now_ > scenario_.streams_end) outcome_.failure = check_liveness();
}

bool World::start_connections() {
  const std::size_t before = next_connection_;
  while (next_connection_ < scenario_.connections.size() && scenario_.connections[next_connection_].start <= now_) {
    const ConnectionPlan& plan = scenario_.connections[next_connection_++];
    ++outcome_.connections;
    if (scenario_.lossy() && !scenario_.black_hole()) ++outcome_.lossy_connections;
    const SocketAddress server{scenario_.server(), kServerPort};
    if (hosts_[0].application(plan.client_shard).start(now_, plan, server)) continue;
    ++outcome_.refused;
    if (!scenario_.small_tables) outcome_.failure = "the client's shard refused to connect";
  }
  return next_connection_ != before;
}

Instant World::next_event() const {
  Instant next = std::min({link_.next_arrival(), hosts_[0].next_deadline(), hosts_[1].next_deadline()});
  if (next_connection_ < scenario_.connections.size()) {
    next = std::min(next, scenario_.connections[next_connection_].start);
  }
  if (faults_on_) next = std::min(next, scenario_.faults_stop);
  return next;
}

bool World::streams_ended() const {
  if (next_connection_ < scenario_.connections.size()) return false;
  for (const Host& host : hosts_) {
    for (std::size_t i = 0; i < host.shards(); ++i) {
      if (host.application(i).unfinished() > 0) return false;
    }
  }
  return true;
}

void World::check(std::size_t host, shard::Walk walk) {
  if (!outcome_.failure.empty()) return;
  const std::string broken = hosts_[host].check(walk);
  if (!broken.empty()) outcome_.failure = fmt::format("host {}, {}", host, broken);
}

// Which streams go on although they should have ended; empty if there are none.
std::string World::check_liveness() const {
  std::string text;
  for (const Host& host : hosts_) {
    for (std::size_t s = 0; s < host.shards(); ++s) {
      for (const Talk& talk : host.application(s).talks()) {
        if (!talk.closed) text += (text.empty() ? "a stream has not ended: " : "\n  ") + describe(talk);
      }
    }
  }
  for (std::size_t i = 0; i < 2 && !text.empty(); ++i) {
    text += fmt::format("\n  host {}: {} of {} buffers are free, {} frames found none", i, pools_[i].available(),
                        pools_[i].total(), link_.counters(1 - i).no_buffer);
  }
  return text;
}

// A late copy of the handshake's ACK opens a connection again by cookie when its first life is over: nothing is left
// that could know better (RFC 4987 3.6 has no cure for it). The peer's RST ends the second one, or, when the peer's
// TIME-WAIT has acknowledged text and FIN, which have the numbers of the first life's, the bound of FIN-WAIT-2.
bool World::is_replay(const Talk& talk, const Application& application) const {
  if (talk.is_client || (talk.cause != CloseCause::Reset && talk.cause != CloseCause::TimedOut) ||
      scenario_.link[0].duplication == 0 || scenario_.hosts[1].shard.syn.cookies == SynCookies::Never) {
    return false;
  }
  const auto& talks = application.talks();
  return std::any_of(talks.begin(), talks.end(), [&](const Talk& other) {
    return &other != &talk && other.plan == talk.plan && other.closed && other.cause == CloseCause::Normal;
  });
}

// Loss can end the other side first: it gave up, be it on a connection or on a half-open record, its cookie was too old
// when the first segment came through, or its TIME-WAIT ended while this side went on repeating what had arrived. The
// RST is how this side hears of it.
bool World::other_side_is_over(const Talk& talk) const {
  const Host& other = hosts_[talk.is_client ? 1 : 0];
  if (other.stats()[Counter::HalfOpenTimeouts] > 0) return true;
  bool never_heard = talk.is_client && scenario_.hosts[1].shard.syn.cookies != SynCookies::Never;
  for (std::size_t s = 0; s < other.shards(); ++s) {
    for (const Talk& peer : other.application(s).talks()) {
      never_heard &= peer.plan != talk.plan;
      if (peer.plan != talk.plan || !peer.closed) continue;
      const bool has_all = peer.cause == CloseCause::Normal && peer.received == talk.sent;
      if (has_all || peer.cause == CloseCause::TimedOut) return true;
    }
  }
  return never_heard && now_ - scenario_.start > scenario_.hosts[1].shard.syn.rotate;
}

void World::judge(const Talk& talk, const Application& application) {
  if (is_replay(talk, application)) return;
  outcome_.bytes += talk.received;
  if (!talk.closed || talk.cause == CloseCause::Normal) return;
  if (scenario_.small_tables && (talk.cause == CloseCause::Refused || talk.cause == CloseCause::NoResource ||
                                 talk.cause == CloseCause::Reset || !talk.opened)) {
    ++outcome_.refused;
    return;
  }
  const bool counts = !scenario_.black_hole();
  outcome_.aborted += counts;
  outcome_.timed_out += counts && talk.cause == CloseCause::TimedOut;
  // ARP has no checksum: with a bit of the MAC flipped nothing arrives until R1 asks again (RFC 9293 3.8.3).
  const bool loses = scenario_.lossy() || misled_;
  const bool allowed =
      loses && (talk.cause == CloseCause::TimedOut || (talk.cause == CloseCause::Reset && other_side_is_over(talk)));
  if (!allowed && outcome_.failure.empty()) outcome_.failure = "aborted: " + describe(talk);
}

void World::finish() {
  outcome_.elapsed = now_ - scenario_.start;
  for (std::size_t i = 0; i < 2; ++i) {
    outcome_.frames += link_.counters(i).sent;
    outcome_.lost += link_.counters(i).lost;
    outcome_.predicted += hosts_[i].model_tally().predicted;
    outcome_.left_out += hosts_[i].model_tally().left_out;
    outcome_.retransmitted += hosts_[i].stats()[Counter::RetransSegs];
    for (std::size_t s = 0; s < hosts_[i].shards(); ++s) {
      for (const Talk& talk : hosts_[i].application(s).talks()) judge(talk, hosts_[i].application(s));
    }
  }
  for (std::size_t i = 0; i < 2; ++i) check(i, shard::Walk::Everything);
  if (!outcome_.failure.empty()) return;
  for (std::size_t i = 0; i < 2; ++i) {
    const StatsSnapshot stats = hosts_[i].stats();
    if (stats[Counter::Opened] != stats[Counter::Closed]) {
      outcome_.failure =
          fmt::format("host {}: {} opened, {} closed", i, stats[Counter::Opened], stats[Counter::Closed]);
    }
    hosts_[i].release_blanks();
    if (pools_[i].out() != 0) outcome_.failure = fmt::format("host {}: {} buffers leaked", i, pools_[i].out());
    if (!outcome_.failure.empty()) return;
  }
}

Scenario steered(const Scenario& scenario) {
  Scenario moved = scenario;
  if (scenario.wrap == Wrap::None) return moved;
  const bool client = scenario.wrap == Wrap::ClientSequence || scenario.wrap == Wrap::ClientTimestamp;
  const bool timestamp = scenario.wrap == Wrap::ClientTimestamp || scenario.wrap == Wrap::ServerTimestamp;
  std::optional<std::uint32_t> number;
  World dry(scenario, [&](Duration, std::size_t from, std::span<const std::byte> frame, const device::Fate&) {
    if (number || from != (client ? 0U : 1U)) return;
    const Dissected parts = dissect(frame);
    if (!parts.tcp || !parts.tcp->has(kSyn)) return;
    if (!timestamp) {
      number = parts.tcp->sequence;
    } else if (parts.tcp->timestamps) {
      number = parts.tcp->timestamps->value;
    }
  });
  for (int i = 0; i < 1000 && !number && dry.outcome_.failure.empty(); ++i) {
    dry.step();
    const Instant next = dry.next_event();
    if (next == kNever) break;
    dry.now_ = std::max(dry.now_, next);
  }
  if (!number) return moved;
  // In whole milliseconds, so that timers round as before: 250 sequence numbers each. A little short of the wrap.
  const std::uint32_t distance = 0 - *number;
  const Duration shift = std::chrono::milliseconds(timestamp ? distance - std::min(distance, 50U) : distance / 250);
  moved.start += shift;
  moved.faults_stop += shift;
  moved.streams_end += shift;
  for (ConnectionPlan& plan : moved.connections) plan.start += shift;
  return moved;
}

}  // namespace levee::sim
