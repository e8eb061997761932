// The receive window in the model's arithmetic: RFC 9293 3.4 and the first check of 3.10.7.4.
#pragma once

#include <cstdint>

#include "model/model.h"

namespace levee::model {

// RFC 9293 3.4: comparison modulo 2^32.
[[nodiscard]] inline bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }
[[nodiscard]] inline bool at_most(std::uint32_t a, std::uint32_t b) { return !before(b, a); }

[[nodiscard]] inline std::uint32_t sequence_length(const Segment& segment) {
  return segment.length + (segment.has(kSyn) ? 1U : 0U) + (segment.has(kFin) ? 1U : 0U);
}

[[nodiscard]] inline bool in_window(const Variables& tcb, std::uint32_t seq) {
  return at_most(tcb.rcv_nxt, seq) && before(seq, tcb.rcv_nxt + tcb.rcv_wnd);
}

// 3.10.7.4, first: Table 6.
[[nodiscard]] inline bool acceptable(const Variables& tcb, const Segment& segment) {
  const std::uint32_t length = sequence_length(segment);
  if (tcb.rcv_wnd == 0) return segment.seq == tcb.rcv_nxt && length == 0;
  if (length == 0) return in_window(tcb, segment.seq);
  return in_window(tcb, segment.seq) || in_window(tcb, segment.seq + length - 1);
}

// What is left of a segment that "begins at RCV.NXT and does not exceed the window".
struct Ideal {
  std::uint32_t seq = 0, length = 0;
  bool syn = false, fin = false;
};

[[nodiscard]] inline Ideal trim(const Variables& tcb, const Segment& segment) {
  Ideal ideal;
  const std::uint32_t edge = tcb.rcv_nxt + tcb.rcv_wnd;
  const std::uint32_t text_begins = segment.seq + (segment.has(kSyn) ? 1U : 0U);
  const std::uint32_t text_ends = text_begins + segment.length;
  ideal.syn = segment.has(kSyn) && in_window(tcb, segment.seq);
  ideal.fin = segment.has(kFin) && in_window(tcb, text_ends);
  std::uint32_t begin = before(text_begins, tcb.rcv_nxt) ? tcb.rcv_nxt : text_begins;
  const std::uint32_t end = before(edge, text_ends) ? edge : text_ends;
  if (before(end, begin)) begin = end;
  ideal.length = segment.length == 0 ? 0 : end - begin;
  ideal.seq = segment.length == 0 ? text_begins : begin;
  return ideal;
}

}  // namespace levee::model
