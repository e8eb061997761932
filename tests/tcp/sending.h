// A connection that sends, as its peer sees it: opened with a round-trip time of 100 ms, and what was sent read as
// (sequence number, length) pairs.
#pragma once

#include <utility>
#include <vector>

#include "sim/conversation.h"

namespace levee::sim {

struct SendingOptions {
  bool sack = true;
  bool timestamps = false;
  bool ecn = false;
  std::uint16_t mss = 1000;
  Duration round_trip = std::chrono::milliseconds(100);
};

class Sending {
 public:
  using Sent = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

  explicit Sending(const SendingOptions& how = {}, ConversationOptions options = ConversationOptions())
      : talk(std::move(options)), peer(talk.peer()) {
    talk.ignores_the_rest();
    TestSegment open = how.ecn ? segment(kSyn | kEce | kCwr) : syn();
    open.mss(how.mss).scale(7);
    if (how.sack) open.sack_permitted();
    if (how.timestamps) open.ts(peer.timestamp_base, 0);
    peer.sends(open);
    peer.expects(how.ecn ? syn_ack().flag(kEce) : syn_ack());
    talk.advance(how.round_trip);
    peer.sends(ack());
    talk.run();
  }

  void sends(std::size_t length) {
    const std::string text(length, 'x');
    ASSERT_EQ(talk.service().connection.send(std::as_bytes(std::span(text))), length);
  }
  // What was sent since the last call, text only.
  [[nodiscard]] Sent sent() {
    talk.run();
    Sent all;
    while (const auto frame = talk.next_frame()) {
      const Dissected parts = dissect(*frame);
      if (!parts.tcp || parts.tcp->payload.empty()) continue;
      if (parts.tcp->timestamps) last_stamp = parts.tcp->timestamps->value;
      all.emplace_back(parts.tcp->sequence - peer.irs, static_cast<std::uint32_t>(parts.tcp->payload.size()));
    }
    return all;
  }
  [[nodiscard]] ConnectionInfo info() { return talk.service().connection.info(); }
  [[nodiscard]] std::uint64_t count(Counter counter) { return talk.stats()[counter]; }

  Conversation talk;
  Peer& peer;
  std::uint32_t last_stamp = 0;  // TSval of the last text
};

}  // namespace levee::sim
