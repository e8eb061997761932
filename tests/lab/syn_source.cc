// SYNs from templates; see syn_source.h.
#include "lab/syn_source.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/view.h"

namespace levee::lab {

namespace {

constexpr std::uint32_t kSources = 0xc6120000;  // 198.18.0.0/15
constexpr std::uint64_t kSourceCount = 1U << 17;
constexpr std::uint16_t kFirstPort = 1024;
constexpr std::uint64_t kPorts = 65536 - kFirstPort;

constexpr std::size_t kIpAt = sizeof(wire::EthernetHeader);
constexpr std::size_t kTcpAt = kIpAt + sizeof(wire::Ipv4Header);
constexpr std::size_t kOptionsAt = kTcpAt + sizeof(wire::TcpHeader);

struct Layout {
  unsigned percent;
  std::uint16_t window;
  std::initializer_list<unsigned char> options;
};

// RFC 9293 3.2 and RFC 7323, in the order in which each stack writes them.
constexpr Layout kLinux{60, 64240, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0x3b, 0x9a, 0xca, 1, 0, 0, 0, 0, 1, 3, 3, 7}};
constexpr Layout kWindows{25, 64240, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}};
constexpr Layout kApple{
    10, 65535, {2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0x3b, 0x9a, 0xca, 1, 0, 0, 0, 0, 4, 2, 0, 0}};
constexpr Layout kNone{2, 1024, {}};
constexpr Layout kMssOnly{2, 1024, {2, 4, 5, 0x78}};
constexpr Layout kMixedUp{1, 8192, {3, 3, 2, 1, 4, 2, 254, 4, 0x12, 0x34, 2, 4, 5, 0xa0, 0, 0}};
constexpr std::array<const Layout*, SynSource::kLayouts> kAll{&kLinux, &kWindows, &kApple,
                                                              &kNone,  &kMssOnly, &kMixedUp};

// Every bit of the result depends on every bit of `value` (splitmix64's finaliser).
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
  value = (value ^ value >> 27) * 0x94d049bb133111ebU;
  return value ^ value >> 31;
}

std::uint32_t sequence_of(std::uint32_t source, std::uint16_t source_port) {
  return static_cast<std::uint32_t>(mixed(std::uint64_t{source} << 16 | source_port));
}

std::uint8_t layout_of(std::uint64_t chance) {
  auto percent = static_cast<unsigned>(chance % 100);
  std::uint8_t layout = 0;
  while (percent >= kAll[layout]->percent) percent -= kAll[layout++]->percent;
  return layout;
}

std::uint64_t tcp_sum(std::span<const std::byte> segment, Ipv4Address source, Ipv4Address destination) {
  return wire::sum(segment, wire::pseudo_header(source, destination, wire::kProtocolTcp,
                                                static_cast<std::uint16_t>(segment.size())));
}

}  // namespace

SynSource::SynSource(const SynTarget& target, std::uint64_t tuples) : target_(target), tuples_(tuples) {
  for (std::size_t i = 0; i < kLayouts; ++i) templates_[i] = make_template(i);
  for (std::uint64_t i = 0; i < tuples; ++i) tuples_[i] = make_tuple(i);
}

SynSource::Template SynSource::make_template(std::size_t layout) const {
  Template made;
  const Layout& from = *kAll[layout];
  made.length = kOptionsAt + from.options.size();
  const std::span<std::byte> bytes(made.bytes);
  auto& ethernet = *wire::view<wire::EthernetHeader>(bytes);
  ethernet = {.destination = target_.mac, .source = target_.our_mac, .ether_type = be16(wire::kEtherTypeIpv4)};
  auto& ip = *wire::view<wire::Ipv4Header>(bytes.subspan(kIpAt));
  ip.set_version_and_length(sizeof(ip));
  ip.set_total_length(made.length - kIpAt);
  ip.flags_and_offset = wire::kDontFragment;
  ip.ttl = 64;
  ip.protocol = wire::kProtocolTcp;
  ip.set_destination(target_.address);
  auto& tcp = *wire::view<wire::TcpHeader>(bytes.subspan(kTcpAt));
  tcp.destination_port = target_.tcp_port;
  tcp.set_data_offset(made.length - kTcpAt);
  tcp.flags = wire::kSyn;
  tcp.window = from.window;
  std::transform(from.options.begin(), from.options.end(), made.bytes.begin() + kOptionsAt,
                 [](unsigned char octet) { return std::byte{octet}; });
  return made;
}

SynSource::Tuple SynSource::make_tuple(std::uint64_t index) const {
  // An odd factor permutes the sources; the port steps once they are through, by an amount that visits every port.
  const auto source = static_cast<std::uint32_t>(kSources + index * 0x9e3b5 % kSourceCount);
  const auto port = static_cast<std::uint16_t>(kFirstPort + (mixed(source) + index / kSourceCount * 12'347) % kPorts);
  const std::uint32_t sequence = sequence_of(source, port);
  Tuple tuple{.source = be32(source),
              .sequence = be32(sequence),
              .source_port = be16(port),
              .ip_checksum = {},
              .tcp_checksum = {},
              .layout = layout_of(mixed(sequence) >> 20)};
  std::array<std::byte, kFrameRoom> frame;
  const std::span whole = std::span(frame).first(write(templates_[tuple.layout], tuple, frame.data()));
  tuple.ip_checksum = wire::finish(wire::sum(whole.subspan(kIpAt, sizeof(wire::Ipv4Header))));
  tuple.tcp_checksum = wire::finish(tcp_sum(whole.subspan(kTcpAt), {source}, target_.address));
  return tuple;
}

std::size_t SynSource::write(const Template& from, const Tuple& tuple, std::byte* to) {
  std::memcpy(to, from.bytes.data(), kFrameRoom);
  auto& ip = *reinterpret_cast<wire::Ipv4Header*>(to + kIpAt);
  ip.source_address = tuple.source;
  ip.checksum = tuple.ip_checksum;
  auto& tcp = *reinterpret_cast<wire::TcpHeader*>(to + kTcpAt);
  tcp.source_port = tuple.source_port;
  tcp.sequence = tuple.sequence;
  tcp.checksum = tuple.tcp_checksum;
  return from.length;
}

std::size_t SynSource::next(std::byte* to) {
  const Tuple& tuple = tuples_[next_];
  if (++next_ == tuples_.size()) next_ = 0;
  return write(templates_[tuple.layout], tuple, to);
}

const char* SynSource::fault_of(std::span<const std::byte> reply, bool with_tcp_checksum) const {
  const auto* ethernet = wire::view<wire::EthernetHeader>(reply);
  if (ethernet == nullptr || ethernet->ether_type.value() != wire::kEtherTypeIpv4) return "no IPv4 packet";
  if (ethernet->destination != target_.our_mac) return "not for our MAC address";
  const auto* ip = wire::view<wire::Ipv4Header>(reply.subspan(kIpAt));
  if (ip == nullptr || ip->version_and_length != 0x45 || ip->total_length() > reply.size() - kIpAt ||
      ip->total_length() < kOptionsAt - kIpAt) {
    return "a bad IPv4 header";
  }
  if (!wire::verifies(wire::sum(reply.subspan(kIpAt, sizeof(*ip))))) return "a bad IPv4 checksum";
  if (ip->source() != target_.address || (ip->destination().value - kSources) >= kSourceCount) return "wrong addresses";
  const auto segment = reply.subspan(kTcpAt, ip->total_length() - sizeof(*ip));
  if (with_tcp_checksum && !wire::verifies(tcp_sum(segment, ip->source(), ip->destination())))
    return "a bad TCP checksum";
  const auto& tcp = *wire::view<wire::TcpHeader>(segment);
  if (tcp.flags != (wire::kSyn | wire::kAck)) return "no SYN-ACK";
  if (tcp.source_port.value() != target_.tcp_port) return "another TCP port";
  const std::uint32_t sequence = sequence_of(ip->destination().value, tcp.destination_port.value());
  return tcp.acknowledgment.value() == sequence + 1 ? nullptr : "a wrong acknowledgment number";
}

}  // namespace levee::lab
