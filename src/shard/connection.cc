// The calls of the public handle (levee/connection.h) on the record that it names.
#include "levee/connection.h"

#include <algorithm>
#include <cstring>

#include "shard/impl.h"
#include "tcp/keepalive.h"
#include "tcp/recovery.h"
#include "tcp/user_calls.h"

namespace levee {

using shard::ConnectionRecord;

namespace {

tcp::SliceQueue* receive_queue(ConnectionRecord& record, IndexPool<tcp::Transfer>& transfers) {
  return record.tcb.transfer == kNoIndex ? nullptr : &transfers[record.tcb.transfer].receive;
}

}  // namespace

// Calls use(impl, record) if the handle is live, else returns a value-initialised result.
struct ConnectionAccess {
  template <typename Use>
  static auto with(const Connection& connection, Use&& use)
      -> decltype(use(std::declval<shard::Shard::Impl&>(), std::declval<ConnectionRecord&>())) {
    if (connection.shard_ == nullptr) return {};
    shard::Shard::Impl& impl = *connection.shard_->impl_;
    ConnectionRecord* record = impl.resolve(connection.index_, connection.generation_);
    if (record == nullptr) return {};
    return use(impl, *record);
  }

  // The same for a call that changes the connection, with the environment that tcp needs; settles the record after it.
  template <typename Change>
  static auto change(const Connection& connection, Change&& apply) {
    return with(connection, [&](auto& impl, ConnectionRecord& record) {
      tcp::Env env = impl.env(record);
      const auto result = apply(record.tcb, env);
      // The send buffer has room but memory was short.
      if (record.tcb.want_writable && tcp::may_send(record.tcb) &&
          tcp::unsent_and_unacked(record.tcb, impl.transfers_) <= env.options.send_buffer / 2) {
        record.tcb.want_writable = false;
        impl.wait_for_buffers(connection.index_);
      }
      if (!record.told_closed) impl.settle(connection.index_);
      return result;
    });
  }

  static std::uint32_t index(const Connection& connection) { return connection.index_; }
};

bool Connection::live() const {
  return ConnectionAccess::with(*this, [](auto&, auto&) { return true; });
}

State Connection::state() const {
  return ConnectionAccess::with(*this, [](auto&, ConnectionRecord& record) { return record.tcb.state(); });
}

ConnectionInfo Connection::info() const {
  return ConnectionAccess::with(*this, [](auto& impl, ConnectionRecord& record) {
    const tcp::Tcb& tcb = record.tcb;
    ConnectionInfo info;
    info.state = tcb.state();
    info.snd_una = tcb.una.value();
    info.snd_nxt = tcb.nxt.value();
    info.snd_wnd = tcb.wnd;
    info.rcv_nxt = tcb.rcv_nxt.value();
    info.rcv_wnd = tcp::receive_window(tcb);
    info.effective_mss = tcb.mss;
    info.cwnd = tcb.congestion.cwnd;
    info.ssthresh = tcb.congestion.ssthresh;
    info.srtt = std::chrono::microseconds(tcb.rtt.srtt_us);
    info.rttvar = std::chrono::microseconds(tcb.rtt.rttvar_us);
    info.rto = tcb.rtt.rto(impl.tcp_options(record.listener), tcb.rto_shift);
    info.retransmits = tcb.retransmits;
    info.in_flight = tcb.idle() ? tcb.flight() : tcp::pipe(tcb, impl.transfers_[tcb.transfer]);
    info.path_mtu = impl.topology_.interface(record.interface).mtu;
    if (tcb.mss < tcb.mss_limit) info.path_mtu = tcb.mss + impl.headers_of(record.key) + (tcb.timestamps ? 12U : 0U);
    info.timestamps = tcb.timestamps;
    info.sack = tcb.sack;
    info.window_scaling = tcb.window_scaling;
    info.ecn = tcb.ecn;
    return info;
  });
}

SocketAddress Connection::local() const {
  return ConnectionAccess::with(*this,
                                [](auto& impl, ConnectionRecord& record) { return impl.flow_of(record.key).local(); });
}

SocketAddress Connection::remote() const {
  return ConnectionAccess::with(*this,
                                [](auto& impl, ConnectionRecord& record) { return impl.flow_of(record.key).remote(); });
}

std::size_t Connection::readable() const {
  return ConnectionAccess::with(*this, [](auto& impl, ConnectionRecord& record) {
    return std::size_t{tcp::readable(record.tcb, impl.transfers_)};
  });
}

std::size_t Connection::urgent() const {
  return ConnectionAccess::with(*this, [](auto& impl, ConnectionRecord& record) {
    return std::size_t{
        std::min(tcp::urgent_offset(record.tcb, impl.transfers_), tcp::readable(record.tcb, impl.transfers_))};
  });
}

std::span<const std::byte> Connection::peek() const {
  std::span<const std::byte> first;
  static_cast<void>(peek(std::span(&first, 1)));
  return first;
}

std::size_t Connection::peek(std::span<std::span<const std::byte>> pieces) const {
  return ConnectionAccess::with(*this, [&](auto& impl, ConnectionRecord& record) {
    std::size_t count = 0;
    const tcp::SliceQueue* queue = receive_queue(record, impl.transfers_);
    if (queue == nullptr) return count;
    for (std::uint32_t node = queue->head; node != kNoIndex && count < pieces.size(); node = impl.slices_[node].next) {
      const Slice& slice = impl.slices_[node].slice;
      pieces[count++] = {slice.data, slice.length};
    }
    return count;
  });
}

std::size_t Connection::copy(std::span<std::byte> to) const {
  return ConnectionAccess::with(*this, [&](auto& impl, ConnectionRecord& record) {
    std::size_t copied = 0;
    const tcp::SliceQueue* queue = receive_queue(record, impl.transfers_);
    if (queue == nullptr) return copied;
    for (std::uint32_t node = queue->head; node != kNoIndex && copied < to.size(); node = impl.slices_[node].next) {
      const Slice& slice = impl.slices_[node].slice;
      const std::size_t length = std::min<std::size_t>(slice.length, to.size() - copied);
      std::memcpy(to.data() + copied, slice.data, length);
      copied += length;
    }
    return copied;
  });
}

void Connection::consume(std::size_t count) {
  ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env& env) {
    tcp::consume(tcb, static_cast<std::uint32_t>(std::min<std::size_t>(count, 0x7fffffff)), env);
    return true;
  });
}

std::size_t Connection::send_space() const {
  return ConnectionAccess::with(*this, [](auto& impl, ConnectionRecord& record) {
    return std::size_t{tcp::send_space(record.tcb, impl.env(record))};
  });
}

std::size_t Connection::send(std::span<const std::byte> bytes) {
  return ConnectionAccess::change(
      *this, [&](tcp::Tcb& tcb, tcp::Env& env) { return std::size_t{tcp::send(tcb, bytes, env)}; });
}

std::size_t Connection::send_urgent(std::span<const std::byte> bytes) {
  return ConnectionAccess::change(
      *this, [&](tcp::Tcb& tcb, tcp::Env& env) { return std::size_t{tcp::send_urgent(tcb, bytes, env)}; });
}

std::span<std::byte> Connection::reserve(std::size_t wanted) {
  return ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env& env) {
    return tcp::reserve(tcb, static_cast<std::uint32_t>(std::min<std::size_t>(wanted, 0x7fffffff)), env);
  });
}

void Connection::commit(std::size_t count) {
  ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env& env) {
    tcp::commit(tcb, static_cast<std::uint32_t>(std::min<std::size_t>(count, 0x7fffffff)), env);
    return true;
  });
}

std::size_t Connection::forward(Connection from, std::size_t count) {
  if (from.shard_ != shard_) return 0;
  const std::size_t moved = ConnectionAccess::change(*this, [&](tcp::Tcb& to, tcp::Env& env) -> std::size_t {
    return ConnectionAccess::with(from, [&](auto&, ConnectionRecord& source) -> std::size_t {
      return tcp::forward(source.tcb, to, static_cast<std::uint32_t>(std::min<std::size_t>(count, 0x7fffffff)), env);
    });
  });
  from.consume(0);  // with its own options: opens its window, tells a close that waited for this
  return moved;
}

CallError Connection::send_error() const {
  if (!live()) return CallError::NoConnection;
  return ConnectionAccess::with(*this, [](auto&, ConnectionRecord& record) {
    return tcp::may_send(record.tcb) ? CallError::None : CallError::Closing;
  });
}

CallError Connection::close() {
  const CallError error = send_error();
  ConnectionAccess::change(*this, [](tcp::Tcb& tcb, tcp::Env& env) {
    tcp::close(tcb, env);
    return true;
  });
  return error;
}

CallError Connection::abort() {
  if (!live()) return CallError::NoConnection;
  ConnectionAccess::change(*this, [](tcp::Tcb& tcb, tcp::Env& env) {
    tcp::abort(tcb, env);
    return true;
  });
  return CallError::None;
}

void Connection::set_nagle(bool on) {
  ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env&) {
    tcb.nagle = on;
    return true;
  });
}

void Connection::set_keepalive(bool on) {
  ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env& env) {
    tcp::set_keepalive(tcb, on, env);
    return true;
  });
}

void Connection::set_user_timeout(Duration timeout) {
  ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env&) {
    tcb.user_timeout = timeout;
    return true;
  });
}

void Connection::set_dscp(std::uint8_t dscp) {
  ConnectionAccess::change(*this, [&](tcp::Tcb& tcb, tcp::Env&) {
    tcb.dscp = dscp & 0x3f;
    return true;
  });
}

std::uint64_t Connection::user_data() const {
  return ConnectionAccess::with(*this, [](auto&, ConnectionRecord& record) { return record.user_data; });
}

void Connection::set_user_data(std::uint64_t value) {
  ConnectionAccess::with(*this, [&](auto&, ConnectionRecord& record) {
    record.user_data = value;
    return true;
  });
}

}  // namespace levee
