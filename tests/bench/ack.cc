// Segments without a connection, over a shard that holds a million: a forged ACK is tried as a cookie, fails and leaves
// nothing behind. Tuples, numbers and timestamps are random; one half has timestamps.
//
//   v4-ack, v4-fin, v4-data  bare ACKs, FIN,ACK, and ACKs with 32 bytes of text: each must fail as a cookie
//   v4-rst                   RST: matches nothing
//   ...-hot                  few buffers; the flow index stays as large as it is
#include <fmt/format.h>

#include <algorithm>

#include "bench/benches.h"
#include "bench/endpoint.h"
#include "bench/modes.h"
#include "bench/oracle.h"
#include "bench/traffic.h"
#include "sim/packet.h"

namespace levee::bench {

namespace {

struct Variant {
  const char* name;
  std::uint8_t flags;
  std::size_t text;
  Drop drop;
  bool hot;
};
constexpr Variant kVariants[] = {
    {"v4-ack", sim::kAck, 0, Drop::CookieFailed, false},
    {"v4-fin", sim::kFin | sim::kAck, 0, Drop::CookieFailed, false},
    {"v4-data", sim::kPsh | sim::kAck, 32, Drop::CookieFailed, false},
    {"v4-rst", sim::kRst, 0, Drop::NoConnection, false},
    {"v4-ack-hot", sim::kAck, 0, Drop::CookieFailed, true},
};

// A forged ACK has odds of 2^-24: of a few million that a run sends, hardly more than this many pass.
constexpr std::uint64_t kMostLucky = 3;

// Connections as a peer makes them, by cookie.
void open_connections(Endpoint& endpoint, std::uint32_t count) {
  constexpr std::uint32_t kPart = 4096;
  for (std::uint32_t opened = 0; opened < count;) {
    std::vector<Syn> syns;
    while (syns.size() < kPart && opened < count) syns.push_back(syn_of(opened++, Mix::Mixed));
    const std::vector<SynAck> answers = check_syn_acks(syns, endpoint.exchange(packets_of(syns)));
    std::vector<Packet> acks;
    for (std::size_t i = 0; i < syns.size(); ++i) acks.push_back(ack_of(syns[i], answers[i]));
    require(endpoint.exchange(acks).empty(), "an ACK that opens a connection was answered");
    require_equal(endpoint.shard().connections(), opened, "connections opened");
  }
}

class Forger {
 public:
  Forger(std::uint64_t first_number, std::uint64_t seed) : number_(first_number), random_(seed) {}

  std::vector<Packet> forge(std::size_t count, const Variant& variant) {
    std::vector<Packet> packets;
    packets.reserve(count);
    while (packets.size() < count) {
      const std::uint64_t numbers = random_.next(), stamps = random_.next();
      Segment segment{.sequence = static_cast<std::uint32_t>(numbers),
                      .acknowledgment = static_cast<std::uint32_t>(numbers >> 32),
                      .flags = variant.flags,
                      .text = variant.text};
      if (random_.chance(0.5)) {
        segment.timestamp = static_cast<std::uint32_t>(stamps);
        segment.echo = static_cast<std::uint32_t>(stamps >> 32);
      }
      packets.push_back(segment_of(client_of(number_++), segment));
    }
    return packets;
  }

 private:
  std::uint64_t number_;  // of clients that have no connection
  Random random_;
};

Timed levee_round(Endpoint& endpoint, const std::vector<Packet>& packets, const Variant& variant) {
  const std::uint64_t dropped = endpoint.count(variant.drop);
  const std::uint64_t accepted = endpoint.count(Counter::SyncookiesRecv);
  const std::size_t connections = endpoint.shard().connections();
  std::vector<Packet> replies;
  const Timed timed = run_levee(endpoint, packets, replies);
  const std::uint64_t lucky = endpoint.count(Counter::SyncookiesRecv) - accepted;
  require(lucky <= kMostLucky, "too many forged ACKs were accepted");
  require_equal(endpoint.count(variant.drop) - dropped, packets.size() - lucky, "segments dropped as they should");
  require(replies.size() <= lucky, "a forged segment was answered");
  require_equal(endpoint.shard().connections(), connections + lucky, "connections beside forged segments");
  require_equal(endpoint.shard().half_open(), 0, "half-open records from forged segments");
  return timed;
}

void run(const Options& options, Report& report) {
  BenchDevice device({.buffers = options.buffers, .burst = options.burst, .seed = options.seed});
  ShardLimits limits = Endpoint::small_limits();
  limits.connections = options.records + options.records / 20 + 1024;
  Endpoint endpoint(device, {.cookies = SynCookies::Always, .limits = limits, .seed = options.seed});
  open_connections(endpoint, options.records);
  report.say(fmt::format("{} connections are open", endpoint.shard().connections()));

  Forger forger(options.records, options.seed);
  for (const Variant& variant : kVariants) {
    if (!options.wants_variant(variant.name)) continue;
    device.rotate(variant.hot ? options.hot_buffers : options.buffers);
    const Generate generate = [&] { return forger.forge(options.buffers, variant); };
    std::vector<Mode> modes;
    if (options.wants_mode("io")) modes.push_back(io_mode(device, generate));
    if (options.wants_mode("macswap")) modes.push_back(macswap_mode(device, generate));
    if (options.wants_mode("levee")) {
      modes.push_back({"levee", [&] { return levee_round(endpoint, generate(), variant); }});
    }
    report.add(variant.name, measure(modes, options.rounds, options.seed));
  }
  endpoint.finish();
}

std::vector<std::string> variants() {
  std::vector<std::string> names;
  for (const Variant& variant : kVariants) names.emplace_back(variant.name);
  return names;
}

}  // namespace

const Bench kAck{.name = "ack", .variants = variants, .run = run};

}  // namespace levee::bench
