// One honest TCP client as Linux would be it: what it is to do, and how far it has come. The rules are in client.cc; a
// population of them, with addresses and timers, is in clients.h. Not built on src/tcp: it is what that is tested with.
// What it leaves out: SACK blocks (it drops what is out of order and acknowledges what it has), fast retransmission
// (its requests are too short for three duplicate ACKs), pieces merged when they are repeated, the timer wheel's
// rounding (up to 7 % late) and a closed window of its own.
#pragma once

#include <algorithm>
#include <cstdint>

#include "levee/address.h"
#include "levee/time.h"
#include "peer/segment.h"

namespace levee::peer {

enum class Close : std::uint8_t {
  ServerFirst,  // waits for the server's FIN behind the reply
  ClientFirst,  // FIN once the reply is there
  HalfClose,    // FIN right behind the request
};

struct Plan {
  Ipv4Address address{};
  std::uint16_t tcp_port = 0;
  std::uint32_t request = 100;   // bytes; at least kScriptLength
  std::uint32_t segments = 1;    // pieces that the request is written in
  std::uint32_t reply = 1000;    // bytes
  std::uint32_t window = 64256;  // bytes advertised; a multiple of 128
  Close close = Close::ServerFirst;
  bool timestamps = true;
  Duration delay{};  // one way, for whoever carries the frames
};

// Linux's sysctls and constants.
struct Rules {
  unsigned syn_retries = 6;          // tcp_syn_retries: 1, 2, 4, 8, 16, 32 s, failed after 64 s more
  unsigned syn_linear_timeouts = 4;  // tcp_syn_linear_timeouts: more that come first, at 1 s each; 0 before Linux 6.5
  bool loss_probe = true;            // tcp_early_retrans = 3, the default; 0 is false
  unsigned retries = 15;             // tcp_retries2
  unsigned orphan_retries = 8;       // tcp_orphan_retries: of a FIN when everything else is over
  Duration min_rto = std::chrono::milliseconds(200);
  Duration min_probe_slack = std::chrono::milliseconds(2);  // TCP_TIMEOUT_MIN_US: a probe's, behind 2 * SRTT
  Duration max_rto = std::chrono::seconds(120);
  Duration delayed_ack = std::chrono::milliseconds(40);
  unsigned initial_window = 10;  // segments
};

enum class Phase : std::uint8_t { SynSent, Open, Done, Failed };
enum class Failure : std::uint8_t { None, Refused, Reset, TimedOut, WrongBytes, ShortReply };

struct Client {
  Plan plan;
  std::uint32_t nonce = 0;
  // RFC 9293 3.3.1; una, nxt and sent are offsets into the stream behind the SYN, received into the server's.
  std::uint32_t iss = 0, irs = 0;
  std::uint32_t una = 0, nxt = 0, sent = 0, received = 0;
  std::uint32_t peer_window = 0;      // bytes
  std::uint32_t cut = 0;              // bytes of a full piece of the request
  std::uint32_t no_probe_before = 0;  // an offset: no loss probe until everything up to it is acknowledged
  std::uint32_t window = 1;           // congestion window in segments
  std::uint32_t first_timestamp = 0, last_timestamp = 0, ts_recent = 0;
  std::int32_t srtt_us = -1, rttvar_us = 0;
  std::uint32_t segments_received = 0;
  std::uint8_t syns = 0, retries = 0, unacknowledged = 0, peer_scale = 0;
  Phase phase = Phase::SynSent;
  Failure failure = Failure::None;
  bool timestamps = false, sack = false, scaled = false, fin_wanted = false, peer_fin = false;
  bool probing = false;  // `retransmit_at` is that of a loss probe
  // `served`: it has all that it came for, though its FIN may not be acknowledged yet.
  Instant started{}, established = kNever, served = kNever, ended = kNever;
  Instant retransmit_at = kNever, acknowledge_at = kNever;
  Instant queued_at = kNever;  // the population's

  [[nodiscard]] bool ended_well() const { return phase == Phase::Done; }
  [[nodiscard]] bool over() const { return phase == Phase::Done || phase == Phase::Failed; }
  [[nodiscard]] Instant deadline() const { return std::min(retransmit_at, acknowledge_at); }
  // The sequence number behind the last that it used, its FIN's included.
  [[nodiscard]] std::uint32_t end() const { return iss + 1 + sent; }
};

// What a client sees of the world while it handles something.
class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  virtual ~Wire() = default;

  [[nodiscard]] virtual const Rules& rules() const = 0;
  // RFC 7323: its millisecond clock. `segment` lacks addresses and the server's TCP port.
  [[nodiscard]] virtual std::uint32_t timestamp(const Client& client, Instant now) const = 0;
  virtual void send(const Client& client, Segment& segment) = 0;
};

// SYN. The plan, the nonce and the ISS are set.
void open(Client& client, Instant now, Wire& wire);
void segment_arrives(Client& client, const Segment& segment, Instant now, Wire& wire);
void timeout(Client& client, Instant now, Wire& wire);

}  // namespace levee::peer
