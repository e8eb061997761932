// The steps of RFC 9293 3.10.7 in the RFC's order, with its words; see model.h. Written to be compared with the text
// line by line, not to be fast.
#include "model/model.h"

#include <algorithm>
#include <array>

#include "model/receive_window.h"

namespace levee::model {
namespace {

enum class OnRst : std::uint8_t { Back, Reset, Ignore };

// What differs from state to state in 3.10.7.4.
struct Row {
  OnRst on_rst;            // second step
  State after_ack_of_fin;  // fifth step
  bool takes_text;         // seventh step; otherwise: "this should not occur"
  State after_fin;         // eighth step
};

const Row& row_of(State state) {
  static constexpr std::array<Row, kStateCount> kRows = {{
      {},  // CLOSED
      {},  // LISTEN
      {},  // SYN-SENT
      {OnRst::Back, State::SynReceived, true, State::CloseWait},
      {OnRst::Reset, State::Established, true, State::CloseWait},
      {OnRst::Reset, State::FinWait2, true, State::Closing},
      {OnRst::Reset, State::FinWait2, true, State::TimeWait},
      {OnRst::Reset, State::CloseWait, false, State::CloseWait},
      {OnRst::Reset, State::TimeWait, false, State::Closing},
      {OnRst::Reset, State::Closed, false, State::LastAck},
      // RFC 1337 3 (F1): an old RST must not end TIME-WAIT.
      {OnRst::Ignore, State::TimeWait, false, State::TimeWait},
  }};
  return kRows[static_cast<std::size_t>(state)];
}

Outcome unchanged(const Variables& tcb) {
  Outcome outcome;
  outcome.after = tcb;
  return outcome;
}

// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
void acknowledge(Outcome& outcome) { outcome.reply = {Reply::Kind::Ack, outcome.after.snd_nxt, outcome.after.rcv_nxt}; }

// <SEQ=SEG.ACK><CTL=RST>
void reset_at_its_ack(Outcome& outcome, const Segment& segment) { outcome.reply = {Reply::Kind::Rst, segment.ack, 0}; }

void end(Outcome& outcome, State state, End how) {
  outcome.after.state = state;
  outcome.end = how;
}

// 3.10.7.1
Outcome closed(const Variables& tcb, const Segment& segment) {
  Outcome outcome = unchanged(tcb);
  if (segment.has(kRst)) return outcome;
  if (segment.has(kAck)) {
    reset_at_its_ack(outcome, segment);
  } else {
    outcome.reply = {Reply::Kind::RstAck, 0, segment.seq + sequence_length(segment)};
  }
  return outcome;
}

// 3.10.7.2. The ISS is the implementation's; `after.iss` is left to whoever compares.
Outcome listen(const Variables& tcb, const Segment& segment) {
  Outcome outcome = unchanged(tcb);
  if (segment.has(kRst)) return outcome;
  if (segment.has(kAck)) {
    reset_at_its_ack(outcome, segment);
    return outcome;
  }
  if (!segment.has(kSyn)) return outcome;
  Variables& after = outcome.after;
  after.state = State::SynReceived;
  after.origin = Origin::Passive;
  after.rcv_nxt = segment.seq + 1;
  after.snd_una = after.iss;
  after.snd_nxt = after.iss + 1;
  outcome.reply = {Reply::Kind::SynAck, after.iss, after.rcv_nxt};
  return outcome;
}

// "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to accept valid ACKs,
// URGs, and RSTs" (MUST-66).
bool allowed_at_zero_window(const Variables& tcb, const Segment& segment) {
  return tcb.rcv_wnd == 0 && segment.seq == tcb.rcv_nxt && !segment.has(kSyn);
}

void update_send_window(Variables& tcb, const Segment& segment) {
  tcb.snd_wnd = static_cast<std::uint32_t>(segment.wnd) << tcb.snd_scale;
  tcb.max_snd_wnd = std::max(tcb.max_snd_wnd, tcb.snd_wnd);
  tcb.snd_wl1 = segment.seq;
  tcb.snd_wl2 = segment.ack;
}

// Text that came before its turn is in order now. Returns how much.
std::uint32_t take_held(Variables& tcb) {
  const std::uint32_t from = tcb.rcv_nxt;
  for (const Range& range : tcb.held) {
    if (at_most(range.begin, tcb.rcv_nxt) && before(tcb.rcv_nxt, range.end)) tcb.rcv_nxt = range.end;
  }
  const std::uint32_t taken = tcb.rcv_nxt - from;
  tcb.rcv_wnd -= std::min(tcb.rcv_wnd, taken);
  return taken;
}

// Seventh
void take_text(Outcome& outcome, const Ideal& ideal) {
  Variables& tcb = outcome.after;
  if (ideal.length == 0) return;
  acknowledge(outcome);
  if (ideal.seq != tcb.rcv_nxt) {
    outcome.held = true;  // RFC 5681 4.2: the ACK goes at once; MAY-13
    return;
  }
  tcb.rcv_nxt += ideal.length;
  tcb.rcv_wnd -= ideal.length;
  outcome.text = ideal.length + take_held(tcb);
  outcome.may_wait = tcb.held.empty();  // RFC 5681 4.2: not where a hole is filled
  acknowledge(outcome);
}

// Sixth to eighth. The URG bit has no effect on state, replies or text.
void text_and_fin(Outcome& outcome, const Segment& segment) {
  Variables& tcb = outcome.after;
  const Row& row = row_of(tcb.state);
  const Ideal ideal = trim(tcb, segment);
  outcome.ignored = !row.takes_text && (segment.length > 0 || segment.has(kFin));
  if (row.takes_text) take_text(outcome, ideal);
  std::optional<std::uint32_t> fin_at = tcb.fin_at;
  if (!fin_at && ideal.fin) fin_at = segment.seq + segment.length;
  if (!fin_at) return;
  if (*fin_at != tcb.rcv_nxt) {
    if (row.takes_text && ideal.fin) {
      outcome.held = true;
      acknowledge(outcome);
      outcome.may_wait = false;
    }
    return;
  }
  ++tcb.rcv_nxt;
  if (tcb.rcv_wnd > 0) --tcb.rcv_wnd;
  outcome.peer_closed = row.takes_text;
  acknowledge(outcome);
  outcome.may_wait = false;
  if (tcb.state == State::TimeWait) outcome.restarts_2msl = true;
  if (row.after_fin == State::TimeWait && tcb.state != State::TimeWait) outcome.end = End::Normal;
  tcb.state = row.after_fin;
}

// 3.10.7.3
Outcome syn_sent(const Variables& before_it, const Segment& segment) {
  Outcome outcome = unchanged(before_it);
  Variables& tcb = outcome.after;
  const bool ack_ok = segment.has(kAck) && before(tcb.snd_una, segment.ack) && at_most(segment.ack, tcb.snd_nxt);
  if (segment.has(kAck) && (at_most(segment.ack, tcb.iss) || before(tcb.snd_nxt, segment.ack))) {
    if (!segment.has(kRst)) reset_at_its_ack(outcome, segment);
    return outcome;
  }
  if (segment.has(kRst)) {
    // RFC 5961 3.2: an RST is good if its ACK acknowledges the SYN. RCV.NXT is not known yet.
    if (ack_ok) end(outcome, State::Closed, End::Refused);
    return outcome;
  }
  if (!segment.has(kSyn)) return outcome;
  tcb.rcv_nxt = segment.seq + 1;
  if (ack_ok) tcb.snd_una = segment.ack;
  // RFC 7323 2.2: the window of a segment with SYN is not scaled.
  tcb.snd_wnd = tcb.max_snd_wnd = segment.wnd;
  tcb.snd_wl1 = segment.seq;
  tcb.snd_wl2 = segment.ack;
  if (ack_ok) {
    tcb.state = State::Established;
    outcome.opened = true;
    acknowledge(outcome);
    Segment rest = segment;
    rest.flags &= static_cast<std::uint8_t>(~kSyn);
    rest.seq = segment.seq + 1;
    text_and_fin(outcome, rest);
    outcome.may_wait = false;
    return outcome;
  }
  tcb.state = State::SynReceived;
  tcb.origin = Origin::Active;
  outcome.reply = {Reply::Kind::SynAck, tcb.iss, tcb.rcv_nxt};
  return outcome;
}

// RFC 6191 2: may this SYN begin a new incarnation? "SEQ > last sequence number seen": that was RCV.NXT - 1.
bool reopens(const Variables& tcb, const Segment& syn) {
  const bool newer_seq = before(tcb.rcv_nxt - 1, syn.seq);
  if (!syn.ts_value) return newer_seq;
  if (!tcb.timestamps) return true;
  return before(tcb.ts_recent, *syn.ts_value) || (*syn.ts_value == tcb.ts_recent && newer_seq);
}

// 3.10.7.4, second, with RFC 5961 3.2. Returns whether the segment is done with.
bool check_rst(Outcome& outcome, const Segment& segment) {
  if (!segment.has(kRst)) return false;
  Variables& tcb = outcome.after;
  const Row& row = row_of(tcb.state);
  if (row.on_rst == OnRst::Ignore) return true;
  if (segment.seq != tcb.rcv_nxt) {
    if (in_window(tcb, segment.seq)) acknowledge(outcome);
    return true;
  }
  if (row.on_rst == OnRst::Reset) {
    // MUST-12. In LAST-ACK, where only our FIN is not acknowledged yet, nothing was lost; the RFC signals nothing
    // there.
    const bool all_exchanged = tcb.state == State::LastAck && tcb.snd_una + 1 == tcb.snd_nxt;
    end(outcome, State::Closed, all_exchanged ? End::Normal : End::Reset);
  } else if (tcb.origin == Origin::Passive) {
    tcb.state = State::Listen;
  } else {
    end(outcome, State::Closed, End::Refused);
  }
  return true;
}

// Fifth. Returns whether the segment is done with.
bool check_ack(Outcome& outcome, const Segment& segment) {
  Variables& tcb = outcome.after;
  if (!segment.has(kAck)) return true;
  if (tcb.state == State::SynReceived) {
    if (!(before(tcb.snd_una, segment.ack) && at_most(segment.ack, tcb.snd_nxt))) {
      // 3.5.2, group 2: in states that are not synchronized an ACK of something never sent is answered by RST.
      reset_at_its_ack(outcome, segment);
      return true;
    }
    tcb.state = State::Established;
    tcb.snd_una = segment.ack;
    outcome.opened = true;
    update_send_window(tcb, segment);
    return false;
  }
  // RFC 5961 5.2 (MAY-12)
  if (before(segment.ack, tcb.snd_una - tcb.max_snd_wnd) || before(tcb.snd_nxt, segment.ack)) {
    acknowledge(outcome);
    return true;
  }
  if (tcb.state == State::TimeWait) {
    // "The only thing that can arrive in this state is a retransmission of the remote FIN."
    return false;
  }
  if (at_most(tcb.snd_una, segment.ack)) {
    tcb.snd_una = segment.ack;
    const bool newer = before(tcb.snd_wl1, segment.seq);
    if (newer || (tcb.snd_wl1 == segment.seq && at_most(tcb.snd_wl2, segment.ack))) update_send_window(tcb, segment);
  }
  const bool fin_acked = tcb.fin_sent && tcb.snd_una == tcb.snd_nxt;
  switch (tcb.state) {
    case State::FinWait1:
      if (fin_acked) tcb.state = State::FinWait2;
      return false;
    case State::Closing:
      if (fin_acked) {
        end(outcome, State::TimeWait, End::Normal);
      } else {
        outcome.ignored = segment.length > 0 || segment.has(kFin);
      }
      return true;
    case State::LastAck:
      if (fin_acked) end(outcome, State::Closed, End::Normal);
      return fin_acked;
    default:
      return false;
  }
}

// 3.10.7.4
Outcome other_states(const Variables& before_it, const Segment& segment) {
  Outcome outcome = unchanged(before_it);
  Variables& tcb = outcome.after;
  const bool time_wait = tcb.state == State::TimeWait;
  if (time_wait && segment.has(kSyn) && !segment.has(kAck) && !segment.has(kRst)) {
    // RFC 6191: silently dropped. MAY-2 speaks of a passive open that waits for it.
    if (!tcb.listened || !reopens(tcb, segment)) return outcome;
    tcb.state = State::SynReceived;
    tcb.origin = Origin::Passive;
    tcb.rcv_nxt = segment.seq + 1;
    outcome.reply = {Reply::Kind::SynAck, tcb.iss, tcb.rcv_nxt};
    return outcome;
  }
  if (tcb.timestamps && !segment.has(kRst)) {
    if (!segment.ts_value) return outcome;  // RFC 7323 3.2
    if (before(*segment.ts_value, tcb.ts_recent)) {
      acknowledge(outcome);  // RFC 7323 5.3, R1
      return outcome;
    }
  }
  // First
  const bool allowance = allowed_at_zero_window(tcb, segment);
  if (!acceptable(tcb, segment) && !allowance) {
    if (!segment.has(kRst)) acknowledge(outcome);
    if (time_wait && segment.has(kFin) && !segment.has(kRst) && segment.seq + sequence_length(segment) == tcb.rcv_nxt) {
      outcome.restarts_2msl = true;  // the remote FIN again
    }
    return outcome;
  }
  if (check_rst(outcome, segment)) return outcome;
  // Fourth, with RFC 5961 4.2: whatever the sequence number
  if (segment.has(kSyn) && tcb.state != State::SynReceived) {
    acknowledge(outcome);
    return outcome;
  }
  if (tcb.state == State::SynReceived && trim(tcb, segment).syn) {
    if (tcb.origin == Origin::Passive) {
      tcb.state = State::Listen;
    } else {
      acknowledge(outcome);
    }
    return outcome;
  }
  if (check_ack(outcome, segment)) return outcome;
  if (allowance && sequence_length(segment) > 0) acknowledge(outcome);
  text_and_fin(outcome, segment);
  return outcome;
}

}  // namespace

Outcome segment_arrives(const Variables& before, const Segment& segment) {
  switch (before.state) {
    case State::Closed:
      return closed(before, segment);
    case State::Listen:
      return listen(before, segment);
    case State::SynSent:
      return syn_sent(before, segment);
    default:
      return other_states(before, segment);
  }
}

}  // namespace levee::model
