#include "fuzz/segment_player.h"

#include <algorithm>

#include "base/check.h"
#include "wire/syn_offer.h"

namespace levee::fuzz {
namespace {

using namespace std::chrono_literals;
using sim::kAck, sim::kFin, sim::kPsh, sim::kRst, sim::kSyn;

constexpr std::array<std::uint32_t, 8> kLengths = {1, 2, 7, 100, 536, 1000, 1460, 4000};
constexpr std::array<Duration, 8> kPauses = {1ms, 10ms, 41ms, 210ms, 1100ms, 5s, 61s, 11min};
constexpr std::uint16_t kActivePort = 50000;
constexpr std::size_t kHistory = 16, kMostBurst = 20;

// The first two peers are one host.
std::array<IpAddress, 3> hosts(bool ipv6, bool third_is_other, bool third_is_link_local) {
  const auto address = [](bool v6, std::uint8_t last) {
    return v6 ? IpAddress(fd00(last)) : IpAddress(Ipv4Address{0x0a000000U + last});
  };
  IpAddress third = address(ipv6 != third_is_other, 3);
  if (third.is_v6() && third_is_link_local) third = parse_ipv6("fe80::3").value();
  return {address(ipv6, 2), address(ipv6, 2), third};
}

std::vector<std::unique_ptr<Service>> services_with(std::unique_ptr<StreamService> service) {
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::move(service));
  return services;
}

}  // namespace

SegmentPlayer::Scene SegmentPlayer::read_scene(Input& input) {
  Scene scene;
  ShardOptions& options = scene.options;
  const std::uint8_t how = input.u8();
  const std::uint8_t sizes = input.u8();
  scene.peers = hosts((how & 128) != 0, (sizes & 32) != 0, (sizes & 64) != 0);
  options.syn.cookies = static_cast<SynCookies>(how % 3);
  for (TcpOptions* tcp : {&options.listeners.front().tcp, &options.active}) {
    tcp->timestamps = (how & 4) == 0;
    tcp->sack = (how & 8) == 0;
    tcp->window_scaling = (how & 16) == 0;
    tcp->nagle = (how & 32) == 0;
    tcp->receive_buffer = (sizes & 1) != 0 ? 2000 : (sizes & 2) != 0 ? 100'000 : 16'000;
    tcp->send_buffer = (sizes & 4) != 0 ? 3000 : 20'000;
    tcp->max_retransmits = (sizes & 8) != 0 ? 3 : 15;
  }
  options.listeners.front().server_first = (how & 64) != 0;
  if ((sizes & 16) != 0) {
    const bool ipv6 = scene.peers.front().is_v6() || scene.peers.back().is_v6();
    options.interfaces.front().mtu = ipv6 ? 1280 : 600;
    if (!ipv6) options.addresses.pop_back();
  }
  return scene;
}

SegmentPlayer::SegmentPlayer(Input& input) : SegmentPlayer(input, read_scene(input)) {}

SegmentPlayer::SegmentPlayer(Input& input, const Scene& scene)
    : input_(&input),
      service_(new StreamService),
      fuzzed_(scene.options, services_with(std::unique_ptr<StreamService>(service_))) {
  const std::uint8_t habits = input.u8();
  service_->reads = (habits & 1) == 0;
  service_->closes_with_peer = (habits & 2) == 0;
  service_->echoes = (habits & 4) != 0;
  answers_ = (habits & 8) == 0;
  const std::uint32_t iss = (habits & 16) != 0 ? 0xfffffff0 : 1000;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    WirePeer& peer = peers_[i];
    peer.mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(i)}};
    peer.address = scene.peers[i];
    peer.tcp_port = static_cast<std::uint16_t>(40000 + i % 2);
    peer.iss = peer.snd_nxt = peer.snd_una = peer.highest_sent = iss;
  }
}

void SegmentPlayer::connect() {
  WirePeer& to = peer();
  if (to.shard_port != 80 || !to.isns.empty()) return;  // one connection for each peer
  const auto result = fuzzed_.shard().connect(fuzzed_.now(), {to.address, to.tcp_port}, 0, kActivePort);
  if (result.error == shard::ConnectError::None) to.shard_port = kActivePort;
  run();
}

void SegmentPlayer::shake_hands() {
  put(packet(kSyn));
  put(packet(kAck));
}

sim::TcpPacket SegmentPlayer::packet(std::uint8_t flags) {
  const WirePeer& from = peer();
  sim::TcpPacket packet;
  packet.source_mac = from.mac;
  packet.destination_mac = kOurMac;
  packet.source = from.address;
  packet.destination = from.address.is_v4() ? IpAddress(kOurAddress) : IpAddress(kOurAddress6);
  packet.source_port = from.tcp_port;
  packet.destination_port = from.shard_port;
  packet.flags = flags;
  packet.sequence = (flags & kSyn) != 0 ? from.iss : from.snd_nxt;
  if ((flags & kAck) != 0) packet.acknowledgment = from.rcv_nxt;
  packet.window = from.window;
  if (from.timestamps && (flags & (kSyn | kRst)) == 0) {
    packet.timestamps =
        sim::Timestamps{static_cast<std::uint32_t>(to_milliseconds(fuzzed_.now())), from.last_timestamp};
  }
  return packet;
}

void SegmentPlayer::add_text(sim::TcpPacket& packet, std::uint32_t length, std::uint8_t version) {
  packet.payload.resize(length);
  for (std::uint32_t i = 0; i < length; ++i) packet.payload[i] = text_at(packet.sequence + i, version);
  if (version != 0 && length > 0) service_->contradicted = true;
}

void SegmentPlayer::put(const sim::TcpPacket& packet) {
  WirePeer& from = peer();
  from.sends(packet);
  const std::uint32_t end = packet.sequence + packet.length();
  if (!packet.has(kRst) && static_cast<std::int32_t>(end - from.snd_nxt) > 0) from.snd_nxt = end;
  arrives(build(packet));
}

void SegmentPlayer::arrives(Arrival frame) {
  if (history_.size() == kHistory) history_.erase(history_.begin());
  history_.push_back(frame.bytes);
  burst_.push_back(std::move(frame));
  if (!collects_ || burst_.size() >= kMostBurst) flush();
}

void SegmentPlayer::run() {
  fuzzed_.run();
  listen_to_shard();
}

void SegmentPlayer::flush() {
  collects_ = false;
  fuzzed_.receive(std::exchange(burst_, {}));
  listen_to_shard();
}

// Who asks for a peer's MAC is answered on the spot, and what was waiting for it is heard, too.
void SegmentPlayer::listen_to_shard() {
  for (int rounds = 0; rounds < 4; ++rounds) {
    const std::vector<Sent> sent = fuzzed_.take_sent();
    if (sent.empty()) break;
    for (const Sent& frame : sent) {
      if (frame.parts.arp) answer_arp(*frame.parts.arp);
      if (frame.parts.ndp) answer_solicitation(*frame.parts.ndp);
      if (!frame.parts.tcp) continue;
      for (WirePeer& to : peers_) {
        if (to.is_meant_by(*frame.parts.tcp)) to.hears(*frame.parts.tcp, *service_, 1500);
      }
    }
  }
  if (!service_->checks_text) return;
  for (const StreamService::Stream& stream : service_->streams()) {
    if (!stream.peer_closed) continue;
    const bool right = std::any_of(peers_.begin(), peers_.end(), [&](const WirePeer& from) {
      return stream.remote == SocketAddress{from.address, from.tcp_port} && from.fins.contains(stream.fin);
    });
    if (!right) finding("the end of a stream was told where its peer did not close");
  }
}

void SegmentPlayer::answer_arp(const sim::ArpMessage& request) {
  if (request.operation != 1 || !answers_) return;
  for (const WirePeer& asked : peers_) {
    if (asked.address != IpAddress(request.target)) continue;
    sim::ArpMessage reply;
    reply.operation = 2;
    reply.source_mac = reply.sender_mac = asked.mac;
    reply.destination_mac = reply.target_mac = request.sender_mac;
    reply.sender = request.target;
    reply.target = request.sender;
    fuzzed_.receive({Arrival{.bytes = build(reply)}});
    return;
  }
}

void SegmentPlayer::answer_solicitation(const sim::NdpMessage& asked) {
  if (asked.type != 135 || !answers_) return;
  for (const WirePeer& target : peers_) {
    if (target.address != IpAddress(asked.target)) continue;
    sim::NdpMessage advertisement;
    advertisement.type = 136;
    advertisement.source_mac = target.mac;
    advertisement.destination_mac = asked.source_mac;
    advertisement.source = advertisement.target = asked.target;
    advertisement.destination = asked.source;
    advertisement.solicited = advertisement.overrides = true;
    advertisement.target_option = target.mac;
    fuzzed_.receive({Arrival{.bytes = build(advertisement)}});
    return;
  }
}

// With a new ISN or the last one; offers what the operand says.
void SegmentPlayer::syn() {
  const std::uint8_t offer = input_->u8();
  WirePeer& from = peer();
  if ((offer & 16) != 0) from.iss = from.snd_nxt = from.snd_una = from.iss + (std::uint32_t{input_->u8()} << 12) + 1;
  sim::TcpPacket first = packet((offer & 32) != 0 ? kSyn | kAck : kSyn);
  if ((offer & wire::SynOffer::kMss) != 0) first.mss = (offer & 128) != 0 ? input_->u16() : std::uint16_t{1460};
  if ((offer & wire::SynOffer::kWindowScale) != 0)
    first.window_scale = (offer & 64) != 0 ? input_->u8() : std::uint8_t{3};
  if ((offer & wire::SynOffer::kSack) != 0) first.sack_permitted = true;
  if ((offer & wire::SynOffer::kTimestamps) != 0) {
    first.timestamps = sim::Timestamps{static_cast<std::uint32_t>(to_milliseconds(fuzzed_.now())),
                                       (offer & 32) != 0 ? from.last_timestamp : 0};
  }
  from.offered = offer & 15;
  put(first);
}

// Any flags, numbers from where they matter and a step to either side.
void SegmentPlayer::any_segment() {
  WirePeer& from = peer();
  const std::uint8_t shape = input_->u8();
  sim::TcpPacket made = packet(input_->u8());
  const std::uint32_t bases[] = {from.snd_nxt, from.snd_una, from.iss, from.snd_nxt + 65535};
  const std::uint32_t acks[] = {from.rcv_nxt, from.shard_max, from.irs, from.rcv_nxt - 65535};
  made.sequence = bases[shape & 3] + static_cast<std::uint32_t>(static_cast<std::int8_t>(input_->u8()));
  made.acknowledgment = acks[shape >> 2 & 3] + static_cast<std::uint32_t>(static_cast<std::int8_t>(input_->u8()));
  if ((shape & 16) != 0) made.window = input_->u16();
  if ((shape & 32) != 0) made.urgent_pointer = input_->u16();
  if ((shape & 64) != 0 && made.timestamps) {
    made.timestamps->value += static_cast<std::uint32_t>(static_cast<std::int8_t>(input_->u8())) << 24;
    made.timestamps->echo ^= input_->u32();
    from.honest = false;
  }
  if ((shape & 128) != 0) {
    const std::uint32_t length = kLengths[input_->u8() % 8];
    add_text(made, length, input_->u8() & 3);
  }
  from.sends(made);
  // It has gone out, but the peer goes on as if it had not.
  arrives(build(made));
}

// A frame that was sent already, with a few bytes changed and right checksums.
void SegmentPlayer::damaged_frame() {
  if (history_.empty()) return;
  sim::Bytes frame = history_[input_->u8() % history_.size()];
  const std::size_t headers = frame[12] == std::byte{0x86} ? 14 + 40 + 60 : 14 + 20 + 60;
  for (int changes = 1 + input_->u8() % 3; changes > 0; --changes) {
    const std::size_t at = input_->u8() % std::min(frame.size(), headers);
    frame[at] = static_cast<std::byte>(input_->u8());
  }
  sim::fix_checksums(frame);
  for (WirePeer& any : peers_) any.honest = false;
  service_->checks_text = false;
  burst_.push_back({.bytes = std::move(frame)});
  if (!collects_) flush();
}

void SegmentPlayer::segment_step(std::uint8_t operation) {
  WirePeer& from = peer();
  const std::uint8_t operand = operation >> 5;
  sim::TcpPacket made = packet(kAck);
  switch (operation & 15) {
    case 0:
      return syn();
    case 1:
      return put(made);
    case 2:
      add_text(made, kLengths[operand]);
      return put(made);
    case 3:  // beyond a gap, which stays the peer's to fill
      made.sequence += 1 + input_->u8() * 16U;
      add_text(made, kLengths[operand], input_->u8() & 3);
      from.sends(made);
      return arrives(build(made));
    case 4:  // again, from anywhere behind
      made.sequence = std::max<std::int32_t>(0, static_cast<std::int32_t>(from.snd_nxt - from.iss - 1)) == 0
                          ? from.iss + 1
                          : from.snd_nxt - std::min(input_->u8() * 16U + 1, from.snd_nxt - from.iss - 1);
      add_text(made, kLengths[operand], input_->u8() & 3);
      from.sends(made);
      return arrives(build(made));
    case 5:
      made.flags |= kFin;
      if (operand != 0) add_text(made, kLengths[operand]);
      return put(made);
    case 6:
      made.flags = (operand & 1) != 0 ? kRst | kAck : kRst;
      made.sequence = ((operand & 2) != 0 ? from.snd_una : from.snd_nxt) + (operand >> 2) * input_->u8();
      return arrives(build(made));
    case 7:
      return any_segment();
    case 8:  // acknowledges a part
      made.acknowledgment -= std::min<std::uint32_t>(from.rcv_nxt - from.irs, input_->u8() * 8U);
      return put(made);
    case 9:
      from.window = static_cast<std::uint16_t>(operand < 4 ? operand * 500U : input_->u16());
      return put(packet(kAck));
    case 10: {
      made.acknowledgment -= std::min<std::uint32_t>(from.rcv_nxt - from.irs, input_->u8() * 64U);
      for (std::uint32_t blocks = operand % 4 + 1U; blocks > 0; --blocks) {
        const std::uint32_t left = made.acknowledgment + input_->u8() * 16U;
        made.sack.push_back({left, left + static_cast<std::uint32_t>(static_cast<std::int8_t>(input_->u8()) * 16)});
      }
      return put(made);
    }
    case 11: {
      const auto options = input_->bytes(operand * 4U + 4);
      made.raw_options.assign(options.begin(), options.end());
      from.honest = false;
      return put(made);
    }
    case 12:  // the same ACK again and again
      for (std::uint32_t times = operand + 1U; times > 0; --times) put(made);
      return;
    case 13:
      if (!history_.empty()) arrives(sim::Bytes(history_[input_->u8() % history_.size()]));
      return;
    case 14:
      return damaged_frame();
    default:
      return shake_hands();
  }
}

void SegmentPlayer::service_step(std::uint8_t operation) {
  const std::uint8_t operand = operation >> 5;
  const std::size_t which = operand & 1;
  switch (operation & 7) {
    case 0:
      service_->send(which, kLengths[operand]);
      break;
    case 1:
      service_->send(which, 30'000);
      break;
    case 2:
      service_->connection(which).close();
      break;
    case 3:
      service_->connection(which).abort();
      break;
    case 4:
      service_->read(which, kLengths[operand]);
      break;
    case 5:
      service_->forward(which, operand >> 1 & 1, kLengths[operand]);
      break;
    case 6:
      fuzzed_.services_are_busy(which != 0);
      break;
    default:
      service_->reads = !service_->reads;
      service_->connection(0).set_nagle(which != 0);
      break;
  }
  run();
}

void SegmentPlayer::other_step(std::uint8_t operation) {
  const std::uint8_t operand = operation >> 5;
  switch (operation & 7) {
    case 0:
    case 1:
      flush();
      fuzzed_.advance(kPauses[operand]);
      return listen_to_shard();
    case 2:
      present_ = operand % peers_.size();
      return;
    case 3:
      collects_ = true;
      return;
    case 4:
      return flush();
    case 5:
      return connect();
    case 6: {
      shard::KeyEpoch keys;
      keys.parity = operand & 1;
      keys.keys[operand & 1] = {operand, 101};
      keys.keys[~operand & 1] = {operand + 1U, 101};
      return fuzzed_.shard().deliver(fuzzed_.now(), keys);
    }
    default:
      answers_ = !answers_;
      return;
  }
}

void SegmentPlayer::step() {
  const std::uint8_t operation = input_->u8();
  if ((operation & 16) == 0) {
    segment_step(operation);
  } else if ((operation & 8) == 0) {
    service_step(operation);
  } else {
    other_step(operation);
  }
}

void SegmentPlayer::play(std::size_t most_steps) {
  for (std::size_t steps = 0; steps < most_steps && !input_->empty(); ++steps) step();
  end();
}

void SegmentPlayer::end() {
  flush();
  fuzzed_.end();
}

}  // namespace levee::fuzz
