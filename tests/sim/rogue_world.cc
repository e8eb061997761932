// Steps and judgement of a world with a misbehaving peer; see rogue_world.h.
#include "sim/rogue_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/siphash.h"

namespace levee::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kStepBound = 3'000'000;
constexpr std::size_t kHashedBytes = 96, kPeerBuffers = 4096, kPeerBufferSize = 2048;
constexpr std::uint16_t kPeerPort = 40000;
constexpr std::size_t kPeerEnd = 0, kLeveeEnd = 1;
// Beside what payload may hold: blanks, and buffers given back in this step.
constexpr std::uint64_t kSpareBuffers = 256;

// levee's host as any scenario has it, with room for its peer, and one connection. Keepalive ends those that a dead
// peer left with nothing to send.
Scenario draw_scenario(std::uint64_t seed, const RogueKind& kind) {
  Scenario scenario = make_scenario(seed);
  Random random(seed ^ 0x726f677565U);
  while (scenario.small_tables || scenario.small_buffers || scenario.connections.empty()) {
    scenario = make_scenario(random.next());
  }
  scenario.seed = seed;
  ShardOptions& shard = scenario.hosts[kLeveeEnd].shard;
  const Duration idle = seconds(10 + random.below(7200));
  const bool large_buffers = random.chance(0.6);  // else they bound what levee sends before its windows do
  for (TcpOptions* tcp : {&shard.active, &shard.listeners.front().tcp}) {
    tcp->keepalive = true;
    tcp->keepalive_idle = idle;
    if (large_buffers) tcp->send_buffer = tcp->receive_buffer = 262144;
  }
  scenario.connections.resize(1);
  ConnectionPlan& plan = scenario.connections.front();
  plan.local_port = 0;
  plan.client_shard = 0;
  plan.echo = false;
  for (TalkerPlan* talker : {&plan.client, &plan.server}) {
    talker->bytes = 1 + random.below(random.chance(0.2) ? 300 : random.chance(0.6) ? 60'000 : 300'000);
    talker->write_chunk = std::max<std::uint32_t>(talker->write_chunk, 1000);
    talker->read_pause = std::min<Duration>(talker->read_pause, std::chrono::milliseconds(100));
  }
  for (device::Impairment& bad : scenario.link) {
    if (kind.clean_link) bad = {.delay = bad.delay};
    bad.loss = std::min(bad.loss, 0.05);
    bad.burst_loss = 0;
    bad.mtu = 0;
    bad.bits_per_second = 0;
  }
  if (kind.clean_link) shard.limits.blanks = 256;  // nothing is refused for want of a buffer to compact it into
  scenario.faults_stop = scenario.start + seconds(2 + random.below(40)) + kind.least_time;
  return scenario;
}

RogueSetup draw_setup(const Scenario& scenario, const RogueKind& kind) {
  Random random(scenario.seed ^ 0x7365747570U);
  RogueSetup setup;
  setup.plan = &scenario.connections.front();
  setup.seed = random.next();
  setup.opens = random.chance(0.6) || kind.must_open;
  setup.own = scenario.client();
  setup.levee = scenario.server();
  setup.own_mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  setup.levee_mac = scenario.hosts[kLeveeEnd].shard.interfaces.front().mac;
  setup.own_port = setup.opens ? kPeerPort : kServerPort;
  setup.levee_port = kServerPort;
  setup.mss = static_cast<std::uint16_t>(200 + random.below(1260));
  setup.scaling = random.chance(0.7);
  setup.scale = static_cast<std::uint8_t>(random.below(15));
  setup.timestamps = random.chance(0.6);
  setup.sack = random.chance(0.7);
  setup.link_duplicates = scenario.link[kPeerEnd].duplication > 0;
  setup.honest_from = scenario.faults_stop;
  return setup;
}

// How long a connection may live without a word from its peer: what is sent again until R2, then keepalive's
// questions, then a FIN sent again until R2, FIN-WAIT-2 and TIME-WAIT.
Duration sum_of_timers(const ShardOptions& shard) {
  const TcpOptions& tcp = shard.active;
  const Duration r2 = (tcp.max_retransmits + 1) * tcp.max_rto;
  const Duration keepalive = tcp.keepalive_idle + (tcp.keepalive_probes + 1) * tcp.keepalive_interval;
  return 2 * r2 + keepalive + tcp.fin_wait_2_timeout + shard.time_wait + minutes(5);
}

}  // namespace

const RogueKind* rogue_of(std::uint64_t seed) {
  Random random(seed ^ 0x6b696e64U);
  if (!random.chance(0.25)) return nullptr;
  return &rogue_kinds()[random.below(rogue_kinds().size())];
}

RogueWorld::RogueWorld(std::uint64_t seed, const RogueKind& kind, World::Watch watch)
    : kind_(&kind),
      scenario_(draw_scenario(seed, kind)),
      watch_(std::move(watch)),
      toeplitz_(scenario_.hosts[kLeveeEnd].secrets.toeplitz_key),
      peer_pool_(kPeerBuffers, kPeerBufferSize),
      pool_(scenario_.hosts[kLeveeEnd].buffers, scenario_.hosts[kLeveeEnd].buffer_size),
      peer_(kind.make(draw_setup(scenario_, kind))),
      link_(scenario_.seed,
            {device::LinkEnd{&peer_pool_, 1, {}}, device::LinkEnd{&pool_, scenario_.hosts[kLeveeEnd].shard.shards,
                                                                  [this](std::span<const std::byte> frame) {
                                                                    return scenario_.hosts[kLeveeEnd].rss
                                                                               ? rss_hash(toeplitz_, frame)
                                                                               : 0;
                                                                  }}},
            scenario_.link),
      host_(scenario_.hosts[kLeveeEnd].shard, scenario_.hosts[kLeveeEnd].secrets, link_, kLeveeEnd, pool_, plans_),
      now_(scenario_.start),
      empty_by_(scenario_.faults_stop + sum_of_timers(scenario_.hosts[kLeveeEnd].shard)) {
  link_.observe([this](Instant now, std::size_t from, std::span<const std::byte> frame, const device::Fate& fate) {
    const auto elapsed = static_cast<std::uint64_t>((now - scenario_.start).count());
    outcome_.trace_hash = siphash_1_3({outcome_.trace_hash ^ frame.size() << 48, elapsed * 2 + from},
                                      frame.first(std::min(frame.size(), kHashedBytes)));
    if (watch_) watch_(now - scenario_.start, from, frame, fate);
    if (from != kLeveeEnd) return;
    const Dissected parts = dissect(frame);
    if (parts.tcp && parts.error.empty()) peer_->overhear(*parts.tcp);
  });
  peer_->attach([this](Instant now, const Bytes& frame) { send(now, frame); });
  const RogueSetup& setup = peer_->setup();
  plans_[setup.own_port] = setup.plan;
}

std::string RogueWorld::describe() const {
  const RogueSetup& setup = peer_->setup();
  return fmt::format("a peer that plays {}, {}, until {} s{}{}{}\n", kind_->name,
                     setup.opens ? "opens" : "is called by levee", (setup.honest_from - scenario_.start) / seconds(1),
                     setup.timestamps ? " TS" : "", setup.sack ? " SACK" : "", setup.scaling ? " WS" : "") +
         sim::describe(scenario_);
}

void RogueWorld::send(Instant now, const Bytes& frame) {
  Block* block = peer_pool_.take();
  if (block == nullptr || frame.size() > kPeerBufferSize) {
    if (outcome_.failure.empty()) outcome_.failure = "the peer has no buffer for a frame";
    return;
  }
  std::copy(frame.begin(), frame.end(), block->base);
  shard::OutFrame out;
  out.head = block;
  out.data = block->base;
  out.length = static_cast<std::uint32_t>(frame.size());
  static_cast<void>(link_.queue(kPeerEnd, 0).send(now, std::span(&out, 1)));
}

Outcome RogueWorld::run() {
  while (outcome_.failure.empty()) {
    step();
    if (!outcome_.failure.empty()) break;
    // A peer whose conversation was ended behind its back waits for ever.
    const bool left_alone = !kind_->completes && now_ > scenario_.faults_stop;
    const bool quiet = peer_->next_wake() == kNever || peer_->finished() || left_alone;
    if (quiet && (levee_opened_ || peer_->setup().opens) && host_.empty() && link_.in_flight() == 0) break;
    const Instant next = std::min({link_.next_arrival(), host_.next_deadline(), peer_->next_wake()});
    if (next == kNever) {
      outcome_.failure = "nothing will ever happen again: " + still_there();
    } else if (next > empty_by_) {
      outcome_.failure = "tables are not empty in time: " + still_there();
    } else if (outcome_.steps >= kStepBound) {
      outcome_.failure = "too many steps: " + still_there();
    }
    if (outcome_.failure.empty()) now_ = std::max(now_, next);
  }
  finish();
  return outcome_;
}

void RogueWorld::step() {
  ++outcome_.steps;
  if (now_ >= scenario_.faults_stop) link_.stop_faults();
  link_.advance(now_);
  let_peer_hear();
  if (peer_->next_wake() <= now_) peer_->wake(now_);
  if (!levee_opened_ && !peer_->setup().opens) {
    levee_opened_ = true;
    const RogueSetup& setup = peer_->setup();
    if (!host_.application(0).start(now_, *setup.plan, {setup.own, setup.own_port})) {
      outcome_.failure = "the shard refused to connect";
    }
    for (const Talk& talk : host_.application(0).talks()) plans_[talk.connection.local().tcp_port] = setup.plan;
  } else if (!host_.has_work(now_)) {
    return;
  }
  host_.run(now_);
  check(outcome_.steps % walk_every_ == 0 ? shard::Walk::Everything : shard::Walk::Records);
}

void RogueWorld::let_peer_hear() {
  std::array<shard::Frame, 32> frames;
  device::Device& queue = link_.queue(kPeerEnd, 0);
  while (const std::size_t count = queue.receive(frames).frames) {
    for (const shard::Frame& frame : std::span(frames).first(count)) {
      Bytes bytes;
      for (const shard::Frame* piece = &frame; piece != nullptr; piece = piece->next) {
        bytes.insert(bytes.end(), piece->data, piece->data + piece->length);
        piece->block->refs = 0;
        queue.release(piece->block);
      }
      const Dissected parts = dissect(bytes);
      if (!parts.error.empty()) continue;  // the link flipped a bit
      if (parts.tcp && parts.tcp->destination == peer_->setup().own) {
        peer_->arrive(now_, *parts.tcp);
      } else {
        answer_neighbour_discovery(parts);
      }
    }
  }
}

void RogueWorld::answer_neighbour_discovery(const Dissected& parts) {
  const RogueSetup& setup = peer_->setup();
  if (parts.arp && parts.arp->operation == 1 && parts.arp->target == kClientAddress) {
    ArpMessage reply;
    reply.source_mac = reply.sender_mac = setup.own_mac;
    reply.destination_mac = reply.target_mac = parts.arp->sender_mac;
    reply.operation = 2;
    reply.sender = kClientAddress;
    reply.target = parts.arp->sender;
    send(now_, build(reply));
  } else if (parts.ndp && parts.ndp->type == 135 && parts.ndp->target == kClientAddress6) {
    NdpMessage reply;
    reply.source_mac = setup.own_mac;
    reply.destination_mac = parts.ndp->source_mac;
    reply.source = reply.target = kClientAddress6;
    reply.destination = parts.ndp->source;
    reply.type = 136;
    reply.solicited = reply.overrides = true;
    reply.target_option = setup.own_mac;
    send(now_, build(reply));
  }
}

void RogueWorld::check(shard::Walk walk) {
  if (outcome_.failure.empty()) outcome_.failure = host_.check(walk);
  if (outcome_.failure.empty()) outcome_.failure = peer_->failure();
  const ShardLimits& limits = scenario_.hosts[kLeveeEnd].shard.limits;
  const std::uint64_t most = host_.shards() * (std::uint64_t{limits.held_buffers} + limits.blanks + kSpareBuffers);
  if (outcome_.failure.empty() && pool_.out() > most) {
    outcome_.failure = fmt::format("{} buffers are out, {} are the most", pool_.out(), most);
  }
}

std::string RogueWorld::still_there() const {
  std::string text;
  for (std::size_t i = 0; i < host_.shards(); ++i) {
    const shard::Shard& one = host_.shard(i);
    text += fmt::format("{}shard {}: {} connections, {} half-open, {} TIME-WAIT", i == 0 ? "" : "; ", i,
                        one.connections(), one.half_open(), one.time_wait());
    for (const Talk& talk : host_.application(i).talks()) {
      if (!talk.closed) text += "\n  " + sim::describe(talk);
    }
  }
  return text;
}

void RogueWorld::finish() {
  check(shard::Walk::Everything);
  outcome_.elapsed = now_ - scenario_.start;
  outcome_.rogues = 1;
  const StatsSnapshot stats = host_.stats();
  outcome_.predicted = host_.model_tally().predicted;
  outcome_.left_out = host_.model_tally().left_out;
  outcome_.retransmitted = stats[Counter::RetransSegs];
  for (std::size_t end = 0; end < 2; ++end) {
    outcome_.frames += link_.counters(end).sent;
    outcome_.lost += link_.counters(end).lost;
  }
  bool whole = false;
  for (std::size_t i = 0; i < host_.shards(); ++i) {
    for (const Talk& talk : host_.application(i).talks()) {
      outcome_.bytes += talk.received;
      whole |= talk.closed && talk.cause == CloseCause::Normal;
    }
  }
  if (outcome_.failure.empty()) outcome_.failure = peer_->verdict();
  if (outcome_.failure.empty() && kind_->completes && !whole) {
    outcome_.failure = "the streams did not come to their end";
  }
  // RFC 5961 7: at most so many a second, of one connection.
  const auto seconds_of_attack = static_cast<std::uint64_t>(outcome_.elapsed / seconds(1)) + 2;
  const bool one_connection = stats[Counter::Opened] <= 1;
  if (outcome_.failure.empty() && one_connection && stats[Counter::TCPChallengeACK] > 5 * seconds_of_attack) {
    outcome_.failure = fmt::format("{} challenge ACKs", stats[Counter::TCPChallengeACK]);
  }
  if (!outcome_.failure.empty()) return;
  host_.release_blanks();
  if (pool_.out() != 0) outcome_.failure = fmt::format("{} buffers leaked", pool_.out());
}

}  // namespace levee::sim
