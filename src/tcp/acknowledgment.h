// The fifth check of RFC 9293 3.10.7.4: what SEG.ACK and SEG.WND mean to the sender's side.
#pragma once

#include "tcp/segment.h"
#include "tcp/tcb.h"

namespace levee::tcp {

enum class AckVerdict : std::uint8_t {
  Fine,         // acceptable, perhaps old or duplicate
  Unacceptable  // acknowledges what was never sent, or is too old to be genuine: to be challenged (RFC 5961 5)
};

// Advances SND.UNA, updates the send window, feeds the estimator and congestion control, restarts or stops the
// retransmission timer. Sets the writable event.
[[nodiscard]] AckVerdict process_ack(Tcb& tcb, const Segment& segment, Env& env);

// Our FIN has been acknowledged.
[[nodiscard]] bool fin_acknowledged(const Tcb& tcb);

}  // namespace levee::tcp
