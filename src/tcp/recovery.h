// Loss recovery of one flight: fast recovery by SACK and RACK (RFC 6675, RFC 8985) or by duplicate ACKs (RFC 6582),
// recovery after a timeout (RFC 5681 3.1, RFC 6675 5.1), proportional rate reduction (RFC 6937), and taking back what
// turns out to have been no loss (RFC 3522, RFC 2883, RFC 4015). Says what is lost and how large cwnd is; tcp/output
// sends accordingly.
#pragma once

#include <cstdint>

#include "levee/time.h"
#include "tcp/rack.h"
#include "tcp/scoreboard.h"
#include "tcp/seq.h"

namespace levee::tcp {

struct Tcb;
struct Transfer;
struct Env;
struct Segment;

// RFC 6937: spreads the reduction of a recovery over the ACKs that it takes.
struct RateReduction {
  std::uint32_t flight = 0;     // RecoverFS
  std::uint32_t delivered = 0;  // prr_delivered
  std::uint32_t out = 0;        // prr_out
};

// What to go back to if nothing was lost.
struct Undo {
  bool possible = false;
  bool stamped = false;
  Seq from;                        // SND.UNA when the reduction began
  std::uint32_t resent = 0;        // octets sent again that no D-SACK has called superfluous
  std::uint32_t resent_stamp = 0;  // TSval of the first retransmission, with `stamped`
  std::uint32_t cwnd = 0, ssthresh = 0, w_max = 0;
};

// A tail loss probe (RFC 8985 7) that is on the road.
struct TailProbe {
  bool outstanding = false;
  bool resent = false;  // it carried nothing new
  Seq end;
};

struct Recovery {
  enum class Phase : std::uint8_t {
    Open,
    Fast,     // fast recovery
    Timeout,  // the retransmission timer has expired; slow start
  };
  Phase phase = Phase::Open;
  std::uint8_t duplicate_acks = 0;  // without SACK
  bool point_valid = false;
  bool ecn_reduced = false;  // for marks up to ecn_point
  bool cwnd_limited = false;
  Seq point;  // RecoveryPoint (RFC 6675), recover (RFC 6582): SND.NXT when the loss was found
  Seq ecn_point;
  std::uint32_t duplicate_bytes = 0;  // without SACK: what duplicate ACKs say has left the network
  RateReduction reduction;
  Undo undo;
  Rack rack;
  TailProbe probe;
};

// What an acceptable ACK brought. SND.UNA has been advanced, the scoreboard has not.
struct AckNews {
  std::uint32_t acked = 0;   // octets of sequence space
  std::uint32_t flight = 0;  // outstanding before it
  bool duplicate = false;    // RFC 5681 2
};
struct AckResult {
  std::uint32_t rtt_us = 0;    // 0: the ACK gives no unambiguous round-trip time
  std::uint32_t wait_us = 0;   // RACK wants to look again then; 0: no
  bool restart_timer = false;  // RFC 6298 5.3, RFC 8985 7.2
};
[[nodiscard]] AckResult recover(Tcb& tcb, Transfer& transfer, const Segment& segment, const AckNews& news, Env& env);

// The retransmission timer has expired; `first` for the first time on this segment.
void time_out_flight(Tcb& tcb, Transfer& transfer, bool first, Env& env);
// RACK's timer has expired.
void reordering_timeout(Tcb& tcb, Transfer& transfer, Env& env);

// Text has left: new, or again.
void text_sent(const Tcb& tcb, Transfer& transfer, Seq begin, Seq end, const Env& env);
void text_resent(const Tcb& tcb, Transfer& transfer, Seq begin, Seq end, const Env& env);

// What is believed to be on the road.
[[nodiscard]] std::uint32_t pipe(const Tcb& tcb, const Transfer& transfer);

}  // namespace levee::tcp
