// Peers that lie about what they have received or may receive.
#include <algorithm>
#include <memory>

#include "sim/rogue.h"

namespace levee::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Acknowledges what cannot have arrived yet: text that is in flight at best, or what was never sent (Savage et al.,
// "TCP congestion control with a misbehaving receiver"; RFC 9293 3.10.7.4: an ACK beyond SND.NXT gets an ACK and is
// dropped). The first keeps levee's windows full of claimed bytes, the second must change nothing.
class OptimisticAck final : public RoguePeer {
 public:
  explicit OptimisticAck(const RogueSetup& setup) : RoguePeer(setup), beyond_(random_.chance(0.5)) {}

 protected:
  void acknowledge(const TcpPacket& /*got*/) override {
    if (!misbehaves()) return send_ack();
    if (beyond_) {
      send_ack(rcv_nxt_ + 1'000'000 + static_cast<std::uint32_t>(random_.below(1 << 20)));
      if (random_.chance(0.1)) send_ack();
      return;
    }
    send_ack(fin_received_ ? rcv_nxt_ : seen_max_);
    for (int i = 0; i < 3; ++i) send_ack(seen_max_ + static_cast<std::uint32_t>(random_.below(4 * setup_.mss)));
  }

 private:
  bool beyond_;
};

// Many ACKs for each segment (RFC 3465): the congestion window grows by bytes, not by ACKs.
class AckDivision final : public RoguePeer {
 public:
  using RoguePeer::RoguePeer;

 protected:
  void acknowledge(const TcpPacket& got) override {
    const auto length = static_cast<std::uint32_t>(got.payload.size());
    if (!misbehaves() || length < 2 || got.sequence + got.length() != rcv_nxt_) return send_ack();
    const std::uint32_t parts = 2 + static_cast<std::uint32_t>(random_.below(30));
    for (std::uint32_t i = 1; i < parts; ++i) send_ack(got.sequence + std::max<std::uint32_t>(1, length * i / parts));
    send_ack();
  }
};

// SACK blocks without sense: of text that it has and drops (renegging, RFC 2018 8), of text never sent, reversed,
// huge, contradicting each other.
class SackFlood final : public RoguePeer {
 public:
  using RoguePeer::RoguePeer;

 protected:
  void touch(TcpPacket& packet) override {
    if (!misbehaves() || packet.has(kSyn)) return;
    const std::size_t blocks = random_.below(packet.timestamps ? 4 : 5);
    for (std::size_t i = 0; i < blocks; ++i) packet.sack.push_back(draw_block());
  }
  void acknowledge(const TcpPacket& /*got*/) override {
    const std::uint64_t copies = misbehaves() ? 1 + random_.below(4) : 1;
    for (std::uint64_t i = 0; i < copies; ++i) send_ack();
  }
  bool bounds_flight() const override { return false; }  // what is SACKed is not in flight

 private:
  SackRange draw_block() {
    const std::uint32_t ahead = std::max(seen_max_, rcv_nxt_) - rcv_nxt_;  // 0 behind its FIN
    const auto in_flight = [&] { return rcv_nxt_ + static_cast<std::uint32_t>(random_.below(ahead + 1)); };
    const auto anything = [&] { return static_cast<std::uint32_t>(random_.next()); };
    switch (random_.below(6)) {
      case 0:
        return {in_flight(), seen_max_};
      case 1:
        return {in_flight(), in_flight()};
      case 2:
        return {rcv_nxt_ + 1, rcv_nxt_ + 2 + static_cast<std::uint32_t>(random_.below(3000))};
      case 3:
        return {seen_max_, seen_max_ + static_cast<std::uint32_t>(random_.below(100'000))};
      case 4:
        return {anything(), anything()};
      default: {
        const std::uint32_t left = rcv_nxt_ - static_cast<std::uint32_t>(random_.below(5000));
        return {left, left + static_cast<std::uint32_t>(random_.below(5000))};
      }
    }
  }
};

// Closes its window and answers every probe with the same word (RFC 9293 3.8.6.1, MUST-37: the connection stays). It
// opens the window in the end.
class ZeroWindow final : public RoguePeer {
 public:
  explicit ZeroWindow(const RogueSetup& setup)
      : RoguePeer(setup), closes_after_(static_cast<std::uint32_t>(random_.below(20000))) {
    tick_at_ = setup.honest_from;
  }
  // The pause between probes doubles up to a minute: ten at first, and then one or two a minute.
  [[nodiscard]] std::string verdict() const override {
    const auto minutes = static_cast<std::uint64_t>((now_ - first_probe_) / std::chrono::minutes(1));
    return probes_ > 3 * (15 + 2 * minutes) ? std::to_string(probes_) + " probes into a closed window" : std::string();
  }

 protected:
  std::uint32_t window() override { return misbehaves() && rcv_nxt_ - irs_ > closes_after_ ? 0 : RoguePeer::window(); }
  void judge(const TcpPacket& got) override {
    const bool is_probe = is_beyond_edge(got) || (got.sequence == rcv_nxt_ - 1 && got.length() == 0);
    // Behind its FIN nothing is left to probe for; its ACKs stand where the FIN does, for want of a window.
    if (!misbehaves() || fin_received_ || window() != 0 || !is_probe) return;
    if (probes_++ == 0) first_probe_ = now_;
  }
  void acknowledge(const TcpPacket& got) override {
    if (misbehaves() && !got.has(kFin)) give_up_beyond_edge();
    send_ack();
  }
  void tick() override { send_ack(); }

 private:
  std::uint32_t closes_after_;
  std::uint64_t probes_ = 0;
  Instant first_probe_{};
};

// Takes back what it offered (RFC 9293 3.8.6, MUST-34).
class WindowShrinker final : public RoguePeer {
 public:
  explicit WindowShrinker(const RogueSetup& setup) : RoguePeer(setup) { tick_at_ = setup.honest_from; }

 protected:
  std::uint32_t window() override {
    if (!misbehaves()) return RoguePeer::window();
    return random_.chance(0.2) ? 0 : static_cast<std::uint32_t>(random_.below(random_.chance(0.5) ? 2000 : 65536));
  }
  void tick() override { send_ack(); }
};

// Offers a smaller MSS than any link has (CVE-2019-11479), down to 0.
class TinyMss final : public RoguePeer {
 public:
  explicit TinyMss(const RogueSetup& setup) : RoguePeer(setup) {
    setup_.mss = static_cast<std::uint16_t>(random_.below(100));
  }

 protected:
  void judge(const TcpPacket& got) override {
    if (got.payload.size() > std::max<std::size_t>(setup_.mss, 88)) fail("a segment is larger than the MSS");
  }
};

}  // namespace

std::unique_ptr<RoguePeer> make_optimistic_ack(const RogueSetup& setup) {
  return std::make_unique<OptimisticAck>(setup);
}
std::unique_ptr<RoguePeer> make_ack_division(const RogueSetup& setup) { return std::make_unique<AckDivision>(setup); }
std::unique_ptr<RoguePeer> make_sack_flood(const RogueSetup& setup) { return std::make_unique<SackFlood>(setup); }
std::unique_ptr<RoguePeer> make_zero_window(const RogueSetup& setup) { return std::make_unique<ZeroWindow>(setup); }
std::unique_ptr<RoguePeer> make_window_shrinker(const RogueSetup& setup) {
  return std::make_unique<WindowShrinker>(setup);
}
std::unique_ptr<RoguePeer> make_tiny_mss(const RogueSetup& setup) { return std::make_unique<TinyMss>(setup); }

}  // namespace levee::sim
