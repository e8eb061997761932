// Rounds and their statistics; see harness.h.
#include "bench/harness.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <x86intrin.h>

#include <algorithm>

#include "base/random.h"
#include "bench/endpoint.h"

namespace levee::bench {

namespace {
constexpr unsigned kMostRepeats = 100;  // of one mode in one round
}

Timed& Timed::operator+=(const Timed& other) {
  cycles += other.cycles;
  frames += other.frames;
  disturbed |= other.disturbed;
  return *this;
}

std::uint64_t fenced_tsc() {
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
}

long involuntary_switches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

Undisturbed::Undisturbed() : policy_(sched_getscheduler(0)) {
  sched_param before{}, first{};
  sched_getparam(0, &before);
  priority_ = before.sched_priority;
  if (policy_ != SCHED_OTHER) return;
  first.sched_priority = 1;
  static_cast<void>(sched_setscheduler(0, SCHED_FIFO, &first));
}

Undisturbed::~Undisturbed() {
  sched_param before{};
  before.sched_priority = priority_;
  static_cast<void>(sched_setscheduler(0, policy_, &before));
}

const std::vector<double>* Measured::of(const std::string& mode) const {
  const auto found = std::find(modes.begin(), modes.end(), mode);
  return found == modes.end() ? nullptr : &cycles[static_cast<std::size_t>(found - modes.begin())];
}

Measured measure(const std::vector<Mode>& modes, unsigned rounds, std::uint64_t seed) {
  Measured measured;
  for (const Mode& mode : modes) {
    measured.modes.push_back(mode.name);
    static_cast<void>(mode.round());
  }
  measured.cycles.resize(modes.size());
  Random random(seed);
  std::vector<std::size_t> order(modes.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (unsigned round = 0; round < rounds; ++round) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (const std::size_t mode : order) {
      Timed timed = modes[mode].round();
      for (unsigned repeats = 0; timed.disturbed; ++repeats) {
        if (repeats == kMostRepeats) throw VoidRun("this core is never quiet for as long as one round takes");
        ++measured.dropped;
        timed = modes[mode].round();
      }
      measured.cycles[mode].push_back(timed.cycles_per_frame());
    }
  }
  return measured;
}

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return {.min = values.front(),
          .median = values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2,
          .max = values.back(),
          .samples = values.size()};
}

std::vector<double> less(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> result(one.size());
  std::transform(one.begin(), one.end(), other.begin(), result.begin(), [](double a, double b) { return a - b; });
  return result;
}

std::vector<double> ratio(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> result(one.size());
  std::transform(one.begin(), one.end(), other.begin(), result.begin(), [](double a, double b) { return a / b; });
  return result;
}

int pin(int core) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) throw VoidRun("the cores of this process are unknown");
  for (int i = CPU_SETSIZE - 1; core < 0 && i >= 0; --i) {
    if (CPU_ISSET(i, &allowed)) core = i;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  if (core >= 0 && core < CPU_SETSIZE) CPU_SET(core, &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) throw VoidRun(fmt::format("core {} is not ours to run on", core));
  return core;
}

}  // namespace levee::bench
