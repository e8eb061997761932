// Congestion control: slow start, congestion avoidance, fast retransmit (RFC 5681), initial window of ten segments
// (RFC 6928) and NewReno's fast recovery (RFC 6582). Knows bytes and sequence numbers, no clock and no queue.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tcp/seq.h"

namespace levee::tcp {

struct NewReno {
  std::uint32_t cwnd = 0;               // bytes
  std::uint32_t ssthresh = 0x7fffffff;  // bytes; "arbitrarily high" (RFC 5681 3.1)
  Seq recover;                          // RFC 6582: highest sequence sent when loss was found
  std::uint8_t dup_acks = 0;
  bool in_recovery = false;
  bool partial_seen = false;   // in this recovery; only the first partial ACK restarts the timer
  bool recover_valid = false;  // `recover` says something: a loss has been seen that is not yet behind us

  // RFC 6928: min(10 MSS, max(2 MSS, 14600)), with the segment count as an option.
  void open(std::uint32_t mss, std::uint32_t segments, Seq iss) {
    cwnd = initial_window(mss, segments);
    recover = iss;
  }

  // A duplicate ACK came. Returns true when the first unacknowledged segment is to be retransmitted now.
  bool on_duplicate_ack(Seq una, Seq nxt, std::uint32_t mss) {
    if (in_recovery) {
      cwnd = saturating(cwnd, mss);  // RFC 6582 3.2 (3): inflate
      return false;
    }
    if (dup_acks < 255) ++dup_acks;
    // RFC 6582 3.2 (2): not for losses of a window that is being recovered already.
    if (dup_acks != 3 || (recover_valid && una <= recover)) return false;
    ssthresh = half_flight(nxt - una, mss);
    recover = nxt;
    recover_valid = in_recovery = true;
    partial_seen = false;
    cwnd = ssthresh + 3 * mss;
    return true;
  }

  struct Ack {
    bool retransmit_first = false;  // partial ACK: the next hole is at SND.UNA
    bool restart_timer = true;
  };

  // `acked` new bytes were acknowledged, SND.UNA is now `una`; `flight` is what was outstanding before.
  Ack on_ack(Seq una, std::uint32_t acked, std::uint32_t flight, std::uint32_t mss) {
    dup_acks = 0;
    if (in_recovery) {
      if (una >= recover) {  // full acknowledgment
        cwnd = std::min(ssthresh, std::max(flight - std::min(flight, acked), mss) + mss);
        in_recovery = false;  // `recover` stays: duplicates of this window must not start another recovery
        return {};
      }
      cwnd -= std::min(cwnd, acked);
      if (acked >= mss) cwnd = saturating(cwnd, mss);
      cwnd = std::max(cwnd, mss);
      const bool first = !partial_seen;
      partial_seen = true;
      return {.retransmit_first = true, .restart_timer = first};
    }
    if (recover_valid && una > recover) recover_valid = false;
    if (cwnd < ssthresh) {
      cwnd = saturating(cwnd, std::min(acked, mss));
    } else {
      cwnd = saturating(cwnd, std::max(1U, static_cast<std::uint32_t>(std::uint64_t{mss} * mss / cwnd)));
    }
    return {};
  }

  // The retransmission timer expired (RFC 5681 3.1 (4), RFC 6582 4); `first` for the first time on this segment.
  void on_timeout(Seq nxt, std::uint32_t flight, std::uint32_t mss, bool first) {
    if (first) ssthresh = half_flight(flight, mss);
    cwnd = mss;
    recover = nxt;
    recover_valid = true;
    in_recovery = false;
    dup_acks = 0;
  }

  // RFC 5681 4.1: what was learnt about the path is stale after an idle time of more than one RTO.
  void on_idle(std::uint32_t mss, std::uint32_t segments) { cwnd = std::min(cwnd, initial_window(mss, segments)); }

  // What may be outstanding: limited transmit (RFC 3042) lets the first two duplicate ACKs send new data.
  [[nodiscard]] std::uint32_t window(std::uint32_t mss) const {
    const std::uint32_t extra = in_recovery || dup_acks > 2 ? 0U : dup_acks * mss;
    return saturating(cwnd, extra);
  }

 private:
  static constexpr std::uint32_t kLimit = 0x3fffffff;  // the largest window that can be advertised (RFC 7323 2.3)
  static std::uint32_t initial_window(std::uint32_t mss, std::uint32_t segments) {
    return std::min(segments * mss, std::max(2 * mss, segments * 1460U));
  }
  static std::uint32_t saturating(std::uint32_t a, std::uint32_t b) { return std::min(kLimit, a + b); }
  static std::uint32_t half_flight(std::uint32_t flight, std::uint32_t mss) { return std::max(flight / 2, 2 * mss); }
};

}  // namespace levee::tcp
