// The table of transfer quality: goodput by loss and RTT, spurious retransmissions, fairness.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "sim/transfer.h"

namespace levee::sim {
namespace {

using std::chrono::milliseconds;

struct Control {
  CongestionControl value;
  const char* name;
};
constexpr Control kControls[] = {{CongestionControl::Cubic, "CUBIC"}, {CongestionControl::NewReno, "NewReno"}};
constexpr double kLosses[] = {0, 0.001, 0.01, 0.03};
constexpr int kRoundTrips[] = {1, 20, 100};  // ms

// Runs one cell and says its least, median and largest figure; false if an oracle failed.
class Cells {
 public:
  Cells(std::uint64_t first_seed, std::uint64_t seeds) : first_seed_(first_seed), seeds_(seeds) {}

  std::string cell(TransferSetup setup, const std::function<double(const TransferResult&)>& figure) {
    std::vector<double> figures;
    for (std::uint64_t i = 0; i < seeds_; ++i) {
      setup.seed = first_seed_ + i;
      const TransferResult result = run_transfer(setup);
      if (!result.failure.empty()) {
        holds_ = false;
        return "FAILED: " + result.failure;
      }
      figures.push_back(figure(result));
    }
    std::sort(figures.begin(), figures.end());
    return fmt::format("{:.3f} {:.3f} {:.3f}", figures.front(), figures[figures.size() / 2], figures.back());
  }
  [[nodiscard]] bool hold() const { return holds_; }

 private:
  std::uint64_t first_seed_, seeds_;
  bool holds_ = true;
};

void print(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

bool print_transfer_table(std::uint64_t first_seed, std::uint64_t seeds, std::uint64_t rate) {
  Cells cells(first_seed, seeds);
  print(
      fmt::format("goodput as a share of {} Mbit/s; min, median and max of {} seeds; 30 s after 5 s, queue of one BDP",
                  rate / 1'000'000, seeds));
  print(fmt::format("{:<8} {:>6}   {:^17}   {:^17}   {:^17}", "", "loss", "RTT 1 ms", "RTT 20 ms", "RTT 100 ms"));
  for (const Control& control : kControls) {
    for (const double loss : kLosses) {
      std::string line = fmt::format("{:<8} {:>5.1f}%", control.name, loss * 100);
      for (const int rtt : kRoundTrips) {
        TransferSetup setup;
        setup.congestion_control = control.value;
        setup.rate = rate;
        setup.rtt = milliseconds(rtt);
        setup.loss = loss;
        line += "   " + cells.cell(setup, [](const TransferResult& result) { return result.share(); });
      }
      print(line);
    }
  }
  for (const Control& control : kControls) {
    TransferSetup setup;
    setup.congestion_control = control.value;
    setup.rate = rate;
    setup.reordering = 0.1;
    setup.reorder_delay = setup.rtt / 4;
    setup.buffer = static_cast<std::uint32_t>(rate / 400);  // one BDP: the queue never overflows
    print(fmt::format("{:<8} spurious retransmissions, a tenth held back by up to RTT/4 of 20 ms: {} of all segments",
                      control.name, cells.cell(setup, [](const TransferResult& result) { return result.spurious(); })));
    TransferSetup pair;
    pair.congestion_control = control.value;
    pair.rate = rate;
    pair.flows = 2;
    pair.time = std::chrono::seconds(60);
    print(fmt::format("{:<8} Jain's index of two flows, the second 1 s later, over 60 s at 20 ms: {}", control.name,
                      cells.cell(pair, [](const TransferResult& result) { return result.fairness(); })));
  }
  return cells.hold();
}

}  // namespace levee::sim
