#include "fuzz/wire_peer.h"

#include <fmt/format.h>

#include <algorithm>

#include "fuzz/target.h"
#include "wire/syn_offer.h"

namespace levee::fuzz {
namespace {

bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace

void WirePeer::sends(const sim::TcpPacket& packet) {
  const std::uint32_t end = packet.sequence + packet.length();
  if (packet.has(sim::kSyn)) {
    isns.insert(packet.sequence);
    mss = std::max(mss, packet.mss.value_or(address.is_v4() ? 536 : 1220));  // MUST-15
    syn_window = std::max(syn_window, packet.window);
    scale = std::max(scale, std::min<std::uint8_t>(packet.window_scale.value_or(0), 14));
  }
  if (packet.has(sim::kFin)) fins.insert(end - 1);
  if (before(highest_sent, end)) highest_sent = end;
  // Whether the shard took the window for scaled is not known: the furthest that it may have thought.
  if (!packet.has(sim::kAck)) return;
  const std::uint32_t right = packet.acknowledgment + (std::uint32_t{packet.window} << scale);
  if (!edge || before(*edge, right)) edge = right;
}

void WirePeer::check(const sim::TcpPacket& packet, const StreamService& service, std::uint16_t mtu) const {
  const auto wrong = [&](const char* what) { finding(fmt::format("{}: {}", what, sim::describe(packet, irs, iss))); };
  constexpr std::uint8_t kMost = sim::kSyn | sim::kFin | sim::kRst;
  const int controls = __builtin_popcount(packet.flags & kMost);
  if (controls > 1) wrong("SYN, FIN and RST exclude each other");
  if (controls == 0 && !packet.has(sim::kAck)) wrong("a segment without ACK (RFC 9293 3.10.7.4)");
  if (!packet.has(sim::kUrg) && packet.urgent_pointer != 0) wrong("an urgent pointer without URG");
  if (packet.has(sim::kRst) && !packet.payload.empty()) wrong("a RST with text");
  if (headers() + packet.raw_options.size() + packet.payload.size() > mtu) wrong("a segment above the MTU");
  if (packet.has(sim::kRst) || packet.has(sim::kSyn)) return;

  const StreamService::Stream* stream = service.stream_with({address, tcp_port}, shard_port);
  if (!packet.payload.empty()) {
    if (stream == nullptr) wrong("text on a connection that nobody opened");
    const std::uint32_t offset = packet.sequence - stream->out_base;
    if (offset > stream->sent.size() || packet.payload.size() > stream->sent.size() - offset) {
      wrong("text that the service did not send");
    }
    if (sim::to_text(packet.payload) != std::string_view(stream->sent).substr(offset, packet.payload.size())) {
      wrong("the service's text was changed");
    }
  }
  if (!honest || isns.size() != 1) return;
  // RFC 9293 3.8.6: beyond the window goes at most a probe of one byte.
  if (!packet.payload.empty() && edge &&
      before(*edge + 1, packet.sequence + static_cast<std::uint32_t>(packet.payload.size()))) {
    wrong("text beyond the window");
  }
  // RFC 9293 3.7.1; a smaller offer than 88 is raised to it (CVE-2019-11479).
  if (packet.payload.size() + packet.raw_options.size() > std::max<std::size_t>(mss, 88))
    wrong("a segment above the MSS");
  if (before(highest_sent, packet.acknowledgment)) wrong("acknowledges what was never sent");
}

void WirePeer::learn(const sim::TcpPacket& packet) {
  if (packet.has(sim::kRst)) return;
  if (packet.has(sim::kSyn)) {
    if (packet.sequence != irs) {
      irs = rcv_nxt = packet.sequence;
      shard_max = irs;
      edge = irs + 1 + syn_window;
    }
    timestamps =
        packet.timestamps.has_value() && ((offered & wire::SynOffer::kTimestamps) != 0 || !packet.has(sim::kAck));
  }
  if (packet.timestamps) last_timestamp = packet.timestamps->value;
  if (packet.has(sim::kAck)) snd_una = packet.acknowledgment;
  const std::uint32_t end = packet.sequence + packet.length();
  if (!before(rcv_nxt, packet.sequence) && before(rcv_nxt, end)) rcv_nxt = end;
  if (before(shard_max, end)) shard_max = end;
}

void WirePeer::hears(const sim::TcpPacket& packet, const StreamService& service, std::uint16_t mtu) {
  check(packet, service, mtu);
  learn(packet);
}

}  // namespace levee::fuzz
