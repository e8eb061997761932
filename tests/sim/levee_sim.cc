// The simulator as a program: runs seeds, prints which failed and how to replay them, and a summary as its last line.
//
//   levee-sim --seed=N --seeds=N [--trace] [--pcap=FILE]
#include <fmt/format.h>
#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "device/pcap_writer.h"
#include "sim/packet.h"
#include "sim/world.h"

namespace {

using namespace levee;
using namespace levee::sim;

constexpr int kFailed = 1, kUsage = 2;

struct Arguments {
  std::uint64_t seed = 1, seeds = 1;
  bool trace = false;
  std::string pcap;
};

std::optional<std::uint64_t> parse_number(const char* text) {
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<Arguments> parse(int argc, char** argv) {
  static const option kOptions[] = {{"seed", required_argument, nullptr, 's'},
                                    {"seeds", required_argument, nullptr, 'n'},
                                    {"trace", no_argument, nullptr, 't'},
                                    {"pcap", required_argument, nullptr, 'p'},
                                    {nullptr, 0, nullptr, 0}};
  Arguments arguments;
  for (int found = 0; (found = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (found == 't') {
      arguments.trace = true;
    } else if (found == 'p') {
      arguments.pcap = optarg;
    } else if (found == 's' || found == 'n') {
      const auto number = parse_number(optarg);
      if (!number) return std::nullopt;
      (found == 's' ? arguments.seed : arguments.seeds) = *number;
    } else {
      return std::nullopt;
    }
  }
  return optind == argc ? std::optional(arguments) : std::nullopt;
}

void print_frame(Duration at, std::size_t from, std::span<const std::byte> frame, const device::Fate& fate) {
  const std::string text =
      fmt::format("{:12.6f} {} {}{}{}{}{}\n", std::chrono::duration<double>(at).count(), from == 0 ? "->" : "<-",
                  describe(frame), fate.lost ? " LOST" : "", fate.duplicated ? " DUPLICATED" : "",
                  fate.reordered ? " HELD BACK" : "", fate.corrupted ? " BIT FLIPPED" : "");
  std::fputs(text.c_str(), stdout);
}

void save_frame(device::PcapWriter& file, Duration at, std::span<const std::byte> frame) {
  Bytes copy(frame.begin(), frame.end());
  shard::OutFrame out;
  out.data = copy.data();
  out.length = static_cast<std::uint32_t>(copy.size());
  file.write(Instant{} + at, std::span(&out, 1));
}

Outcome run_seed(std::uint64_t seed, const Arguments& arguments, device::PcapWriter* file) {
  const Scenario scenario = steered(make_scenario(seed));
  if (arguments.trace) std::fputs(describe(scenario).c_str(), stdout);
  World world(scenario, [&](Duration at, std::size_t from, std::span<const std::byte> frame, const device::Fate& fate) {
    if (arguments.trace) print_frame(at, from, frame, fate);
    if (file != nullptr) save_frame(*file, at, frame);
  });
  Outcome outcome = world.run();
  if (!outcome.failure.empty()) {
    const std::string text = fmt::format("seed {} FAILED: {}\n{}  replay: build/tests/levee-sim --seed={} --trace\n",
                                         seed, outcome.failure, describe(scenario), seed);
    std::fputs(text.c_str(), stdout);
  }
  return outcome;
}

int run(const Arguments& arguments) {
  std::unique_ptr<device::PcapWriter> file;
  if (!arguments.pcap.empty()) file = std::make_unique<device::PcapWriter>(arguments.pcap);
  Outcome total;
  std::uint64_t failed = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const Outcome outcome = run_seed(arguments.seed + i, arguments, file.get());
    failed += outcome.failure.empty() ? 0 : 1;
    total += outcome;
  }
  if (file) {
    const std::string problem = file->close();
    if (!problem.empty()) {
      std::fprintf(stderr, "%s\n", problem.c_str());
      return kFailed;
    }
  }
  // One connection in a hundred is a statement about many.
  const bool too_many_aborts = total.lossy_connections >= 100 && total.aborted * 100 > total.lossy_connections;
  if (too_many_aborts) std::fputs("more than 1 % of the connections over lossy links were aborted\n", stdout);
  const std::string summary = fmt::format(
      "{} seeds from {}: {} failed; {} connections ({} over lossy links), {} refused, {} aborted of which {} timed "
      "out; {} frames, "
      "{} lost, {} retransmitted, {} bytes delivered, {} steps, {:.0f} s of virtual time; trace {:016x}\n",
      arguments.seeds, arguments.seed, failed, total.connections, total.lossy_connections, total.refused, total.aborted,
      total.timed_out, total.frames, total.lost, total.retransmitted, total.bytes, total.steps,
      std::chrono::duration<double>(total.elapsed).count(), total.trace_hash);
  std::fputs(summary.c_str(), stdout);
  return failed == 0 && !too_many_aborts ? EXIT_SUCCESS : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::fputs("usage: levee-sim [--seed=N] [--seeds=N] [--trace] [--pcap=FILE]\n", stderr);
    return kUsage;
  }
  try {
    return run(*arguments);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return kUsage;
  }
}
