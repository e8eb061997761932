// ICMP errors of both families (RFC 9293 3.9.2.2, MUST-54): what one quotes is read within bounds, and the connection
// that it is about is told. Anybody can send one; how far it is believed is decided in tcp/icmp_error.h. Records that
// are half-open or in TIME-WAIT have their own bounds in time and hear of none.
#include "shard/impl.h"
#include "tcp/icmp_error.h"
#include "wire/icmpv6.h"

namespace levee::shard {
namespace {

constexpr std::size_t kLeastTcp = 8;  // ports and sequence number: what every router quotes (RFC 792)

// The segment that an error quotes: one that we sent, so its source is ours.
struct Quote {
  FlowKey flow;
  tcp::Seq seq;
};

// `tcp`: at least kLeastTcp bytes.
Quote quote_of(const IpAddress& local, const IpAddress& remote, const std::byte* tcp) {
  return {FlowKey({local, load_be16(tcp)}, {remote, load_be16(tcp + 2)}), tcp::Seq(load_be32(tcp + 4))};
}

std::optional<Quote> read_quote4(std::span<const std::byte> bytes) {
  const auto* ip = wire::view<wire::Ipv4Header>(bytes);
  if (ip == nullptr || ip->version() != 4 || ip->protocol != wire::kProtocolTcp) return std::nullopt;
  const std::size_t header = ip->header_length();
  if (header < sizeof(wire::Ipv4Header) || bytes.size() < header + kLeastTcp) return std::nullopt;
  if ((ip->flags_and_offset.value() & wire::kFragmentOffset) != 0 || !ip->destination().is_valid_source()) {
    return std::nullopt;
  }
  return quote_of(ip->source(), ip->destination(), bytes.data() + header);
}

// We send no extension headers, so there are none in it.
std::optional<Quote> read_quote6(std::span<const std::byte> bytes) {
  const auto* ip = wire::view<wire::Ipv6Header>(bytes);
  if (ip == nullptr || ip->version() != 6 || ip->next_header != wire::kProtocolTcp) return std::nullopt;
  if (bytes.size() < wire::kIpv6HeaderLength + kLeastTcp) return std::nullopt;
  if (!ip->source.is_valid_source() || !ip->destination.is_valid_source()) return std::nullopt;
  return quote_of(ip->source, ip->destination, bytes.data() + wire::kIpv6HeaderLength);
}

std::optional<tcp::IcmpError> report(ErrorReport what) {
  tcp::IcmpError error;
  error.report = what;
  return error;
}

std::optional<tcp::IcmpError> too_big(std::uint32_t mtu) {
  tcp::IcmpError error;
  error.kind = tcp::IcmpError::Kind::PacketTooBig;
  error.mtu = mtu;
  return error;
}

// RFC 792, RFC 1122 3.2.2.1. Nothing: not about something that a sender could heed.
std::optional<tcp::IcmpError> meaning4(const wire::IcmpHeader& header) {
  if (header.type == wire::kTimeExceeded) return report(ErrorReport::TimeExceeded);
  if (header.type == wire::kParameterProblem) return report(ErrorReport::ParameterProblem);
  switch (header.code) {
    case 0:
    case 6:
    case 11:
      return report(ErrorReport::NetworkUnreachable);
    case 1:
    case 5:  // a source route, which we do not send
    case 7:
    case 8:
    case 12:
      return report(ErrorReport::HostUnreachable);
    case 2:
      return report(ErrorReport::ProtocolUnreachable);
    case 3:
      return report(ErrorReport::PortUnreachable);
    case wire::kFragmentationNeeded:
      return too_big(header.sequence.value());
    case 9:
    case 10:
    case 13:
      return report(ErrorReport::Prohibited);
    default:
      return std::nullopt;
  }
}

// RFC 4443 3.
std::optional<tcp::IcmpError> meaning6(const wire::Icmpv6Header& header) {
  switch (header.type) {
    case wire::kIcmpv6PacketTooBig:
      // RFC 8201 4: no link carries less, so it is not true.
      if (header.parameter.value() < wire::kMinIpv6Mtu) return std::nullopt;
      return too_big(header.parameter.value());
    case wire::kIcmpv6TimeExceeded:
      return report(ErrorReport::TimeExceeded);
    case wire::kIcmpv6ParameterProblem:
      return report(ErrorReport::ParameterProblem);
    case wire::kIcmpv6Unreachable:
      break;
    default:
      return std::nullopt;
  }
  switch (header.code) {
    case wire::kIcmpv6NoRoute:
    case wire::kIcmpv6BeyondScope:
      return report(ErrorReport::NetworkUnreachable);
    case wire::kIcmpv6Prohibited:
    case 5:  // the source address failed a policy
    case 6:  // a route that rejects
      return report(ErrorReport::Prohibited);
    case wire::kIcmpv6AddressUnreachable:
      return report(ErrorReport::HostUnreachable);
    case wire::kIcmpv6PortUnreachable:
      return report(ErrorReport::PortUnreachable);
    default:
      return std::nullopt;
  }
}

}  // namespace

// The header is in the first piece; of the quoted packet what is there, too, is enough.
std::optional<Drop> Shard::Impl::process_icmp_error(Packet& packet, bool forwarded) {
  const Frame& frame = *packet.frame;
  static_assert(sizeof(wire::IcmpHeader) == sizeof(wire::Icmpv6Header));
  const std::byte* const message = frame.data + packet.payload_offset;
  const std::size_t length = std::min(packet.payload_length, frame.length - packet.payload_offset);
  const std::span quoted(message + sizeof(wire::IcmpHeader), length - sizeof(wire::IcmpHeader));
  const bool is_v4 = packet.kind == PacketKind::Icmp;
  std::optional<tcp::IcmpError> error = is_v4 ? meaning4(*reinterpret_cast<const wire::IcmpHeader*>(message))
                                              : meaning6(*reinterpret_cast<const wire::Icmpv6Header*>(message));
  const std::optional<Quote> quote = is_v4 ? read_quote4(quoted) : read_quote6(quoted);
  if (!error || !quote) return Drop::UnhandledIcmp;

  const FlowRef ref = find_flow(quote->flow, hash_of(quote->flow));
  if (!ref && options_.shards > 1 && !forwarded && owner_of(quote->flow) != options_.index) {
    return forward(packet, owner_of(quote->flow)) ? std::nullopt : std::optional(Drop::MailboxFull);
  }
  if (ref.kind() != RecordKind::Connection) return Drop::IcmpNoConnection;
  ConnectionRecord& record = connections_[ref.index()];
  error->seq = quote->seq;
  tcp::Env now = env(record);
  const tcp::IcmpVerdict verdict = tcp::icmp_error_arrives(record.tcb, *error, headers_of(record.key), now);
  settle(ref.index());
  switch (verdict) {
    case tcp::IcmpVerdict::NotOurs:
      return Drop::IcmpOutOfWindow;
    case tcp::IcmpVerdict::Ignored:
      return Drop::UnhandledIcmp;
    case tcp::IcmpVerdict::Taken:
      break;
  }
  stats_.count(Counter::IcmpErrorsTaken);
  return std::nullopt;
}

}  // namespace levee::shard
