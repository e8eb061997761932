#include "tcp/icmp_error.h"

#include <algorithm>
#include <array>

#include "tcp/path_mtu.h"

namespace levee::tcp {
namespace {

// RFC 1191 7.1: what to try when the router does not say; and the least that is believed, as smaller links do not
// forward IPv6 (RFC 8200 5) and hardly exist for IPv4 (RFC 1191 7.1, CVE-2019-11479 shows what smaller ones cost).
constexpr std::array<std::uint32_t, 7> kPlateaus = {17914, 8166, 4352, 2002, 1492, 1006, 576};
constexpr std::uint32_t kIpv4Headers = 40, kLeastIpv4 = 576, kLeastIpv6 = 1280;

std::uint32_t next_plateau(std::uint32_t below) {
  for (const std::uint32_t plateau : kPlateaus) {
    if (plateau < below) return plateau;
  }
  return kPlateaus.back();
}

IcmpVerdict packet_too_big(Tcb& tcb, std::uint32_t mtu, std::uint32_t headers, Env& env) {
  const std::uint32_t options = tcb.timestamps ? 12 : 0;
  const std::uint32_t current = tcb.mss + headers + options;
  if (mtu == 0) mtu = next_plateau(current);
  mtu = std::max(mtu, headers == kIpv4Headers ? kLeastIpv4 : kLeastIpv6);
  if (mtu >= current) return IcmpVerdict::Ignored;
  const auto mss = static_cast<std::uint16_t>(mtu - headers - options);
  if (tcb.mss_proven) {
    // RFC 5927 7.2: segments of this size have arrived. It is believed when the next one does not.
    tcb.pending_mss = mss;
  } else {
    lower_mss(tcb, mss, env);
  }
  return IcmpVerdict::Taken;
}

}  // namespace

IcmpVerdict icmp_error_arrives(Tcb& tcb, const IcmpError& error, std::uint32_t headers, Env& env) {
  const State state = tcb.state();
  if (state == State::Closed || state == State::TimeWait) return IcmpVerdict::NotOurs;
  // RFC 5927 4.1: SND.UNA =< SEG.SEQ < SND.NXT.
  if (error.seq < tcb.una || error.seq >= tcb.nxt) return IcmpVerdict::NotOurs;
  if (error.kind == IcmpError::Kind::PacketTooBig) {
    return tcb.synchronized() ? packet_too_big(tcb, error.mtu, headers, env) : IcmpVerdict::Ignored;
  }
  const bool hard = error.report == ErrorReport::ProtocolUnreachable || error.report == ErrorReport::PortUnreachable;
  if (hard && !tcb.synchronized()) {
    // SHLD-26; once synchronized it is a soft error like the others (RFC 5461 4.1, RFC 5927 6).
    env.stats.count(Counter::AttemptFails);
    tcb.enter(State::Closed, env.stats);
    finish(tcb, CloseCause::Refused, env);
    return IcmpVerdict::Taken;
  }
  tcb.report = error.report;  // MUST-56: never more than a report
  tcb.events |= kReportEvent;
  return IcmpVerdict::Taken;
}

}  // namespace levee::tcp
