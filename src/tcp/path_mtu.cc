#include "tcp/path_mtu.h"

#include <algorithm>

namespace levee::tcp {
namespace {

constexpr Duration kRaiseAfter = std::chrono::minutes(10);
// Timeouts in a row that make a size suspect. One that has got through before is more likely to have met plain loss: at
// 3 % of it two in a row happen every few thousand segments, and each would cost ten minutes of small ones.
constexpr unsigned kTimeoutsUnproven = 2, kTimeoutsProven = 4;

// What is tried when text of `length` bytes does not get through; 0: nothing smaller. An IPv6 path carries packets of
// 1280 bytes (RFC 8200 5), an IPv4 path nearly always 576.
std::uint32_t smaller(bool ipv6, std::uint32_t length) {
  if (ipv6) return length > 1220 ? 1220 : 0;
  return length > 1024 ? 1024 : (length > 512 ? 512 : 0);
}

// Nothing is known of this size.
void forget_proof(Tcb& tcb, Env& env) {
  tcb.mss_proven = false;
  if (tcb.transfer != kNoIndex) env.transfers[tcb.transfer].full_sized_sent = false;
}

}  // namespace

void text_goes_out(const Tcb& tcb, Transfer& transfer, std::uint32_t length, Seq end) {
  if (length < tcb.mss || transfer.full_sized_sent) return;
  transfer.full_sized_sent = true;
  transfer.full_sized_end = end;
}

void judge_mss(Tcb& tcb, Env& env) {
  if (tcb.transfer == kNoIndex) return;
  Transfer& transfer = env.transfers[tcb.transfer];
  if (!transfer.full_sized_sent || tcb.una < transfer.full_sized_end) return;
  transfer.full_sized_sent = false;
  tcb.mss_proven = true;
  tcb.pending_mss = 0;  // RFC 5927 7.2: what was said to be too big arrives
}

void lower_mss(Tcb& tcb, std::uint32_t mss, Env& env) {
  if (mss >= tcb.mss) return;
  tcb.mss = static_cast<std::uint16_t>(mss);
  forget_proof(tcb, env);
  tcb.pending_mss = 0;
  tcb.mss_raise_at = env.now + kRaiseAfter;
  env.stats.count(Counter::PathMtuLowered);
  if (tcb.transfer != kNoIndex) env.transfers[tcb.transfer].scoreboard.lose_all();
}

void suspect_black_hole(Tcb& tcb, Env& env) {
  if (tcb.backoff == 0 || tcb.backoff % (tcb.mss_proven ? kTimeoutsProven : kTimeoutsUnproven) != 0) return;
  const std::uint32_t text = std::min(unsent_and_unacked(tcb, env.transfers), tcb.flight());
  const std::uint32_t mss = smaller(tcb.ipv6, std::min<std::uint32_t>(text, tcb.mss));
  if (mss != 0) lower_mss(tcb, mss, env);
}

void raise_mss_if_due(Tcb& tcb, Env& env) {
  if (tcb.mss == tcb.mss_limit || env.now < tcb.mss_raise_at) return;
  tcb.mss = tcb.mss_limit;
  forget_proof(tcb, env);
  tcb.mss_raise_at = kNever;
  tcb.congestion.cwnd = std::max<std::uint32_t>(tcb.congestion.cwnd, tcb.mss);
}

}  // namespace levee::tcp
