// The arithmetic of a client's timers; see retransmission.h.
#include "peer/retransmission.h"

#include <algorithm>
#include <cstdlib>

namespace levee::peer {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;

// RFC 8985 7.2. For a single piece, whose ACK may be delayed, Linux adds its least RTO; without a sample it waits 1 s.
Duration probe_timeout(const Client& client, const Rules& rules) {
  if (client.srtt_us < 0) return std::min<Duration>(seconds(1), rto(client, rules));
  const Duration two_rtts = microseconds(2LL * client.srtt_us);
  const bool one_outstanding = last_piece(client) == client.una;
  return std::min(two_rtts + (one_outstanding ? rules.min_rto : rules.min_probe_slack), rto(client, rules));
}

}  // namespace

void sample_rtt(Client& client, Duration rtt) {
  const auto us = static_cast<std::int32_t>(duration_cast<microseconds>(rtt).count());
  if (client.srtt_us < 0) {
    client.srtt_us = us;
    client.rttvar_us = us / 2;
    return;
  }
  client.rttvar_us += (std::abs(client.srtt_us - us) - client.rttvar_us) / 4;
  client.srtt_us += (us - client.srtt_us) / 8;
}

// RFC 6298 with Linux's floor under the variation; 1 s before the first sample, 3 s if the SYN was lost (5.7).
Duration rto(const Client& client, const Rules& rules) {
  Duration base = seconds(client.syns > 1 ? 3 : 1);
  if (client.srtt_us >= 0) {
    base = microseconds(client.srtt_us) + std::max<Duration>(microseconds(4LL * client.rttvar_us), rules.min_rto);
  }
  for (unsigned i = 0; i < client.retries && base < rules.max_rto; ++i) base *= 2;
  return std::min(base, rules.max_rto);
}

std::uint32_t last_piece(const Client& client) {
  const std::uint32_t request = client.plan.request;
  if (client.una >= request) return client.una;  // a FIN alone
  return std::max(client.una, (std::min(client.sent, request) - 1) / client.cut * client.cut);
}

void arm_retransmission(Client& client, Instant now, const Rules& rules) {
  client.probing = rules.loss_probe && client.sack && client.una >= client.no_probe_before;
  client.retransmit_at = now + (client.probing ? probe_timeout(client, rules) : rto(client, rules));
}

}  // namespace levee::peer
