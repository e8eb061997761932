// ICMP errors about a connection's own segments (RFC 9293 3.9.2.2, RFC 5927, RFC 5461, RFC 1191, RFC 8201): what a
// router or the peer's host says about a segment that we sent. Anyone can send one, so it is believed only if it quotes
// a sequence number that is on the road, and then only a little.
#pragma once

#include <cstdint>

#include "levee/state.h"
#include "tcp/tcb.h"

namespace levee::tcp {

struct IcmpError {
  enum class Kind : std::uint8_t { Report, PacketTooBig };
  Kind kind = Kind::Report;
  ErrorReport report = ErrorReport::HostUnreachable;  // with Report
  std::uint32_t mtu = 0;                              // with PacketTooBig: bytes of IP packet; 0: not told (RFC 1191 5)
  Seq seq{};                                          // of the quoted segment
};

enum class IcmpVerdict : std::uint8_t {
  Taken,
  NotOurs,  // quotes a sequence number that is not on the road (RFC 5927 4)
  Ignored,  // about us, but nothing that is acted on
};

// `headers` is what IP and TCP take of a packet without options: 40 or 60 bytes.
[[nodiscard]] IcmpVerdict icmp_error_arrives(Tcb& tcb, const IcmpError& error, std::uint32_t headers, Env& env);

}  // namespace levee::tcp
