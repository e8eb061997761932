// SYN-RECEIVED of a passive open (RFC 9293 3.10.7.2 to 3.10.7.4): a compact record that holds what the SYN said until
// the handshake's ACK makes a connection of it. Nothing of the application is touched before that.
#pragma once

#include <cstdint>

#include "levee/options.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"
#include "wire/syn_offer.h"

namespace levee::tcp {

inline constexpr std::uint16_t kDefaultMss = 536, kDefaultMss6 = 1220;  // MUST-15: of IPv4, and of IPv6

struct HalfOpen {
  static constexpr std::uint8_t kMostRetransmits = 63;
  Seq irs, iss;
  std::uint32_t ts_recent = 0;
  std::uint32_t ts_offset = 0;        // of the tuple (RFC 7323 5.4)
  std::uint32_t sent_ms = 0;          // when the SYN-ACK was first sent, low 32 bits of the millisecond clock
  std::uint16_t peer_mss = 0;         // as offered, or the default
  std::uint16_t retransmits : 6 = 0;  // of the SYN-ACK
  std::uint16_t by_cookie : 1 = 0;    // never kept: it came back in an ACK (shard/syn_cookie.h)
  std::uint16_t peer_scale : 4 = wire::SynOffer::kNoScale;
  std::uint16_t agreed : 5 = 0;  // wire::SynOffer's bits: what the SYN-ACK carries

  [[nodiscard]] bool timestamps() const { return (agreed & wire::SynOffer::kTimestamps) != 0; }
  [[nodiscard]] bool sack() const { return (agreed & wire::SynOffer::kSack) != 0; }
  [[nodiscard]] bool window_scaling() const { return (agreed & wire::SynOffer::kWindowScale) != 0; }
  [[nodiscard]] bool ecn() const { return (agreed & wire::SynOffer::kEcn) != 0; }
};

static_assert(sizeof(HalfOpen) == 24);

// What the interface and its MTU allow (RFC 9293 3.7.1, MUST-14): MSS that we advertise, and the largest we send.
struct MssLimits {
  std::uint16_t receive = 1460;
  std::uint16_t send = 1460;
  std::uint16_t assumed = kDefaultMss;  // of a peer that offers none
};

// wire::SynOffer's bits that `options` allows.
[[nodiscard]] inline std::uint8_t allowed(const levee::TcpOptions& options) {
  using wire::SynOffer;
  return static_cast<std::uint8_t>(
      SynOffer::kMss | (options.timestamps ? SynOffer::kTimestamps : 0) | (options.sack ? SynOffer::kSack : 0) |
      (options.window_scaling ? SynOffer::kWindowScale : 0) | (options.ecn != Ecn::Off ? SynOffer::kEcn : 0));
}

// Only what the SYN offered is answered (RFC 7323 2.2 and 3.2, RFC 2018 2). The MSS goes beyond that (SHLD-5, MAY-3),
// unless the SYN-ACK would be longer than the SYN: nobody gets more than he sent. `has_room`: a SYN without options
// leaves 4 bytes of the frame unused.
[[nodiscard]] inline std::uint8_t agree(std::uint8_t offered, std::uint8_t allowed, bool has_room) {
  const auto agreed = static_cast<std::uint8_t>(offered & allowed);
  constexpr std::uint8_t kTakesRoom = wire::SynOffer::kCombinations - 1 - wire::SynOffer::kEcn;
  return (agreed & kTakesRoom) == 0 && has_room ? agreed | wire::SynOffer::kMss : agreed;
}

// LISTEN, a SYN arrives: its SEG.SEQ and options; one that offers no MSS may have in its place what is assumed of it,
// or 0 for kDefaultMss. `offset` is the tuple's timestamp offset (RFC 7323 5.4). The ISS is left to the caller. Written
// in place, field by field: a record that is made elsewhere and copied in wider pieces than it was stored in waits for
// its stores.
inline void listen(HalfOpen& half_open, Seq irs, const wire::SynOffer& offer, bool has_room, std::uint32_t offset,
                   Instant now, std::uint8_t allowed) {
  const std::uint8_t agreed = agree(offer.options, allowed, has_room);
  half_open.irs = irs;
  half_open.ts_recent = (agreed & wire::SynOffer::kTimestamps) != 0 ? offer.ts_value : 0;
  half_open.ts_offset = offset;
  half_open.sent_ms = static_cast<std::uint32_t>(to_milliseconds(now));
  const bool has_mss = (offer.options & wire::SynOffer::kMss) != 0 || offer.mss != 0;
  half_open.peer_mss = has_mss ? offer.mss : kDefaultMss;
  half_open.retransmits = 0;
  half_open.by_cookie = false;
  half_open.peer_scale =
      (agreed & wire::SynOffer::kWindowScale) != 0 ? offer.window_scale & 0xf : wire::SynOffer::kNoScale;
  half_open.agreed = agreed & 0x1f;
}
[[nodiscard]] inline HalfOpen listen(Seq irs, const wire::SynOffer& offer, bool has_room, std::uint32_t offset,
                                     Instant now, const levee::TcpOptions& options) {
  HalfOpen half_open;
  listen(half_open, irs, offer, has_room, offset, now, allowed(options));
  return half_open;
}

[[nodiscard]] OutSegment syn_ack(const HalfOpen& half_open, Instant now, MssLimits limits,
                                 const levee::TcpOptions& options);

// What a segment means to a half-open record.
enum class HalfOpenVerdict : std::uint8_t {
  Accept,        // the handshake's ACK: make a connection and process the segment there
  ResendSynAck,  // the SYN again
  Acknowledge,   // not acceptable: an ACK is owed (RFC 9293 3.10.7.4, RFC 5961)
  Reset,         // acknowledges something else: RST with SEQ = SEG.ACK
  Remove,        // acceptable RST: back to LISTEN
  Ignore,
};
[[nodiscard]] HalfOpenVerdict judge(const HalfOpen& half_open, const Segment& segment,
                                    const levee::TcpOptions& options);

// The ACK that `Acknowledge` owes.
[[nodiscard]] OutSegment half_open_ack(const HalfOpen& half_open, Instant now, const levee::TcpOptions& options);

// ESTABLISHED, from the record and the ACK that `judge` accepted.
void establish(Tcb& tcb, const HalfOpen& half_open, const Segment& ack, MssLimits limits, Env& env);

// --- shared with active opens ---
// The window scale that `receive_buffer` needs (RFC 7323 2.3).
[[nodiscard]] std::uint8_t scale_for(std::uint32_t receive_buffer);
[[nodiscard]] inline std::uint16_t syn_window(const levee::TcpOptions& options) {
  return static_cast<std::uint16_t>(options.receive_buffer < 65535 ? options.receive_buffer : 65535);
}
// RFC 9293 MUST-16: what fits into a segment once its options are there. `offered` is the peer's MSS option.
[[nodiscard]] std::uint16_t effective_mss(std::uint16_t offered, MssLimits limits, bool timestamps,
                                          const levee::TcpOptions& options);

}  // namespace levee::tcp
