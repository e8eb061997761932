// One host played by hand against levee: a plain TCP that does everything right, however slowly (it keeps no segment
// that is out of order, repeats from SND.UNA after a second, acknowledges each segment). Misbehaving peers (rogue.h)
// override the part that they do wrong, up to the instant when they are said to become honest.
//
// Whatever it does itself, it watches levee: every byte that levee sends must be the stream's, no segment may lie
// beyond the window that was ever offered or beyond what the acknowledged bytes allow in flight, and nothing may be
// acknowledged that was never sent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/random.h"
#include "levee/time.h"
#include "sim/packet.h"
#include "sim/plan.h"
#include "sim/stream.h"

namespace levee::sim {

struct RogueSetup {
  const ConnectionPlan* plan = nullptr;  // outlives the peer
  std::uint64_t seed = 0;
  bool opens = true;  // else levee does
  IpAddress own, levee;
  MacAddress own_mac, levee_mac;
  std::uint16_t own_port = 0, levee_port = 0;  // levee's: learnt from its SYN if it opens
  std::uint16_t mss = 1460;
  std::uint8_t scale = 0;  // with `scaling`
  bool scaling = true, timestamps = true, sack = true;
  bool link_duplicates = false;  // so any ACK may be followed by a duplicate
  Instant honest_from{};
};

class RoguePeer {
 public:
  using Send = std::function<void(Instant, const Bytes&)>;

  explicit RoguePeer(const RogueSetup& setup);
  virtual ~RoguePeer() = default;
  RoguePeer(const RoguePeer&) = delete;
  RoguePeer& operator=(const RoguePeer&) = delete;

  void attach(Send send) { send_ = std::move(send); }
  // A segment for its address has come, whole.
  void arrive(Instant now, const TcpPacket& packet);
  // levee sends this now: nothing that has been acknowledged to it or offered to it later can be its reason.
  void overhear(const TcpPacket& packet);
  void wake(Instant now);
  [[nodiscard]] Instant next_wake() const { return silent_ ? kNever : std::min(repeat_at_, tick_at_); }

  // The first thing that levee must not have done, or an empty string.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Both streams ended and both FINs are acknowledged, or a RST came.
  [[nodiscard]] bool finished() const { return reset_ || (fin_acked_ && fin_received_); }
  [[nodiscard]] bool was_reset() const { return reset_; }
  [[nodiscard]] bool silent() const { return silent_; }

  // More that it holds against the run as a whole.
  [[nodiscard]] virtual std::string verdict() const { return {}; }
  [[nodiscard]] const RogueSetup& setup() const { return setup_; }

 protected:
  // --- what a rogue may do in its own way ---
  virtual void acknowledge(const TcpPacket& got);     // something that takes up sequence space has come
  virtual void send_more();                           // text that the window allows, and FIN when it is due
  virtual std::uint32_t window() { return 200'000; }  // bytes to offer, or as many as the field can say
  virtual void touch(TcpPacket& /*packet*/) {}        // the last word about each segment of its own
  virtual void tick() {}                              // at tick_at_
  virtual void judge(const TcpPacket& /*got*/) {}     // more that levee must not do
  virtual bool bounds_flight() const { return true; }

  [[nodiscard]] bool misbehaves() const { return now_ < setup_.honest_from; }
  [[nodiscard]] TcpPacket blank(std::uint8_t flags) const;  // a segment of this connection at SND.NXT
  void emit(TcpPacket packet);                              // with timestamps, through touch()
  void replay(const TcpPacket& packet) {                    // as it is
    if (!silent_) send_(now_, build(packet));
  }
  void send_ack();
  void send_ack(std::uint32_t acknowledgment);
  // Text of its stream from `offset` on, and FIN if it ends there and the FIN is due.
  void send_text(std::uint64_t offset, std::size_t length);
  // What came beyond the window, as a probe does, was not taken.
  void give_up_beyond_edge();
  [[nodiscard]] bool is_beyond_edge(const TcpPacket& got) const;
  void fall_silent() { silent_ = true; }
  void fail(const std::string& what);

  [[nodiscard]] std::uint64_t acked_offset() const { return snd_una_ - iss_ - 1; }  // of its own stream, FIN included
  [[nodiscard]] std::uint64_t allowed_offset() const;  // up to where levee's window and the stream let it send
  [[nodiscard]] std::uint64_t to_send() const { return to_send_; }
  [[nodiscard]] const StreamOracle& stream() const { return own_stream_; }
  [[nodiscard]] std::uint32_t mss() const { return levee_mss_; }
  void send_syn();
  void start_again(std::uint32_t iss);  // another incarnation

  RogueSetup setup_;
  Random random_;
  Instant now_{};
  Instant tick_at_ = kNever;
  std::uint32_t iss_ = 0, snd_una_ = 0, snd_nxt_ = 0, snd_max_ = 0;
  std::uint32_t irs_ = 0, rcv_nxt_ = 0, seen_max_ = 0;  // of what has come, the highest sequence number
  bool opened_ = false, fin_received_ = false, fin_acked_ = false, reset_ = false;
  bool watches_offers_ = true;  // until someone else offers windows in its name
  bool watches_acks_ = true;    // until someone else has sent text, SYN or FIN in its name

 private:
  void take_handshake(const TcpPacket& packet);
  void take_ack(const TcpPacket& packet);
  void take_text(const TcpPacket& packet);
  void check_text(const TcpPacket& packet);
  [[nodiscard]] bool is_of_life_before(const TcpPacket& packet) const;
  [[nodiscard]] bool may_send() const;  // its turn, where the plan makes the server wait
  [[nodiscard]] bool close_due() const;

  Send send_;
  StreamOracle own_stream_{0}, levee_stream_{0};
  std::uint64_t to_send_ = 0, to_receive_ = 0;
  std::uint32_t levee_window_ = 0;
  std::uint16_t levee_mss_ = 536;
  std::uint8_t levee_scale_ = 0;
  std::optional<std::uint32_t> irs_before_;  // of the incarnation before this one
  bool scaling_on_ = false, timestamps_on_ = false;
  std::uint32_t last_timestamp_ = 0;
  std::uint32_t sent_max_ = 0;      // the highest sequence number that levee has put on the link
  std::uint32_t offered_edge_ = 0;  // the right edge of the largest window offered
  std::uint32_t acked_high_ = 0;    // the highest acknowledgment sent of what levee may have sent
  std::uint64_t duplicate_acks_ = 0;
  bool silent_ = false;
  Instant repeat_at_ = Instant::min();
  std::string failure_;
};

}  // namespace levee::sim
