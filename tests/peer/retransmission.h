// When a client repeats what is not acknowledged: RFC 6298's timeout and RFC 8985's loss probe, both as Linux has them.
// Follows what Linux 6.18 was seen to send at its defaults, over round trips of 0, 20, 100 and 300 ms, with
// everything from it lost but the SYN: retransmission_test.cc has the times.
#pragma once

#include "peer/client.h"

namespace levee::peer {

void sample_rtt(Client& client, Duration rtt);

// With what backing off the timeouts so far have earned.
[[nodiscard]] Duration rto(const Client& client, const Rules& rules);

// Where the last piece that was sent begins, or what is left of it: an offset.
[[nodiscard]] std::uint32_t last_piece(const Client& client);

// Something is outstanding: sets `retransmit_at` and `probing`. The first timer of a flight is a loss probe's, if the
// server knows SACK: one until everything sent by then, or before an RTO, is acknowledged (RFC 8985 7.2, 7.4.1).
void arm_retransmission(Client& client, Instant now, const Rules& rules);

}  // namespace levee::peer
