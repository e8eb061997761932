// The shard that mixed traffic is fed to, and its service; see mixed_traffic.h.
#include <array>

#include "runtime/dispatch.h"
#include "sim/mixed_traffic.h"

namespace levee::sim {

void MixedService::on_opened(Connection connection) {
  const SocketAddress remote = connection.remote();
  const std::uint64_t tuple = std::uint64_t{remote.address.v4().value} << 16 | remote.tcp_port;
  streams_.emplace_back();
  tuples_.push_back(tuple << 8 | (++opened_[tuple] & 0xff));
  connection.set_user_data(streams_.size());
}

void MixedService::on_data(Connection connection) {
  Stream& stream = streams_[connection.user_data() - 1];
  for (auto piece = connection.peek(); !piece.empty(); piece = connection.peek()) {
    for (const std::byte value : piece) {
      if (stream.length == 0) stream.first = value;
      if (stream.length % kRequest == 0) stream.request = value;
      stream.hash = (stream.hash ^ std::to_integer<std::uint64_t>(value)) * 0x100000001b3U;
      ++stream.length;
      if (stream.first == std::byte{'U'} || stream.length % kRequest != 0) continue;
      std::array<std::byte, kReply> reply;
      reply.fill(static_cast<std::byte>(stream.length / kRequest));
      static_cast<void>(connection.send(reply));
      if (stream.request == std::byte{'Q'}) connection.close();
    }
    bytes_ += piece.size();
    connection.consume(piece.size());
  }
}

// Summed, so that the order in which connections opened within a burst does not matter.
std::uint64_t MixedService::digest() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    sum += (streams_[i].hash ^ tuples_[i]) * 0x9e3779b97f4a7c15U + streams_[i].length;
  }
  return sum;
}

FedShard::FedShard(const Mix& mix) {
  ShardOptions options;
  options.interfaces = {InterfaceOptions{.mac = MacAddress{{2, 0, 0, 0, 0, 1}}}};
  AddressOptions own;
  own.address = Ipv4Address{0x0a000001};
  options.addresses = {own};
  ListenerOptions listener;
  listener.tcp_port = kTcpPort;
  options.listeners = {listener};
  options.limits.connections = 16384;
  options.limits.transfers = 1024;
  options.limits.half_open = mix.half_open;
  options.synack_timeout = mix.synack_timeout;
  options.syn.cookies = mix.cookies;
  options.limits.time_wait = 256;  // entries make room for others on the way
  options.limits.slices = 16384;
  options.limits.neighbours = 16;
  options.limits.blanks = 256;
  options.limits.held_buffers = 2048;
  shard::Secrets secrets;
  secrets.flow_key = {1, 2};
  secrets.isn_key = {3, 4};
  const std::array<shard::Mailbox*, 1> outboxes{nullptr};
  shard_ = std::make_unique<shard::Shard>(options, secrets, outboxes);
  auto service = std::make_unique<MixedService>();
  service_ = service.get();
  services_.push_back(std::move(service));
}

void FedShard::push(std::span<const std::byte> frame) { CHECK(queue_.push(frame)); }

void FedShard::give_blanks() {
  while (shard_->blanks_wanted() > 0) {
    Block* blank = pool_.take();
    if (blank == nullptr) return;
    shard_->give_blank(blank);
  }
}

bool FedShard::receive_and_write(Instant now) {
  give_blanks();
  std::array<shard::Frame, kGroup> frames;
  const std::size_t count = queue_.pop(frames);
  if (oracle_) {
    const auto serve = [this] {
      give_blanks();
      runtime::dispatch(*shard_, services_);
    };
    oracle_->receive(now, std::span(frames).first(count), serve, [this] { put_sent(); });
  } else {
    shard_->receive(now, std::span(frames).first(count));
  }
  std::size_t served = runtime::dispatch(*shard_, services_);
  bool more = !shard_->expire(now);
  served += runtime::dispatch(*shard_, services_);
  more |= !shard_->transmit(now);
  return more || served > 0;
}

// A new key every ten seconds; the last one stays good.
void FedShard::change_keys(Instant now, std::size_t group) {
  constexpr std::size_t kEpoch = 2000;
  if (group % kEpoch != 0) return;
  const std::uint64_t epoch = group / kEpoch + 1;
  shard::KeyEpoch keys;
  keys.parity = epoch & 1;
  keys.keys[epoch & 1] = {epoch, 101};
  keys.keys[~epoch & 1] = {epoch - 1, 101};
  shard_->deliver(now, keys);
}

void FedShard::put_sent() {
  for (const shard::OutFrame& out : shard_->outgoing()) {
    if (--out.head->refs == 0) pool_.put(out.head);
  }
  shard_->outgoing_taken();
  while (Block* block = shard_->next_released()) pool_.put(block);
}

std::size_t FedShard::buffers_lost() {
  const std::uint64_t held = shard_->stats().value(Counter::BuffersIn) - shard_->stats().value(Counter::BuffersOut);
  return pool_.out() - static_cast<std::size_t>(held);
}

}  // namespace levee::sim
