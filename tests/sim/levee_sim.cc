// The simulator as a program: runs seeds, prints which failed and how to replay them, and a summary as its last line.
//
//   levee-sim --seed=N [--trace] [--pcap=FILE]   one seed; with the walk over everything after every step
//   levee-sim --seed=N --seeds=N                 many, or with --segments=N until so many segments were sent
//   levee-sim --transfer --seeds=N [--rate=BITS]  the table of transfer quality, N runs for each of its cells
//   levee-sim ... --model                        each segment is compared with the model of RFC 9293 3.10.7, as it
//                                                always is in seeds that 100 divides
//   levee-sim ... --rogue=NAME                   each seed with this misbehaving peer; "none": without any
#include <fmt/format.h>
#include <getopt.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "device/pcap_writer.h"
#include "sim/packet.h"
#include "sim/rogue_world.h"
#include "sim/transfer.h"
#include "sim/world.h"

namespace {

using namespace levee;
using namespace levee::sim;

constexpr int kFailed = 1, kUsage = 2;
constexpr std::uint64_t kModelEvery = 100;

struct Arguments {
  std::uint64_t seed = 1, seeds = 1, segments = 0, rate = kUsualRate;
  bool trace = false, transfer = false, model = false;
  std::string pcap, rogue;

  [[nodiscard]] bool one_seed() const { return seeds == 1 && segments == 0; }
};

std::optional<std::uint64_t> parse_number(const char* text) {
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<Arguments> parse(int argc, char** argv) {
  static const option kOptions[] = {
      {"seed", required_argument, nullptr, 's'},     {"seeds", required_argument, nullptr, 'n'},
      {"segments", required_argument, nullptr, 'm'}, {"rogue", required_argument, nullptr, 'r'},
      {"model", no_argument, nullptr, 'o'},          {"transfer", no_argument, nullptr, 'q'},
      {"rate", required_argument, nullptr, 'b'},     {"trace", no_argument, nullptr, 't'},
      {"pcap", required_argument, nullptr, 'p'},     {nullptr, 0, nullptr, 0}};
  Arguments arguments;
  for (int found = 0; (found = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (found == 't') {
      arguments.trace = true;
    } else if (found == 'q') {
      arguments.transfer = true;
    } else if (found == 'o') {
      arguments.model = true;
    } else if (found == 'p') {
      arguments.pcap = optarg;
    } else if (found == 'r') {
      arguments.rogue = optarg;
      if (arguments.rogue != "none" && find_rogue(arguments.rogue) == nullptr) return std::nullopt;
    } else if (found == 's' || found == 'n' || found == 'm' || found == 'b') {
      const auto number = parse_number(optarg);
      if (!number) return std::nullopt;
      std::uint64_t& value = found == 's'   ? arguments.seed
                             : found == 'n' ? arguments.seeds
                             : found == 'm' ? arguments.segments
                                            : arguments.rate;
      value = *number;
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

const RogueKind* rogue_for(std::uint64_t seed, const Arguments& arguments) {
  if (arguments.rogue.empty()) return rogue_of(seed);
  return find_rogue(arguments.rogue);
}

// A World or a RogueWorld.
template <typename AnyWorld>
Outcome run_world(AnyWorld& world, std::uint64_t seed, const std::string& description, const Arguments& arguments) {
  if (arguments.model || seed % kModelEvery == 0) world.ask_model();
  if (arguments.trace) std::fputs(description.c_str(), stdout);
  if (arguments.one_seed()) world.walk_every(1);
  Outcome outcome = world.run();
  if (!outcome.failure.empty()) std::fputs((description + "  " + outcome.failure + "\n").c_str(), stdout);
  return outcome;
}

Outcome run_seed(std::uint64_t seed, const Arguments& arguments, device::PcapWriter* file) {
  World::Watch watch;
  if (arguments.trace || file != nullptr) {
    watch = [&](Duration at, std::size_t from, std::span<const std::byte> frame, const device::Fate& fate) {
      if (arguments.trace) print_frame(at, from, frame, fate);
      if (file != nullptr) save_frame(*file, at, frame);
    };
  }
  Outcome outcome;
  if (const RogueKind* kind = rogue_for(seed, arguments)) {
    RogueWorld world(seed, *kind, watch);
    outcome = run_world(world, seed, world.describe(), arguments);
  } else {
    const Scenario scenario = steered(make_scenario(seed));
    World world(scenario, watch);
    outcome = run_world(world, seed, describe(scenario), arguments);
  }
  if (!outcome.failure.empty()) {
    const std::string text =
        fmt::format("seed {} FAILED; replay: build/tests/levee-sim --seed={}{}{}{} --trace --pcap=FILE\n", seed, seed,
                    arguments.rogue.empty() ? "" : " --rogue=", arguments.rogue, arguments.model ? " --model" : "");
    std::fputs(text.c_str(), stdout);
  }
  return outcome;
}

int run(const Arguments& arguments) {
  if (arguments.transfer) {
    return print_transfer_table(arguments.seed, arguments.seeds, arguments.rate) ? EXIT_SUCCESS : kFailed;
  }
  std::unique_ptr<device::PcapWriter> file;
  if (!arguments.pcap.empty()) file = std::make_unique<device::PcapWriter>(arguments.pcap);
  const auto begin = std::chrono::steady_clock::now();
  Outcome total;
  std::uint64_t failed = 0, seeds = 0;
  while (arguments.segments == 0 ? seeds < arguments.seeds : total.frames < arguments.segments) {
    const Outcome outcome = run_seed(arguments.seed + seeds++, arguments, file.get());
    failed += outcome.failure.empty() ? 0 : 1;
    total += outcome;
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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
      "{} seeds from {}, {} of them with a misbehaving peer: {} failed; {} connections ({} over lossy links), {} "
      "refused, {} aborted of which {} timed out; {} segments, {} lost, {} retransmitted, {} bytes delivered, {} "
      "steps, {:.0f} s of virtual time; {} segments as the model says, {} left out; {:.0f} segments/s; trace {:016x}\n",
      seeds, arguments.seed, total.rogues, failed, total.connections, total.lossy_connections, total.refused,
      total.aborted, total.timed_out, total.frames, total.lost, total.retransmitted, total.bytes, total.steps,
      std::chrono::duration<double>(total.elapsed).count(), total.predicted, total.left_out,
      static_cast<double>(total.frames) / took, total.trace_hash);
  std::fputs(summary.c_str(), stdout);
  return failed == 0 && !too_many_aborts ? EXIT_SUCCESS : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::fputs(
        "usage: levee-sim [--seed=N] [--seeds=N | --segments=N] [--model] [--rogue=NAME] [--transfer [--rate=BITS]] "
        "[--trace] "
        "[--pcap=FILE]\n",
        stderr);
    return kUsage;
  }
  try {
    return run(*arguments);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return kUsage;
  }
}
