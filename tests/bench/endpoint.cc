// levee over the bench device; see endpoint.h.
#include "bench/endpoint.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/random.h"
#include "runtime/secrets.h"

namespace levee::bench {

namespace {

// Frames that exchange() hands over at a time: fewer than there are blanks.
constexpr std::size_t kPart = 512;
// What one part of them can keep a worker busy for.
constexpr unsigned kMostLoops = 512;

class BenchService final : public Service {
 public:
  explicit BenchService(const Endpoint::Options& options)
      : close_at_once_(options.close_at_once), sends_(options.sends), refills_(options.refills) {}
  void on_opened(Connection connection) override {
    if (close_at_once_) connection.close();
    if (sends_) fill(connection);
  }
  void on_data(Connection connection) override { connection.consume(connection.readable()); }
  void on_writable(Connection connection) override {
    if (refills_) fill(connection);
  }

 private:
  // What is sent is whatever the blanks hold: nobody is to pay for writing it.
  static void fill(Connection connection) {
    for (std::size_t space = connection.send_space(); space > 0;) {
      const std::size_t part = connection.reserve(space).size();
      if (part == 0) break;
      connection.commit(part);
      space -= part;
    }
    static_cast<void>(connection.send(std::array<std::byte, 1>{}));  // refused: so that `writable` will be told
  }

  bool close_at_once_, sends_, refills_;
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
  made.listeners = {{.address = {}, .tcp_port = kServerPort, .service = 0, .server_first = false, .tcp = options.tcp}};
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
      holds_text_(options.holds_text),
      shard_(shard_options(options), secrets_of(options.seed), std::vector<shard::Mailbox*>{nullptr}),
      worker_({.shard = &shard_, .ports = {&device}, .inboxes = {}, .writer = nullptr}) {
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::make_unique<BenchService>(options));
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
  if (!device_->collect(replies) && !holds_text_) throw VoidRun("a received buffer did not come back");
  if (break_reply_ > replies_ && break_reply_ <= replies_ + replies.size()) {
    Packet& reply = replies[break_reply_ - replies_ - 1];
    reply.data[break_reply_ % reply.length] ^= std::byte{1};
  }
  replies_ += replies.size();
  return replies;
}

std::vector<LongPacket> Endpoint::collect_long() {
  std::vector<LongPacket> replies;
  if (!device_->collect(replies) && !holds_text_) throw VoidRun("a received buffer did not come back");
  if (break_reply_ > replies_ && break_reply_ <= replies_ + replies.size()) {
    std::vector<std::byte>& reply = replies[break_reply_ - replies_ - 1].data;
    reply[break_reply_ % reply.size()] ^= std::byte{1};
  }
  replies_ += replies.size();
  return replies;
}

void Endpoint::drain_whole() {
  drain();
  for (unsigned loops = 0; loops < kMostLoops && worker_.poll(now_); ++loops) now_ += kStep;
}

std::vector<Packet> Endpoint::exchange(std::span<const Packet> packets) {
  std::vector<Packet> all;
  while (!packets.empty()) {
    const auto part = packets.first(std::min(packets.size(), std::min(kPart, device_->buffers())));
    packets = packets.subspan(part.size());
    device_->load(part);
    drain_whole();
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
