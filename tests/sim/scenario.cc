// Draws a scenario from a seed; see scenario.h.
#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/random.h"
#include "base/toeplitz.h"

namespace levee::sim {
namespace {

using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kMinIpv6Mtu = 1280;     // RFC 8200 5
constexpr std::uint32_t kLargestChunk = 20000;  // bytes of one call of send
// Beyond the largest RTO. The default ends a half-closed connection that still reads when the peer's retransmissions
// are further apart than a minute; here the peer is alive, and every stream must come to its end.
constexpr Duration kFinWait2Timeout = TcpOptions{}.max_rto + seconds(60);

template <typename T, std::size_t N>
T pick(Random& random, const T (&choices)[N]) {
  return choices[random.below(N)];
}

std::uint64_t between(Random& random, std::uint64_t low, std::uint64_t high) {
  return low + random.below(high - low + 1);
}

Duration upto(Random& random, Duration bound) {
  return Duration(static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(bound.count()) + 1)));
}

double draw_loss(Random& random) {
  if (random.chance(0.2)) return 0;
  if (random.chance(0.1)) return 0.2;
  return random.chance(0.5) ? random.uniform() * 0.05 : random.uniform() * 0.2;
}

device::Impairment draw_impairment(Random& random, double loss) {
  device::Impairment bad;
  bad.loss = loss;
  bad.duplication = random.chance(0.5) ? random.uniform() * 0.1 : 0;
  bad.reordering = random.chance(0.5) ? random.uniform() * 0.3 : 0;
  bad.corruption = random.chance(0.5) ? random.uniform() * 0.02 : 0;
  bad.delay = random.chance(0.2) ? Duration{} : upto(random, milliseconds(100));
  bad.jitter = random.chance(0.5) ? upto(random, milliseconds(20)) : Duration{};
  bad.reorder_delay = milliseconds(1) + upto(random, milliseconds(50));
  if (random.chance(0.2)) {
    bad.bits_per_second = between(random, 1'000'000, 100'000'000);
    bad.queue_limit = between(random, 20, 200);
  }
  if (random.chance(0.2)) {  // runs of 2 to 10 frames, of which most are lost
    bad.burst_begin = random.uniform() * 0.02;
    bad.burst_end = 0.1 + random.uniform() * 0.4;
    bad.burst_loss = 0.5 + random.uniform() * 0.5;
  }
  if (random.chance(0.15)) {
    bad.mtu = static_cast<std::uint16_t>(between(random, 576, 1400));
    bad.tells_mtu = random.chance(0.7);
  }
  return bad;
}

// The two directions: each by itself, or one of them without a fault, and frames held back by a share of the RTT.
std::array<device::Impairment, 2> draw_link(Random& random) {
  std::array<device::Impairment, 2> link;
  for (device::Impairment& direction : link) direction = draw_impairment(random, draw_loss(random));
  const Duration round_trip = link[0].delay + link[1].delay;
  if (random.chance(0.2)) {
    const Duration share = upto(random, round_trip / 2);
    for (device::Impairment& direction : link) direction.reorder_delay = share;
  }
  if (random.chance(0.15)) {
    device::Impairment& better = link[random.below(2)];
    better = {.delay = better.delay};
  }
  return link;
}

TcpOptions draw_tcp(Random& random) {
  TcpOptions tcp;
  constexpr std::uint32_t kBuffers[] = {2048, 4096, 16384, 65536, 262144};
  tcp.receive_buffer = pick(random, kBuffers);
  tcp.send_buffer = pick(random, kBuffers);
  tcp.timestamps = random.chance(0.7);
  tcp.sack = random.chance(0.7);
  tcp.window_scaling = random.chance(0.7);
  tcp.nagle = random.chance(0.7);
  tcp.keepalive = random.chance(0.3);
  tcp.keepalive_idle = seconds(1 + random.below(60));
  tcp.fin_wait_2_timeout = kFinWait2Timeout;
  return tcp;
}

// One random key in some ten thousand hands all TCP ports between two addresses to one shard; the others could then
// open nothing.
bool spreads(std::span<const std::uint8_t> key, const Scenario& scenario, std::size_t shards) {
  const Toeplitz toeplitz(key);
  std::array<bool, 4> reached{};
  std::size_t count = 0;
  for (std::uint32_t port = 32768; port < 65536 && count < shards; port += 7) {
    const auto client_port = static_cast<std::uint16_t>(port);
    const std::uint32_t hash = scenario.ipv6 ? toeplitz.hash(kServerAddress6, kClientAddress6, kServerPort, client_port)
                                             : toeplitz.hash(kServerAddress, kClientAddress, kServerPort, client_port);
    count += std::exchange(reached[hash % shards], true) ? 0 : 1;
  }
  return count == shards;
}

HostScenario draw_host(Random& random, const Scenario& scenario, IpAddress address, std::size_t connections) {
  const bool small_tables = scenario.small_tables, small_buffers = scenario.small_buffers;
  HostScenario host;
  ShardOptions& shard = host.shard;
  shard.shards = static_cast<std::uint16_t>(random.chance(0.5) ? 1 : random.chance(0.8) ? 2 : between(random, 3, 4));
  InterfaceOptions interface;
  interface.mac = MacAddress{{2, 0, 0, 0, 0, address.v6().octets.back()}};
  constexpr std::uint16_t kMtus[] = {576, 1280, 1500, 1500, 1500, 4096, 9000};
  interface.mtu = random.chance(0.8) ? pick(random, kMtus) : static_cast<std::uint16_t>(between(random, 576, 9000));
  if (scenario.ipv6) interface.mtu = std::max(interface.mtu, kMinIpv6Mtu);
  interface.ipv4_checksum_offload = random.chance(0.5);
  interface.tcp_checksum_offload = random.chance(0.5);
  shard.interfaces = {interface};
  AddressOptions own;
  own.address = address;
  own.prefix_length = scenario.ipv6 ? 64 : 24;
  shard.addresses = {own};
  ListenerOptions listener;
  listener.tcp_port = kServerPort;
  listener.tcp = draw_tcp(random);
  shard.listeners = {listener};
  shard.active = listener.tcp;

  const auto room = static_cast<std::uint32_t>(small_tables ? between(random, 2, connections + 2) : connections + 8);
  shard.limits.connections = room;
  shard.limits.transfers = room;
  shard.limits.half_open = small_tables ? static_cast<std::uint32_t>(between(random, 1, 8)) : 64;
  shard.limits.time_wait = small_tables ? static_cast<std::uint32_t>(between(random, 1, 8)) : 64;
  if (small_tables) shard.listeners.front().accept_backlog = static_cast<std::uint32_t>(between(random, 1, 3));
  shard.limits.slices = 8192;
  shard.limits.neighbours = 4;
  shard.limits.blanks = random.chance(0.3) ? 80 : 256;
  shard.limits.held_buffers = 8192;
  shard.limits.outgoing_per_transmit = random.chance(0.3) ? 8 : 64;
  shard.limits.timers_per_expire = random.chance(0.3) ? 4 : 256;

  // A received frame may come in at most 32 pieces.
  constexpr std::uint32_t kBufferSizes[] = {512, 1024, 2048, 9216};
  host.buffer_size = pick(random, kBufferSizes);
  host.buffers = shard.shards * std::size_t{8192 + 1024};
  // Only frames in one piece can be handed on.
  host.rss = host.buffer_size < interface.mtu + 14U || random.chance(0.7);
  if (small_buffers) {
    // The eighth that a shard keeps for those who hold nothing has room for two segments, beyond what one call of send
    // may add to the rest.
    const std::uint32_t least =
        8 * (2 * (interface.mtu / host.buffer_size + 1U) + kLargestChunk / host.buffer_size + 1U);
    shard.limits.held_buffers = least + static_cast<std::uint32_t>(random.below(300));
    shard.limits.slices = least + static_cast<std::uint32_t>(random.below(400));
    host.buffers =
        shard.shards * std::size_t{shard.limits.blanks + shard.limits.held_buffers + between(random, 20, 100)};
  }
  for (auto* key : {&host.secrets.flow_key, &host.secrets.isn_key}) {
    for (std::uint64_t& word : *key) word = random.next();
  }
  do {
    for (std::uint8_t& octet : host.secrets.toeplitz_key) octet = static_cast<std::uint8_t>(random.next());
  } while (!spreads(host.secrets.toeplitz_key, scenario, shard.shards));
  host.secrets.random_seed = random.next();
  for (SipKey& key : host.secrets.cookie_keys) key = {random.next(), random.next()};
  constexpr SynCookies kPolicies[] = {SynCookies::Auto, SynCookies::Always, SynCookies::Never};
  shard.syn.cookies = pick(random, kPolicies);
  // A late copy of a handshake's ACK opens a connection to nobody, with nothing to send: only a question ends it.
  if (shard.syn.cookies != SynCookies::Never) shard.listeners.front().tcp.keepalive = true;
  return host;
}

TalkerPlan draw_talker(Random& random, std::uint64_t largest) {
  TalkerPlan talker;
  talker.bytes = random.chance(0.1) ? 0 : random.below(largest + 1);
  talker.write_chunk =
      static_cast<std::uint32_t>(random.chance(0.2) ? between(random, 1, 100) : between(random, 100, kLargestChunk));
  talker.writes_in_place = random.chance(0.3);
  if (random.chance(0.3)) {
    talker.read_chunk = static_cast<std::uint32_t>(between(random, 1, 10000));
    talker.read_pause = upto(random, random.chance(0.3) ? seconds(3) : milliseconds(100));
    talker.pauses = static_cast<std::uint32_t>(between(random, 1, 10));
  }
  return talker;
}

ConnectionPlan draw_connection(Random& random, std::uint32_t number, std::uint64_t largest, const Scenario& scenario) {
  ConnectionPlan plan;
  plan.number = number;
  plan.start = scenario.start + upto(random, random.chance(0.5) ? milliseconds(10) : seconds(5));
  plan.seed = random.next();
  plan.echo = random.chance(0.3);
  plan.echo_forwards = random.chance(0.5);
  constexpr CloseOrder kOrders[] = {CloseOrder::ClientFirst, CloseOrder::ServerFirst, CloseOrder::Both,
                                    CloseOrder::HalfClose};
  plan.close = pick(random, kOrders);
  plan.client = draw_talker(random, largest);
  plan.server = draw_talker(random, largest);
  // A client that waits for a server to speak first would wait forever for a server whose half-open record timed out.
  if (plan.close == CloseOrder::ClientFirst || plan.close == CloseOrder::ServerFirst) {
    plan.client.bytes = std::max<std::uint64_t>(plan.client.bytes, 1);
  }
  plan.client_shard = static_cast<std::uint16_t>(random.below(scenario.hosts[0].shard.shards));
  return plan;
}

// Windows and rates that let megabytes through before the streams must have ended.
bool may_be_long(const Scenario& scenario) {
  for (std::size_t i = 0; i < 2; ++i) {
    const TcpOptions& tcp = scenario.hosts[i].shard.active;
    if (std::min(tcp.receive_buffer, tcp.send_buffer) < 65536) return false;
    if (scenario.link[i].bits_per_second != 0 && scenario.link[i].bits_per_second < 10'000'000) return false;
  }
  return !scenario.small_buffers;
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
  Random random(seed);
  Scenario scenario;
  scenario.seed = seed;
  // Anything from start-up to 60 days of uptime: the millisecond clock passes 2^32 after 49.7 days.
  scenario.start =
      Instant{} + (random.chance(0.3) ? milliseconds(std::uint64_t{1} << 32) - milliseconds(random.below(20000))
                                      : duration_cast<milliseconds>(upto(random, hours(24 * 60))));
  scenario.ipv6 = random.chance(0.4);
  scenario.link = draw_link(random);
  for (device::Impairment& bad : scenario.link) {
    if (scenario.ipv6 && bad.mtu != 0) bad.mtu = std::max(bad.mtu, kMinIpv6Mtu);
  }
  constexpr std::uint64_t kCounts[] = {1, 2, 2, 4, 8, 32};
  const std::uint64_t connections = between(random, 1, pick(random, kCounts));
  scenario.small_tables = random.chance(0.15);
  scenario.small_buffers = random.chance(0.2);
  scenario.hosts[0] = draw_host(random, scenario, scenario.client(), connections);
  scenario.hosts[1] = draw_host(random, scenario, scenario.server(), connections);
  // An ICMPv6 error that comes in several pieces is not read.
  for (std::size_t i = 0; i < 2; ++i) {
    if (scenario.ipv6 && scenario.hosts[i].buffer_size < kMinIpv6Mtu + 14) scenario.link[i].tells_mtu = false;
  }
  // Many connections with little each, or few with much: a seed costs about the same.
  const bool long_streams = random.chance(0.1) && may_be_long(scenario);
  const std::uint64_t largest = random.chance(0.3) ? 200 : (long_streams ? 4'000'000 : 200'000) / connections;
  for (std::uint32_t i = 0; i < connections; ++i) {
    scenario.connections.push_back(draw_connection(random, i, largest, scenario));
  }
  scenario.faults_stop = scenario.start + seconds(1) + upto(random, seconds(60));
  const Duration largest_rto = scenario.hosts[0].shard.active.max_rto;
  scenario.streams_end = scenario.faults_stop + 2 * largest_rto + kFinWait2Timeout + seconds(60);
  constexpr Wrap kWraps[] = {Wrap::ClientSequence, Wrap::ServerSequence, Wrap::ClientTimestamp, Wrap::ServerTimestamp};
  scenario.wrap = random.chance(0.5) ? pick(random, kWraps) : Wrap::None;
  return scenario;
}

std::string describe(const Scenario& scenario) {
  constexpr const char* kWrapNames[] = {"", ", client's ISN near 2^32", ", server's ISN near 2^32",
                                        ", client's timestamps near 2^32", ", server's timestamps near 2^32"};
  constexpr const char* kPolicyNames[] = {"auto", "always", "never"};
  std::string text =
      fmt::format("seed {}: {} connections over IPv{}{}{}{}, faults stop after {} s\n", scenario.seed,
                  scenario.connections.size(), scenario.ipv6 ? 6 : 4, scenario.small_tables ? ", small tables" : "",
                  scenario.small_buffers ? ", small buffers" : "", kWrapNames[static_cast<std::size_t>(scenario.wrap)],
                  (scenario.faults_stop - scenario.start) / seconds(1));
  for (std::size_t i = 0; i < 2; ++i) {
    const device::Impairment& bad = scenario.link[i];
    const ShardOptions& shard = scenario.hosts[i].shard;
    const TcpOptions& tcp = shard.active;
    text += fmt::format(
        "  host {}: {} shards{}, mtu {}, buffers of {}, windows {}/{},{}{}{} cookies {}, room for {} connections\n"
        "  sends with loss {:.3f} bursts {:.3f}/{:.2f}/{:.2f} duplication {:.3f} reordering {:.3f} by {} ms corruption "
        "{:.3f} delay {} ms jitter {} ms rate {} mtu {}{}\n",

        i, shard.shards, scenario.hosts[i].rss ? "" : " without RSS", shard.interfaces[0].mtu,
        scenario.hosts[i].buffer_size, tcp.receive_buffer, tcp.send_buffer, tcp.timestamps ? " TS" : "",
        tcp.sack ? " SACK" : "", tcp.window_scaling ? " WS" : "",
        kPolicyNames[static_cast<std::size_t>(shard.syn.cookies)], shard.limits.connections, bad.loss, bad.burst_begin,
        bad.burst_end, bad.burst_loss, bad.duplication, bad.reordering, bad.reorder_delay / milliseconds(1),
        bad.corruption, bad.delay / milliseconds(1), bad.jitter / milliseconds(1), bad.bits_per_second, bad.mtu,
        bad.mtu == 0 || bad.tells_mtu ? "" : " untold");
  }
  return text;
}

}  // namespace levee::sim
