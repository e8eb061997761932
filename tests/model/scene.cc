// The conversations that lead to each state; see scene.h.
#include "model/scene.h"

#include <gtest/gtest.h>

#include "model/from_shard.h"

namespace levee::model {
namespace {

using namespace std::chrono_literals;
using sim::ack;
using sim::fin;
using sim::syn;
using sim::syn_ack;

// Smaller than one segment may be, so that a payload can be larger than the window.
constexpr std::uint32_t kWindow = 1200;
constexpr std::uint16_t kListens = 80, kDeaf = 81, kRemotePort = 8080, kClientPort = 40000;
constexpr std::uint32_t kPeerClock = 5000;
constexpr std::size_t kAckedBytes = 200, kOutstandingBytes = 100;

sim::ConversationOptions small_options() {
  sim::ConversationOptions options;
  ShardLimits& limits = options.shard.limits;
  limits.connections = limits.transfers = limits.half_open = limits.time_wait = limits.neighbours = 8;
  limits.slices = 64;
  limits.blanks = 68;
  limits.held_buffers = 64;
  limits.outgoing_per_transmit = limits.timers_per_expire = 16;
  options.buffers = 160;
  TcpOptions& tcp = options.shard.listeners.front().tcp;
  tcp.receive_buffer = kWindow;
  options.shard.active = tcp;
  return options;
}

Reply reply_of(const sim::TcpPacket& packet) {
  Reply reply;
  reply.seq = packet.sequence;
  if (packet.has(kAck)) reply.ack = packet.acknowledgment;
  const std::uint8_t flags = packet.flags & (kFin | kSyn | kRst | kAck);
  if (packet.payload.empty() && flags == kAck) reply.kind = Reply::Kind::Ack;
  if (flags == kRst) reply.kind = Reply::Kind::Rst;
  if (flags == (kRst | kAck)) reply.kind = Reply::Kind::RstAck;
  if (flags == (kSyn | kAck)) reply.kind = Reply::Kind::SynAck;
  return reply;
}

End end_of(const std::string& event) {
  if (event == "closed normal") return End::Normal;
  if (event == "closed reset") return End::Reset;
  if (event == "closed refused") return End::Refused;
  ADD_FAILURE() << "the user hears an end that no segment can be the cause of: " << event;
  return End::None;
}

}  // namespace

std::string name(const Place& place) {
  std::string text(levee::name(place.state));
  if (place.state == State::SynReceived) text += place.origin == Origin::Active ? " (active)" : " (passive)";
  return text;
}

const std::vector<Place>& places() {
  static const std::vector<Place> kPlaces = [] {
    std::vector<Place> all;
    for (std::size_t state = 0; state < kStateCount; ++state) all.push_back({static_cast<State>(state)});
    if (kSimultaneousOpen) all.push_back({State::SynReceived, Origin::Active});
    return all;
  }();
  return kPlaces;
}

Scene::Scene(const Place& place, const Options& options)
    : options_(options), talk_(std::make_unique<sim::Conversation>(small_options())) {
  talk_->ignores_the_rest();
  bring(place);
  while (talk_->next_frame()) {
  }
  talk_->service().events.clear();
  talk_->service().received.clear();
}

void Scene::bring(const Place& place) {
  const bool active = place.state == State::SynSent || place.origin == Origin::Active;
  if (active) return open_actively(place);
  peer_ = &talk_->add_peer({.tcp_port = kClientPort, .shard_port = place.state == State::Closed ? kDeaf : kListens});
  if (place.state == State::Closed || place.state == State::Listen) return;
  if (place.state == State::SynReceived) {
    sim::TestSegment first = syn().mss(1460);
    if (options_.timestamps) first.ts(kPeerClock, 0);
    peer_->sends(first);
    peer_->expects(syn_ack());
    return;
  }
  open_passively();
  if (options_.fresh) return;
  talk_a_little();
  switch (place.state) {
    case State::FinWait1:
      close_ours();
      break;
    case State::FinWait2:
      close_ours();
      peer_->sends(ack());
      break;
    case State::CloseWait:
      peer_->sends(fin().ack(kAckedBytes + 1));
      break;
    case State::LastAck:
      peer_->sends(fin().ack(kAckedBytes + 1));
      peer_->expects(ack());
      close_ours();
      break;
    case State::Closing:
      close_ours();
      peer_->sends(fin().ack(kAckedBytes + 1));
      break;
    case State::TimeWait:
      close_ours();
      peer_->sends(fin());
      break;
    default:
      break;
  }
}

void Scene::open_passively() {
  peer_->opens({.timestamps = options_.timestamps});
  connection_ = talk_->service().connection;
}

void Scene::open_actively(const Place& place) {
  peer_ = &talk_->add_peer({.tcp_port = kRemotePort, .shard_port = 0});
  const shard::ConnectResult result = talk_->shard().connect(talk_->now(), {peer_->options.address, kRemotePort}, 0);
  ASSERT_EQ(result.error, shard::ConnectError::None);
  connection_ = result.connection;
  peer_->expects(syn());
  if (place.state != State::SynReceived) return;
  peer_->sends(syn().mss(1460));  // RFC 9293 3.5, Figure 7: both begin at once
  peer_->expects(syn_ack());
}

// Both ways, so that ISS and SND.UNA, IRS and RCV.NXT are apart; then something of ours is outstanding.
void Scene::talk_a_little() {
  const std::string acked(kAckedBytes, 'a'), outstanding(kOutstandingBytes, 'o');
  EXPECT_EQ(connection_.send(std::as_bytes(std::span(acked))), acked.size());
  peer_->expects(sim::data(acked));
  talk_->service().consumes = !options_.closed_window;
  peer_->sends(sim::data(std::string(options_.closed_window ? kWindow : 100, 'p')));
  peer_->expects(ack());
  peer_->sends(ack());  // SND.WL1 = RCV.NXT
  EXPECT_EQ(connection_.send(std::as_bytes(std::span(outstanding))), outstanding.size());
  peer_->expects(sim::data(outstanding));
}

void Scene::close_ours() {
  connection_.close();
  peer_->expects(fin());
}

shard::FlowView Scene::view() const {
  const SocketAddress local{talk_->options().addresses.front().address, peer_->options.shard_port};
  const SocketAddress remote{peer_->options.address, peer_->options.tcp_port};
  return talk_->shard().view(local, remote);
}

Variables Scene::variables() const {
  const shard::FlowView kept = view();
  Variables seen = variables_of(kept);
  if (kept.state == State::TimeWait) seen.iss = peer_->irs;
  if (kept.state == State::Closed && peer_->options.shard_port == kListens) seen.state = State::Listen;
  if (seen.state == State::Closed || seen.state == State::Listen || seen.state == State::SynSent) {
    seen.rcv_nxt = peer_->iss;  // for the grid: what a segment's numbers are relative to
    seen.rcv_wnd = kWindow;
  }
  return seen;
}

std::uint32_t Scene::irs() const { return peer_->iss; }

Observation Scene::receives(const Segment& segment) {
  const shard::FlowView before = view();
  talk_->advance(5ms);  // so that a 2MSL that begins anew is seen to
  while (talk_->next_frame()) {
  }
  sim::TcpPacket packet;
  packet.source_mac = peer_->options.mac;
  packet.destination_mac = talk_->options().interfaces.front().mac;
  packet.source = peer_->options.address;
  packet.destination = talk_->options().addresses.front().address;
  packet.source_port = peer_->options.tcp_port;
  packet.destination_port = peer_->options.shard_port;
  packet.sequence = segment.seq;
  packet.acknowledgment = segment.ack;
  packet.flags = segment.flags;
  packet.window = segment.wnd;
  packet.urgent_pointer = segment.has(kUrg) ? 1 : 0;
  if (segment.has(kSyn)) packet.mss = 1460;
  if (segment.ts_value) packet.timestamps = sim::Timestamps{*segment.ts_value, peer_->last_timestamp};
  packet.payload.assign(segment.length, std::byte{'x'});
  talk_->inject(sim::build(packet));

  Observation seen;
  take_frames(seen);
  seen.text = static_cast<std::uint32_t>(talk_->service().received.size());
  const shard::FlowView after = view();
  seen.after = variables();
  seen.held = after.held.size() > before.held.size() || (after.fin_at && !before.fin_at);
  seen.restarts_2msl = before.state == State::TimeWait && after.two_msl_ends_ms != before.two_msl_ends_ms;
  if (after.reopening) {
    seen.beside_time_wait = true;
    seen.after.state = State::SynReceived;
  }
  take_events(seen);
  return seen;
}

void Scene::take_events(Observation& seen) {
  // The end is told when everything before it has been read.
  sim::RecordingService& service = talk_->service();
  if (options_.closed_window) service.read(connection_);
  talk_->run();
  for (const std::string& event : service.events) {
    seen.opened |= event == "opened";
    seen.peer_closed |= event == "peer_closed";
    if (event.starts_with("closed")) seen.end = end_of(event);
  }
}

void Scene::take_frames(Observation& seen) {
  while (const std::optional<sim::Bytes> frame = talk_->next_frame()) {
    const sim::Dissected parts = sim::dissect(*frame);
    if (!parts.tcp) continue;
    const Reply reply = reply_of(*parts.tcp);
    if (reply.kind == Reply::Kind::None || parts.tcp->destination_port != peer_->options.tcp_port) {
      seen.odd_frames.push_back(sim::describe(*frame));
    } else {
      seen.replies.push_back(reply);
    }
  }
}

}  // namespace levee::model
