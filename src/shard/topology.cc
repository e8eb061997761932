#include "shard/topology.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t mask_of(unsigned prefix_length) {
  return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

constexpr bool within(Ipv4Address address, Ipv4Address prefix, unsigned length) {
  return ((address.value ^ prefix.value) & mask_of(length)) == 0;
}

constexpr std::uint16_t kHeaders = 40;  // IPv4 and TCP without options

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
    on_link_.push_back({own.address.value, mask_of(own.prefix_length), own.prefix_length <= 30});
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

std::optional<NextHop> Topology::route(Ipv4Address destination) const {
  for (const AddressOptions& own : addresses_) {
    if (own.prefix_length < 32 && within(destination, own.address, own.prefix_length)) {
      return NextHop{destination, own.interface, own.address};
    }
  }
  for (const RouteOptions& entry : routes_) {
    if (!within(destination, entry.prefix, entry.prefix_length)) continue;
    for (const AddressOptions& own : addresses_) {
      if (own.interface == entry.interface) return NextHop{entry.next_hop, entry.interface, own.address};
    }
  }
  return std::nullopt;
}

std::uint16_t Topology::listener(Ipv4Address address, std::uint16_t tcp_port) const {
  const std::uint16_t slot = by_port_[tcp_port];
  if (slot == 0) return kNoListener;
  const PortListeners& here = port_listeners_[slot - 1U];
  for (const std::uint16_t index : here.exact) {
    if (listeners_[index].address == IpAddress(address)) return index;
  }
  return here.wildcard;
}

tcp::MssLimits Topology::mss_limits(std::uint16_t interface, const levee::TcpOptions& options) const {
  auto mss = static_cast<std::uint16_t>(interfaces_[interface].mtu - kHeaders);
  tcp::MssLimits limits{.receive = mss, .send = mss};
  if (options.max_mss != 0) {
    limits.receive = std::min(limits.receive, options.max_mss);
    limits.send = std::min(limits.send, options.max_mss);
  }
  return limits;
}

}  // namespace levee::shard
