// Loss found without SACK: duplicate ACKs and partial ACKs (RFC 5681 3.2, RFC 6582).
#pragma once

#include <cstdint>

#include "tcp/recovery.h"
#include "tcp/tcb.h"

namespace levee::tcp {

inline constexpr std::uint32_t kDupThresh = 3;  // RFC 5681 3.2, RFC 6675 2

// How much an ACK says has left the network (RFC 5681 3.2 (4), RFC 6582), counted as octets that duplicates stand for.
[[nodiscard]] std::uint32_t delivered_without_sack(Tcb& tcb, Recovery& recovery, const AckNews& news);
// RFC 6582 3.2: the third duplicate, or a partial ACK, says that the first segment is lost.
void detect_without_sack(const Tcb& tcb, Transfer& transfer, const AckNews& news);

}  // namespace levee::tcp
