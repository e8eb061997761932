// What peers with an established connection can make a segment cost. Each attack runs on connections that are opened
// anew for each round, one frame of each in turn, and is compared with the honest traffic of its direction in the same
// round. levee's part is timed until it has nothing more to send.
//
//   v4-..., v6-...      the attack, named as in hostile_peers.cc
//   text, acks          the honest ones: segments in order that the service reads; ACKs of two segments, which send two
//
// What is received is verified, and what is sent completed, by the card; nothing is copied. So the honest segment of
// 1448 octets costs what one of one octet does, and a ratio hides nothing.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/endian.h"
#include "bench/benches.h"
#include "bench/hostile_peers.h"
#include "bench/modes.h"
#include "bench/oracle.h"
#include "tcp/reassembly.h"

namespace levee::bench {

namespace {

constexpr std::uint32_t kMostPeers = 1000;
constexpr Duration kRoundTrip = std::chrono::milliseconds(10);

class Battle {
 public:
  Battle(const Options& options, const Attack& attack, bool ipv6)
      : attack_(&attack),
        ipv6_(ipv6),
        pass_(options.buffers),
        peers_(std::min(options.records, kMostPeers)),
        device_({.buffers = options.buffers + peers_.size() * 2 * (tcp::kMaxRanges + 1),
                 .burst = options.burst,
                 .spares = 8192 + peers_.size() * (attack.task == Task::Reads ? 4 : 64),
                 .verified = true,
                 .seed = options.seed}),
        endpoint_(device_, endpoint_options(options, attack, ipv6)) {}

  BenchDevice& device() { return device_; }

  Timed round() {
    open();
    // Challenges are limited by the second.
    endpoint_.wait(std::chrono::seconds(1) - (endpoint_.now() - Instant{}) % std::chrono::seconds(1));
    const StatsSnapshot before = endpoint_.shard().stats().snapshot();
    Timed timed;
    for (unsigned k = 0; k < attack_->frames; k += attack_->turn) timed += turn(k);
    check(before);
    close();
    return timed;
  }

  // A round's frames, from peers that levee does not know.
  std::vector<LongPacket> frames() {
    std::vector<Peer> strangers = peers_;
    for (std::size_t i = 0; i < strangers.size(); ++i) strangers[i].client = client(i);
    std::vector<LongPacket> frames;
    for (unsigned k = 0; k < attack_->frames; ++k) {
      for (Peer& peer : strangers) frames.push_back({sim::build(attack_->frame(peer, k))});
    }
    return frames;
  }

  // Segments that levee sent for each one that it was sent.
  [[nodiscard]] double answers_per_segment() const {
    return static_cast<double>(answers_) / static_cast<double>(asked_);
  }
  [[nodiscard]] std::size_t segments() const { return attack_->frames * peers_.size(); }
  void finish() { endpoint_.finish(); }

 private:
  static Endpoint::Options endpoint_options(const Options& options, const Attack& attack, bool ipv6) {
    ShardLimits limits = Endpoint::small_limits();
    limits.slices = 262144;
    limits.blanks = 4096;  // as many flights as open in one burst
    limits.held_buffers = 1 << 20;
    return {.cookies = SynCookies::Always,
            .limits = limits,
            .offload = true,
            .ipv6 = ipv6,
            .sends = attack.task != Task::Reads,
            .refills = attack.task == Task::Sends,
            .holds_text = true,
            .tcp = {.send_buffer = kFlight, .initial_window_segments = 40, .quick_acks = 0},
            .seed = options.seed,
            .break_reply = options.break_reply};
  }

  [[nodiscard]] Client client(std::size_t i) const {
    Client client = client_of(i);
    client.ipv6 = ipv6_;
    return client;
  }

  void open() {
    std::vector<Syn> syns;
    for (std::size_t i = 0; i < peers_.size(); ++i) syns.push_back(syn_of(i, Mix::Linux, 0, ipv6_));
    const std::vector<SynAck> answers = check_syn_acks(syns, endpoint_.exchange(packets_of(syns)));
    std::vector<LongPacket> acks;
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      peers_[i] = {.client = syns[i].client,
                   .seq = syns[i].sequence + 1,
                   .una = answers[i].sequence + 1,
                   .nxt = answers[i].sequence + 1,
                   .stamp = *syns[i].offer.timestamp + 1,
                   .echo = answers[i].timestamp};
      by_key_[peers_[i].client.key()] = i;
      acks.push_back({sim::build(bare_ack(peers_[i]))});
    }
    endpoint_.wait(kRoundTrip);
    exchange(acks);
    require_equal(endpoint_.shard().connections(), peers_.size(), "connections opened");
    endpoint_.wait(kRoundTrip);
  }

  Timed turn(unsigned first) {
    std::vector<LongPacket> frames;
    for (unsigned k = first; k < first + attack_->turn; ++k) {
      for (Peer& peer : peers_) frames.push_back({sim::build(attack_->frame(peer, k))});
    }
    Timed timed;
    for (auto left = std::span<const LongPacket>(frames); !left.empty();) {
      const auto part = left.first(std::min(left.size(), pass_));
      device_.load(part);
      timed += time_pass(part.size(), [&] { fight(); });
      asked_ += part.size();
      answers_ += learn_from_replies();
      left = left.subspan(part.size());
    }
    return timed;
  }

  // Frames that are not measured, fewer than the device has buffers.
  void exchange(std::span<const LongPacket> frames) {
    device_.load(frames);
    endpoint_.drain_whole();
    static_cast<void>(learn_from_replies());
  }

  // What a profiler collects (callgrind.sh).
  [[gnu::noinline]] void fight() { endpoint_.drain_whole(); }

  // Returns how many replies there were.
  std::size_t learn_from_replies() {
    const std::vector<LongPacket> replies = endpoint_.collect_long();
    for (const LongPacket& reply : replies) take(reply);
    return replies.size();
  }

  void take(const LongPacket& reply) {
    const sim::Dissected dissected = sim::dissect(reply.bytes());
    if (!dissected.error.empty() || !dissected.tcp) {
      throw VoidRun(fmt::format("a segment of levee's is malformed: {}", dissected.error));
    }
    const sim::TcpPacket& answer = *dissected.tcp;
    require(answer.source_mac == kServerMac && answer.destination_mac == kClientMac, "MAC addresses");
    const IpAddress& to = answer.destination;
    const Ipv4Address address =
        to.is_v4() ? to.v4() : Ipv4Address{load_be32(reinterpret_cast<const std::byte*>(&to.v6().octets[12]))};
    const auto found = by_key_.find(Client{address, answer.destination_port}.key());
    require(found != by_key_.end(), "a segment of levee's goes to nobody");
    require((answer.flags & (sim::kSyn | sim::kRst | sim::kFin)) == 0, "a segment of levee's ends a connection");
    learn(peers_[found->second], answer);
  }

  void check(const StatsSnapshot& before) {
    const StatsSnapshot after = endpoint_.shard().stats().snapshot();
    const std::uint64_t frames = std::uint64_t{attack_->frames} * peers_.size();
    const std::uint64_t dropped = after.total_drops() - before.total_drops();
    require_equal(after[Counter::FramesDelivered] - before[Counter::FramesDelivered] + dropped, frames,
                  "frames delivered and dropped");
    std::uint64_t may_be_dropped = 0;
    for (const Expected& expected : attack_->expected) {
      const std::uint64_t moved = std::visit([&](auto what) { return after[what] - before[what]; }, expected.what);
      const std::uint64_t wanted = expected.count * peers_.size();
      if (std::holds_alternative<Drop>(expected.what)) may_be_dropped += wanted;
      if (expected.at_least ? moved < wanted : moved != wanted) {
        throw VoidRun(fmt::format("{}: {} moved by {} instead of {}", attack_->name,
                                  std::visit([](auto what) { return name(what); }, expected.what), moved, wanted));
      }
    }
    require_equal(dropped, may_be_dropped, "segments dropped");
    for (const Peer& peer : peers_) {
      const shard::FlowView view = endpoint_.shard().view(server(), {address_of(peer), peer.client.tcp_port});
      require_equal(view.rcv_nxt, peer.seq, "RCV.NXT");
      require_equal(view.snd_una, peer.una, "SND.UNA");
      require_equal(view.snd_nxt, peer.nxt, "SND.NXT");
    }
  }

  void close() {
    std::vector<LongPacket> resets;
    for (const Peer& peer : peers_) {
      sim::TcpPacket reset = bare_ack(peer);
      reset.flags = sim::kRst;
      resets.push_back({sim::build(reset)});
    }
    exchange(resets);
    require_equal(endpoint_.shard().connections(), 0, "connections after their RSTs");
  }

  [[nodiscard]] IpAddress address_of(const Peer& peer) const {
    return ipv6_ ? IpAddress(peer.client.address6()) : IpAddress(peer.client.address);
  }
  [[nodiscard]] SocketAddress server() const { return {ipv6_ ? IpAddress(kServer6) : IpAddress(kServer), kServerPort}; }

  const Attack* attack_;
  bool ipv6_;
  std::size_t pass_;
  std::vector<Peer> peers_;
  std::map<std::uint64_t, std::size_t> by_key_;
  BenchDevice device_;
  Endpoint endpoint_;
  std::uint64_t asked_ = 0, answers_ = 0;
};

struct Variant {
  std::string name;
  const Attack* attack;
  bool ipv6;
};

std::vector<Variant> all_variants() {
  std::vector<Variant> all;
  for (const bool ipv6 : {false, true}) {
    for (const Attack& attack : attacks()) {
      all.push_back({fmt::format("{}-{}", ipv6 ? "v6" : "v4", attack.name), &attack, ipv6});
    }
  }
  return all;
}

void run_variant(const Options& options, const Variant& variant, Report& report) {
  Battle battle(options, *variant.attack, variant.ipv6);
  if (options.callgrind) {
    static_cast<void>(battle.round());
    report.say(fmt::format("{} segments", battle.segments()));
    return;
  }
  std::vector<std::unique_ptr<Battle>> peace;
  std::vector<Mode> modes;
  if (options.wants_mode("io"))
    modes.push_back(io_mode(battle.device(), GenerateLong([&] { return battle.frames(); })));
  if (options.wants_mode("levee")) {
    modes.push_back({"levee", [&] { return battle.round(); }});
    for (const Attack* other : honest(*variant.attack)) {
      peace.push_back(std::make_unique<Battle>(options, *other, variant.ipv6));
      modes.push_back({other->name, [&honest = *peace.back()] { return honest.round(); }});
    }
  }
  const Measured measured = measure(modes, options.rounds, options.seed);
  report.add(variant.name, measured);
  const auto *io = measured.of("io"), *levee = measured.of("levee");
  for (const Attack* other : honest(*variant.attack)) {
    const auto* base = measured.of(other->name);
    if (io == nullptr || base == nullptr) continue;
    report.add(variant.name, fmt::format("to_{}_over_io", other->name), ratio(less(*levee, *io), less(*base, *io)));
  }
  if (levee != nullptr) report.add(variant.name, "answers", {battle.answers_per_segment()});
  battle.finish();
  for (const auto& honest : peace) honest->finish();
}

void run(const Options& options, Report& report) {
  for (const Variant& variant : all_variants()) {
    if (options.wants_variant(variant.name)) run_variant(options, variant, report);
  }
}

std::vector<std::string> variants() {
  std::vector<std::string> names;
  for (const Variant& variant : all_variants()) names.push_back(variant.name);
  return names;
}

}  // namespace

const Bench kHostility{.name = "hostility", .variants = variants, .run = run};

}  // namespace levee::bench
