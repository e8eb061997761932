// How things are measured: modes run in an order that is drawn anew for each round, on one pinned core; a round in
// which the scheduler took the core away (ru_nivcsw) is dropped and made up for. The TSC is read at the ends of a whole
// pass only, fenced.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace levee::bench {

// What the timed parts of one round of one mode took.
struct Timed {
  std::uint64_t cycles = 0;  // of the TSC
  std::uint64_t frames = 0;
  bool disturbed = false;

  Timed& operator+=(const Timed& other);
  [[nodiscard]] double cycles_per_frame() const { return static_cast<double>(cycles) / static_cast<double>(frames); }
};

// Runs `pass` once and says what it took; the frames are the caller's to fill in.
template <typename Pass>
[[nodiscard]] Timed time_pass(std::uint64_t frames, Pass&& pass);

struct Mode {
  std::string name;
  std::function<Timed()> round;  // prepares, runs and checks; only its timed parts count
};

struct Measured {
  std::vector<std::string> modes;
  std::vector<std::vector<double>> cycles;  // per frame; [mode][round], all of the same length
  unsigned dropped = 0;                     // rounds of one mode that were disturbed and repeated

  // nullptr if there was no such mode.
  [[nodiscard]] const std::vector<double>* of(const std::string& mode) const;
};

// One round that is not counted warms everything up. Throws VoidRun if the machine is never quiet.
[[nodiscard]] Measured measure(const std::vector<Mode>& modes, unsigned rounds, std::uint64_t seed);

struct Spread {
  double min = 0, median = 0, max = 0;
  std::size_t samples = 0;
};
[[nodiscard]] Spread spread_of(std::vector<double> values);

// Of each round: the one less the other, or divided by it. What disturbs a whole round cancels out.
[[nodiscard]] std::vector<double> less(const std::vector<double>& one, const std::vector<double>& other);
[[nodiscard]] std::vector<double> ratio(const std::vector<double>& one, const std::vector<double>& other);

// Throws VoidRun if this thread cannot be pinned there. -1: the last core that it may run on. Returns the core.
int pin(int core);

// --- inside time_pass ---
[[nodiscard]] std::uint64_t fenced_tsc();
[[nodiscard]] long involuntary_switches();
// While it lives, only a real-time task can take the core. It does nothing where that is not allowed.
class Undisturbed {
 public:
  Undisturbed();
  ~Undisturbed();
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

 private:
  int policy_;
  int priority_;
};

template <typename Pass>
Timed time_pass(std::uint64_t frames, Pass&& pass) {
  const Undisturbed undisturbed;
  const long switches = involuntary_switches();
  const std::uint64_t begin = fenced_tsc();
  pass();
  const std::uint64_t end = fenced_tsc();
  return {.cycles = end - begin, .frames = frames, .disturbed = involuntary_switches() != switches};
}

}  // namespace levee::bench
