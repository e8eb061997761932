// SYN cookies (RFC 4987 3.6): the state of a half-open connection, carried by the peer. The ISS of the SYN-ACK is
//
//    31                                  8 7      5 4        2  1       0
//   +--------------------------------------+--------+----------+------+--------+
//   | tag = SipHash-2-4(key; tuple, IRS,   | MSS    | scale    | SACK | parity |   the byte is masked by the tag
//   |       byte), 24 bits                 | index  | index    |      |        |
//   +--------------------------------------+--------+----------+------+--------+
//
// so that for one tuple and IRS exactly 256 of 2^32 ACK numbers are accepted: a blind ACK has odds of 2^-24. With
// timestamps the exact window scale, SACK and ECN travel in the low six bits of the SYN-ACK's TSval as well. Keys
// change with the epoch (message.h, KeyEpoch); one bit says which of the two that live at a time made the cookie.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/siphash.h"
#include "levee/options.h"
#include "levee/time.h"
#include "shard/flow_key.h"
#include "shard/message.h"
#include "tcp/half_open.h"
#include "tcp/segment.h"

namespace levee::shard {

class CookieJar {
 public:
  CookieJar(const std::array<SipKey, 2>& keys, const SynPolicy& policy) : keys_(keys), policy_(policy) {}

  void change_keys(const KeyEpoch& epoch);

  // What the SYN means, with the cookie as its ISS: the same record that the SYN queue would keep, so that one function
  // writes the SYN-ACK. Its `timestamp` is what the SYN-ACK's TSval must be.
  struct Baked {
    tcp::HalfOpen half_open;
    std::uint32_t timestamp = 0;
  };
  [[nodiscard]] Baked bake(const FlowKey4& key, const tcp::Segment& syn, std::uint32_t timestamp_offset, Instant now,
                           tcp::MssLimits limits, const levee::TcpOptions& options);

  // The half-open connection that `ack` completes, if it carries a cookie of ours that is not too old.
  [[nodiscard]] std::optional<tcp::HalfOpen> open(const FlowKey4& key, const tcp::Segment& ack,
                                                  std::uint32_t timestamp_offset, Instant now, tcp::MssLimits limits,
                                                  const levee::TcpOptions& options) const;

  // Cookies may be on their way: one was sent within the life of its key, or ACKs are always tried.
  [[nodiscard]] bool live(Instant now) const;

  // For tests: the ISS for one byte of options, and how the byte is laid out.
  [[nodiscard]] tcp::Seq iss_for(const FlowKey4& key, tcp::Seq irs, std::uint8_t byte) const;

 private:
  std::array<SipKey, 2> keys_;
  std::uint8_t parity_ = 0;
  SynPolicy policy_;
  std::optional<Instant> last_sent_;
};

}  // namespace levee::shard
