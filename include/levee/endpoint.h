// The whole endpoint as a library: devices, workers, shards and services from one options struct. `levee` itself is
// this class behind command-line flags (apps/levee.cc).
//
//   levee::EndpointOptions options;
//   options.devices = {"tap:levee0"};
//   options.addresses = {{.address = *levee::parse_ip("10.0.0.2"), .prefix_length = 24}};
//   options.listeners = {{.local = {{}, 7}, .service = "echo"}};
//   levee::Endpoint endpoint(options);
//   endpoint.add_service("echo", make_echo);
//   return endpoint.run().exit_code;
//
// An endpoint runs once, and one endpoint runs in a process, because DPDK's EAL starts once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "levee/address.h"
#include "levee/options.h"
#include "levee/service.h"
#include "levee/stats.h"
#include "levee/time.h"

namespace levee {

enum class PollMode : std::uint8_t {
  Auto,      // Adaptive if every device is virtual, else Busy
  Adaptive,  // an idle worker sleeps in steps up to 50 us
  Busy,      // a worker never sleeps
};

// A port, by its number in the order of the devices, and a VLAN on it (0: untagged).
struct LinkId {
  std::uint16_t port = 0;
  std::uint16_t vlan = 0;
  friend bool operator==(const LinkId&, const LinkId&) = default;
};

struct EndpointAddress {
  IpAddress address{};
  std::uint8_t prefix_length = 32;  // of the on-link prefix; all bits, 32 or 128: a routed address, nothing is on link
  LinkId link{};
};

struct EndpointRoute {
  IpAddress prefix{};
  std::uint8_t prefix_length = 0;  // 0 of 0.0.0.0 or ::, a gateway of the next hop's family
  IpAddress next_hop{};
  std::optional<LinkId> link{};  // none: the link on whose prefix the next hop is
};

struct EndpointListener {
  SocketAddress local{};      // an unspecified address: any of ours, of both families
  std::string service;        // a name given to add_service
  bool server_first = false;  // the service speaks first: never by cookie, where a lost final ACK would be final
  std::uint32_t accept_backlog = 4096;  // connections that the service has not heard of yet; a total over the shards
  TcpOptions tcp{};
};

struct EndpointOptions {
  // "tap:NAME", "pcap:IN[,OUT]", "ring", "memif:SOCKET[,server]", "virtio:SOCKET"; ports are numbered in this
  // order, behind those that eal_arguments bring.
  std::vector<std::string> devices;
  // For DPDK's EAL as they stand; what they leave open is chosen: memory, no PCI, no telemetry, a file prefix.
  std::vector<std::string> eal_arguments;

  std::vector<EndpointAddress> addresses;
  std::vector<EndpointRoute> routes;
  std::vector<EndpointListener> listeners;
  std::vector<std::string> clients;  // services, by name, that listen nowhere: they connect
  TcpOptions active{};               // of the connections that services open
  std::uint16_t mtu = 1500;          // bytes of IP packet, of every link
  std::optional<MacAddress> mac{};   // none: the device's own; behind a TAP one of our own

  ShardLimits limits{};           // totals over the shards
  std::uint32_t buffers = 65536;  // packet buffers of 2 KiB; fewer, at least 8192, if EAL's memory has no more
  Duration time_wait = std::chrono::seconds(60);  // 2MSL

  SynPolicy syn{};                              // SYN cookies (RFC 4987)
  std::uint8_t synack_retries = 3;              // of a half-open record; 0 to 8
  std::uint32_t synack_retransmit_rate = 1000;  // a second and shard, at most
  // The master key of cookies, for hosts behind one address: 32 hexadecimal digits and a newline in a regular file of
  // mode 0600 that belongs to us. With `handle_signals` SIGHUP reads it again: it holds from the next epoch on, and a
  // file that is refused leaves the old key in force. Implies `syn.accept_always`. Empty: a random key, nobody else's.
  std::string cookie_key_file;

  unsigned workers = 1;
  PollMode poll = PollMode::Auto;
  Duration tick{};                           // how often services hear on_tick; zero: never
  Duration duration{};                       // stop by itself after this time; zero: run until stopped
  Duration drain = std::chrono::seconds(5);  // how long a stop waits for connections to finish
  Duration stats_interval{};                 // a line on stdout this often; zero: none
  bool json = false;                         // those lines, and the totals, as JSON objects
  bool announce = true;                      // says on stdout when it is ready, and the totals at its end
  bool handle_signals = true;                // SIGINT and SIGTERM stop it, a second one at once

  std::string pcap_out;  // every frame sent goes here, too, stamped with levee's own time
  // Fixes every secret, so that a run over captures can be repeated bit for bit. Refused unless every device is a
  // capture or a ring: a known secret is no secret.
  std::optional<std::uint64_t> seed{};
};

struct EndpointResult {
  // 0: well; 1: a buffer or a connection was lost (a bug in levee); 2: the options are wrong; 3: EAL or a device
  // failed. If all is well, what a service gave to ServiceContext::stop.
  int exit_code = 0;
  std::string error;     // one sentence that says what to change, if exit_code is not 0
  StatsSnapshot totals;  // of all shards
};

class Endpoint {
 public:
  explicit Endpoint(EndpointOptions options);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Before `run`. The factory is called once per worker and listener or client entry that names the service.
  void add_service(std::string name, ServiceFactory factory);

  // What is wrong with the options, as one sentence; empty if nothing is. Starts nothing.
  [[nodiscard]] std::string check() const;

  // Blocks until the endpoint has stopped and everything is given back. The calling thread becomes the control thread;
  // with `handle_signals` it must be the only thread at this time.
  [[nodiscard]] EndpointResult run();

  // From any thread: stop accepting, drain, end.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace levee
