// What a shard keeps of one flow, whatever the kind of its record: a copy for the simulator's model and for tests of
// whole states. Services have levee::ConnectionInfo instead.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "levee/state.h"

namespace levee::shard {

// Sequence numbers are absolute. What a record does not keep is 0.
struct FlowView {
  State state = State::Closed;  // CLOSED: nothing is kept of this tuple
  bool active = false;          // this side sent the first SYN (RFC 9293 MUST-11)
  bool reopening = false;       // TIME-WAIT: a half-open record of a new incarnation waits beside it
  std::uint32_t iss = 0, snd_una = 0, snd_nxt = 0;
  std::uint32_t snd_wnd = 0, max_snd_wnd = 0;  // bytes
  std::uint32_t snd_wl1 = 0, snd_wl2 = 0;
  std::uint32_t rcv_nxt = 0, rcv_wnd = 0;  // bytes
  struct Range {
    std::uint32_t begin = 0, end = 0;
  };
  std::vector<Range> held;              // text beyond RCV.NXT, in order
  std::optional<std::uint32_t> fin_at;  // where the peer's FIN stands, beyond RCV.NXT
  std::uint32_t ts_recent = 0;
  std::uint32_t two_msl_ends_ms = 0;  // TIME-WAIT: low 32 bits of the millisecond clock
  std::uint8_t snd_scale = 0;
  bool fin_sent = false;     // SND.NXT is beyond our FIN
  bool timestamps = false;   // agreed upon (RFC 7323)
  bool acked_a_lot = false;  // too much to compare an ACK with the ISS
  bool ack_waits = false;    // a delayed ACK is owed
};

}  // namespace levee::shard
