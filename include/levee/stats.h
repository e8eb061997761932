// Counters of one shard. Names are Linux's (`nstat`) where Linux has the counter; each has a sentence in
// docs/counters.md, which a test compares with the tables behind `describe`. The shard's own thread writes; any thread
// may read at any time and sees each counter whole (relaxed atomics, no locked instruction).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "levee/state.h"

namespace levee {

// Why a received frame, or a segment in it, was not used. Every frame received is either delivered or has one of these.
enum class Drop : std::uint8_t {
  // Ethernet, ARP and neighbour discovery
  TooShort,     // shorter than its headers
  HeaderSplit,  // headers were not contiguous and could not be pulled up
  NotForUs,     // destination MAC is another's
  UnknownVlan,  // a VLAN tag without an interface
  UnknownEtherType,
  BadArp,       // malformed, or not IPv4 over Ethernet
  ArpNotForUs,  // asks for or announces an address that is none of our business
  BadNdp,       // a solicitation or advertisement that RFC 4861 7.1 wants discarded
  NdpNotForUs,  // asks for an address that is not ours, or tells what nobody asked for
  // IP and ICMP, of both families
  BadIpHeader,  // version, header length or total length do not fit the frame
  BadIpChecksum,
  Fragment,
  ExtensionHeader,     // an IPv6 extension header other than a fragment's
  UnknownDestination,  // not one of our addresses
  BadSource,           // broadcast, multicast, loopback, unspecified or our own
  UnknownProtocol,
  BadIcmpChecksum,
  UnhandledIcmp,
  IcmpNoConnection,  // an ICMP error about a connection that is not there
  IcmpOutOfWindow,   // an ICMP error that quotes a segment which is not on the road (RFC 5927 4)
  // TCP, before a connection is found
  BadTcpHeader,  // data offset below 5 or beyond the packet
  BadTcpChecksum,
  TcpPortZero,
  BadTcpFlags,   // SYN+FIN, SYN+RST, none at all, ...
  NoConnection,  // matched nothing; a limited RST may have gone out
  NoListener,    // SYN to a TCP port that nobody listens on; a limited RST may have gone out
  SynQueueFull,
  ReplyShed,         // a SYN whose SYN-ACK found no buffer or no room on its way out: the last of the three tiers
  AcceptQueueFull,   // a handshake's valid ACK while the service has not heard of `accept_backlog` connections
  CookieFailed,      // an ACK tried as a SYN cookie that is none, or too old
  ConnectionsFull,   // connection table or flow index full
  Draining,          // SYN while shutting down
  HalfOpenMismatch,  // segment to a half-open record that does not complete it
  TimeWaitIgnored,   // segment to TIME-WAIT that changes nothing
  // TCP, on a connection
  Paws,              // RFC 7323 5.3
  MissingTimestamp,  // RFC 7323 3.2
  OutOfWindow,       // RFC 9293 3.10.7.4, first check
  BadAck,            // acknowledges what was never sent, or is too old (RFC 5961 5)
  NoAckFlag,         // RFC 9293 3.10.7.4, fifth check
  InWindowSyn,       // challenged (RFC 5961 4)
  InexactRst,        // challenged (RFC 5961 3)
  UnexpectedInSynSent,
  DataAfterClose,    // text after the peer's FIN or after our abort
  OutOfOrderFull,    // no range, node or memory left for an out-of-order segment
  BuffersFull,       // payload refused because the shard's buffers are nearly used up
  ReceiveQueueFull,  // payload beyond what the window allowed
  MailboxFull,       // a frame for another shard found its mailbox full
  kCount,
};
inline constexpr std::size_t kDropCount = static_cast<std::size_t>(Drop::kCount);

enum class Counter : std::uint8_t {
  // frames and buffers
  FramesReceived,
  FramesDelivered,  // frames that did what they came for; FramesReceived = FramesDelivered + all drops
  FramesSent,       // frames handed to the device
  BytesReceived,    // Ethernet bytes, without FCS
  BytesSent,
  DeviceDropped,    // frames that the device had no room for
  BuffersIn,        // buffers taken in: received and blank
  BuffersOut,       // buffers given back: sent and released
  BlanksExhausted,  // output or payload waited because no blank buffer was there
  // neighbours and ICMP
  ArpRequestsReceived,
  ArpRepliesSent,
  ArpRequestsSent,
  NdpSolicitsReceived,
  NdpAdvertsSent,
  NdpSolicitsSent,
  NeighboursLearnt,
  NeighbourTableFull,
  NeighbourUnresolved,  // output waited for a neighbour
  IcmpInEchos,
  IcmpOutEchoReps,
  IcmpErrorsTaken,  // ICMP errors about a connection that were believed
  // TCP, RFC 4022's and Linux's names
  InSegs,
  OutSegs,
  RetransSegs,
  InErrs,
  OutRsts,
  RstLimited,  // RSTs to strays not sent because of the limit
  InRsts,      // acceptable RSTs received
  ActiveOpens,
  PassiveOpens,
  AttemptFails,
  EstabResets,
  SynsReceived,
  SynAcksSent,
  SynAckRetrans,
  HalfOpenTimeouts,
  SyncookiesSent,    // SYNs answered by cookie
  SyncookiesRecv,    // valid cookies that came back
  SyncookiesFailed,  // ACKs tried as cookies that were none
  SynAckLimited,     // SYN-ACK retransmissions not sent because of the limit
  CookieIdle,        // connections by cookie dropped because they never sent text
  Accepted,          // handshakes completed by the peer's ACK
  ListenOverflows,   // valid ACKs that found the accept backlog full
  ListenDrops,       // those, and SYNs and valid ACKs that found another table full
  TCPReqQFullDrop,   // SYNs that found the SYN queue full
  TCPTimeouts,       // retransmission timer expiries
  TCPFastRetrans,
  TCPLossProbes,         // tail loss probes sent (RFC 8985 7)
  TCPLossProbeRecovery,  // losses that such a probe repaired
  TCPDSACKRecv,          // duplicates that peers reported (RFC 2883)
  TCPDSACKUndo,          // reductions taken back because of them
  TCPFullUndo,           // reductions taken back because of timestamps (RFC 3522)
  TCPSACKReneging,       // peers that threw away what they had SACKed (RFC 2018 8)
  TCPSACKDiscard,        // SACK blocks that cannot be true
  TCPECNReductions,      // windows reduced because of ECE (RFC 3168)
  TCPPersistProbes,
  TCPKeepAlive,
  UrgentPointers,
  PathMtuLowered,
  DelayedACKs,  // delayed-ACK timer expiries
  TCPChallengeACK,
  PAWSEstab,
  TCPOFOQueue,      // segments queued out of order
  TCPOFOMerge,      // segments that overlapped queued data
  TCPDSACKOldSent,  // D-SACKs sent
  RcvCollapsed,     // segments compacted by copy
  ZeroWindowSent,
  ZeroWindowReceived,
  ZeroWindowAborted,
  BytesDelivered,  // payload bytes taken in order from peers
  BytesAcked,      // payload bytes acknowledged by peers
  TimeWaitEntered,
  TimeWaitExpired,
  TimeWaitEvicted,    // oldest entry made room
  TimeWaitRestarted,  // a repeated FIN restarted 2MSL
  TimeWaitRecycled,   // a SYN reopened the tuple (RFC 6191)
  // connections; opened = closed + live
  Opened,
  Closed,
  // mail and time
  MailSent,
  MailDropped,  // a message for another shard found its mailbox full
  MailReceived,
  ClockWentBack,  // a capture's timestamps went back and were clamped
  // the poll loop over live devices
  Polls,
  PollsWithFrames,
  BusyNanoseconds,  // spent in loops that had something to do
  kCount,
};
inline constexpr std::size_t kCounterCount = static_cast<std::size_t>(Counter::kCount);

// A stable name for text and JSON ("bad_tcp_checksum", "RetransSegs") and one sentence about it.
[[nodiscard]] std::string_view name(Drop reason);
[[nodiscard]] std::string_view describe(Drop reason);
[[nodiscard]] std::string_view name(Counter counter);
[[nodiscard]] std::string_view describe(Counter counter);

// One counter with a single writer: an add is a load and a store, never a locked instruction.
class Tally {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Plain figures, for readers: one shard's or a sum.
struct StatsSnapshot {
  std::array<std::uint64_t, kDropCount> drops{};
  std::array<std::uint64_t, kCounterCount> counters{};
  std::array<std::uint64_t, kStateCount> entered{};   // how often a connection entered the state
  std::array<std::uint64_t, kStateCount> in_state{};  // connections in the state now
  std::array<std::uint64_t, kCloseCauseCount> closed_by{};

  [[nodiscard]] std::uint64_t operator[](Drop reason) const { return drops[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] std::uint64_t operator[](Counter counter) const { return counters[static_cast<std::size_t>(counter)]; }
  [[nodiscard]] std::uint64_t entered_state(State state) const { return entered[static_cast<std::size_t>(state)]; }
  [[nodiscard]] std::uint64_t now_in(State state) const { return in_state[static_cast<std::size_t>(state)]; }
  [[nodiscard]] std::uint64_t total_drops() const;
  StatsSnapshot& operator+=(const StatsSnapshot& other);
  friend bool operator==(const StatsSnapshot&, const StatsSnapshot&) = default;
};

class Stats {
 public:
  void count(Drop reason, std::uint64_t amount = 1) { drops_[static_cast<std::size_t>(reason)].add(amount); }
  void count(Counter counter, std::uint64_t amount = 1) { counters_[static_cast<std::size_t>(counter)].add(amount); }
  void count(CloseCause cause) { closed_by_[static_cast<std::size_t>(cause)].add(); }
  // A connection (or its half-open or TIME-WAIT record) moves between states; `Closed` is not held by any record.
  void enter(State state, std::uint64_t amount = 1) {
    entered_[static_cast<std::size_t>(state)].add(amount);
    in_state_[static_cast<std::size_t>(state)].add(amount);
  }
  void leave(State state) { in_state_[static_cast<std::size_t>(state)].subtract(); }

  [[nodiscard]] std::uint64_t value(Drop reason) const { return drops_[static_cast<std::size_t>(reason)].value(); }
  [[nodiscard]] std::uint64_t value(Counter counter) const {
    return counters_[static_cast<std::size_t>(counter)].value();
  }
  // Records in a state now.
  [[nodiscard]] std::uint64_t in_state(State state) const { return in_state_[static_cast<std::size_t>(state)].value(); }
  [[nodiscard]] std::uint64_t total_drops() const {
    std::uint64_t total = 0;
    for (const Tally& drops : drops_) total += drops.value();
    return total;
  }
  [[nodiscard]] StatsSnapshot snapshot() const;

 private:
  std::array<Tally, kDropCount> drops_{};
  std::array<Tally, kCounterCount> counters_{};
  std::array<Tally, kStateCount> entered_{}, in_state_{};
  std::array<Tally, kCloseCauseCount> closed_by_{};
};

}  // namespace levee
