// One DPDK port with one receive and one transmit queue, as a device::Device. The constructor configures and starts it,
// `stop` and the destructor end it. receive, send, blank and release belong to the polling thread.
//
// Offloads are negotiated down to what the device has; MBUF_FAST_FREE is never asked for, because a head may be a
// received buffer that others hold, and its payload is shared.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device/device.h"
#include "dpdk/pool.h"
#include "levee/address.h"

struct rte_mbuf;
struct rte_eth_dev_info;

namespace levee::dpdk {

struct PortOptions {
  std::uint16_t mtu = 1500;
  bool checksum_offload = true;  // where the device is hardware that has it
  bool finite = false;           // a capture: empty bursts mean its end
};

class Port final : public device::Device {
 public:
  static constexpr std::size_t kBurst = 64;

  // Throws StartupError (exit code 3). `number` is what frames say in their `port`; it is DPDK's own port number.
  Port(std::uint16_t number, const Pools& pools, const PortOptions& options);
  ~Port() override;

  // Frames for `mac` reach us from here on: the device's own, or one that it is told of, or promiscuous mode.
  // `groups`: multicast addresses that reach us, too, at least these.
  void listen_to(const MacAddress& mac, std::span<const MacAddress> groups = {});
  // No packet moves after this; the buffers that the device holds return to their pools. May be called again.
  void stop();

  [[nodiscard]] device::Received receive(std::span<shard::Frame> frames) override;
  [[nodiscard]] std::size_t send(Instant now, std::span<const shard::OutFrame> frames) override;
  [[nodiscard]] Block* blank() override;
  void release(Block* block) override;

  [[nodiscard]] const std::string& driver() const { return driver_; }
  [[nodiscard]] const MacAddress& mac() const { return mac_; }
  // A device without hardware: its worker may sleep, and its word about checksums is worth nothing.
  [[nodiscard]] bool is_virtual() const { return !pci_; }
  // False behind an interface of this kernel, whose own MAC it is, and where there is none (a ring).
  [[nodiscard]] bool mac_is_ours() const;
  [[nodiscard]] bool ipv4_checksum_offload() const { return ipv4_checksum_; }
  [[nodiscard]] bool tcp_checksum_offload() const { return tcp_checksum_; }

 private:
  void configure(const rte_eth_dev_info& info);
  void start(const rte_eth_dev_info& info);
  void check(int result, const char* what) const;
  void empty_ring();
  void join(std::span<const MacAddress> groups);

  // receiving (port_receive.cc)
  void fill_frame(rte_mbuf* mbuf, shard::Frame& frame);
  void fill_pieces(rte_mbuf* head, shard::Frame& frame);
  [[nodiscard]] bool at_end();

  // sending (port_send.cc)
  [[nodiscard]] rte_mbuf* chain_of(const shard::OutFrame& frame);
  [[nodiscard]] rte_mbuf* attach(const Slice& slice);

  std::uint16_t number_;
  const Pools* pools_;
  PortOptions options_;
  std::string driver_;
  MacAddress mac_;
  bool pci_ = false;
  bool running_ = false;
  bool gather_ = false;
  bool ipv4_checksum_ = false;
  bool tcp_checksum_ = false;
  bool receive_checksum_ = false;
  std::uint16_t most_segments_ = 0;  // of a frame to send

  int timestamp_offset_ = -1;  // of the mbuf's dynamic field, where a driver writes arrival times
  std::uint64_t timestamp_flag_ = 0;
  std::array<rte_mbuf*, kBurst> burst_{};
  std::size_t burst_size_ = 0;
  std::size_t burst_next_ = 0;
  std::vector<shard::Frame> pieces_;  // of chained frames, until the next receive
  std::size_t pieces_used_ = 0;
  unsigned empty_bursts_ = 0;
  std::uint64_t nombuf_seen_ = 0;
};

}  // namespace levee::dpdk
