// What a shard knows about where it is: interfaces, own addresses, routes, listeners. Fixed at construction.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "levee/options.h"
#include "tcp/half_open.h"

namespace levee::shard {

inline constexpr std::uint16_t kNoInterface = 0xffff;

struct NextHop {
  Ipv4Address address;  // on link
  std::uint16_t interface = 0;
  Ipv4Address source;  // our address to send from
};

class Topology {
 public:
  explicit Topology(const ShardOptions& options);

  // The interface of a frame by port and VLAN (0: untagged), or kNoInterface.
  [[nodiscard]] std::uint16_t interface_of(std::uint16_t port, std::uint16_t vlan) const;
  [[nodiscard]] const InterfaceOptions& interface(std::uint16_t index) const { return interfaces_[index]; }
  [[nodiscard]] std::size_t interfaces() const { return interfaces_.size(); }

  [[nodiscard]] bool is_ours(Ipv4Address address) const;
  // A prefix's all-ones or all-zeros host address.
  [[nodiscard]] bool is_directed_broadcast(Ipv4Address address) const;
  // Where a packet to `destination` goes: an on-link prefix, else the longest matching route.
  [[nodiscard]] std::optional<NextHop> route(Ipv4Address destination) const;

  // Exact address before wildcard; kNoListener if nobody listens.
  static constexpr std::uint16_t kNoListener = 0xffff;
  [[nodiscard]] std::uint16_t listener(Ipv4Address address, std::uint16_t tcp_port) const;
  [[nodiscard]] const ListenerOptions& listener_options(std::uint16_t index) const { return listeners_[index]; }

  // RFC 9293 3.7.1: MSS from the interface's MTU, 40 bytes of headers off.
  [[nodiscard]] tcp::MssLimits mss_limits(std::uint16_t interface, const levee::TcpOptions& options) const;

 private:
  struct PortListeners {
    std::vector<std::uint16_t> exact;
    std::uint16_t wildcard = kNoListener;
  };

  std::vector<InterfaceOptions> interfaces_;
  std::vector<AddressOptions> addresses_;
  std::vector<RouteOptions> routes_;
  std::vector<ListenerOptions> listeners_;
  std::vector<std::uint16_t> by_port_;  // TCP port -> index into port_listeners_ + 1, or 0
  std::vector<PortListeners> port_listeners_;
};

}  // namespace levee::shard
