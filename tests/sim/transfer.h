// Long transfers over one bottleneck in virtual time: how much of the link they fill, what they repeat without need,
// how two of them share it. The sender is host 0; its direction has the rate, the queue and the loss, the other only
// the delay.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "levee/options.h"
#include "levee/time.h"

namespace levee::sim {

inline constexpr std::uint64_t kUsualRate = 20'000'000;

struct TransferSetup {
  std::uint64_t seed = 1;
  CongestionControl congestion_control = CongestionControl::Cubic;
  // Bits per second, Ethernet headers included. On faster links the loss bounds the window first: with one segment in a
  // thousand lost, RFC 9438's and RFC 5681's windows are some 40 segments on average, whatever the link could carry.
  std::uint64_t rate = kUsualRate;
  Duration rtt = std::chrono::milliseconds(20);
  double loss = 0;
  double reordering = 0;     // share of segments that are held back
  Duration reorder_delay{};  // by up to this
  std::uint32_t flows = 1;   // each begins `stagger` after the one before
  Duration stagger = std::chrono::seconds(1);
  Duration warm_up = std::chrono::seconds(5);  // from the last one's begin until the count starts
  Duration time = std::chrono::seconds(30);    // that is counted
  std::uint32_t buffer = 8 << 20;              // bytes, at either end
};

struct TransferResult {
  std::vector<double> shares;       // of each flow: text delivered, as a share of the link's bits
  std::uint64_t segments = 0;       // sent by the sender, over the whole run
  std::uint64_t retransmitted = 0;  // of them
  std::uint64_t lost = 0;           // on the link: by chance or by its queue
  std::uint64_t frames = 0;         // both ways
  std::string failure;              // of an oracle or an invariant

  [[nodiscard]] double share() const;  // of all flows
  // Retransmissions of what was not lost, as a share of all segments.
  [[nodiscard]] double spurious() const;
  // (sum x)^2 / (n sum x^2): 1 when all have the same, 1/n when one has all (Jain, Chiu and Hawe).
  [[nodiscard]] double fairness() const;
};

[[nodiscard]] TransferResult run_transfer(const TransferSetup& setup);

// The whole table on stdout, `seeds` runs for each cell; returns false if an oracle failed.
[[nodiscard]] bool print_transfer_table(std::uint64_t first_seed, std::uint64_t seeds, std::uint64_t rate);

}  // namespace levee::sim
