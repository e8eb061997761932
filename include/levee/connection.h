// A connection as a service sees it: a handle of {shard, index, generation} that is passed by value. A handle whose
// connection has ended is dead: every query then answers 0 or empty and every call does nothing, so a late use is
// harmless. Handles are used only on the thread of their shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "levee/address.h"
#include "levee/state.h"
#include "levee/time.h"

namespace levee {

namespace shard {
class Shard;
}
struct ConnectionAccess;

// TCP_INFO-like view of one connection, in RFC 9293's words. Sequence numbers are absolute.
struct ConnectionInfo {
  State state = State::Closed;
  std::uint32_t snd_una = 0, snd_nxt = 0, snd_wnd = 0;  // snd_wnd in bytes, scaled
  std::uint32_t rcv_nxt = 0, rcv_wnd = 0;               // rcv_wnd in bytes, as last advertised
  std::uint32_t effective_mss = 0;                      // payload bytes per segment (RFC 9293 3.7.1)
  std::uint32_t cwnd = 0, ssthresh = 0;                 // bytes (RFC 5681)
  Duration srtt{}, rttvar{}, rto{};                     // RFC 6298; 0 before the first sample
  std::uint32_t retransmits = 0;                        // segments retransmitted over the connection's life
  std::uint32_t in_flight = 0;                          // bytes sent that are neither acknowledged nor thought lost
  std::uint32_t path_mtu = 0;                           // bytes of IP packet, as far as is known
  bool timestamps = false, sack = false, window_scaling = false, ecn = false;
};

// Why a call was refused (RFC 9293 3.10).
enum class CallError : std::uint8_t {
  None,
  NoConnection,  // "connection does not exist": the handle is dead
  Closing,       // "connection closing": this side has said that it is done
};

class Connection {
 public:
  Connection() = default;  // a dead handle

  [[nodiscard]] bool live() const;
  [[nodiscard]] State state() const;
  [[nodiscard]] ConnectionInfo info() const;
  [[nodiscard]] SocketAddress local() const;
  [[nodiscard]] SocketAddress remote() const;

  // --- receiving (RFC 9293 3.9.1.3, RECEIVE) ---
  // In-order bytes that wait to be consumed.
  [[nodiscard]] std::size_t readable() const;
  // The first contiguous piece of them, in place; empty if there is none. Valid until the next call on this connection
  // that consumes, or until the handler returns.
  [[nodiscard]] std::span<const std::byte> peek() const;
  // Bytes of the readable ones up to the end of the peer's urgent data; 0 when none of it is left (RFC 9293 MUST-33,
  // RFC 6093: it is delivered in line).
  [[nodiscard]] std::size_t urgent() const;
  // Fills `pieces` with the pieces of the readable bytes in order; returns how many were filled.
  std::size_t peek(std::span<std::span<const std::byte>> pieces) const;
  // Copies up to `to.size()` readable bytes without consuming them; returns how many.
  std::size_t copy(std::span<std::byte> to) const;
  // Gives the first `count` readable bytes back (all, if there are fewer) and opens the window by as much.
  void consume(std::size_t count);

  // --- sending (RFC 9293 3.9.1.2, SEND) ---
  // Bytes that the next `send` would accept.
  [[nodiscard]] std::size_t send_space() const;
  // What a send of anything would be refused with now; before the handshake is over text is queued.
  [[nodiscard]] CallError send_error() const;
  // Copies bytes into the send buffer; returns how many were accepted (fewer when the buffer or the pool is full, 0
  // after close()). If fewer, `on_writable` follows once there is room.
  [[nodiscard]] std::size_t send(std::span<const std::byte> bytes);
  // The same, and the last byte accepted ends urgent data (RFC 9293 3.8.5; RFC 6093 5: new programs should not use it).
  [[nodiscard]] std::size_t send_urgent(std::span<const std::byte> bytes);
  // Memory of the send buffer to be written in place: at most `wanted` bytes, often fewer, empty when full (then
  // `on_writable` follows). `commit` sends the first `count` bytes of what `reserve` returned last.
  [[nodiscard]] std::span<std::byte> reserve(std::size_t wanted);
  void commit(std::size_t count);
  // Hands up to `count` readable bytes of `from` (of the same shard; it may be this connection) to this send buffer
  // without copying them, and consumes them there. Returns how many.
  [[nodiscard]] std::size_t forward(Connection from, std::size_t count);
  // Sends FIN after everything accepted so far (RFC 9293 3.9.1.4). Receiving goes on.
  CallError close();
  // Sends RST and forgets the connection (RFC 9293 3.9.1.5); `on_closed(Aborted)` follows.
  CallError abort();
  // Nagle's algorithm (RFC 9293 3.7.4, MUST-17); on unless the listener's options say otherwise.
  void set_nagle(bool on);
  // Keepalive (MUST-24), off unless the listener's options say otherwise.
  void set_keepalive(bool on);
  // R2 of this connection (MUST-21): text unacknowledged for so long ends it; zero: by number of retransmissions.
  void set_user_timeout(Duration timeout);
  // Differentiated services field of what is sent from now on, 0 to 63 (MUST-48, SHLD-21).
  void set_dscp(std::uint8_t dscp);

  // A word for the service: a pointer to its own session object or an index. 0 at open.
  [[nodiscard]] std::uint64_t user_data() const;
  void set_user_data(std::uint64_t value);

  friend bool operator==(const Connection&, const Connection&) = default;

 private:
  friend class shard::Shard;
  friend struct ConnectionAccess;
  Connection(shard::Shard* shard, std::uint32_t index, std::uint32_t generation)
      : shard_(shard), index_(index), generation_(generation) {}

  shard::Shard* shard_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t generation_ = 0;
};

// Why an active open was refused (RFC 9293 3.10.1).
enum class ConnectError : std::uint8_t {
  None,
  Draining,         // the endpoint is stopping: nothing new is opened
  BadAddress,       // the destination is TCP port 0, an address of ours, or none of a single host (MUST-46)
  NoSourceAddress,  // no route to the destination, or the local address asked for is not ours or of the other family
  NoLocalPort,      // no free TCP port found that hashes to this shard
  NoResource,       // connection table or flow index full
};

struct ConnectResult {
  ConnectError error = ConnectError::None;
  Connection connection;  // dead unless error is None
};

}  // namespace levee
