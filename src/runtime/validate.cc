// The rules of EndpointOptions; see validate.h. One function per group of options, one reason per statement.
#include "runtime/validate.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "device/startup_error.h"
#include "runtime/key_file.h"
#include "runtime/plan.h"
#include "wire/ipv6.h"

namespace levee::runtime {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint16_t kTapMtu = 1500;   // net_tap's receive buffers are cut for this
constexpr std::uint16_t kLeastMtu = 576;  // RFC 9293 3.7.1 rests on it for IPv4
constexpr std::uint16_t kMostMtu = 9000;
constexpr std::uint32_t kLeastBuffer = 2048;
constexpr std::uint32_t kMostBuffer = 1U << 30;  // RFC 7323 2.3: the largest window
constexpr Duration kLeastKeepalive = milliseconds(100);
constexpr std::uint16_t kMostVlan = 4094;
constexpr std::uint32_t kMostConnections = 1U << 24;
constexpr std::uint32_t kLeastHalfOpen = 16;  // an eighth is kept for TIME-WAIT, the marks are quarters

template <typename... Args>
void require(bool holds, fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) throw device::StartupError(device::kExitUsage, fmt::format(format, std::forward<Args>(args)...));
}

void check_link(const LinkId& link, std::string_view where) {
  require(link.vlan <= kMostVlan, "{}: VLAN {} does not exist, give 1 to {}", where, link.vlan, kMostVlan);
}

// Whether all bits behind the prefix are 0.
bool is_prefix(const IpAddress& address, unsigned length) {
  for (unsigned bit = 128 - address.bits() + length; bit < 128; ++bit) {
    if ((address.v6().octets[bit / 8] & 0x80U >> bit % 8) != 0) return false;
  }
  return true;
}

// What no address of ours and no next hop may be.
void check_unicast(const IpAddress& address, std::string_view text) {
  require(!address.is_multicast(), "{}: this is a multicast address, give a unicast one", text);
  require(address.is_valid_source(), "{}: give a unicast address", text);
}

void check_address(const EndpointAddress& own) {
  const std::string text = fmt::format("--address={}/{}", to_string(own.address), own.prefix_length);
  check_unicast(own.address, text);
  require(own.prefix_length >= 1 && own.prefix_length <= own.address.bits(), "{}: give a prefix length of 1 to {}",
          text, own.address.bits());
  check_link(own.link, text);
  if (own.prefix_length >= own.address.bits() - 1) return;  // RFC 3021, RFC 6164: both addresses of the pair are hosts
  // RFC 4291 2.6.1: in IPv6 it is the subnet's routers' anycast address.
  require(!is_prefix(own.address, own.prefix_length), "{}: this is the network's own address, give a host's", text);
  if (own.address.is_v6()) return;
  const std::uint32_t broadcast = own.address.v4().value | ~std::uint32_t{0} >> own.prefix_length;
  require(own.address.v4().value != broadcast, "{}: this is the network's broadcast address, give a host's", text);
}

void check_addresses(const EndpointOptions& options) {
  require(!options.addresses.empty(), "no address: give --address=ADDRESS/LENGTH, for instance 10.0.0.2/24");
  for (std::size_t i = 0; i < options.addresses.size(); ++i) {
    check_address(options.addresses[i]);
    for (std::size_t j = 0; j < i; ++j) {
      require(options.addresses[i].address != options.addresses[j].address, "--address={}: given twice, remove one",
              to_string(options.addresses[i].address));
    }
  }
}

void check_routes(const EndpointOptions& options) {
  for (const EndpointRoute& route : options.routes) {
    const std::string text =
        fmt::format("--route={}/{},{}", to_string(route.prefix), route.prefix_length, to_string(route.next_hop));
    require(route.prefix.is_v4() == route.next_hop.is_v4() || is_gateway(route),
            "{}: give a next hop of the prefix's family", text);
    require(route.prefix_length <= route.prefix.bits(), "{}: give a prefix length of 0 to {}", text,
            route.prefix.bits());
    require(is_prefix(route.prefix, route.prefix_length), "{}: clear the prefix's bits behind its length", text);
    require(!route.prefix.is_multicast(), "{}: a route to multicast addresses, give unicast ones", text);
    require(route.next_hop.is_valid_source(), "{}: give a unicast address as the next hop", text);
    require(route.link || !route.next_hop.is_v6() || !route.next_hop.is_link_local(),
            "{}: the next hop is a link-local address, name its port with @PORT", text);
    if (route.link) check_link(*route.link, text);
    const std::optional<LinkId> link = link_of(route, options);
    require(link.has_value(),
            "{}: the next hop is in no --address's prefix, give one that is or name its port with @PORT", text);
    require(std::any_of(options.addresses.begin(), options.addresses.end(),
                        [&](const EndpointAddress& own) { return own.link == *link; }),
            "{}: port {} has no address, give it one with --address", text, link->port);
  }
}

void check_tcp(const TcpOptions& tcp, std::string_view whose) {
  for (const std::uint32_t bytes : {tcp.receive_buffer, tcp.send_buffer}) {
    require(bytes >= kLeastBuffer && bytes <= kMostBuffer, "{}: a buffer of {} bytes, give {} to {}", whose, bytes,
            kLeastBuffer, kMostBuffer);
  }
  require(tcp.keepalive_idle >= kLeastKeepalive && tcp.keepalive_interval >= kLeastKeepalive,
          "{}: give --keepalive_idle and --keepalive_interval at least 100ms", whose);
  require(tcp.keepalive_probes >= 1, "{}: give --keepalive_probes at least 1", whose);
}

void check_listener(const EndpointListener& listener, const EndpointOptions& options) {
  const std::string text = fmt::format("--listen={}/{}", to_string(listener.local), listener.service);
  require(listener.local.tcp_port != 0, "{}: give a TCP port of 1 to 65535", text);
  if (!listener.local.address.is_unspecified()) {
    require(std::any_of(options.addresses.begin(), options.addresses.end(),
                        [&](const EndpointAddress& own) { return own.address == listener.local.address; }),
            "{}: the address is not ours, add it to --address", text);
  }
  require(listener.accept_backlog >= 1 && listener.accept_backlog <= kMostConnections,
          "--accept_backlog={}: give 1 to {}", listener.accept_backlog, kMostConnections);
  check_tcp(listener.tcp, text);
}

// 0.0.0.0 and :: are the same: any address of ours.
bool same_place(const SocketAddress& a, const SocketAddress& b) {
  const bool both_any = a.address.is_unspecified() && b.address.is_unspecified();
  return a.tcp_port == b.tcp_port && (both_any || a.address == b.address);
}

void check_listeners(const EndpointOptions& options, const std::function<bool(std::string_view)>& is_service) {
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    const EndpointListener& listener = options.listeners[i];
    require(is_service(listener.service), "--listen={}/{}: there is no service of this name", listener.local.tcp_port,
            listener.service);
    check_listener(listener, options);
    for (std::size_t j = 0; j < i; ++j) {
      require(!same_place(listener.local, options.listeners[j].local), "--listen={}: given twice, remove one",
              to_string(listener.local));
    }
  }
}

void check_clients(const EndpointOptions& options, const std::function<bool(std::string_view)>& is_service) {
  for (const std::string& client : options.clients) {
    require(is_service(client), "client {}: there is no service of this name", client);
  }
  check_tcp(options.active, "connections of our own");
}

void check_sizes(const EndpointOptions& options) {
  require(options.limits.connections >= 1 && options.limits.connections <= kMostConnections,
          "--max_connections={}: give 1 to {}", options.limits.connections, kMostConnections);
  require(options.limits.half_open >= kLeastHalfOpen && options.limits.half_open <= kMostConnections,
          "--syn_queue={}: give {} to {}", options.limits.half_open, kLeastHalfOpen, kMostConnections);
  require(options.limits.time_wait >= 1 && options.limits.time_wait <= kMostConnections,
          "--max_time_wait={}: give 1 to {}", options.limits.time_wait, kMostConnections);
  require(options.buffers >= 8192, "{} packet buffers are too few, give at least 8192", options.buffers);
  require(options.workers == 1, "--workers={}: this version runs one worker, give 1", options.workers);
  require(options.mtu >= kLeastMtu && options.mtu <= kMostMtu, "--mtu={}: give {} to {}", options.mtu, kLeastMtu,
          kMostMtu);
  const bool has_v6 = std::any_of(options.addresses.begin(), options.addresses.end(),
                                  [](const EndpointAddress& own) { return own.address.is_v6(); });
  require(!has_v6 || options.mtu >= wire::kMinIpv6Mtu, "--mtu={}: an IPv6 link carries at least {}, give that or more",
          options.mtu, wire::kMinIpv6Mtu);  // RFC 8200 5
  if (options.mac) {
    require(!options.mac->is_multicast() && *options.mac != MacAddress{}, "--mac={}: give a unicast MAC address",
            to_string(*options.mac));
  }
}

void check_times(const EndpointOptions& options) {
  require(options.time_wait >= milliseconds(10) && options.time_wait <= minutes(10), "--time_wait: give 10ms to 10m");
  require(options.drain >= Duration::zero() && options.drain <= minutes(10), "--drain: give 0s to 10m");
  require(options.tick == Duration::zero() || options.tick >= microseconds(100),
          "a tick of {} ns, give none or at least 100 us", options.tick.count());
  require(options.duration >= Duration::zero(), "--duration: give a time that is not negative");
  require(options.stats_interval == Duration::zero() || options.stats_interval >= milliseconds(100),
          "--stats: give 0 or at least 0.1 seconds");
}

void check_syn_policy(const EndpointOptions& options) {
  constexpr unsigned kMostRetries = 8;  // the last one 255 s after the SYN
  require(options.synack_retries <= kMostRetries, "--synack_retries={}: give 0 to {}", options.synack_retries,
          kMostRetries);
  require(options.syn.rotate >= seconds(1) && options.syn.rotate <= hours(1), "--cookie_rotate: give 1s to 1h");
  require(options.syn.idle >= milliseconds(100) && options.syn.idle <= hours(1), "--cookie_idle: give 100ms to 1h");
  if (options.cookie_key_file.empty()) return;
  require(!options.seed, "--seed fixes the key of --cookie_key_file as well; remove one of the two");
  static_cast<void>(read_key_file(options.cookie_key_file));
}

void check_devices(const EndpointOptions& options, const std::vector<dpdk::Vdev>& devices) {
  require(!devices.empty() || !options.eal_arguments.empty(),
          "no device: give --dev=tap:NAME, --dev=pcap:IN,OUT or EAL options before --");
  for (const dpdk::Vdev& device : devices) {
    require(device.kind != dpdk::VdevKind::Tap || options.mtu <= kTapMtu,
            "--mtu={}: a TAP carries at most {}, give less or another device", options.mtu, kTapMtu);
  }
  if (options.seed) {
    const bool replayable = options.eal_arguments.empty() &&
                            std::all_of(devices.begin(), devices.end(), [](const auto& d) { return d.replayable(); });
    require(replayable, "--seed makes every secret known, so it needs pcap or ring devices only; remove it");
  }
  if (options.eal_arguments.empty()) validate_ports(options, devices.size());
}

}  // namespace

std::vector<dpdk::Vdev> validate(const EndpointOptions& options,
                                 const std::function<bool(std::string_view)>& is_service) {
  std::vector<dpdk::Vdev> devices = dpdk::parse_vdevs(options.devices);
  check_addresses(options);
  check_routes(options);
  check_listeners(options, is_service);
  check_clients(options, is_service);
  check_sizes(options);
  check_times(options);
  check_syn_policy(options);
  check_devices(options, devices);
  return devices;
}

void validate_ports(const EndpointOptions& options, std::size_t ports) {
  require(ports > 0, "no device: give --dev=tap:NAME, or --vdev or -a before --");
  for (const LinkId& link : links_of(options)) {
    require(link.port < ports, "@{}: there are {} devices, give a port of 0 to {}", link.port, ports, ports - 1);
  }
}

}  // namespace levee::runtime
