// A lean flood of SYNs from one core through a DPDK device, bounded in count and time: templates (lab/syn_source.h) in
// bursts of 32, replies freed unread but for a sample that is checked. Prints one JSON object.
//
//   syn-sender memif:SOCKET --to=10.7.0.2 --to_mac=02:00:00:00:00:02 --seconds=3
//   syn-sender af_packet:INTERFACE --to=10.7.0.2 --to_mac=... --rate=200000
//
// Exit code: 0; 1 if a checked reply was wrong; 2 for a wrong option; 3 if the device cannot be used.
#include <fmt/core.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "device/startup_error.h"
#include "dpdk/eal.h"
#include "dpdk/pool.h"
#include "lab/sender_options.h"
#include "lab/syn_source.h"

namespace {

using namespace levee;

constexpr std::uint16_t kBurst = 32;
constexpr std::uint16_t kDescriptors = 1024;
constexpr std::uint32_t kBuffers = 8192;

struct Result {
  std::uint64_t sent = 0, received = 0, checked = 0, wrong = 0;
  std::uint64_t refused = 0;    // bursts that the device did not take whole
  std::uint64_t waited_ns = 0;  // for our core, because others were on it
  double seconds = 0;
  std::string fault;
};

[[noreturn]] void refuse(int exit_code, const std::string& sentence) {
  throw device::StartupError(exit_code, sentence);
}

void check(int result, const char* what) {
  if (result < 0) refuse(device::kExitDevice, fmt::format("the device cannot {}: {}", what, std::strerror(-result)));
}

constexpr std::string_view kAfPacket = "af_packet:";

bool is_packet_socket(std::string_view device) { return device.starts_with(kAfPacket); }

// What Eal::add does not know: the kernel's packet sockets, which only this lab needs.
std::vector<std::string> eal_words(std::string_view device) {
  std::vector<std::string> words{"--no-huge", "-m", "128", "--no-shconf", "--log-level=*:error"};
  if (is_packet_socket(device)) {
    words.push_back(fmt::format("--vdev=net_af_packet0,iface={},blocksz=65536,framecnt=512,framesz=2048",
                                device.substr(kAfPacket.size())));
  }
  return words;
}

// The kernel's account of this thread: time on a core, time waited for one.
std::uint64_t nanoseconds_waited() {
  std::uint64_t on_core = 0;
  std::uint64_t waited = 0;
  std::ifstream("/proc/thread-self/schedstat") >> on_core >> waited;
  return waited;
}

class Device {
 public:
  Device(std::uint16_t number, const dpdk::Pools& pools, std::uint64_t seconds_to_wait) : number_(number) {
    rte_eth_conf conf{};
    std::uint16_t receive = kDescriptors;
    std::uint16_t send = kDescriptors;
    check(rte_eth_dev_configure(number_, 1, 1, &conf), "be configured");
    check(rte_eth_dev_adjust_nb_rx_tx_desc(number_, &receive, &send), "size its queues");
    check(rte_eth_rx_queue_setup(number_, 0, receive, 0, nullptr, pools.direct()), "set up its receive queue");
    check(rte_eth_tx_queue_setup(number_, 0, send, 0, nullptr), "set up its transmit queue");
    start(seconds_to_wait);
  }
  ~Device() {
    rte_eth_dev_stop(number_);
    rte_eth_dev_close(number_);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  std::uint16_t send(rte_mbuf** burst, std::uint16_t count) { return rte_eth_tx_burst(number_, 0, burst, count); }
  std::uint16_t receive(rte_mbuf** burst, std::uint16_t count) { return rte_eth_rx_burst(number_, 0, burst, count); }

 private:
  // A memif's client cannot start before its server listens, and is turned away for good by one that listens but has
  // not started its own port. So it tries again, but not soon: DPDK 22.11's server panics over a client that is gone
  // before its HELLO is written.
  void start(std::uint64_t seconds_to_wait) {
    const std::uint64_t deadline = rte_rdtsc() + seconds_to_wait * rte_get_tsc_hz();
    for (;;) {
      const int result = rte_eth_dev_start(number_);
      if (result == 0 && link_comes_up()) return;
      if (rte_rdtsc() >= deadline) check(result, "start");
      if (rte_rdtsc() >= deadline) refuse(device::kExitDevice, "the device's link stays down");
      if (result == 0) rte_eth_dev_stop(number_);
      rte_delay_us_sleep(20'000);
    }
  }

  [[nodiscard]] bool link_comes_up() const {
    rte_eth_link link{};
    for (int milliseconds = 0; milliseconds < 3000; ++milliseconds) {
      if (rte_eth_link_get_nowait(number_, &link) != 0 || link.link_status == RTE_ETH_LINK_UP) return true;
      rte_delay_us_sleep(1000);
    }
    return false;
  }

  std::uint16_t number_;
};

class Flood {
 public:
  Flood(Device& device, const dpdk::Pools& pools, const lab::SenderOptions& options)
      : device_(device),
        pool_(pools.direct()),
        options_(options),
        source_(options.target, options.tuples),
        whole_checksums_(!is_packet_socket(options.device)) {}

  Result run() {
    const std::uint64_t waited_before = nanoseconds_waited();
    const std::uint64_t hz = rte_get_tsc_hz();
    const std::uint64_t begin = rte_rdtsc();
    const std::uint64_t end = begin + options_.seconds * hz;
    const std::uint64_t per_burst = options_.rate == 0 ? 0 : hz * kBurst / options_.rate;
    std::uint64_t now = begin;
    for (std::uint64_t due = begin; now < end && result_.sent < options_.count; now = rte_rdtsc()) {
      if (now >= due) {
        send_burst();
        // Late bursts are not made up for in a heap.
        due = std::max(due + per_burst, now - std::min(now, 8 * per_burst));
      }
      receive_burst();
    }
    result_.seconds = static_cast<double>(now - begin) / static_cast<double>(hz);
    result_.waited_ns = nanoseconds_waited() - waited_before;
    rte_pktmbuf_free_bulk(burst_.data() + next_, kBurst - next_);
    return result_;
  }

  // Replies that were still on their way: checked, not counted into the rate.
  Result settle() {
    for (const std::uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 5; rte_rdtsc() < end;) receive_burst();
    return result_;
  }

 private:
  void send_burst() {
    if (next_ == kBurst) {
      if (rte_pktmbuf_alloc_bulk(pool_, burst_.data(), kBurst) != 0) return;  // the device holds them all for now
      next_ = 0;
      for (rte_mbuf* mbuf : burst_) {
        const std::size_t length = source_.next(rte_pktmbuf_mtod(mbuf, std::byte*));
        mbuf->data_len = static_cast<std::uint16_t>(length);
        mbuf->pkt_len = static_cast<std::uint32_t>(length);
      }
    }
    const std::uint16_t sent = device_.send(burst_.data() + next_, static_cast<std::uint16_t>(kBurst - next_));
    next_ = static_cast<std::uint16_t>(next_ + sent);
    result_.sent += sent;
    if (next_ < kBurst) {
      ++result_.refused;
      rte_pause();
    }
  }

  void receive_burst() {
    std::array<rte_mbuf*, 2 * kBurst> replies;
    const std::uint16_t got = device_.receive(replies.data(), static_cast<std::uint16_t>(replies.size()));
    if (got == 0) return;
    result_.received += got;
    if (options_.check != 0 && result_.received >= next_check_) check_reply(*replies[0]);
    rte_pktmbuf_free_bulk(replies.data(), got);
  }

  void check_reply(const rte_mbuf& reply) {
    next_check_ = result_.received + options_.check;
    ++result_.checked;
    const char* fault =
        source_.fault_of({rte_pktmbuf_mtod(&reply, const std::byte*), reply.data_len}, whole_checksums_);
    if (fault == nullptr) return;
    ++result_.wrong;
    result_.fault = fault;
  }

  Device& device_;
  rte_mempool* pool_;
  const lab::SenderOptions& options_;
  lab::SynSource source_;
  Result result_;
  bool whole_checksums_;
  std::uint64_t next_check_ = 0;
  std::array<rte_mbuf*, kBurst> burst_{};
  std::uint16_t next_ = kBurst;  // of burst_, what is not sent yet
};

// A memif's other side forgets its figures with the link.
void linger(std::uint64_t seconds) {
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigprocmask(SIG_BLOCK, &end, nullptr);
  const timespec at_most{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = 0};
  if (seconds > 0) sigtimedwait(&end, nullptr, &at_most);
}

void print(const Result& flooded, const Result& all) {
  const auto a_second = [&](std::uint64_t count) { return static_cast<double>(count) / flooded.seconds; };
  fmt::print(R"({{"seconds":{:.3f},"sent":{},"sent_per_second":{:.0f},"received_per_second":{:.0f},)", flooded.seconds,
             flooded.sent, a_second(flooded.sent), a_second(flooded.received));
  fmt::print(R"("received":{},"late":{},"refused_bursts":{},"checked":{},"wrong":{},"fault":"{}",)", all.received,
             all.received - flooded.received, all.refused, all.checked, all.wrong, all.fault);
  fmt::print("\"waited_ns\":{},\"tsc_hz\":{}}}\n", flooded.waited_ns, rte_get_tsc_hz());
  std::fflush(stdout);
}

int run(const lab::SenderOptions& options) {
  dpdk::Eal eal(eal_words(options.device));
  if (!is_packet_socket(options.device)) eal.add(dpdk::parse_vdev(options.device, 0));
  const std::vector<std::uint16_t> ports = eal.ports();
  if (ports.size() != 1) refuse(device::kExitDevice, fmt::format("{} is no device that can be used", options.device));
  const dpdk::Pools pools(kBuffers, kBuffers, 2048);
  Device device(ports[0], pools, options.wait);
  Flood flood(device, pools, options);
  const Result flooded = flood.run();
  const Result all = flood.settle();
  print(flooded, all);
  linger(options.linger);
  return all.wrong == 0 ? 0 : device::kExitFailedVerdict;
}

}  // namespace

int main(int argc, char** argv) try {
  return run(lab::read_sender_options(argc, argv));
} catch (const device::StartupError& error) {
  fmt::print(stderr, "syn-sender: {}\n", error.what());
  return error.exit_code();
}
