// The names and sentences behind docs/counters.md. The tables are in the order of their enums; one that misses an
// enumerator does not compile.
#include "levee/stats.h"

namespace levee {
namespace {

template <typename Id>
struct Entry {
  Id id;
  std::string_view name;
  std::string_view sentence;
};

template <typename Id, std::size_t N>
constexpr bool is_complete_and_in_order(const std::array<Entry<Id>, N>& table) {
  for (std::size_t i = 0; i < N; ++i) {
    if (static_cast<std::size_t>(table[i].id) != i || table[i].name.empty() || table[i].sentence.empty()) return false;
  }
  return true;
}

constexpr std::array<Entry<Drop>, kDropCount> kDrops{{
    {Drop::TooShort, "too_short", "The frame was shorter than its headers."},
    {Drop::HeaderSplit, "header_split", "The headers were not contiguous in memory and could not be pulled together."},
    {Drop::NotForUs, "not_for_us", "The destination MAC address is another station's."},
    {Drop::UnknownVlan, "unknown_vlan", "The frame carried a VLAN tag that no interface is configured for."},
    {Drop::UnknownEtherType, "unknown_ether_type", "The frame was neither ARP nor an IP version that is served."},
    {Drop::BadArp, "bad_arp", "The ARP packet was malformed or not about IPv4 over Ethernet."},
    {Drop::ArpNotForUs, "arp_not_for_us",
     "The ARP packet asked for or announced an address that is no concern of ours."},
    {Drop::BadNdp, "bad_ndp",
     "The neighbour solicitation or advertisement was not what RFC 4861 7.1 accepts: its hop limit, code, target, "
     "length or options."},
    {Drop::NdpNotForUs, "ndp_not_for_us",
     "The neighbour solicitation asked for an address that is not ours, or the advertisement told what nobody had "
     "asked "
     "for."},
    {Drop::BadIpHeader, "bad_ip_header", "The IP version, header length or packet length did not fit the frame."},
    {Drop::BadIpChecksum, "bad_ip_checksum", "The IPv4 header checksum was wrong."},
    {Drop::Fragment, "fragment", "The packet was a fragment; fragments are not reassembled."},
    {Drop::ExtensionHeader, "extension_header",
     "The IPv6 packet had an extension header; none is processed, and fragments are counted as such."},
    {Drop::UnknownDestination, "unknown_destination", "The destination IP address is not one of ours."},
    {Drop::BadSource, "bad_source",
     "The source IP address was broadcast, multicast, loopback, unspecified or our own."},
    {Drop::UnknownProtocol, "unknown_protocol", "The packet was neither TCP nor ICMP."},
    {Drop::BadIcmpChecksum, "bad_icmp_checksum", "The ICMP checksum was wrong."},
    {Drop::UnhandledIcmp, "unhandled_icmp", "The ICMP message was of a type that is not acted upon."},
    {Drop::IcmpNoConnection, "icmp_no_connection", "The ICMP error was about a connection that is not there."},
    {Drop::IcmpOutOfWindow, "icmp_out_of_window",
     "The ICMP error quoted a segment of a connection that is not on the road, so anybody may have made it up "
     "(RFC 5927 4)."},
    {Drop::BadTcpHeader, "bad_tcp_header", "The TCP data offset was below 5 or pointed beyond the packet."},
    {Drop::BadTcpChecksum, "bad_tcp_checksum", "The TCP checksum was wrong."},
    {Drop::TcpPortZero, "tcp_port_zero", "The source or destination TCP port was 0."},
    {Drop::BadTcpFlags, "bad_tcp_flags",
     "The TCP flags were a combination that no sender means, such as SYN with FIN."},
    {Drop::NoConnection, "no_connection", "The segment belonged to no connection; a limited RST may have answered it."},
    {Drop::NoListener, "no_listener",
     "The SYN was for a TCP port that nobody listens on; a limited RST may have "
     "answered it."},
    {Drop::SynQueueFull, "syn_queue_full", "The SYN found no room for another half-open connection."},
    {Drop::ReplyShed, "reply_shed",
     "The SYN was not answered and nothing was kept for it, because there was no packet buffer or no room among the "
     "outgoing frames for its SYN-ACK."},
    {Drop::AcceptQueueFull, "accept_queue_full",
     "The ACK completed a handshake, but the listener's service had not heard of --accept_backlog connections yet; "
     "left "
     "unanswered so that the peer tries again."},
    {Drop::CookieFailed, "cookie_failed",
     "An ACK to a listener was tried as a SYN cookie and is none, or is too old; never answered."},
    {Drop::ConnectionsFull, "connections_full", "The connection table or the flow index was full."},
    {Drop::Draining, "draining", "The SYN came while levee was shutting down."},
    {Drop::HalfOpenMismatch, "half_open_mismatch", "The segment hit a half-open connection and did not complete it."},
    {Drop::TimeWaitIgnored, "time_wait_ignored", "The segment hit a connection in TIME-WAIT and changed nothing."},
    {Drop::Paws, "paws", "The timestamp was older than the connection's last one (PAWS, RFC 7323 5.3)."},
    {Drop::MissingTimestamp, "missing_timestamp",
     "The segment had no timestamp on a connection that negotiated them (RFC 7323 3.2)."},
    {Drop::OutOfWindow, "out_of_window", "The segment lay outside the receive window (RFC 9293 3.10.7.4)."},
    {Drop::BadAck, "bad_ack", "The segment acknowledged what was never sent, or was far too old (RFC 5961 5)."},
    {Drop::NoAckFlag, "no_ack_flag", "The segment had no ACK flag where every segment must have it."},
    {Drop::InWindowSyn, "in_window_syn", "A SYN arrived on a live connection and was challenged (RFC 5961 4)."},
    {Drop::InexactRst, "inexact_rst", "An RST in the window but not at its left edge was challenged (RFC 5961 3)."},
    {Drop::UnexpectedInSynSent, "unexpected_in_syn_sent",
     "The segment was no answer to the SYN of an active open (RFC 9293 3.10.7.3)."},
    {Drop::DataAfterClose, "data_after_close", "Data arrived after the peer's FIN or after our own abort."},
    {Drop::OutOfOrderFull, "out_of_order_full", "No range, node or memory was left to keep an out-of-order segment."},
    {Drop::BuffersFull, "buffers_full", "The payload was refused because the shard's buffers were nearly used up."},
    {Drop::ReceiveQueueFull, "receive_queue_full", "The payload went beyond what the advertised window allowed."},
    {Drop::MailboxFull, "mailbox_full", "The frame was for another shard, whose mailbox was full."},
}};
static_assert(is_complete_and_in_order(kDrops));

constexpr std::array<Entry<Counter>, kCounterCount> kCounters{{
    {Counter::FramesReceived, "FramesReceived", "Frames received from the device or from other shards."},
    {Counter::FramesDelivered, "FramesDelivered",
     "Frames that did what they came for; with all drops they add up to FramesReceived."},
    {Counter::FramesSent, "FramesSent", "Frames handed to the device."},
    {Counter::BytesReceived, "BytesReceived", "Ethernet bytes received, without the frame check sequence."},
    {Counter::BytesSent, "BytesSent", "Ethernet bytes handed to the device, without the frame check sequence."},
    {Counter::DeviceDropped, "DeviceDropped", "Frames that were not sent because the device had no room for them."},
    {Counter::BuffersIn, "BuffersIn", "Packet buffers taken in, whether with a received frame or blank."},
    {Counter::BuffersOut, "BuffersOut", "Packet buffers given back, whether as a sent frame or released."},
    {Counter::BlanksExhausted, "BlanksExhausted",
     "Times that output or payload had to wait because there was no blank packet buffer."},
    {Counter::ArpRequestsReceived, "ArpRequestsReceived", "ARP requests received for one of our addresses."},
    {Counter::ArpRepliesSent, "ArpRepliesSent", "ARP replies sent."},
    {Counter::ArpRequestsSent, "ArpRequestsSent", "ARP requests sent to find a neighbour."},
    {Counter::NdpSolicitsReceived, "NdpSolicitsReceived", "Neighbour solicitations for our IPv6 addresses."},
    {Counter::NdpAdvertsSent, "NdpAdvertsSent", "Answers to those."},
    {Counter::NdpSolicitsSent, "NdpSolicitsSent", "Neighbour solicitations for next hops."},
    {Counter::NeighboursLearnt, "NeighboursLearnt", "Neighbours whose MAC address was learnt or changed."},
    {Counter::NeighbourTableFull, "NeighbourTableFull", "Neighbours not learnt because the table was full."},
    {Counter::NeighbourUnresolved, "NeighbourUnresolved",
     "Times that output had to wait for a neighbour's MAC address."},
    {Counter::IcmpInEchos, "IcmpInEchos", "ICMP echo requests received."},
    {Counter::IcmpOutEchoReps, "IcmpOutEchoReps", "ICMP echo replies sent."},
    {Counter::IcmpErrorsTaken, "IcmpErrorsTaken",
     "ICMP errors of both families that were about a connection's segment on the road, and were acted on or reported."},
    {Counter::InSegs, "InSegs", "TCP segments received, those with errors included."},
    {Counter::OutSegs, "OutSegs", "TCP segments sent, without those that only retransmit."},
    {Counter::RetransSegs, "RetransSegs", "TCP segments sent that carried data or flags sent before."},
    {Counter::InErrs, "InErrs", "TCP segments received with a bad header or checksum."},
    {Counter::OutRsts, "OutRsts", "TCP segments sent with the RST flag."},
    {Counter::RstLimited, "RstLimited", "RSTs to stray segments that were not sent because of the rate limit."},
    {Counter::InRsts, "InRsts", "Acceptable RSTs received."},
    {Counter::ActiveOpens, "ActiveOpens", "Connections opened by us with a SYN."},
    {Counter::PassiveOpens, "PassiveOpens", "Connections opened by a peer's SYN to a listener."},
    {Counter::AttemptFails, "AttemptFails", "Handshakes that ended without a connection."},
    {Counter::EstabResets, "EstabResets", "Established connections that ended by an RST from either side."},
    {Counter::SynsReceived, "SynsReceived", "SYNs received by a listener."},
    {Counter::SynAcksSent, "SynAcksSent", "SYN-ACKs sent for the first time."},
    {Counter::SynAckRetrans, "SynAckRetrans", "SYN-ACKs sent again."},
    {Counter::HalfOpenTimeouts, "HalfOpenTimeouts", "Half-open connections given up after their last SYN-ACK."},
    {Counter::SyncookiesSent, "SyncookiesSent", "SYNs answered by a SYN cookie, with no state kept."},
    {Counter::SyncookiesRecv, "SyncookiesRecv", "Valid SYN cookies that came back in an ACK."},
    {Counter::SyncookiesFailed, "SyncookiesFailed", "ACKs tried as SYN cookies that were none, or too old."},
    {Counter::SynAckLimited, "SynAckLimited",
     "SYN-ACK retransmissions left out because of --synack_retransmit_rate or because cookies were being sent."},
    {Counter::CookieIdle, "CookieIdle",
     "Connections opened by a cookie and dropped because they sent no text while the tables were filling up."},
    {Counter::Accepted, "Accepted", "Handshakes completed by the peer's ACK."},
    {Counter::ListenOverflows, "ListenOverflows",
     "Handshakes' ACKs left unanswered because the listener's accept backlog was full."},
    {Counter::ListenDrops, "ListenDrops",
     "SYNs and handshakes' ACKs that a listener dropped because the accept backlog, the SYN queue, the connection "
     "table "
     "or the flow index was full."},
    {Counter::TCPReqQFullDrop, "TCPReqQFullDrop",
     "SYNs dropped because the SYN queue was full and no cookie would do."},
    {Counter::TCPTimeouts, "TCPTimeouts", "Expiries of the retransmission timer."},
    {Counter::TCPFastRetrans, "TCPFastRetrans", "Fast recoveries begun: losses found before the timer expired."},
    {Counter::TCPLossProbes, "TCPLossProbes", "Tail loss probes sent (RFC 8985 7)."},
    {Counter::TCPLossProbeRecovery, "TCPLossProbeRecovery", "Losses that a tail loss probe repaired."},
    {Counter::TCPDSACKRecv, "TCPDSACKRecv", "Segments that peers reported to have received twice (RFC 2883)."},
    {Counter::TCPDSACKUndo, "TCPDSACKUndo",
     "Reductions of the congestion window taken back because every retransmission was reported as superfluous."},
    {Counter::TCPFullUndo, "TCPFullUndo",
     "Reductions of the congestion window taken back because timestamps showed that an original had arrived (RFC "
     "3522)."},
    {Counter::TCPSACKReneging, "TCPSACKReneging",
     "Times that a peer acknowledged less than it had acknowledged selectively (RFC 2018 8)."},
    {Counter::TCPSACKDiscard, "TCPSACKDiscard", "SACK blocks ignored because they cannot be true."},
    {Counter::TCPECNReductions, "TCPECNReductions",
     "Congestion windows reduced because the peer echoed congestion (RFC 3168)."},
    {Counter::TCPPersistProbes, "TCPPersistProbes", "Probes sent into a peer's closed window."},
    {Counter::TCPKeepAlive, "TCPKeepAlive", "Keepalive probes sent (RFC 9293 3.8.4)."},
    {Counter::UrgentPointers, "UrgentPointers", "Urgent pointers of peers that announced more urgent data."},
    {Counter::PathMtuLowered, "PathMtuLowered",
     "Connections whose segments became smaller because the path carries no larger ones."},
    {Counter::DelayedACKs, "DelayedACKs", "ACKs sent because the delayed-ACK timer expired."},
    {Counter::TCPChallengeACK, "TCPChallengeACK", "Challenge ACKs sent (RFC 5961)."},
    {Counter::PAWSEstab, "PAWSEstab", "Segments refused by PAWS on established connections."},
    {Counter::TCPOFOQueue, "TCPOFOQueue", "Segments kept in the out-of-order queue."},
    {Counter::TCPOFOMerge, "TCPOFOMerge", "Out-of-order segments that overlapped data already kept."},
    {Counter::TCPDSACKOldSent, "TCPDSACKOldSent", "ACKs that told the peer which data came twice (RFC 2883)."},
    {Counter::RcvCollapsed, "RcvCollapsed", "Segments copied together because their buffers were mostly empty."},
    {Counter::ZeroWindowSent, "ZeroWindowSent", "Times that we closed the window that we offer."},
    {Counter::ZeroWindowReceived, "ZeroWindowReceived", "Times that a peer closed its window."},
    {Counter::ZeroWindowAborted, "ZeroWindowAborted",
     "Connections reset because their peer kept its window closed while the buffers were nearly used up (RFC 6429)."},
    {Counter::BytesDelivered, "BytesDelivered", "Payload bytes taken from peers, in order and once each."},
    {Counter::BytesAcked, "BytesAcked", "Payload bytes that peers acknowledged."},
    {Counter::TimeWaitEntered, "TimeWaitEntered", "Connections that entered TIME-WAIT."},
    {Counter::TimeWaitExpired, "TimeWaitExpired", "TIME-WAIT entries that ended after 2MSL."},
    {Counter::TimeWaitEvicted, "TimeWaitEvicted", "TIME-WAIT entries that made room for a newer one before 2MSL."},
    {Counter::TimeWaitRestarted, "TimeWaitRestarted", "TIME-WAIT entries whose 2MSL a repeated FIN started again."},
    {Counter::TimeWaitRecycled, "TimeWaitRecycled", "TIME-WAIT entries that a new SYN reopened (RFC 6191)."},
    {Counter::Opened, "Opened", "Connections that came into being; at the end as many as Closed."},
    {Counter::Closed, "Closed", "Connections that ended, however they did."},
    {Counter::MailSent, "MailSent", "Messages put into other shards' mailboxes."},
    {Counter::MailDropped, "MailDropped", "Messages for other shards that found the mailbox full."},
    {Counter::MailReceived, "MailReceived", "Messages taken out of this shard's mailboxes."},
    {Counter::ClockWentBack, "ClockWentBack",
     "Times that a capture's timestamps went back; time then stands still until they catch up."},
    {Counter::Polls, "Polls", "Loops of the worker over its live devices."},
    {Counter::PollsWithFrames, "PollsWithFrames",
     "Loops of the worker that received a frame; near to Polls, the worker has all that it can do."},
    {Counter::BusyNanoseconds, "BusyNanoseconds", "Time that the worker spent in loops that had something to do."},
}};
static_assert(is_complete_and_in_order(kCounters));

template <std::size_t N>
void add(std::array<std::uint64_t, N>& sum, const std::array<std::uint64_t, N>& more) {
  for (std::size_t i = 0; i < N; ++i) sum[i] += more[i];
}

template <std::size_t N>
void read(const std::array<Tally, N>& tallies, std::array<std::uint64_t, N>& figures) {
  for (std::size_t i = 0; i < N; ++i) figures[i] = tallies[i].value();
}

}  // namespace

std::string_view name(Drop reason) { return kDrops[static_cast<std::size_t>(reason)].name; }
std::string_view describe(Drop reason) { return kDrops[static_cast<std::size_t>(reason)].sentence; }
std::string_view name(Counter counter) { return kCounters[static_cast<std::size_t>(counter)].name; }
std::string_view describe(Counter counter) { return kCounters[static_cast<std::size_t>(counter)].sentence; }

std::uint64_t StatsSnapshot::total_drops() const {
  std::uint64_t total = 0;
  for (const std::uint64_t count : drops) total += count;
  return total;
}

StatsSnapshot& StatsSnapshot::operator+=(const StatsSnapshot& other) {
  add(drops, other.drops);
  add(counters, other.counters);
  add(entered, other.entered);
  add(in_state, other.in_state);
  add(closed_by, other.closed_by);
  return *this;
}

StatsSnapshot Stats::snapshot() const {
  StatsSnapshot snapshot;
  read(drops_, snapshot.drops);
  read(counters_, snapshot.counters);
  read(entered_, snapshot.entered);
  read(in_state_, snapshot.in_state);
  read(closed_by_, snapshot.closed_by);
  return snapshot;
}

}  // namespace levee
