#include "tcp/tcb.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace levee::tcp {
namespace {

constexpr std::uint16_t bit(State state) { return static_cast<std::uint16_t>(1U << static_cast<unsigned>(state)); }

// RFC 9293 3.3.2, Figure 5, as this implementation walks it: passive opens enter ESTABLISHED from their half-open
// record, SYN-RECEIVED is entered by a simultaneous open, and CLOSED is reached from everywhere by RST, abort or
// timeout.
constexpr std::array<std::uint16_t, kStateCount> kMayEnter = {
    /* CLOSED */ bit(State::SynSent) | bit(State::Established),
    /* LISTEN */ 0,
    /* SYN-SENT */ bit(State::SynReceived) | bit(State::Established) | bit(State::Closed),
    /* SYN-RECEIVED */ bit(State::Established) | bit(State::Closed),
    /* ESTABLISHED */ bit(State::FinWait1) | bit(State::CloseWait) | bit(State::Closed),
    /* FIN-WAIT-1 */ bit(State::FinWait2) | bit(State::Closing) | bit(State::TimeWait) | bit(State::Closed),
    /* FIN-WAIT-2 */ bit(State::TimeWait) | bit(State::Closed),
    /* CLOSE-WAIT */ bit(State::LastAck) | bit(State::Closed),
    /* CLOSING */ bit(State::TimeWait) | bit(State::Closed),
    /* LAST-ACK */ bit(State::Closed),
    /* TIME-WAIT */ 0,
};

}  // namespace

void Tcb::enter(State state, Stats& stats) {
  CHECK((kMayEnter[static_cast<std::size_t>(state_)] & bit(state)) != 0);
  if (state_ != State::Closed) stats.leave(state_);
  // TIME-WAIT is counted by its table, which holds the entry; CLOSED is no record.
  if (state != State::Closed && state != State::TimeWait) stats.enter(state);
  state_ = state;
}

void Transfer::reset() {
  send = {};
  cursor = {};
  receive = {};
  window_closed_at = kNever;
  growth = {};
  recovery = {};
  out_of_order.count = 0;
  out_of_order.next_stamp = 0;
  scoreboard.clear();
  full_sized_sent = false;
}

Transfer* borrow_transfer(Tcb& tcb, Env& env) {
  if (tcb.transfer == kNoIndex) {
    tcb.transfer = env.transfers.take();
    if (tcb.transfer == kNoIndex) return nullptr;
    env.transfers[tcb.transfer].reset();
    if (tcb.probe_unjudged)
      env.transfers[tcb.transfer].recovery.probe = {.outstanding = true, .resent = true, .end = tcb.una};
  }
  return &env.transfers[tcb.transfer];
}

void take_options(Tcb& tcb, const levee::TcpOptions& options) {
  tcb.nagle = options.nagle;
  tcb.dscp = options.dscp;
  tcb.ttl = options.ttl;
  tcb.keepalive = options.keepalive;
  tcb.user_timeout = options.user_timeout;
}

void return_if_idle(Tcb& tcb, Env& env) {
  if (tcb.transfer == kNoIndex) return;
  const Transfer& transfer = env.transfers[tcb.transfer];
  if (!transfer.send.empty() || !transfer.receive.empty() || !transfer.out_of_order.empty()) return;
  tcb.probe_unjudged = transfer.recovery.probe.outstanding && transfer.recovery.probe.resent;
  env.transfers.put(tcb.transfer);
  tcb.transfer = kNoIndex;
}

void finish(Tcb& tcb, CloseCause cause, Env& env) {
  tcb.retransmit_at = tcb.delayed_ack_at = tcb.linger_until = tcb.keepalive_at = tcb.unacked_since = kNever;
  tcb.retransmit_first = tcb.tail_probe_owed = tcb.force_send = tcb.probe_owed = tcb.syn_owed = tcb.keepalive_owed =
      false;
  if (tcb.transfer != kNoIndex) {
    Transfer& transfer = env.transfers[tcb.transfer];
    clear(transfer.send, env.memory());
    clear(transfer.out_of_order, env.memory());
    // After an orderly close the service may still read what arrived; after anything else it is dropped.
    if (cause != CloseCause::Normal) clear(transfer.receive, env.memory());
    return_if_idle(tcb, env);
  }
  if (cause != CloseCause::Normal) {
    tcb.events &= kOpenedEvent;  // an opening that was not told yet is still told before the closing
    tcb.ack_now = false;
  }
  tcb.events |= kClosedEvent;
  tcb.cause = cause;
}

std::uint32_t unsent_and_unacked(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  return tcb.transfer == kNoIndex ? 0 : transfers[tcb.transfer].send.bytes;
}

std::uint32_t readable(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  return tcb.transfer == kNoIndex ? 0 : transfers[tcb.transfer].receive.bytes;
}

std::uint32_t urgent_offset(const Tcb& tcb, const IndexPool<Transfer>& transfers) {
  if (!tcb.urgent_announced) return 0;
  const Seq first = tcb.rcv_nxt - (tcb.fin_received ? 1U : 0U) - readable(tcb, transfers);
  return tcb.rcv_up > first ? tcb.rcv_up - first : 0;
}

}  // namespace levee::tcp
