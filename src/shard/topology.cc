#include "shard/topology.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/ipv6.h"
#include "wire/ndp.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t mask_of(unsigned prefix_length) {
  return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

}  // namespace

Topology::Topology(const ShardOptions& options)
    : interfaces_(options.interfaces),
      addresses_(options.addresses),
      routes_(options.routes),
      listeners_(options.listeners),
      by_port_(65536, 0) {
  CHECK(!interfaces_.empty() && !addresses_.empty());
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    const InterfaceOptions& interface = interfaces_[i];
    if (plain_links_.size() <= interface.port) plain_links_.resize(interface.port + 1U);
    if (interface.vlan != 0) continue;
    PlainLink& link = plain_links_[interface.port];
    if (link.interface != kNoInterface) continue;
    link.interface = static_cast<std::uint16_t>(i);
    std::memcpy(&link.mac, interface.mac.octets.data(), interface.mac.octets.size());
  }
  for (const AddressOptions& own : addresses_) {
    if (own.address.is_v4()) {
      on_link_.push_back({own.address.v4().value, mask_of(own.prefix_length), own.prefix_length <= 30});
    } else {
      CHECK(interfaces_[own.interface].mtu >= wire::kMinIpv6Mtu);
      own6_.push_back(own.address.v6());
    }
  }
  // Longest prefix first, in the given order among equals.
  std::stable_sort(routes_.begin(), routes_.end(),
                   [](const RouteOptions& a, const RouteOptions& b) { return a.prefix_length > b.prefix_length; });
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    std::uint16_t& slot = by_port_[listeners_[i].tcp_port];
    if (slot == 0) {
      port_listeners_.emplace_back();
      slot = static_cast<std::uint16_t>(port_listeners_.size());
    }
    PortListeners& here = port_listeners_[slot - 1U];
    const auto index = static_cast<std::uint16_t>(i);
    if (listeners_[i].address == IpAddress{}) {
      here.wildcard = index;
    } else {
      here.exact.push_back(index);
    }
  }
}

bool Topology::is_our_group(const Ipv6Address& group) const {
  return std::any_of(own6_.begin(), own6_.end(),
                     [&](const Ipv6Address& own) { return wire::solicited_node(own) == group; });
}

bool Topology::is_our_group(const MacAddress& mac) const {
  return std::any_of(own6_.begin(), own6_.end(),
                     [&](const Ipv6Address& own) { return wire::multicast_mac(wire::solicited_node(own)) == mac; });
}

std::optional<NextHop> Topology::route(const IpAddress& destination) const {
  for (const AddressOptions& own : addresses_) {
    if (own.prefix_length < own.address.bits() && destination.is_within(own.address, own.prefix_length)) {
      return NextHop{.address = destination, .interface = own.interface, .source = own.address};
    }
  }
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const RouteOptions& entry = routes_[i];
    if (!destination.is_within(entry.prefix, entry.prefix_length)) continue;
    for (const AddressOptions& own : addresses_) {
      // RFC 6724 5, rule 2: a source whose scope is smaller than the destination's is none.
      if (own.interface != entry.interface || own.address.is_v4() != destination.is_v4()) continue;
      if (own.address.is_v6() && own.address.is_link_local() && !destination.is_link_local()) continue;
      return NextHop{.address = entry.next_hop,
                     .interface = entry.interface,
                     .source = own.address,
                     .route = static_cast<std::uint32_t>(i)};
    }
  }
  return std::nullopt;
}

std::uint16_t Topology::exact_or_wildcard(const PortListeners& here, const IpAddress& address) const {
  for (const std::uint16_t index : here.exact) {
    if (listeners_[index].address == address) return index;
  }
  return here.wildcard;
}

std::uint16_t Topology::listener(Ipv4Address address, std::uint16_t tcp_port) const {
  const std::uint16_t slot = by_port_[tcp_port];
  return slot == 0 ? kNoListener : exact_or_wildcard(port_listeners_[slot - 1U], address);
}

std::uint16_t Topology::listener(const Ipv6Address& address, std::uint16_t tcp_port) const {
  const std::uint16_t slot = by_port_[tcp_port];
  return slot == 0 ? kNoListener : exact_or_wildcard(port_listeners_[slot - 1U], address);
}

tcp::MssLimits Topology::mss_limits(std::uint16_t interface, const levee::TcpOptions& options,
                                    std::uint32_t headers) const {
  auto mss = static_cast<std::uint16_t>(interfaces_[interface].mtu - headers);
  tcp::MssLimits limits{
      .receive = mss, .send = mss, .assumed = headers == kHeaders4 ? tcp::kDefaultMss : tcp::kDefaultMss6};
  if (options.max_mss != 0) {
    limits.receive = std::min(limits.receive, options.max_mss);
    limits.send = std::min(limits.send, options.max_mss);
  }
  return limits;
}

}  // namespace levee::shard
