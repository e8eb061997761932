// RACK (RFC 8985 6): a segment is lost when one that was sent after it has arrived and it had time enough to arrive,
// too. Time, not the count of duplicates, tells loss from reordering; and retransmissions that are lost are found in
// the same way.
#pragma once

#include <cstdint>

#include "tcp/scoreboard.h"

namespace levee::tcp {

struct Rack {
  LatestSent latest;  // RACK.xmit_ts and RACK.end_seq: the most recently sent of what has arrived
  std::uint32_t rtt_us = 0;
  std::uint32_t min_rtt_us = 0;     // 0: none yet
  std::uint32_t min_rtt_at_ms = 0;  // when it was measured; forgotten after five minutes
  Seq dsack_round;                  // D-SACKs count again from here on, with in_dsack_round
  std::uint8_t multiplier = 1;      // RACK.reo_wnd_mult
  std::uint8_t persist = 0;         // RACK.reo_wnd_persist: recoveries until the multiplier is 1 again
  bool in_dsack_round = false;
  bool reordering_seen = false;
};

struct RackClock {
  std::uint32_t now_us = 0;
  std::uint32_t now_ms = 0;
};

// Steps 1 to 3: what `delivery` says. `echo_is_old`: a timestamp shows that the ACK was caused by an earlier
// transmission than the last one.
void rack_delivered(Rack& rack, const Delivery& delivery, bool echo_is_old, RackClock clock);
// Step 4: a duplicate was reported (RFC 2883): the window was too small. Once per round trip.
void rack_duplicate(Rack& rack, Seq una, Seq nxt);
void rack_recovered(Rack& rack);
// `hurry`: recovery is on, or enough has arrived behind a hole (RFC 8985 6.2, step 4).
[[nodiscard]] std::uint32_t reordering_window_us(const Rack& rack, bool hurry, std::uint32_t srtt_us);
// Step 5: marks lost what is due; returns in how many microseconds to look again, 0: not at all.
[[nodiscard]] std::uint32_t rack_detect(const Rack& rack, Scoreboard& scoreboard, std::uint32_t now_us,
                                        std::uint32_t window_us);

}  // namespace levee::tcp
