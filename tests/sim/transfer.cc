// One bottleneck and its flows; see transfer.h.
#include "sim/transfer.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "device/impaired.h"
#include "sim/host.h"
#include "sim/scenario.h"

namespace levee::sim {
namespace {

constexpr std::uint16_t kFirstPort = 40000;
constexpr std::uint64_t kFrame = 1514;
constexpr Instant kStart{std::chrono::hours(1)};
// The walk over everything looks at each buffer of megabytes: seldom.
constexpr std::uint64_t kWalkEvery = 1 << 16;

ShardOptions shard_options(const TransferSetup& setup, Ipv4Address address) {
  ShardOptions shard;
  InterfaceOptions interface;
  interface.mac = MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(address.value)}};
  interface.ipv4_checksum_offload = interface.tcp_checksum_offload = true;
  shard.interfaces = {interface};
  AddressOptions own;
  own.address = address;
  shard.addresses = {own};
  ListenerOptions listener;
  listener.tcp_port = kServerPort;
  listener.tcp.receive_buffer = listener.tcp.send_buffer = setup.buffer;
  listener.tcp.congestion_control = setup.congestion_control;
  shard.listeners = {listener};
  shard.active = listener.tcp;
  shard.limits.connections = shard.limits.transfers = shard.limits.half_open = 16;
  shard.limits.time_wait = shard.limits.neighbours = 16;
  shard.limits.held_buffers = shard.limits.slices = setup.flows * 2 * setup.buffer / 1024;
  return shard;
}

shard::Secrets secrets(std::uint64_t seed) {
  Random random(seed);
  shard::Secrets secrets;
  for (auto* key : {&secrets.flow_key, &secrets.isn_key}) {
    for (std::uint64_t& word : *key) word = random.next();
  }
  for (std::uint8_t& octet : secrets.toeplitz_key) octet = static_cast<std::uint8_t>(random.next());
  for (SipKey& key : secrets.cookie_keys) key = {random.next(), random.next()};
  return secrets;
}

std::array<device::Impairment, 2> link_of(const TransferSetup& setup) {
  std::array<device::Impairment, 2> link;
  link[0].delay = link[1].delay = setup.rtt / 2;
  link[0].loss = setup.loss;
  link[0].reordering = setup.reordering;
  link[0].reorder_delay = setup.reorder_delay;
  link[0].bits_per_second = setup.rate;
  // One product of bandwidth and delay, but no less than any router has.
  const auto bits_in_flight =
      static_cast<std::uint64_t>(setup.rtt / std::chrono::microseconds(1)) * setup.rate / 1'000'000;
  link[0].queue_limit = std::max<std::uint64_t>(64, bits_in_flight / 8 / kFrame);
  return link;
}

class Bottleneck {
 public:
  explicit Bottleneck(const TransferSetup& setup)
      : setup_(setup),
        pools_{{pool_size(), 2048}, {pool_size(), 2048}},
        link_(setup.seed, {device::LinkEnd{&pools_[0], 1, {}}, device::LinkEnd{&pools_[1], 1, {}}}, link_of(setup)),
        hosts_{{shard_options(setup, kClientAddress), secrets(setup.seed), link_, 0, pools_[0], plans_},
               {shard_options(setup, kServerAddress), secrets(setup.seed + 1), link_, 1, pools_[1], plans_}} {
    for (std::uint32_t i = 0; i < setup.flows; ++i) {
      ConnectionPlan plan;
      plan.number = i;
      plan.start = kStart + i * setup.stagger;
      plan.seed = setup.seed * 16 + 2 * std::uint64_t{i};
      plan.client.bytes = ~std::uint64_t{0} >> 1;
      plan.client.write_chunk = 65536;
      plan.local_port = static_cast<std::uint16_t>(kFirstPort + i);
      flows_.push_back(plan);
    }
  }

  TransferResult run() {
    const Instant counts_from = flows_.back().start + setup_.warm_up, end = counts_from + setup_.time;
    run_until(counts_from);
    const std::vector<std::uint64_t> before = received();
    run_until(end);
    const std::vector<std::uint64_t> after = received();
    for (std::size_t i = 0; i < flows_.size() && result_.failure.empty(); ++i) {
      const double bits = 8.0 * static_cast<double>(after[i] - before[i]);
      const double most = static_cast<double>(setup_.rate) * std::chrono::duration<double>(setup_.time).count();
      result_.shares.push_back(bits / most);
    }
    const StatsSnapshot stats = hosts_[0].stats();
    result_.segments = stats[Counter::OutSegs];
    result_.retransmitted = stats[Counter::RetransSegs];
    result_.lost = link_.counters(0).lost;
    result_.frames = link_.counters(0).sent + link_.counters(1).sent;
    return result_;
  }

 private:
  [[nodiscard]] std::size_t pool_size() const { return setup_.flows * (2 * setup_.buffer / 1024) + 65536; }

  void run_until(Instant end) {
    while (now_ <= end && result_.failure.empty()) {
      step();
      Instant next = std::min({link_.next_arrival(), hosts_[0].next_deadline(), hosts_[1].next_deadline()});
      if (opened_ < flows_.size()) next = std::min(next, flows_[opened_].start);
      if (next == kNever) result_.failure = "the transfer has stopped";
      now_ = std::max(now_, next);
    }
  }

  void step() {
    link_.advance(now_);
    bool began = false;
    for (; opened_ < flows_.size() && flows_[opened_].start <= now_; ++opened_) {
      began = true;
      if (!hosts_[0].application(0).start(now_, flows_[opened_], {kServerAddress, kServerPort})) {
        result_.failure = "the sender could not open a connection";
      }
    }
    const shard::Walk walk = ++steps_ % kWalkEvery == 0 ? shard::Walk::Everything : shard::Walk::Records;
    for (Host& host : hosts_) {
      if (!host.has_work(now_) && !(began && &host == hosts_)) continue;
      host.run(now_);
      if (result_.failure.empty()) result_.failure = host.check(walk);
    }
  }

  // By flow.
  [[nodiscard]] std::vector<std::uint64_t> received() const {
    std::vector<std::uint64_t> bytes(flows_.size());
    for (const Talk& talk : hosts_[1].application(0).talks()) bytes[talk.plan->number] = talk.received;
    return bytes;
  }

  TransferSetup setup_;
  PlanBook plans_;
  std::vector<ConnectionPlan> flows_;
  device::SlabPool pools_[2];
  device::ImpairedLink link_;
  Host hosts_[2];
  Instant now_ = kStart;
  std::size_t opened_ = 0;
  std::uint64_t steps_ = 0;
  TransferResult result_;
};

}  // namespace

double TransferResult::share() const { return std::accumulate(shares.begin(), shares.end(), 0.0); }

double TransferResult::spurious() const {
  if (segments == 0 || retransmitted <= lost) return 0;
  return static_cast<double>(retransmitted - lost) / static_cast<double>(segments);
}

double TransferResult::fairness() const {
  double squares = 0;
  for (const double one : shares) squares += one * one;
  return squares == 0 ? 0 : share() * share() / (static_cast<double>(shares.size()) * squares);
}

TransferResult run_transfer(const TransferSetup& setup) { return Bottleneck(setup).run(); }

}  // namespace levee::sim
