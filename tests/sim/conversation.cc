// The shard driven by hand: its loop, its buffers and what is checked after every step; see conversation.h. The peers
// are in peer.cc.
#include "sim/conversation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "runtime/dispatch.h"

namespace levee::sim {
namespace {

constexpr std::size_t kTranscriptLines = 30;
constexpr MacAddress kShardMac{{2, 0, 0, 0, 0, 1}};
constexpr Ipv4Address kShardAddress{0x0a000001};
// A shard that still has something to do after this many loops at one instant never finishes.
constexpr int kLoopBound = 100000;

}  // namespace

ConversationOptions::ConversationOptions() {
  shard.interfaces = {InterfaceOptions{.mac = kShardMac}};
  shard.addresses = {AddressOptions{.address = kShardAddress}};
  ListenerOptions listener;
  listener.tcp_port = 80;
  shard.listeners = {listener};
  shard.limits.connections = 64;
  shard.limits.transfers = 64;
  shard.limits.half_open = 16;
  shard.limits.time_wait = 64;
  shard.limits.slices = 4096;
  shard.limits.neighbours = 16;
  shard.limits.blanks = 256;
  shard.limits.held_buffers = 1024;
  secrets.flow_key = {1, 2};
  secrets.isn_key = {3, 4};
  for (std::size_t i = 0; i < secrets.toeplitz_key.size(); ++i) {
    secrets.toeplitz_key[i] = static_cast<std::uint8_t>(0x6d + 37 * i);
  }
  secrets.random_seed = 7;
}

ConversationOptions& ConversationOptions::with_ipv6() {
  shard.addresses.push_back({.address = parse_ipv6("fd00::1").value(), .prefix_length = 64});
  return *this;
}

ConversationOptions& ConversationOptions::over_ipv6() {
  first_peer.address = parse_ipv6("fd00::2").value();
  return with_ipv6();
}

Conversation::Conversation(ConversationOptions options)
    : options_(std::move(options)), pool_(options_.buffers, options_.buffer_size), now_(options_.start) {
  if (options_.services.empty()) {
    auto service = std::make_unique<RecordingService>();
    recording_ = service.get();
    options_.services.push_back(std::move(service));
  }
  const std::vector<shard::Mailbox*> outboxes(options_.shard.shards, nullptr);
  shard_ = std::make_unique<shard::Shard>(options_.shard, options_.secrets, outboxes);
  run();
}

Conversation::~Conversation() {
  run();
  if (!ignores_rest_) {
    for (const Sent& frame : sent_) {
      if (frame.parts.tcp) {
        ADD_FAILURE() << "left unexpected: " << relative(*frame.parts.tcp, true) << "\n" << transcript();
        break;
      }
    }
  }
}

Peer& Conversation::peer() { return peers_.empty() ? add_peer(options_.first_peer) : peers_.front(); }

Peer& Conversation::add_peer(const PeerOptions& options) {
  Peer& added = peers_.emplace_back(*this, options);
  if (options_.arp) announce(options);
  return added;
}

RecordingService& Conversation::service() {
  if (recording_ == nullptr) ADD_FAILURE() << "the conversation was given services of its own";
  return *recording_;
}

IpAddress Conversation::shard_address(const IpAddress& peer) const {
  for (const AddressOptions& own : options_.shard.addresses) {
    if (own.address.is_v4() == peer.is_v4()) return own.address;
  }
  ADD_FAILURE() << "the shard has no address of the family of " << to_string(peer);
  return {};
}

// The peer asks for the shard's MAC, as a real one does first; the reply is of no interest.
void Conversation::announce(const PeerOptions& peer) {
  const IpAddress target = shard_address(peer.address);
  if (peer.address.is_v4()) {
    ArpMessage request;
    request.source_mac = request.sender_mac = peer.mac;
    request.destination_mac = MacAddress{{255, 255, 255, 255, 255, 255}};
    request.sender = peer.address.v4();
    request.target = target.v4();
    inject(build(request));
  } else {
    NdpMessage solicitation;
    solicitation.source_mac = peer.mac;
    solicitation.source = peer.address.v6();
    solicitation.target = target.v6();
    solicitation.destination = solicited_node(solicitation.target);
    solicitation.destination_mac = multicast_mac(solicitation.destination);
    solicitation.source_option = peer.mac;
    inject(build(solicitation));
  }
  std::erase_if(sent_, [](const Sent& frame) { return frame.parts.arp || frame.parts.ndp; });
}

bool Conversation::answers_arp(const ArpMessage& request) {
  if (!options_.arp || request.operation != 1) return false;
  for (const Peer& known : peers_) {
    if (known.options.address != IpAddress(request.target)) continue;
    ArpMessage reply;
    reply.operation = 2;
    reply.source_mac = reply.sender_mac = known.options.mac;
    reply.destination_mac = reply.target_mac = request.sender_mac;
    reply.sender = request.target;
    reply.target = request.sender;
    pending_neighbours_.push_back(build(reply));
    return true;
  }
  return false;
}

bool Conversation::answers_ndp(const NdpMessage& solicitation) {
  if (!options_.arp || solicitation.type != 135) return false;
  for (const Peer& known : peers_) {
    if (known.options.address != IpAddress(solicitation.target)) continue;
    NdpMessage reply;
    reply.type = 136;
    reply.solicited = reply.overrides = true;
    reply.source_mac = known.options.mac;
    reply.target_option = known.options.mac;
    reply.destination_mac = solicitation.source_mac;
    reply.vlan = solicitation.vlan;
    reply.source = reply.target = solicitation.target;
    reply.destination = solicitation.source;
    pending_neighbours_.push_back(build(reply));
    return true;
  }
  return false;
}

void Conversation::advance(Duration duration) {
  const Instant target = now_ + duration;
  run();
  for (int i = 0; i < kLoopBound; ++i) {
    const Instant deadline = shard_->next_deadline();
    if (deadline > target) break;
    now_ = std::max(now_, deadline);
    run();
  }
  if (shard_->next_deadline() <= target) ADD_FAILURE() << "the shard's deadline does not pass\n" << transcript();
  now_ = target;
  run();
}

std::size_t Conversation::serve() { return service_busy_ ? 0 : runtime::dispatch(*shard_, options_.services); }

void Conversation::run() {
  for (int i = 0; i < kLoopBound; ++i) {
    give_blanks();
    std::size_t served = serve();
    const bool all_fired = shard_->expire(now_);
    served += serve();
    const bool all_written = shard_->transmit(now_) || (service_busy_ && shard_->outgoing().empty());
    take_outgoing();
    take_released();
    check();
    std::vector<Bytes> replies;
    replies.swap(pending_neighbours_);
    if (!replies.empty()) {
      inject(replies);
    } else if (served == 0 && all_fired && all_written) {
      return;
    }
  }
  ADD_FAILURE() << "the shard does not come to rest\n" << transcript();
}

void Conversation::inject(std::span<const Bytes> burst) {
  give_blanks();
  for (const Bytes& frame : burst) {
    note("<", frame);
    if (!queue_.push(frame)) ADD_FAILURE() << "the pool of the conversation is empty";
  }
  std::array<shard::Frame, 64> frames;
  while (const std::size_t count = queue_.pop(frames)) {
    shard_->receive(now_, std::span(frames).first(count));
  }
  run();
}

void Conversation::give_blanks() {
  while (shard_->blanks_wanted() > 0) {
    Block* blank = pool_.take();
    if (blank == nullptr) return;
    shard_->give_blank(blank);
  }
}

void Conversation::take_outgoing() {
  for (const shard::OutFrame& out : shard_->outgoing()) {
    Bytes frame;
    device::gather(out, frame);
    Dissected parts = dissect(frame);
    note(">", frame);
    if (!parts.error.empty()) ADD_FAILURE() << "the shard sent a bad frame: " << parts.error << "\n" << transcript();
    if (--out.head->refs == 0) pool_.put(out.head);
    if (parts.arp && answers_arp(*parts.arp)) continue;
    if (parts.ndp && answers_ndp(*parts.ndp)) continue;
    sent_.push_back({now_, std::move(frame), std::move(parts)});
  }
  shard_->outgoing_taken();
}

void Conversation::take_released() {
  while (Block* block = shard_->next_released()) pool_.put(block);
}

void Conversation::check() {
  if (!options_.checks_invariants) return;
  const std::string broken = shard_->check_invariants();
  if (!broken.empty()) ADD_FAILURE() << "invariant: " << broken << "\n" << transcript();
  const Stats& stats = shard_->stats();
  const std::uint64_t held = stats.value(Counter::BuffersIn) - stats.value(Counter::BuffersOut);
  if (held != pool_.out() - queue_.held()) {
    ADD_FAILURE() << "buffers: " << pool_.out() << " are out, " << queue_.held()
                  << " wait to be received, the shard holds " << held << " by its count\n"
                  << transcript();
  }
}

std::optional<Bytes> Conversation::next_frame() {
  run();
  if (sent_.empty()) return std::nullopt;
  Bytes frame = std::move(sent_.front().frame);
  sent_.pop_front();
  return frame;
}

void Conversation::note(const char* direction, std::span<const std::byte> frame) {
  const Dissected parts = dissect(frame);
  const std::string text = parts.tcp ? relative(*parts.tcp, *direction == '>') : describe(frame);
  transcript_.push_back(fmt::format(
      "{:10.3f} {} {}", std::chrono::duration<double, std::milli>(now_ - options_.start).count(), direction, text));
  if (transcript_.size() > kTranscriptLines) transcript_.pop_front();
}

std::string Conversation::relative(const TcpPacket& packet, bool from_shard) const {
  for (const Peer& known : peers_) {
    const auto port = from_shard ? packet.destination_port : packet.source_port;
    const auto address = from_shard ? packet.destination : packet.source;
    if (known.options.address != address || known.options.tcp_port != port) continue;
    // The peer learns irs from the SYN that is being described.
    const std::uint32_t irs = from_shard && packet.has(kSyn) ? packet.sequence : known.irs;
    return from_shard ? sim::describe(packet, irs, known.iss) : sim::describe(packet, known.iss, irs);
  }
  return sim::describe(packet);
}

std::string Conversation::transcript() const {
  std::string text = "the conversation, in ms (> from the shard):\n";
  for (const std::string& line : transcript_) text += line + "\n";
  return text;
}

}  // namespace levee::sim
