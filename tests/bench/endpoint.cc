// levee over the bench device; see endpoint.h.
#include "bench/endpoint.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/random.h"
#include "runtime/secrets.h"

namespace levee::bench {

namespace {

// Frames that exchange() hands over at a time: fewer than there are blanks.
constexpr std::size_t kPart = 512;
// What one part of them can keep a worker busy for.
constexpr unsigned kMostLoops = 64;

class BenchService final : public Service {
 public:
  explicit BenchService(bool close_at_once) : close_at_once_(close_at_once) {}
  void on_opened(Connection connection) override {
    if (close_at_once_) connection.close();
  }
  void on_data(Connection connection) override { connection.consume(connection.readable()); }

 private:
  bool close_at_once_;
};

ShardOptions shard_options(const Endpoint::Options& options) {
  ShardOptions made;
  made.interfaces = {{.port = 0,
                      .vlan = 0,
                      .mac = kServerMac,
                      .mtu = 1500,
                      .ipv4_checksum_offload = options.offload,
                      .tcp_checksum_offload = options.offload}};
  made.addresses = {{.address = kServer, .prefix_length = 24, .interface = 0}};
  made.routes = {{.prefix = {}, .prefix_length = 0, .next_hop = kRouter, .interface = 0}};
  if (options.ipv6) {
    made.addresses.push_back({.address = kServer6, .prefix_length = 64, .interface = 0});
    made.routes.push_back({.prefix = Ipv6Address{}, .prefix_length = 0, .next_hop = kRouter6, .interface = 0});
  }
  made.listeners = {{.address = {}, .tcp_port = kServerPort, .service = 0, .server_first = false, .tcp = {}}};
  made.limits = options.limits;
  made.syn.cookies = options.cookies;
  return made;
}

shard::Secrets secrets_of(std::uint64_t seed) {
  shard::Secrets secrets = runtime::make_secrets(seed, 1).shards.front();
  // What the control thread would send with the first epoch.
  Random random(seed);
  for (SipKey& key : secrets.cookie_keys) key = {random.next(), random.next()};
  return secrets;
}

}  // namespace

Endpoint::Endpoint(BenchDevice& device, const Options& options)
    : device_(&device),
      break_reply_(options.break_reply),
      shard_(shard_options(options), secrets_of(options.seed), std::vector<shard::Mailbox*>{nullptr}),
      worker_({.shard = &shard_, .ports = {&device}, .inboxes = {}, .writer = nullptr}) {
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::make_unique<BenchService>(options.close_at_once));
  worker_.employ(std::move(services));
}

ShardLimits Endpoint::small_limits() {
  ShardLimits limits;
  limits.connections = limits.transfers = 16384;
  limits.time_wait = 16384;
  limits.slices = 16384;
  return limits;
}

std::vector<Packet> Endpoint::collect() {
  std::vector<Packet> replies;
  if (!device_->collect(replies)) throw VoidRun("a received buffer did not come back");
  if (break_reply_ > replies_ && break_reply_ <= replies_ + replies.size()) {
    Packet& reply = replies[break_reply_ - replies_ - 1];
    reply.data[break_reply_ % reply.length] ^= std::byte{1};
  }
  replies_ += replies.size();
  return replies;
}

std::vector<Packet> Endpoint::exchange(std::span<const Packet> packets) {
  std::vector<Packet> all;
  while (!packets.empty()) {
    const auto part = packets.first(std::min(packets.size(), std::min(kPart, device_->buffers())));
    packets = packets.subspan(part.size());
    device_->load(part);
    drain();
    for (unsigned loops = 0; loops < kMostLoops && worker_.poll(now_); ++loops) now_ += kStep;
    const std::vector<Packet> replies = collect();
    all.insert(all.end(), replies.begin(), replies.end());
  }
  return all;
}

void Endpoint::finish() {
  if (const std::string disagreement = shard_.check_invariants(); !disagreement.empty()) throw VoidRun(disagreement);
  worker_.finish(now_);
  static_cast<void>(collect());
  if (count(Counter::BuffersIn) != count(Counter::BuffersOut) && shard_.connections() == 0) {
    throw VoidRun("buffers were taken in that were not given back");
  }
}

}  // namespace levee::bench
