// The peer that a test plays: fills in what a TestSegment leaves open, compares what it names; see conversation.h.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "sim/conversation.h"

namespace levee::sim {

Peer::Peer(Conversation& talk, const PeerOptions& with)
    : iss(with.iss), snd_nxt(with.iss), window(with.window), options(with), talk_(&talk) {}

void Peer::sends(std::initializer_list<TestSegment> burst) {
  std::vector<Bytes> frames;
  frames.reserve(burst.size());
  for (const TestSegment& one : burst) {
    const TcpPacket packet = packet_of(one);
    if (packet.has(kSyn)) offered_timestamps_ = packet.timestamps.has_value();
    const std::uint32_t end = packet.sequence + packet.length();
    if (static_cast<std::int32_t>(end - snd_nxt) > 0 && !packet.has(kRst)) snd_nxt = end;
    frames.push_back(build(packet));
  }
  talk_->inject(frames);
}

Bytes Peer::frame_of(const TestSegment& segment) { return build(packet_of(segment)); }

TcpPacket Peer::packet_of(const TestSegment& segment) {
  TcpPacket packet;
  packet.source_mac = options.mac;
  packet.destination_mac = talk_->options().interfaces.front().mac;
  packet.vlan = talk_->options().interfaces.front().vlan;
  packet.source = options.address;
  packet.destination = talk_->shard_address(options.address);
  packet.source_port = options.tcp_port;
  packet.destination_port = options.shard_port;
  packet.flags = segment.flags;
  const bool is_first_syn = packet.has(kSyn) && !packet.has(kAck);
  packet.sequence = segment.sequence ? iss + *segment.sequence : packet.has(kSyn) ? iss : snd_nxt;
  if (packet.has(kAck)) packet.acknowledgment = segment.acknowledgment ? irs + *segment.acknowledgment : rcv_nxt;
  packet.window = segment.window.value_or(window);
  packet.mss = segment.max_segment_size;
  packet.window_scale = segment.window_scale;
  packet.sack_permitted = segment.permits_sack;
  packet.timestamps = segment.timestamps;
  const auto elapsed = to_milliseconds(talk_->now()) - to_milliseconds(Instant{});
  if (!packet.timestamps && timestamps_on && !segment.without_timestamps && !is_first_syn && !packet.has(kRst)) {
    packet.timestamps = Timestamps{timestamp_base + static_cast<std::uint32_t>(elapsed), last_timestamp};
  }
  for (const SackRange& range : segment.sack_ranges) packet.sack.push_back({irs + range.left, irs + range.right});
  packet.raw_options = segment.option_bytes;
  packet.urgent_pointer = segment.urgent_pointer.value_or(0);
  packet.traffic_class = static_cast<std::uint8_t>(segment.services.value_or(0) << 2 | segment.congestion.value_or(0));
  if (segment.payload) packet.payload = to_bytes(*segment.payload);
  return packet;
}

void Peer::learn(const TcpPacket& got) {
  if (got.has(kSyn)) {
    irs = got.sequence;
    rcv_nxt = irs;
    timestamps_on = got.timestamps.has_value() && (offered_timestamps_ || !got.has(kAck));
    if (options.shard_port == 0) options.shard_port = got.source_port;
  }
  if (got.timestamps) last_timestamp = got.timestamps->value;
  if (!got.has(kRst) && got.sequence == rcv_nxt) rcv_nxt += got.length();
}

Seen Peer::expects(const TestSegment& segment, const char* file, int line) {
  talk_->run();
  auto& sent = talk_->sent_;
  for (auto at = sent.begin(); at != sent.end(); ++at) {
    if (!at->parts.tcp) continue;
    const TcpPacket& got = *at->parts.tcp;
    if (got.destination != options.address || got.destination_port != options.tcp_port) continue;
    if (options.shard_port != 0 && got.source_port != options.shard_port) continue;
    if (got.has(kSyn)) irs = got.sequence;  // so that the comparison is relative to it
    const std::string wrong = differences(segment, got);
    if (!wrong.empty()) {
      ADD_FAILURE_AT(file, line) << "expected " << describe_wanted(segment) << "\n     got "
                                 << talk_->relative(got, true) << "\n     but " << wrong << "\n"
                                 << talk_->transcript();
    }
    Seen seen;
    static_cast<TcpPacket&>(seen) = got;
    seen.at = at->at;
    learn(got);
    sent.erase(at);
    return seen;
  }
  ADD_FAILURE_AT(file, line) << "expected " << describe_wanted(segment) << "\n     got nothing\n"
                             << talk_->transcript();
  return {};
}

void Peer::expects_nothing(const char* file, int line) {
  talk_->run();
  for (const auto& frame : talk_->sent_) {
    if (!frame.parts.tcp || frame.parts.tcp->destination != options.address) continue;
    if (frame.parts.tcp->destination_port != options.tcp_port) continue;
    ADD_FAILURE_AT(file, line) << "expected nothing\n     got " << talk_->relative(*frame.parts.tcp, true) << "\n"
                               << talk_->transcript();
    return;
  }
}

void Peer::opens(const HandshakeOptions& with, const char* file, int line) {
  TestSegment first = syn().mss(with.mss);
  if (with.scale >= 0) first.scale(static_cast<std::uint8_t>(with.scale));
  if (with.sack) first.sack_permitted();
  if (with.timestamps) {
    const auto elapsed = to_milliseconds(talk_->now());
    first.ts(timestamp_base + static_cast<std::uint32_t>(elapsed), 0);
  }
  sends(first);
  expects(syn_ack().ack(1), file, line);
  sends(ack());
}

std::string Peer::differences(const TestSegment& wanted, const TcpPacket& got) const {
  std::string wrong;
  const auto differs = [&wrong](const std::string& text) {
    if (!wrong.empty()) wrong += ", ";
    wrong += text;
  };
  // PSH is the sender's choice (RFC 9293 3.9.1.2) unless the test is about it.
  const std::uint8_t mask = wanted.says_push ? 0xff : static_cast<std::uint8_t>(~kPsh);
  if ((got.flags & mask) != (wanted.flags & mask)) differs("the flags differ");
  if (wanted.sequence && got.sequence - irs != *wanted.sequence) differs("seq differs");
  if (wanted.acknowledgment && got.acknowledgment - iss != *wanted.acknowledgment) differs("ack differs");
  if (wanted.window && got.window != *wanted.window) differs("win differs");
  if (wanted.payload && to_text(got.payload) != *wanted.payload) differs("the payload differs");
  if (wanted.payload_length && got.payload.size() != *wanted.payload_length) differs("the length differs");
  if (wanted.urgent_pointer && got.urgent_pointer != *wanted.urgent_pointer) differs("the urgent pointer differs");
  if (wanted.congestion && (got.traffic_class & 3) != *wanted.congestion) differs("the ECN field differs");
  if (wanted.services && got.traffic_class >> 2 != *wanted.services) differs("DSCP differs");
  if (wanted.max_segment_size && got.mss != wanted.max_segment_size) differs("mss differs");
  if (wanted.window_scale && got.window_scale != wanted.window_scale) differs("wscale differs");
  if (wanted.without_scale && got.window_scale) differs("wscale is there");
  if (wanted.permits_sack && !got.sack_permitted) differs("sackOK is missing");
  if (wanted.without_sack && (got.sack_permitted || !got.sack.empty())) differs("SACK is there");
  if (wanted.timestamps && got.timestamps != wanted.timestamps) differs("TS differs");
  if (wanted.timestamp_echo && (!got.timestamps || got.timestamps->echo != *wanted.timestamp_echo))
    differs("ecr differs");
  if (wanted.without_timestamps && got.timestamps) differs("TS is there");
  if (!wanted.sack_ranges.empty()) {
    std::vector<SackRange> ranges;
    for (const SackRange& range : got.sack) ranges.push_back({range.left - iss, range.right - iss});
    if (ranges != wanted.sack_ranges) differs("the SACK blocks differ");
  }
  return wrong;
}

std::string Peer::describe_wanted(const TestSegment& wanted) const {
  TcpPacket packet;
  packet.flags = wanted.flags;
  std::string text = sim::describe(packet);
  text = text.substr(text.find("Flags"));
  text = text.substr(0, text.find(" seq"));
  if (wanted.sequence) text += fmt::format(" seq {}", *wanted.sequence);
  if (wanted.acknowledgment) text += fmt::format(" ack {}", *wanted.acknowledgment);
  if (wanted.window) text += fmt::format(" win {}", *wanted.window);
  if (wanted.urgent_pointer) text += fmt::format(" urg {}", *wanted.urgent_pointer);
  if (wanted.congestion) text += fmt::format(" ecn {}", *wanted.congestion);
  if (wanted.services) text += fmt::format(" dscp {}", *wanted.services);
  if (wanted.max_segment_size) text += fmt::format(" mss {}", *wanted.max_segment_size);
  if (wanted.window_scale) text += fmt::format(" wscale {}", *wanted.window_scale);
  if (wanted.permits_sack) text += " sackOK";
  if (wanted.timestamps) text += fmt::format(" TS val {} ecr {}", wanted.timestamps->value, wanted.timestamps->echo);
  if (wanted.timestamp_echo) text += fmt::format(" TS ecr {}", *wanted.timestamp_echo);
  for (const SackRange& range : wanted.sack_ranges) text += fmt::format(" sack {}:{}", range.left, range.right);
  if (wanted.payload) text += fmt::format(" length {} \"{:.40}\"", wanted.payload->size(), *wanted.payload);
  if (wanted.payload_length) text += fmt::format(" length {}", *wanted.payload_length);
  return text;
}

}  // namespace levee::sim
