// An independent, slow model of RFC 9293 3.10.7, SEGMENT ARRIVES, written from the text of the RFC and from those that
// amend it: 5961 (blind attacks), 7323 5.3 (PAWS), 6191 and 1337 (TIME-WAIT), 5681 4.2 (which ACKs may wait). It knows
// nothing of levee's code. One segment and the TCB's variables go in; the next state, the replies, what the user hears
// and the variables come out. Where levee differs on purpose, exceptions.h says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "levee/state.h"

namespace levee::model {

inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20;
inline constexpr std::uint8_t kFlagMask = 0x3f;

// RFC 9293 MUST-11: SYN-RECEIVED remembers where it came from.
enum class Origin : std::uint8_t { Passive, Active };

struct Range {
  std::uint32_t begin = 0, end = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

// RFC 9293 3.3.1, as far as 3.10.7 reads or writes it.
struct Variables {
  State state = State::Closed;
  Origin origin = Origin::Passive;
  bool listened = true;  // a LISTEN is open for the local socket: TIME-WAIT may be reopened; not written
  std::uint32_t iss = 0, snd_una = 0, snd_nxt = 0;
  std::uint32_t snd_wnd = 0, max_snd_wnd = 0;  // bytes
  std::uint32_t snd_wl1 = 0, snd_wl2 = 0;
  std::uint32_t rcv_nxt = 0, rcv_wnd = 0;
  bool fin_sent = false;  // SND.NXT is beyond our FIN
  std::uint8_t snd_scale = 0;
  bool timestamps = false;  // RFC 7323: agreed upon
  std::uint32_t ts_recent = 0;
  std::vector<Range> held;              // text beyond RCV.NXT that has arrived, in order; not written
  std::optional<std::uint32_t> fin_at;  // where a FIN that has arrived stands; not written
  bool acked_a_lot = false;             // so much was acknowledged that ISS is no bound for ACKs any more
  friend bool operator==(const Variables&, const Variables&) = default;
};

struct Segment {
  std::uint32_t seq = 0, ack = 0;
  std::uint8_t flags = 0;
  std::uint16_t wnd = 0;     // as on the wire
  std::uint32_t length = 0;  // of the text
  std::optional<std::uint32_t> ts_value;

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

struct Reply {
  enum class Kind : std::uint8_t { None, Ack, Rst, RstAck, SynAck };
  Kind kind = Kind::None;
  std::uint32_t seq = 0, ack = 0;  // no ACK in an Rst
  friend bool operator==(const Reply&, const Reply&) = default;
};

// How the connection ended for its user. TIME-WAIT is an end: nothing can reach him any more.
enum class End : std::uint8_t { None, Normal, Reset, Refused };

struct Outcome {
  Variables after;
  Reply reply;
  bool may_wait = false;     // the reply is an ACK that RFC 5681 4.2 lets wait for more (MUST-40: < 0.5 s)
  bool opened = false;       // the user hears: connected
  std::uint32_t text = 0;    // bytes of text for him
  bool peer_closed = false;  // "connection closing"
  bool held = false;         // kept for later: beyond RCV.NXT (SHLD-31)
  bool ignored = false;      // text or a FIN behind the peer's FIN: "this should not occur"
  bool restarts_2msl = false;
  End end = End::None;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

[[nodiscard]] Outcome segment_arrives(const Variables& before, const Segment& segment);

// For messages: numbers relative to ISS and to `irs`.
[[nodiscard]] std::string describe(const Reply& reply, std::uint32_t iss, std::uint32_t irs);
[[nodiscard]] std::string describe(const Segment& segment, std::uint32_t iss, std::uint32_t irs);
[[nodiscard]] std::string flag_names(std::uint8_t flags);  // "SYN,ACK"; "none"

}  // namespace levee::model
