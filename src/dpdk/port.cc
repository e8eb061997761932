// Configuring, starting and stopping a port; see port.h.
#include "dpdk/port.h"

#include <fmt/core.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "device/startup_error.h"
#include "dpdk/mbuf_block.h"

namespace levee::dpdk {

namespace {
constexpr std::uint16_t kDescriptors = 1024;
constexpr std::uint32_t kFrameOverhead = 14 + 4;  // Ethernet and one VLAN tag
constexpr std::uint64_t kReceiveChecksums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;

rte_ether_addr address_of(const MacAddress& mac) {
  rte_ether_addr address{};
  std::copy(mac.octets.begin(), mac.octets.end(), std::begin(address.addr_bytes));
  return address;
}

bool is_kernel_interface(std::string_view driver) { return driver == "net_tap" || driver == "net_af_packet"; }

}  // namespace

Port::Port(std::uint16_t number, const Pools& pools, const PortOptions& options)
    : number_(number), pools_(&pools), options_(options), pieces_(kBurst * (shard::kMaxPieces + 1)) {
  rte_eth_dev_info info{};
  check(rte_eth_dev_info_get(number_, &info), "be asked what it can do");
  driver_ = info.driver_name;
  pci_ = std::string_view(rte_bus_name(rte_dev_bus(info.device))) == "pci";

  configure(info);
  start(info);
  rte_ether_addr address{};
  check(rte_eth_macaddr_get(number_, &address), "tell its MAC address");
  std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), mac_.octets.begin());

  timestamp_offset_ = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, nullptr);
  const int flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, nullptr);
  if (timestamp_offset_ >= 0 && flag >= 0) timestamp_flag_ = 1ULL << flag;
}

Port::~Port() { stop(); }

void Port::check(int result, const char* what) const {
  if (result >= 0) return;
  throw device::StartupError(device::kExitDevice,
                             fmt::format("port {} ({}) cannot {}: {}; choose another device or --mtu", number_, driver_,
                                         what, std::strerror(-result)));
}

void Port::configure(const rte_eth_dev_info& info) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = options_.mtu;
  // virtio's checksum offload would let it hand over partial checksums; only other PCI devices are asked, and believed.
  if (pci_ && driver_ != "net_virtio") conf.rxmode.offloads |= info.rx_offload_capa & kReceiveChecksums;
  if (options_.mtu + kFrameOverhead > pools_->data_room()) {
    conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
  }
  std::uint64_t wanted = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  // A virtual device would sum in software and copy the headers for it; net_tap even writes 0xffff for a sum of 0.
  if (options_.checksum_offload && pci_) wanted |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
  conf.txmode.offloads = info.tx_offload_capa & wanted;

  receive_checksum_ = (conf.rxmode.offloads & kReceiveChecksums) != 0;
  gather_ = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
  ipv4_checksum_ = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
  tcp_checksum_ = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
  const std::uint16_t limit = info.tx_desc_lim.nb_mtu_seg_max;
  most_segments_ = limit == 0 ? UINT16_MAX : limit;
  if (!gather_ && options_.mtu + kFrameOverhead > pools_->data_room()) {
    throw device::StartupError(device::kExitDevice,
                               fmt::format("port {} ({}) cannot send frames of several buffers; give --mtu={} or less",
                                           number_, driver_, pools_->data_room() - kFrameOverhead));
  }
  check(rte_eth_dev_configure(number_, 1, 1, &conf), "be configured");
}

void Port::start(const rte_eth_dev_info& info) {
  std::uint16_t receive_descriptors = kDescriptors;
  std::uint16_t send_descriptors = kDescriptors;
  check(rte_eth_dev_adjust_nb_rx_tx_desc(number_, &receive_descriptors, &send_descriptors), "size its queues");
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(number_));
  rte_eth_rxconf receive = info.default_rxconf;
  receive.offloads = 0;
  check(rte_eth_rx_queue_setup(number_, 0, receive_descriptors, socket, &receive, pools_->direct()),
        "set up its receive queue");
  rte_eth_txconf transmit = info.default_txconf;
  transmit.offloads = 0;
  check(rte_eth_tx_queue_setup(number_, 0, send_descriptors, socket, &transmit), "set up its transmit queue");
  check(rte_eth_dev_start(number_), "start");
  running_ = true;
}

bool Port::mac_is_ours() const { return !is_kernel_interface(driver_) && mac_ != MacAddress{}; }

void Port::listen_to(const MacAddress& mac, std::span<const MacAddress> groups) {
  // A TAP hands over every frame that the kernel sends into it, and changing its MAC would change the kernel's.
  if (mac == mac_ || driver_ == "net_tap") {
    rte_eth_promiscuous_disable(number_);
    if (driver_ != "net_tap") join(groups);
    return;
  }
  rte_ether_addr address = address_of(mac);
  if (!is_kernel_interface(driver_) && rte_eth_dev_default_mac_addr_set(number_, &address) == 0) {
    join(groups);
    return;
  }
  // Virtual devices without a MAC filter deliver everything and refuse this: what counts is that frames come.
  rte_eth_promiscuous_enable(number_);
}

// A neighbour's solicitation comes to a multicast address made from ours (RFC 4861 7.2.2, RFC 2464 7), which a NIC's
// filter drops unless it is told: without it nobody on the link would find our IPv6 addresses. Asked for in order of
// what it costs: these groups, all groups, everything.
void Port::join(std::span<const MacAddress> groups) {
  if (groups.empty()) return;
  std::vector<rte_ether_addr> addresses;
  for (const MacAddress& group : groups) addresses.push_back(address_of(group));
  const auto count = static_cast<std::uint32_t>(addresses.size());
  if (rte_eth_dev_set_mc_addr_list(number_, addresses.data(), count) == 0) return;
  if (rte_eth_allmulticast_enable(number_) == 0) return;
  rte_eth_promiscuous_enable(number_);
}

void Port::stop() {
  if (!running_) return;
  running_ = false;
  while (burst_next_ < burst_size_) rte_pktmbuf_free(burst_[burst_next_++]);
  if (driver_ == "net_ring") empty_ring();
  rte_eth_dev_stop(number_);
  rte_eth_dev_close(number_);
}

// The driver frees its ring and forgets what is in it.
void Port::empty_ring() {
  for (std::uint16_t got = 1; got > 0;) {
    got = rte_eth_rx_burst(number_, 0, burst_.data(), static_cast<std::uint16_t>(burst_.size()));
    for (std::uint16_t i = 0; i < got; ++i) rte_pktmbuf_free(burst_[i]);
  }
}

Block* Port::blank() {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pools_->direct());
  return mbuf == nullptr ? nullptr : adopt(mbuf);
}

void Port::release(Block* block) {
  DCHECK(block->refs == 0);
  rte_pktmbuf_free_seg(mbuf_of(block));
}

}  // namespace levee::dpdk
