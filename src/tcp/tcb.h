// The transmission control block (RFC 9293 3.3.1) of a connection from SYN-SENT or ESTABLISHED until TIME-WAIT or
// CLOSED. Half-open passive connections and TIME-WAIT have compact records of their own (half_open.h, time_wait.h).
//
// A Tcb knows no addresses and reads no clock. What lies in queues is in a Transfer, lent from the shard's pool only
// while something is outstanding, so that an idle connection stays small.
#pragma once

#include <cstdint>

#include "base/index_pool.h"
#include "levee/options.h"
#include "levee/state.h"
#include "levee/stats.h"
#include "levee/time.h"
#include "tcp/congestion.h"
#include "tcp/reassembly.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/scoreboard.h"
#include "tcp/seq.h"
#include "tcp/slices.h"

namespace levee::tcp {

// The queues of a connection that has something outstanding, and what it knows of the flight that is on the road.
struct Transfer {
  SliceQueue send;     // from SND.UNA on: sent and unacknowledged first, then unsent
  SliceCursor cursor;  // where the next new byte lies
  SliceQueue receive;  // in order, waiting to be consumed; ends at RCV.NXT (before a FIN)
  Growth growth;
  Recovery recovery;
  Reassembly out_of_order;
  Scoreboard scoreboard;  // of [SND.UNA, SND.NXT), or empty: then only our FIN is on the road
  Seq full_sized_end;     // behind a segment of `mss` bytes that is on the road; with full_sized_sent
  bool full_sized_sent = false;
  Instant window_closed_at = kNever;  // since then the peer has taken nothing of `send`

  // As if newly made, without touching what an empty one does not look at.
  void reset();
};

// Which of the retransmission timers `retransmit_at` is (tcp/retransmission_timer.h).
enum class Alarm : std::uint8_t { Retransmission, TailProbe, Reordering };

// What floor 1 needs from its shard for the length of one call.
struct Env {
  Instant now;
  Stats& stats;
  const levee::TcpOptions& options;  // of the connection's listener, or for active opens
  IndexPool<Transfer>& transfers;
  SlicePool& slices;
  BlockStash& blocks;
  bool may_hold_text = true;     // false while the shard's payload holds nearly all the buffers that it may
  bool may_hold_segment = true;  // false while it holds them all: then not even who holds nothing may begin to

  [[nodiscard]] SliceMemory memory() const { return {slices, blocks}; }
};

// Bits of Tcb::events: what the service has not been told yet, in the order of telling.
inline constexpr std::uint8_t kOpenedEvent = 1, kUrgentEvent = 2, kDataEvent = 4, kPeerClosedEvent = 8,
                              kWritableEvent = 16, kReportEvent = 32, kClosedEvent = 64;

// Segments of zero length that get an ACK because they are wrong (RFC 5961 7): this many a second and connection.
inline constexpr std::uint8_t kChallengesPerSecond = 5;

struct Tcb {
  // --- send sequence space ---
  Seq una, nxt;               // SND.UNA, SND.NXT (highest sent + 1)
  Seq wl1, wl2;               // SND.WL1, SND.WL2
  std::uint32_t wnd = 0;      // SND.WND in bytes, unsigned and of 32 bits (MUST-1, REC-1)
  std::uint32_t max_wnd = 0;  // MAX.SND.WND (RFC 5961 5)
  Seq iss;
  // --- receive sequence space ---
  Seq rcv_nxt;                 // RCV.NXT
  Seq rcv_edge;                // right edge of the largest window ever advertised: RCV.NXT + RCV.WND
  Seq last_ack_sent;           // RFC 7323 4.3
  Seq fin_seq;                 // sequence number of the peer's FIN, with fin_arrived
  Seq dsack_begin, dsack_end;  // text that came twice, to be told with the next ACK (RFC 2883); with dsack_owed
  // --- urgent data (RFC 9293 3.8.5, RFC 6093) ---
  Seq snd_up;  // SND.UP, the octet after our urgent data (MUST-62); with urgent_queued
  Seq rcv_up;  // RCV.UP, the octet after the peer's; with urgent_announced
  // --- timestamps (RFC 7323) ---
  std::uint32_t ts_recent = 0;
  std::uint32_t ts_recent_age_ms = 0;  // when TS.Recent was set, low 32 bits of the millisecond clock
  std::uint32_t ts_offset = 0;
  // --- times ---
  Instant retransmit_at = kNever;  // retransmission, persist or SYN timer; one of them at a time
  Instant delayed_ack_at = kNever;
  Instant linger_until = kNever;  // FIN-WAIT-2 without a word from the peer
  Instant keepalive_at = kNever;
  Instant unacked_since = kNever;  // something is owed an ACK, or a probe an answer, since then: for R2 as a time
  Instant mss_raise_at = kNever;   // when the path is thought to carry mss_limit again
  Duration user_timeout{};         // R2 as a time; zero: as a number of retransmissions
  Seq rtt_seq;                     // an ACK beyond it ends the sample that is running
  Instant rtt_start{};
  RttEstimator rtt;
  Congestion congestion;

  std::uint32_t transfer = kNoIndex;
  std::uint32_t retransmits = 0;   // over the connection's life
  std::uint32_t last_text_ms = 0;  // when text was last sent, low 32 bits of the millisecond clock
  std::uint32_t challenge_second = 0;
  std::uint16_t mss = 536;        // effective: payload bytes per segment, options taken off (RFC 9293 3.7.1)
  std::uint16_t mss_limit = 536;  // the same without what was learnt about the path
  std::uint16_t pending_mss = 0;  // what an ICMP error says that is not believed yet; 0: none
  std::uint8_t snd_scale = 0, rcv_scale = 0;
  std::uint8_t backoff = 0;  // expiries since the last progress, or since a peer with a closed window answered: for R2
  std::uint8_t rto_shift = 0;         // doublings of the RTO (RFC 6298 5.5), kept until a valid sample (Karn)
  std::uint8_t quick_acks = 0;        // segments still to be acknowledged at once
  std::uint8_t segments_unacked = 0;  // in-order segments since the last ACK sent
  std::uint8_t challenges = 0;
  std::uint8_t events = 0;
  CloseCause cause = CloseCause::Normal;
  ErrorReport report = ErrorReport::Retransmitting;  // with kReportEvent
  std::uint8_t dscp = 0, ttl = 64;
  std::uint8_t keepalives = 0;  // probes sent since the peer was last heard
  Alarm alarm = Alarm::Retransmission;

  bool timestamps : 1 = false, sack : 1 = false, window_scaling : 1 = false, nagle : 1 = true;
  bool fin_queued : 1 = false;    // the user closed: FIN after everything queued
  bool fin_sent : 1 = false;      // SND.NXT is beyond our FIN
  bool fin_arrived : 1 = false;   // the peer's FIN was seen, perhaps out of order
  bool fin_received : 1 = false;  // and processed: RCV.NXT is beyond it
  bool ack_now : 1 = false;
  bool retransmit_first : 1 = false;  // the segment at SND.UNA is owed again, whatever the windows say
  bool tail_probe_owed : 1 = false;   // RFC 8985 7.3
  bool probe_unjudged : 1 = false;    // a tail loss probe of the last flight, which ended at SND.UNA (RFC 8985 7.4.2)
  bool ipv6 : 1 = false;
  bool force_send : 1 = false;  // the persist timer overrides silly window avoidance once
  bool probe_owed : 1 = false;  // zero-window probe
  bool persisting : 1 = false;  // retransmit_at is the persist timer's
  bool rtt_running : 1 = false;
  bool rst_owed : 1 = false;
  bool want_writable : 1 = false;  // send() accepted less than it was given
  bool syn_owed : 1 = false;       // active open: SYN to be sent (again)
  bool acked_a_lot : 1 = false;    // the ghost-ACK bound at ISS no longer matters
  bool urgent_queued : 1 = false, urgent_announced : 1 = false;
  bool dsack_owed : 1 = false;
  bool mss_proven : 1 = false;  // a segment of `mss` bytes has arrived
  bool keepalive : 1 = false, keepalive_owed : 1 = false;
  bool ecn : 1 = false;       // negotiated (RFC 3168 6.1.1)
  bool ece_owed : 1 = false;  // CE arrived: ECE on every ACK until the peer's CWR (RFC 3168 6.1.3)
  bool cwr_owed : 1 = false;  // the window was reduced for ECE: CWR on the next new text (RFC 3168 6.1.2)

  [[nodiscard]] State state() const { return state_; }
  // The only writer of the state; checks that RFC 9293 3.3.2 knows the transition, and counts it.
  void enter(State state, Stats& stats);

  [[nodiscard]] bool synchronized() const { return state_ >= State::Established; }
  [[nodiscard]] std::uint32_t flight() const { return nxt - una; }
  [[nodiscard]] bool idle() const { return transfer == kNoIndex; }
  // R2 as a time (RFC 9293 3.8.3).
  [[nodiscard]] Instant give_up_at() const {
    return user_timeout == Duration{} || unacked_since == kNever ? kNever : unacked_since + user_timeout;
  }
  // The earliest of the connection's deadlines.
  [[nodiscard]] Instant deadline() const {
    return std::min(std::min(std::min(retransmit_at, delayed_ack_at), std::min(linger_until, keepalive_at)),
                    give_up_at());
  }

 private:
  State state_ = State::Closed;
};

// The queues of `tcb`, borrowed from the pool if it has none; nullptr when the pool is empty.
[[nodiscard]] Transfer* borrow_transfer(Tcb& tcb, Env& env);
// What a connection of its own may change: RFC 9293's switches, as the options say at its start.
void take_options(Tcb& tcb, const levee::TcpOptions& options);
// Gives the queues back when nothing is in them.
void return_if_idle(Tcb& tcb, Env& env);
// Ends the connection: queues are emptied, timers stop, the service will be told.
void finish(Tcb& tcb, CloseCause cause, Env& env);

// The timestamp clock: 1 ms ticks (RFC 7323 5.4), offset per connection.
[[nodiscard]] inline std::uint32_t timestamp_clock(Instant now, std::uint32_t offset) {
  return static_cast<std::uint32_t>(to_milliseconds(now)) + offset;
}

// RCV.WND: what the largest advertised window leaves.
[[nodiscard]] inline std::uint32_t receive_window(const Tcb& tcb) {
  return tcb.rcv_edge > tcb.rcv_nxt ? tcb.rcv_edge - tcb.rcv_nxt : 0;
}

// Bytes in the queues.
[[nodiscard]] std::uint32_t unsent_and_unacked(const Tcb& tcb, const IndexPool<Transfer>& transfers);
[[nodiscard]] std::uint32_t readable(const Tcb& tcb, const IndexPool<Transfer>& transfers);
// Octets from the first readable one to the end of the peer's urgent data, which may not be there yet; 0: none.
[[nodiscard]] std::uint32_t urgent_offset(const Tcb& tcb, const IndexPool<Transfer>& transfers);

}  // namespace levee::tcp
