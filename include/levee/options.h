// Every knob of the core with its default and the reason for it. The structs are plain values: fill them, pass them in,
// they are copied and never change afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "levee/address.h"
#include "levee/time.h"

namespace levee {

enum class CongestionControl : std::uint8_t {
  Cubic,    // RFC 9438
  NewReno,  // RFC 5681
};

// Explicit congestion notification (RFC 3168).
enum class Ecn : std::uint8_t {
  Off,
  Accept,   // used when the peer's SYN asks for it, not asked for by ours; as in Linux
  Request,  // asked for by ours, too
};

// TCP's knobs; one per listener, or for active opens.
struct TcpOptions {
  std::uint32_t receive_buffer = 256 * 1024;  // bytes; the largest window advertised
  std::uint32_t send_buffer = 256 * 1024;     // bytes that `send` holds until they are acknowledged
  std::uint8_t initial_window_segments = 10;  // RFC 6928
  bool timestamps = true;                     // RFC 7323
  bool sack = true;                           // RFC 2018
  bool window_scaling = true;                 // RFC 7323
  bool nagle = true;                          // RFC 9293 3.7.4, SHLD-7
  CongestionControl congestion_control = CongestionControl::Cubic;
  Ecn ecn = Ecn::Accept;
  std::uint8_t dscp = 0;            // 0 to 63, of what is sent (RFC 9293 3.9.1.9, MUST-48)
  std::uint8_t ttl = 64;            // TTL or hop limit of what is sent (RFC 9293 3.9.2, MUST-49)
  std::uint16_t max_mss = 0;        // 0: from the interface's MTU (RFC 9293 3.7.1)
  std::uint16_t min_peer_mss = 88;  // a smaller offer is raised to this (CVE-2019-11479)

  Duration initial_rto = std::chrono::seconds(1);     // RFC 6298 (2.1)
  Duration min_rto = std::chrono::milliseconds(200);  // RFC 6298 (2.4) says 1 s; 200 ms as in Linux, a stated deviation
  Duration max_rto = std::chrono::seconds(60);        // RFC 6298 (2.5)
  std::uint8_t max_retransmits = 15;                  // R2 for data, about 15 min as in Linux (SHLD-11: >= 100 s)
  std::uint8_t max_syn_retransmits = 7;               // R2 for SYN of an active open: 255 s (MUST-23: >= 3 min)
  Duration delayed_ack = std::chrono::milliseconds(40);  // RFC 9293 3.8.6.3, MUST-40: < 0.5 s
  std::uint8_t quick_acks = 16;                          // segments acknowledged at once after opening, as in Linux
  // FIN-WAIT-2 ends after so long without a segment from the peer, also for a service that still reads: Linux applies
  // its 60 s only where the user has closed both ways. Zero: no bound, for a half-close that waits for an answer.
  Duration fin_wait_2_timeout = std::chrono::seconds(60);
  // R2 as a time: text unacknowledged for so long ends the connection (RFC 9293 3.8.3, RFC 5482). Zero: by
  // max_retransmits alone.
  Duration user_timeout{};
  // Keepalive (RFC 9293 3.8.4): off by default (MUST-25); its times can be set (MUST-27, MUST-28: two hours). After
  // `idle` without a word from the peer a probe goes out every `interval`; the connection ends when `probes` of them in
  // a row stay unanswered.
  bool keepalive = false;
  Duration keepalive_idle = std::chrono::hours(2);
  Duration keepalive_interval = std::chrono::seconds(75);
  std::uint8_t keepalive_probes = 10;
  // A peer whose window has been closed for so long may be aborted while the shard's payload buffers are nearly used up
  // (RFC 6429); with memory at hand it may stay for ever (RFC 9293 MUST-37).
  Duration zero_window_patience = std::chrono::minutes(1);
  friend constexpr bool operator==(const TcpOptions&, const TcpOptions&) = default;
};

// How SYNs are answered (RFC 4987).
enum class SynCookies : std::uint8_t {
  Auto,    // kept state until the SYN queue is three quarters full, then by cookie until it has drained to a quarter
  Always,  // by cookie: nothing is kept
  Never,   // kept state; a full queue drops
};

struct SynPolicy {
  SynCookies cookies = SynCookies::Auto;
  Duration rotate = std::chrono::seconds(30);  // length of a key's epoch; a cookie lives for nearly two
  bool accept_always = false;  // try stray ACKs as cookies even when none was sent lately (a fleet behind one address)
  bool require_timestamps = false;  // refuse cookies without a fresh TSecr: about 2^-40 for a blind ACK, not 2^-24
  // A cookie's connection without text is dropped after this time while the flow index or the connection table is above
  // three quarters.
  Duration idle = std::chrono::seconds(10);
};

// One TCP port that accepts connections.
struct ListenerOptions {
  IpAddress address{};  // IpAddress{}: any of our addresses, of both families (RFC 9293 MUST-43)
  std::uint16_t tcp_port = 0;
  std::uint16_t service = 0;  // index into the services that the runtime was given
  bool server_first = false;  // the service speaks first, so a lost final ACK would be final: never by cookie
  // Connections whose service has not heard of them yet. Beyond it the handshake's ACK is left unanswered, and the peer
  // tries again. At least 1; more than one loop takes in, or a burst alone overflows it.
  std::uint32_t accept_backlog = 4096;
  TcpOptions tcp{};
};

// A link that frames come from and go to: a port (NIC), or one VLAN on it.
struct InterfaceOptions {
  std::uint16_t port = 0;
  std::uint16_t vlan = 0;  // 0: untagged
  MacAddress mac{};
  std::uint16_t mtu = 1500;            // bytes of IP packet
  bool ipv4_checksum_offload = false;  // the device writes the IPv4 header checksum
  bool tcp_checksum_offload = false;   // the device completes the TCP checksum from the pseudo-header sum
};

// An address of ours and its on-link prefix.
struct AddressOptions {
  IpAddress address{};
  std::uint8_t prefix_length = 24;  // of all bits, 32 or 128: a routed address, nothing is on link
  std::uint16_t interface = 0;      // index into ShardOptions::interfaces
};

struct RouteOptions {
  IpAddress prefix{};              // of the next hop's family
  std::uint8_t prefix_length = 0;  // 0: the default route, a gateway
  IpAddress next_hop{};
  std::uint16_t interface = 0;
};

// The sizes of one shard; everything is allocated at construction, each limit has a counter for "full".
struct ShardLimits {
  std::uint32_t connections = 65536;
  std::uint32_t transfers = 65536;  // connections with something outstanding at the same time
  std::uint32_t half_open = 4096;   // the SYN queue
  std::uint32_t time_wait = 65536;
  std::uint32_t slices = 262144;  // pieces of payload queued, both ways
  std::uint32_t neighbours = 1024;
  std::uint32_t blanks = 1024;         // blank buffers kept at hand; more than 64, which are kept for ACKs and RSTs
  std::uint32_t held_buffers = 49152;  // buffers that payload may occupy, both ways; the last eighth of them, and of
                                       // slices, is for the first segment of connections that hold nothing
  std::uint32_t outgoing_per_transmit = 256;
  std::uint32_t timers_per_expire = 1024;  // timer entries handled by one call
};

struct ShardOptions {
  std::uint16_t index = 0;   // of this shard
  std::uint16_t shards = 1;  // in the process
  std::vector<InterfaceOptions> interfaces;
  std::vector<AddressOptions> addresses;
  std::vector<RouteOptions> routes;
  std::vector<ListenerOptions> listeners;
  TcpOptions active{};  // for active opens
  ShardLimits limits{};
  Duration time_wait = std::chrono::seconds(60);  // 2MSL; MSL 30 s as in Linux, a stated deviation (RFC 9293: 2 min)
  Duration synack_timeout = std::chrono::seconds(1);  // first SYN-ACK retransmission, doubled each time
  std::uint8_t synack_retries = 3;
  // SYN-ACKs repeated per second; in cookie mode only those of server_first listeners and of reopened TIME-WAIT
  // entries.
  std::uint32_t synack_retransmit_rate = 1000;
  SynPolicy syn{};
  std::uint32_t max_simd_bits = 512;  // the widest vectors to use, if the machine has them: 512, 256, 128, 0
};

}  // namespace levee
