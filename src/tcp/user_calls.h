// The user calls of RFC 9293 3.10.1 to 3.10.5 on a Tcb: SEND, RECEIVE, CLOSE, ABORT, and the start of an active OPEN.
#pragma once

#include <cstddef>
#include <span>

#include "tcp/tcb.h"

namespace levee::tcp {

// The SYN of an active open is owed after this (3.10.1).
void open_active(Tcb& tcb, Seq iss, std::uint32_t timestamp_offset, Env& env);

// Whether the user may still send: not after close.
[[nodiscard]] bool may_send(const Tcb& tcb);
[[nodiscard]] std::uint32_t send_space(const Tcb& tcb, const Env& env);
// Copies; returns what was accepted and asks for the writable event if that is less than given (3.10.2).
[[nodiscard]] std::uint32_t send(Tcb& tcb, std::span<const std::byte> bytes, Env& env);
// The same; the last byte accepted ends urgent data (3.8.5).
[[nodiscard]] std::uint32_t send_urgent(Tcb& tcb, std::span<const std::byte> bytes, Env& env);
// Room at the end of the send queue, contiguous, at most `wanted` bytes; commit() sends the first bytes of it.
[[nodiscard]] std::span<std::byte> reserve(Tcb& tcb, std::uint32_t wanted, Env& env);
void commit(Tcb& tcb, std::uint32_t count, Env& env);
// Moves readable bytes of `from` (which may be `to`) into the send queue of `to` without copying. The caller consumes
// 0 bytes of `from` afterwards, so that its window opens.
[[nodiscard]] std::uint32_t forward(Tcb& from, Tcb& to, std::uint32_t count, Env& env);
// 3.10.3: the first `count` readable bytes are given back; may owe a window update.
void consume(Tcb& tcb, std::uint32_t count, Env& env);
void close(Tcb& tcb, Env& env);
// 3.10.5. An RST is owed where the peer knows of the connection.
void abort(Tcb& tcb, Env& env);

}  // namespace levee::tcp
