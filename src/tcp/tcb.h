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
#include "tcp/newreno.h"
#include "tcp/reassembly.h"
#include "tcp/rtt.h"
#include "tcp/seq.h"
#include "tcp/slices.h"

namespace levee::tcp {

// The queues of a connection that has something outstanding.
struct Transfer {
  SliceQueue send;     // from SND.UNA on: sent and unacknowledged first, then unsent
  SliceCursor cursor;  // where the next new byte lies
  SliceQueue receive;  // in order, waiting to be consumed; ends at RCV.NXT (before a FIN)
  Reassembly out_of_order;
};

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
inline constexpr std::uint8_t kOpenedEvent = 1, kDataEvent = 2, kPeerClosedEvent = 4, kWritableEvent = 8,
                              kClosedEvent = 16;

// Segments of zero length that get an ACK because they are wrong (RFC 5961 7): this many a second and connection.
inline constexpr std::uint8_t kChallengesPerSecond = 5;

struct Tcb {
  // --- send sequence space ---
  Seq una, nxt;               // SND.UNA, SND.NXT (highest sent + 1)
  Seq rtx;                    // next to retransmit after a timeout; == nxt when nothing is to be repeated
  Seq wl1, wl2;               // SND.WL1, SND.WL2
  std::uint32_t wnd = 0;      // SND.WND in bytes
  std::uint32_t max_wnd = 0;  // MAX.SND.WND (RFC 5961 5)
  Seq iss;
  // --- receive sequence space ---
  Seq rcv_nxt;        // RCV.NXT
  Seq rcv_edge;       // right edge of the largest window ever advertised: RCV.NXT + RCV.WND
  Seq last_ack_sent;  // RFC 7323 4.3
  Seq fin_seq;        // sequence number of the peer's FIN, with fin_arrived
  // --- timestamps (RFC 7323) ---
  std::uint32_t ts_recent = 0;
  std::uint32_t ts_recent_age_ms = 0;  // when TS.Recent was set, low 32 bits of the millisecond clock
  std::uint32_t ts_offset = 0;
  // --- times ---
  Instant retransmit_at = kNever;  // retransmission, persist or SYN timer; one of them at a time
  Instant delayed_ack_at = kNever;
  Instant linger_until = kNever;  // FIN-WAIT-2 without a word from the peer
  Seq rtt_seq;                    // an ACK beyond it ends the sample that is running
  Instant rtt_start{};
  RttEstimator rtt;
  NewReno congestion;

  std::uint32_t transfer = kNoIndex;
  std::uint32_t retransmits = 0;   // over the connection's life
  std::uint32_t last_text_ms = 0;  // when text was last sent, low 32 bits of the millisecond clock
  std::uint32_t challenge_second = 0;
  std::uint16_t mss = 536;  // effective: payload bytes per segment, options taken off (RFC 9293 3.7.1)
  std::uint8_t snd_scale = 0, rcv_scale = 0;
  std::uint8_t backoff = 0;  // expiries since the last progress, or since a peer with a closed window answered: for R2
  std::uint8_t rto_shift = 0;         // doublings of the RTO (RFC 6298 5.5), kept until a valid sample (Karn)
  std::uint8_t quick_acks = 0;        // segments still to be acknowledged at once
  std::uint8_t segments_unacked = 0;  // in-order segments since the last ACK sent
  std::uint8_t challenges = 0;
  std::uint8_t events = 0;
  CloseCause cause = CloseCause::Normal;

  bool timestamps : 1 = false, sack : 1 = false, window_scaling : 1 = false, nagle : 1 = true;
  bool fin_queued : 1 = false;    // the user closed: FIN after everything queued
  bool fin_sent : 1 = false;      // SND.NXT is beyond our FIN
  bool fin_arrived : 1 = false;   // the peer's FIN was seen, perhaps out of order
  bool fin_received : 1 = false;  // and processed: RCV.NXT is beyond it
  bool ack_now : 1 = false;
  bool retransmit_first : 1 = false;  // fast retransmit owed
  bool force_send : 1 = false;        // the persist timer overrides silly window avoidance once
  bool probe_owed : 1 = false;        // zero-window probe
  bool persisting : 1 = false;        // retransmit_at is the persist timer's
  bool rtt_running : 1 = false;
  bool rst_owed : 1 = false;
  bool want_writable : 1 = false;  // send() accepted less than it was given
  bool syn_owed : 1 = false;       // active open: SYN to be sent (again)
  bool acked_a_lot : 1 = false;    // the ghost-ACK bound at ISS no longer matters

  [[nodiscard]] State state() const { return state_; }
  // The only writer of the state; checks that RFC 9293 3.3.2 knows the transition, and counts it.
  void enter(State state, Stats& stats);

  [[nodiscard]] bool synchronized() const { return state_ >= State::Established; }
  [[nodiscard]] std::uint32_t flight() const { return nxt - una; }
  [[nodiscard]] bool idle() const { return transfer == kNoIndex; }
  // The earliest of the connection's deadlines.
  [[nodiscard]] Instant deadline() const { return std::min({retransmit_at, delayed_ack_at, linger_until}); }

 private:
  State state_ = State::Closed;
};

// The queues of `tcb`, borrowed from the pool if it has none; nullptr when the pool is empty.
[[nodiscard]] Transfer* borrow_transfer(Tcb& tcb, Env& env);
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

}  // namespace levee::tcp
