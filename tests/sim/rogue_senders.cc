// Peers that cut, repeat and mark their stream as no honest sender would.
#include <algorithm>
#include <memory>
#include <vector>

#include "sim/rogue.h"

namespace levee::sim {
namespace {

using std::chrono::milliseconds;

// One byte, one hole, and so on through the window (CVE-2018-5390, CVE-2018-6922); the holes are filled when it is
// honest. The receiver's ranges are bounded, and so is the work for each segment.
class EveryOtherByte final : public RoguePeer {
 public:
  using RoguePeer::RoguePeer;

 protected:
  void send_more() override {
    if (!misbehaves()) return RoguePeer::send_more();
    if (tick_at_ == kNever) tick_at_ = now_ + milliseconds(1 + random_.below(200));
  }
  void tick() override {
    const std::uint64_t first = acked_offset() + 1, end = allowed_offset();
    const std::uint64_t count = end > first ? std::min<std::uint64_t>((end - first + 1) / 2, 100) : 0;
    const bool backwards = random_.chance(0.3);
    for (std::uint64_t i = 0; i < count; ++i) send_text(first + 2 * (backwards ? count - 1 - i : i), 1);
    if (random_.chance(0.3) && end > acked_offset()) send_text(acked_offset(), 1);  // now and then one that is in order
    send_more();
  }
};

// Segments that overlap what was sent before, with other bytes there: the first byte to arrive is the stream's
// (Ptacek and Newsham; RFC 9293 3.10.7.4 leaves the choice). At most one hole is open at a time.
class Overlap final : public RoguePeer {
 public:
  explicit Overlap(const RogueSetup& setup) : RoguePeer(setup), sent_(to_send(), false) {}

 protected:
  void send_more() override {
    if (!misbehaves()) return RoguePeer::send_more();
    if (tick_at_ == kNever) tick_at_ = now_ + milliseconds(1 + random_.below(30));
  }
  void tick() override {
    const std::uint64_t end = allowed_offset();
    for (int i = 0; i < 4 && frontier_ < end; ++i) {
      if (random_.chance(0.3)) {
        const std::uint64_t hole = 1 + random_.below(200), far = frontier_ + hole;
        if (far < end) send_mixed(far, end);
      }
      const std::uint64_t back = std::min<std::uint64_t>(frontier_, random_.below(500));
      send_mixed(frontier_ - back, end);
      while (frontier_ < end && sent_[frontier_]) ++frontier_;
    }
    send_more();
  }

 private:
  // True bytes where none was sent, others where one was.
  void send_mixed(std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t length = std::min<std::uint64_t>(end - begin, 1 + random_.below(mss()));
    TcpPacket packet = blank(kAck);
    packet.sequence = iss_ + 1 + static_cast<std::uint32_t>(begin);
    packet.payload.resize(length);
    stream().fill(begin, packet.payload);
    for (std::uint64_t i = 0; i < length; ++i) {
      if (sent_[begin + i]) packet.payload[i] ^= std::byte{0x5a};
      sent_[begin + i] = true;
    }
    const std::uint32_t after = packet.sequence + static_cast<std::uint32_t>(length);
    if (static_cast<std::int32_t>(after - snd_max_) > 0) snd_max_ = after;
    emit(std::move(packet));
  }

  std::vector<bool> sent_;
  std::uint64_t frontier_ = 0;  // everything before it was sent
};

// URG and PSH on anything, with any pointer (RFC 9293 3.8.5, RFC 6093; CVE-2019-12255): the stream is in line.
class Urgent final : public RoguePeer {
 public:
  using RoguePeer::RoguePeer;

 protected:
  void touch(TcpPacket& packet) override {
    if (random_.chance(0.5)) packet.flags |= kUrg;
    if (random_.chance(0.5)) packet.flags |= kPsh;
    if (!random_.chance(0.3)) packet.urgent_pointer = static_cast<std::uint16_t>(random_.next());
  }
};

// Stops in the middle of anything, without a word, for ever: levee's records of it have an end in time.
class SilentDeath final : public RoguePeer {
 public:
  explicit SilentDeath(const RogueSetup& setup)
      : RoguePeer(setup), words_left_(1 + random_.below(random_.chance(0.5) ? 8 : 200)) {}

 protected:
  void touch(TcpPacket& /*packet*/) override {
    if (words_left_ == 0) fall_silent();
    --words_left_;
  }

 private:
  std::uint64_t words_left_;
};

// The same TCP port twice, and meanwhile the segments of the first life come again (RFC 9293 3.4.3, RFC 6191, RFC
// 7323 5): nothing of them may be taken for the second.
class OldDuplicates final : public RoguePeer {
 public:
  using RoguePeer::RoguePeer;

 protected:
  void touch(TcpPacket& packet) override {
    if (lives_ == 0 && old_.size() < 300) old_.push_back(packet);
  }
  void acknowledge(const TcpPacket& got) override {
    RoguePeer::acknowledge(got);
    if (finished() && lives_ == 0 && tick_at_ == kNever) tick_at_ = now_ + milliseconds(1 + random_.below(3000));
  }
  void tick() override {
    if (lives_++ == 0) {
      start_again(snd_max_ + 0x10000000U);
      wake(now_);
    }
    if (!misbehaves() || old_.empty()) return;
    for (std::uint64_t i = random_.below(4); i > 0; --i) replay(old_[random_.below(old_.size())]);
    tick_at_ = now_ + milliseconds(1 + random_.below(50));
  }

 private:
  std::vector<TcpPacket> old_;
  std::uint64_t lives_ = 0;
};

}  // namespace

std::unique_ptr<RoguePeer> make_every_other_byte(const RogueSetup& setup) {
  return std::make_unique<EveryOtherByte>(setup);
}
std::unique_ptr<RoguePeer> make_overlap(const RogueSetup& setup) { return std::make_unique<Overlap>(setup); }
std::unique_ptr<RoguePeer> make_urgent(const RogueSetup& setup) { return std::make_unique<Urgent>(setup); }
std::unique_ptr<RoguePeer> make_silent_death(const RogueSetup& setup) { return std::make_unique<SilentDeath>(setup); }
std::unique_ptr<RoguePeer> make_old_duplicates(const RogueSetup& setup) {
  return std::make_unique<OldDuplicates>(setup);
}

}  // namespace levee::sim
