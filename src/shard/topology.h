// What a shard knows about where it is: interfaces, own addresses, routes, listeners. Fixed at construction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "levee/options.h"
#include "tcp/half_open.h"

namespace levee::shard {

inline constexpr std::uint16_t kNoInterface = 0xffff;

struct NextHop {
  static constexpr std::uint32_t kOnLink = 0xffffffff;
  IpAddress address;  // on link
  std::uint16_t interface = 0;
  IpAddress source;               // our address to send from
  std::uint32_t route = kOnLink;  // index of the route that it was found by
};

// Bytes of IP and TCP header without options.
inline constexpr std::uint32_t kHeaders4 = 40, kHeaders6 = 60;

class Topology {
 public:
  explicit Topology(const ShardOptions& options);

  // The interface of a frame by port and VLAN (0: untagged), or kNoInterface.
  [[nodiscard]] std::uint16_t interface_of(std::uint16_t port, std::uint16_t vlan) const {
    for (std::size_t i = 0; i < interfaces_.size(); ++i) {
      if (interfaces_[i].port == port && interfaces_[i].vlan == vlan) return static_cast<std::uint16_t>(i);
    }
    return kNoInterface;
  }
  [[nodiscard]] const InterfaceOptions& interface(std::uint16_t index) const { return interfaces_[index]; }
  [[nodiscard]] std::size_t interfaces() const { return interfaces_.size(); }

  // An address of ours and its prefix, ready to be compared with each packet's.
  struct OnLink {
    std::uint32_t address, mask;
    bool has_broadcast;  // not in /31 (RFC 3021) and /32
  };

  [[nodiscard]] std::span<const OnLink> on_link() const { return on_link_; }
  // The untagged interface of a port, ready to be compared: plain_packet.h.
  struct PlainLink {
    std::uint64_t mac = 0;  // as the machine reads the first 6 bytes of a frame for us, and 0 above
    std::uint16_t interface = kNoInterface;
  };
  // nullptr: none.
  [[nodiscard]] const PlainLink* plain_link(std::uint16_t port) const {
    if (port >= plain_links_.size() || plain_links_[port].interface == kNoInterface) return nullptr;
    return &plain_links_[port];
  }

  [[nodiscard]] std::uint16_t plain_ports() const { return static_cast<std::uint16_t>(plain_links_.size()); }

  [[nodiscard]] bool is_ours(Ipv4Address address) const {
    for (const OnLink& own : on_link_) {
      if (own.address == address.value) return true;
    }
    return false;
  }
  // A prefix's all-ones or all-zeros host address.
  [[nodiscard]] bool is_directed_broadcast(Ipv4Address address) const {
    for (const OnLink& own : on_link_) {
      if (((address.value ^ own.address) & own.mask) != 0) continue;
      const std::uint32_t host = address.value & ~own.mask;
      if (own.has_broadcast && (host == 0 || host == ~own.mask)) return true;
    }
    return false;
  }
  // `source` is neither ours nor a broadcast address of ours, and `destination` is ours.
  [[nodiscard]] bool is_between(Ipv4Address source, Ipv4Address destination) const {
    bool ours = false;
    for (const OnLink& own : on_link_) {
      ours |= own.address == destination.value;
      if (((source.value ^ own.address) & own.mask) != 0) continue;
      const std::uint32_t host = source.value & ~own.mask;
      if (source.value == own.address || (own.has_broadcast && (host == 0 || host == ~own.mask))) return false;
    }
    return ours;
  }
  [[nodiscard]] bool is_ours(const Ipv6Address& address) const {
    for (const Ipv6Address& own : own6_) {
      if (own == address) return true;
    }
    return false;
  }
  [[nodiscard]] bool is_ours(const IpAddress& address) const {
    return address.is_v4() ? is_ours(address.v4()) : is_ours(address.v6());
  }
  // Ours on that interface.
  [[nodiscard]] bool is_ours(const IpAddress& address, std::uint16_t interface) const {
    for (const AddressOptions& own : addresses_) {
      if (own.interface == interface && own.address == address) return true;
    }
    return false;
  }
  [[nodiscard]] bool has_ipv6() const { return !own6_.empty(); }
  [[nodiscard]] std::span<const Ipv6Address> own6() const { return own6_; }
  // The group that solicitations for one of our addresses go to (RFC 4291 2.7.1), and its MAC (RFC 2464 7).
  [[nodiscard]] bool is_our_group(const Ipv6Address& group) const;
  [[nodiscard]] bool is_our_group(const MacAddress& mac) const;

  // Where a packet to `destination` goes: an on-link prefix, else the longest matching route.
  [[nodiscard]] std::optional<NextHop> route(const IpAddress& destination) const;
  // The next hop of a route.
  [[nodiscard]] bool is_router(const IpAddress& address, std::uint16_t interface) const {
    for (const RouteOptions& entry : routes_) {
      if (entry.interface == interface && entry.next_hop == address) return true;
    }
    return false;
  }
  [[nodiscard]] const RouteOptions& route_options(std::uint32_t index) const { return routes_[index]; }

  // Exact address before wildcard; kNoListener if nobody listens.
  static constexpr std::uint16_t kNoListener = 0xffff;
  // Asked only for tuples without a record: a listener does not touch connections (MUST-41), and none of them keeps
  // their TCP port from being listened to (MUST-42).
  [[nodiscard]] std::uint16_t listener(Ipv4Address address, std::uint16_t tcp_port) const;
  [[nodiscard]] std::uint16_t listener(const Ipv6Address& address, std::uint16_t tcp_port) const;
  [[nodiscard]] std::size_t listeners() const { return listeners_.size(); }
  [[nodiscard]] const ListenerOptions& listener_options(std::uint16_t index) const { return listeners_[index]; }

  // RFC 9293 3.7.1: MSS from the interface's MTU, the headers off: 40 bytes or IPv6's 60.
  // What we advertise is what the interface can receive: its MTU less both headers (MUST-67).
  [[nodiscard]] tcp::MssLimits mss_limits(std::uint16_t interface, const levee::TcpOptions& options,
                                          std::uint32_t headers) const;

 private:
  struct PortListeners {
    std::vector<std::uint16_t> exact;
    std::uint16_t wildcard = kNoListener;
  };
  [[nodiscard]] std::uint16_t exact_or_wildcard(const PortListeners& here, const IpAddress& address) const;

  std::vector<InterfaceOptions> interfaces_;
  std::vector<PlainLink> plain_links_;  // by port
  std::vector<AddressOptions> addresses_;
  std::vector<OnLink> on_link_;  // of each IPv4 one of addresses_
  std::vector<Ipv6Address> own6_;
  std::vector<RouteOptions> routes_;
  std::vector<ListenerOptions> listeners_;
  std::vector<std::uint16_t> by_port_;  // TCP port -> index into port_listeners_ + 1, or 0
  std::vector<PortListeners> port_listeners_;
};

}  // namespace levee::shard
