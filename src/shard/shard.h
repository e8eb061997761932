// One core's endpoint: frames and mail in, frames, mail and events out. A shard shares nothing with the others, reads
// no clock and no random source, allocates nothing after construction and calls nobody back: the caller drives it.
//
// One loop of the caller (see runtime/worker.cc):
//
//   give_blanks                        keep the stash of blank buffers filled
//   deliver(now, message)              once per message found in this shard's mailboxes
//   receive(now, frames)
//   while (auto ready = next_ready())  hand the events to the service
//   expire(now)                        then next_ready() again
//   transmit(now)                      then outgoing(), outgoing_taken()
//   released()                         buffers to give back
//
// All calls come from one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/block.h"
#include "base/siphash.h"
#include "levee/connection.h"
#include "levee/options.h"
#include "levee/stats.h"
#include "levee/time.h"
#include "shard/flow_view.h"
#include "shard/frame.h"
#include "shard/message.h"

namespace levee::shard {

// The secrets of one shard, drawn by its owner: equal ones make equal runs. 128-bit SipHash keys except where said.
struct Secrets {
  std::array<std::uint64_t, 2> flow_key{};  // flow hash: bucket and timestamp offset; the same in all shards of a fleet
  std::array<std::uint64_t, 2> isn_key{};   // RFC 6528; the same in all shards of a process
  std::array<SipKey, 2> cookie_keys{};      // until the first KeyEpoch; the same in all shards
  std::array<std::uint8_t, 52> toeplitz_key{};  // RSS; the same in all shards and in the device
  std::uint64_t random_seed = 0;                // local ports of active opens; may be guessed without harm to others
};

// A connection with something to tell its service. Deliver the events in the order of the fields.
struct Ready {
  Connection connection;
  std::uint16_t service = 0;
  bool opened = false, urgent = false, data = false, peer_closed = false, writable = false, reported = false,
       closed = false;
  std::size_t urgent_offset = 0;                     // with `urgent`
  ErrorReport report = ErrorReport::Retransmitting;  // with `reported`
  CloseCause cause = CloseCause::Normal;             // with `closed`
};

using levee::ConnectError;
using levee::ConnectResult;

// How far a check of the invariants goes.
enum class Walk : std::uint8_t {
  Records,     // each connection's variables, timers and counters: cheap enough for every step of a simulation
  Everything,  // also each queue, each buffer's holders, each record's place in the flow index
};

class Shard {
 public:
  // `outboxes[i]` is the mailbox from this shard to shard i (null for itself); not owned, outlives the shard.
  Shard(const ShardOptions& options, const Secrets& secrets, std::span<Mailbox* const> outboxes);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // --- the loop ---
  // Takes one ref of each piece of each frame. At most 64 frames a call are prefetched together; more are allowed.
  void receive(Instant now, std::span<const Frame> frames);
  void deliver(Instant now, const Message& message);
  [[nodiscard]] std::optional<Ready> next_ready();
  // Connections on the ready list now; a bound for one round of next_ready().
  [[nodiscard]] std::size_t ready() const;
  // Returns false if more timers are due than one call handles; call again before sleeping.
  bool expire(Instant now);
  // Writes what the windows allow into blanks. Returns false if more could have been written or a service has not heard
  // its events; call again soon.
  bool transmit(Instant now);
  // The earliest instant at which `expire` may have something to do; kNever if no timer is armed. It may be early, as
  // timers are lazy, never late. For a sleeping worker and for virtual time.
  [[nodiscard]] Instant next_deadline() const;

  // --- buffers ---
  [[nodiscard]] std::size_t blanks_wanted() const;
  void give_blank(Block* blank);  // refs == 1, counted as BuffersIn
  // Stateless replies from `receive` and what `transmit` wrote, in order of sending.
  [[nodiscard]] std::span<const OutFrame> outgoing() const;
  void outgoing_taken();  // floor 3 has taken every frame of outgoing()
  // Next buffer to give back to its pool; nullptr when there is none. Counted as BuffersOut.
  [[nodiscard]] Block* next_released();
  void release_blanks();  // for shutdown: the stash empties into the released buffers

  // --- active open (RFC 9293 3.9.1.1) ---
  // From a TCP port that is free, and from the address of ours that the route says, unless they are given (MUST-43).
  [[nodiscard]] ConnectResult connect(Instant now, SocketAddress remote, std::uint16_t service,
                                      std::uint16_t local_port = 0, const IpAddress& local_address = {});

  // --- the state as a whole ---
  [[nodiscard]] const Stats& stats() const;
  [[nodiscard]] Stats& stats();
  [[nodiscard]] std::size_t connections() const;  // live connection records, those that wait for their service included
  [[nodiscard]] std::size_t half_open() const;
  [[nodiscard]] std::size_t time_wait() const;
  // Nothing is left to send, to tell or to time, TIME-WAIT aside.
  [[nodiscard]] bool idle() const;
  // Walks every table and queue and compares: refs against holders, counters against records, tables against the index,
  // timers against states. Returns the first disagreement in words, or an empty string. Slow; for tests and for exit.
  [[nodiscard]] std::string check_invariants(Walk walk = Walk::Everything) const;
  // A hash of all state that a peer or a service can see; equal runs have equal digests. Slow; for tests.
  [[nodiscard]] std::uint64_t digest() const;
  // What is kept of one flow; for tests.
  [[nodiscard]] FlowView view(SocketAddress local, SocketAddress remote) const;

 private:
  friend struct levee::ConnectionAccess;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace levee::shard
