// levee::Endpoint: starts everything in order, runs it, and proves at the end that everything came back.
#include "levee/endpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "device/startup_error.h"
#include "dpdk/eal.h"
#include "dpdk/pool.h"
#include "dpdk/port.h"
#include "runtime/control.h"
#include "runtime/cookie_keys.h"
#include "runtime/crew.h"
#include "runtime/key_file.h"
#include "runtime/plan.h"
#include "runtime/secrets.h"
#include "runtime/utc.h"
#include "runtime/validate.h"
#include "runtime/wakeup.h"

namespace levee {

namespace {

constexpr std::uint16_t kDataRoom = 2048;
constexpr std::uint32_t kLeastBuffers = 8192;  // two ports' queues, blanks, and some payload

using Ports = std::vector<std::unique_ptr<dpdk::Port>>;

// Several links of one process must not share an address that we made up.
MacAddress own_mac(MacAddress base, std::size_t port) {
  base.octets[5] = static_cast<std::uint8_t>(base.octets[5] + port);
  return base;
}

Ports start_ports(const EndpointOptions& options, const dpdk::Eal& eal, const dpdk::Pools& pools,
                  const std::vector<dpdk::Vdev>& devices) {
  const std::vector<std::uint16_t> numbers = eal.ports();
  runtime::validate_ports(options, numbers.size());
  const std::size_t before_ours = numbers.size() - std::min(devices.size(), numbers.size());
  Ports ports;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // A capture of what is sent wants whole checksums.
    const dpdk::PortOptions port{.mtu = options.mtu,
                                 .checksum_offload = options.pcap_out.empty(),
                                 .finite = i >= before_ours && devices[i - before_ours].finite};
    ports.push_back(std::make_unique<dpdk::Port>(numbers[i], pools, port));
  }
  return ports;
}

// Settles which MAC each port answers to, and collects what the shards have to know.
std::vector<runtime::PortFacts> settle_ports(const EndpointOptions& options, const Ports& ports, MacAddress made_up) {
  std::vector<runtime::PortFacts> facts;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    MacAddress mac = ports[i]->mac();
    if (options.mac) {
      mac = own_mac(*options.mac, i);
    } else if (!ports[i]->mac_is_ours()) {
      mac = own_mac(made_up, i);
    }
    ports[i]->listen_to(mac, runtime::groups_of(options, static_cast<std::uint16_t>(i)));
    facts.push_back({.mac = mac,
                     .ipv4_checksum_offload = ports[i]->ipv4_checksum_offload(),
                     .tcp_checksum_offload = ports[i]->tcp_checksum_offload()});
  }
  return facts;
}

runtime::Drive drive_for(const EndpointOptions& options, const std::vector<dpdk::Vdev>& devices, const Ports& ports) {
  const bool only_captures =
      devices.size() == ports.size() &&
      std::all_of(devices.begin(), devices.end(), [](const auto& device) { return device.finite; });
  if (only_captures) return runtime::Drive::Replay;
  const bool all_virtual = std::all_of(ports.begin(), ports.end(), [](const auto& port) { return port->is_virtual(); });
  const bool may_sleep = options.poll == PollMode::Adaptive || (options.poll == PollMode::Auto && all_virtual);
  return may_sleep ? runtime::Drive::Adaptive : runtime::Drive::Busy;
}

void announce(const EndpointOptions& options, const std::vector<runtime::PortFacts>& ports) {
  if (options.json) return;
  std::string addresses;
  for (const EndpointAddress& own : options.addresses) {
    addresses += fmt::format(" {}/{}", to_string(own.address), own.prefix_length);
  }
  fmt::print("levee is ready:{} at {}\n", addresses, to_string(ports[options.addresses.front().link.port].mac));
  std::fflush(stdout);
}

}  // namespace

class Endpoint::Impl {
 public:
  explicit Impl(EndpointOptions options) : options_(std::move(options)) {}

  std::vector<dpdk::Vdev> validate() const {
    return runtime::validate(options_, [this](std::string_view name) { return services_.contains(name); });
  }

  // Throws StartupError.
  EndpointResult run();

  EndpointOptions options_;
  std::map<std::string, ServiceFactory, std::less<>> services_;
  runtime::Wakeup wakeup_;

 private:
  // Everything between EAL's start and its end. Fills the result; its objects end in the reverse order of their start.
  void run_on(dpdk::Eal& eal, const std::vector<dpdk::Vdev>& devices, device::PcapWriter* writer,
              EndpointResult& result);
  [[nodiscard]] std::vector<ServiceFactory> factories() const;
  void stop_with(int exit_code, const std::string& error);

  struct Verdict {
    int exit_code = 0;
    std::string error;
  };
  std::mutex verdict_mutex_;  // a worker's handler gives it, once in a run
  std::optional<Verdict> verdict_;
};

EndpointResult Endpoint::Impl::run() {
  const std::vector<dpdk::Vdev> devices = validate();
  std::unique_ptr<device::PcapWriter> writer;
  if (!options_.pcap_out.empty()) writer = std::make_unique<device::PcapWriter>(options_.pcap_out);
  if (options_.handle_signals) wakeup_.catch_signals(!options_.cookie_key_file.empty());

  EndpointResult result;
  {
    dpdk::Eal eal(options_.eal_arguments);
    for (const dpdk::Vdev& device : devices) eal.add(device);
    run_on(eal, devices, writer.get(), result);
  }
  if (writer != nullptr && result.error.empty()) result.error = writer->close();
  if (!result.error.empty()) {
    result.exit_code = device::kExitFailedVerdict;
  } else if (verdict_) {  // the workers have been joined
    result.exit_code = verdict_->exit_code;
    result.error = verdict_->error;
  }
  return result;
}

void Endpoint::Impl::run_on(dpdk::Eal& eal, const std::vector<dpdk::Vdev>& devices, device::PcapWriter* writer,
                            EndpointResult& result) {
  runtime::ProcessSecrets secrets = runtime::make_secrets(options_.seed, options_.workers);
  if (!options_.cookie_key_file.empty()) {
    runtime::share_secrets(secrets, runtime::read_key_file(options_.cookie_key_file));
  }
  const dpdk::Pools pools(options_.buffers, kLeastBuffers, kDataRoom);
  const Ports ports = start_ports(options_, eal, pools, devices);
  const std::vector<runtime::PortFacts> facts = settle_ports(options_, ports, secrets.mac);

  std::vector<ShardOptions> shard_options;
  for (unsigned i = 0; i < options_.workers; ++i) {
    shard_options.push_back(runtime::shard_options(options_, facts, pools.buffers(), static_cast<std::uint16_t>(i)));
  }
  std::vector<device::Device*> port_devices;
  for (const auto& port : ports) port_devices.push_back(port.get());
  const runtime::Drive drive = drive_for(options_, devices, ports);
  const bool live = drive != runtime::Drive::Replay;
  runtime::KeySchedule keys(secrets.cookie_master, options_.syn.rotate);
  const std::optional<shard::KeyEpoch> first = keys.due(live ? runtime::utc_now() : Duration::zero());
  for (shard::Secrets& each : secrets.shards) each.cookie_keys = first->keys;
  runtime::Crew crew(shard_options, secrets, port_devices, writer, options_.tick);
  if (live) crew.post(*first);  // says which key makes cookies; a worker reads its mail before its first frame

  const dpdk::TscClock clock;
  if (live && !options_.cookie_key_file.empty()) crew.start_at_utc(runtime::utc_now(), clock.now());
  const std::vector<ServiceFactory> services = factories();
  if (options_.announce) announce(options_, facts);
  crew.start(drive, clock, services, [this](int exit_code, const std::string& error) { stop_with(exit_code, error); });
  eal.started();

  runtime::Control control(options_, crew, wakeup_, clock, live ? std::optional(keys) : std::nullopt);
  control.supervise();
  control.drain([&eal] { eal.forget(); });
  crew.stop();
  wakeup_.release_signals();

  for (const auto& port : ports) port->stop();
  result.totals = crew.stats();
  if (options_.announce) control.print_totals();
  result.error = crew.fault();
  if (const std::uint32_t lost = pools.in_use(); lost != 0 && result.error.empty()) {
    result.error = fmt::format("{} packet buffers did not come back", lost);
  }
}

std::vector<ServiceFactory> Endpoint::Impl::factories() const {
  std::vector<ServiceFactory> factories;
  for (const EndpointListener& listener : options_.listeners) {
    factories.push_back(services_.find(listener.service)->second);
  }
  for (const std::string& client : options_.clients) factories.push_back(services_.find(client)->second);
  return factories;
}

void Endpoint::Impl::stop_with(int exit_code, const std::string& error) {
  {
    const std::lock_guard lock(verdict_mutex_);
    if (!verdict_) verdict_ = Verdict{exit_code, error};
  }
  wakeup_.stop();
}

Endpoint::Endpoint(EndpointOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Endpoint::~Endpoint() = default;

void Endpoint::add_service(std::string name, ServiceFactory factory) {
  impl_->services_.insert_or_assign(std::move(name), std::move(factory));
}

std::string Endpoint::check() const {
  try {
    static_cast<void>(impl_->validate());
  } catch (const device::StartupError& error) {
    return error.what();
  }
  return {};
}

EndpointResult Endpoint::run() {
  try {
    return impl_->run();
  } catch (const device::StartupError& error) {
    return {.exit_code = error.exit_code(), .error = error.what(), .totals = {}};
  }
}

void Endpoint::stop() { impl_->wakeup_.stop(); }

}  // namespace levee
