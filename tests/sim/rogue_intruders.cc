// Attackers beside an honest conversation: one who sees nothing of it, and one who sees everything.
#include <algorithm>
#include <memory>
#include <utility>

#include "sim/rogue.h"

namespace levee::sim {
namespace {

using std::chrono::milliseconds;

// What both have: an honest conversation, and segments of their own put in between with its addresses.
class Intruder : public RoguePeer {
 public:
  explicit Intruder(const RogueSetup& setup) : RoguePeer(setup) { tick_at_ = Instant::min(); }

 protected:
  // Past everything that was sent, so not RCV.NXT when it arrives, but within the window.
  std::uint32_t in_window() { return snd_max_ + 64 + static_cast<std::uint32_t>(random_.below(400)); }
  std::uint32_t outside() { return snd_max_ + 0x20000000U + static_cast<std::uint32_t>(random_.below(0x40000000)); }
  // RFC 5961 5.2: neither in [SND.UNA - MAX.SND.WND, SND.NXT] nor near it.
  std::uint32_t wrong_ack() { return seen_max_ + 0x20000000U + static_cast<std::uint32_t>(random_.below(0x40000000)); }
  Bytes garbage() {
    Bytes bytes(1 + random_.below(500));
    random_.fill(bytes);
    return bytes;
  }
  // Not through emit(): it is nobody's word about windows and acknowledgments.
  void inject(TcpPacket packet) {
    packet.window = static_cast<std::uint16_t>(random_.next());
    replay(packet);
  }
};

// Blind: it knows the addresses and TCP ports, and guesses at best that a sequence number is in the window (RFC 5961).
// Nothing that it sends may end the conversation or get into it.
class Blind final : public Intruder {
 public:
  using Intruder::Intruder;

 protected:
  void tick() override {
    if (!misbehaves() || finished()) return;
    if (opened_) inject(draw());
    tick_at_ = now_ + milliseconds(1 + random_.below(100));
  }

 private:
  TcpPacket draw() {
    TcpPacket packet = blank(kAck);
    packet.acknowledgment = wrong_ack();
    packet.sequence = random_.chance(0.5) ? in_window() : outside();
    switch (random_.below(8)) {
      case 0:
      case 1:
        packet.flags = kRst;
        break;
      case 2:
        packet.flags = kRst | kAck;
        break;
      case 3:
        packet.flags = kSyn;
        break;
      case 4:
        packet.flags = kSyn | kAck;
        break;
      case 5:
        packet.flags = kFin | kAck;
        break;
      case 6:
        packet.payload = garbage();
        break;
      default:  // a ghost of the time before the handshake (CVE-2023-52881), or nothing at all
        packet.acknowledgment = irs_ - 1 - static_cast<std::uint32_t>(random_.below(0x40000000));
        packet.payload = garbage();
        break;
    }
    return packet;
  }
};

// On the path: every number is right. It may end the conversation; it may not break anything else, and text that comes
// a second time is not delivered a second time, whatever it says.
class OnPath final : public Intruder {
 public:
  explicit OnPath(const RogueSetup& setup) : Intruder(setup) { watches_offers_ = false; }

 protected:
  void tick() override {
    if (!misbehaves() || finished()) return;
    if (opened_) inject(draw());
    tick_at_ = now_ + milliseconds(1 + random_.below(300));
  }
  bool bounds_flight() const override { return false; }  // it may acknowledge what is still on the road

 private:
  TcpPacket draw() {
    TcpPacket packet = blank(kAck);
    packet.sequence = snd_una_;
    switch (random_.below(7)) {
      case 0:
        packet.flags = random_.chance(0.1) ? kRst : kAck;
        sent_rst_ |= packet.has(kRst);
        watches_acks_ &= !sent_rst_;
        break;
      case 1:  // opens another conversation if a RST ended this one
        packet.flags = kSyn;
        break;
      case 2:
        packet.flags = kSyn | kAck;
        packet.sequence = iss_;
        break;
      case 3: {  // bytes that were acknowledged, changed
        // Not from the first byte on if a RST may have ended this one: with the handshake's numbers it carries the
        // cookie, and would open another conversation with text of its own (RFC 4987 3.6).
        const std::uint64_t not_first = sent_rst_ && acked_offset() > 0 ? 1 : 0;
        const std::uint64_t most = std::min<std::uint64_t>(acked_offset() - not_first, 500);
        packet.payload.resize(most);
        random_.fill(packet.payload);
        packet.sequence = snd_una_ - static_cast<std::uint32_t>(most);
        break;
      }
      case 4:
        packet.acknowledgment = rcv_nxt_ - static_cast<std::uint32_t>(random_.below(60000));
        break;
      case 5:
        packet.acknowledgment = seen_max_ + 1 + static_cast<std::uint32_t>(random_.below(60000));
        break;
      default:
        packet.sequence = outside();
        packet.flags = kRst;
        break;
    }
    return packet;
  }

  bool sent_rst_ = false;  // with the right number
};

}  // namespace

std::unique_ptr<RoguePeer> make_blind(const RogueSetup& setup) { return std::make_unique<Blind>(setup); }
std::unique_ptr<RoguePeer> make_on_path(const RogueSetup& setup) { return std::make_unique<OnPath>(setup); }

}  // namespace levee::sim
