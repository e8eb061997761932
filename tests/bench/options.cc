#include "bench/options.h"

#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "runtime/worker.h"

namespace levee::bench {

namespace {

constexpr char kUsage[] =
    "levee-bench syn|ack|recycle|hostility [options]\n"
    "  --json          one object a line instead of a table\n"
    "  --rounds=N      rounds that count, at least 15 for figures that are shown to others (31)\n"
    "  --core=N        the core to run on (the last one)\n"
    "  --modes=A,B     some of io, macswap, levee; figures over io need io (all)\n"
    "  --variants=A,B  some of the benchmark's variants, by the names in its table (all)\n"
    "  --burst=N       frames a burst, 1 to 64 (64)\n"
    "  --buffers=N     buffers that frames cycle through, and frames a round (16384)\n"
    "  --hot_buffers=N the same for the hot tables (128)\n"
    "  --records=N     connections (ack; hostility: 1000 at most) or TIME-WAIT entries (recycle) that are there "
    "(1000000)\n"
    "  --seed=N        of tuples, secrets and the order of everything (1)\n"
    "  --callgrind     syn, hostility: levee once over the frames of one round, see callgrind.sh\n"
    "  --break=N       damages the Nth reply before it is checked: the run must be void\n"
    "Exit code: 0, or 1 if the run is void, or 2 for a wrong option.\n";

enum Option { kJson = 1, kRounds, kCore, kModes, kVariants, kBurst, kBuffers, kHot, kRecords, kSeed, kGrind, kBreak };

std::vector<std::string> split(const char* text) {
  std::vector<std::string> parts(1);
  for (; *text != '\0'; ++text) {
    if (*text == ',') {
      parts.emplace_back();
    } else {
      parts.back() += *text;
    }
  }
  return parts;
}

template <typename T>
bool read(const char* text, T least, T most, T& value) {
  const char* end = text + std::strlen(text);
  T found{};
  const auto [stop, error] = std::from_chars(text, end, found);
  if (error != std::errc() || stop != end || found < least || found > most) return false;
  value = found;
  return true;
}

bool take(int option, const char* text, Options& options) {
  switch (option) {
    case kJson:
      return options.json = true;
    case kGrind:
      return options.callgrind = true;
    case kRounds:
      return read(text, 1U, 100000U, options.rounds);
    case kCore:
      return read(text, 0, 1023, options.core);
    case kModes:
      options.modes = split(text);
      return std::all_of(options.modes.begin(), options.modes.end(),
                         [](const std::string& mode) { return mode == "io" || mode == "macswap" || mode == "levee"; });
    case kVariants:
      options.variants = split(text);
      return true;
    case kBurst:
      return read(text, std::size_t{1}, runtime::Worker::kBurst, options.burst);
    case kBuffers:
      return read(text, std::size_t{64}, std::size_t{1} << 20, options.buffers);
    case kHot:
      return read(text, std::size_t{64}, std::size_t{1024}, options.hot_buffers);
    case kRecords:
      return read(text, 1U, 100000000U, options.records);
    case kSeed:
      return read(text, std::uint64_t{0}, ~std::uint64_t{0}, options.seed);
    case kBreak:
      return read(text, std::uint64_t{1}, ~std::uint64_t{0}, options.break_reply);
    default:
      return false;
  }
}

bool among(const std::vector<std::string>& chosen, const std::string& name) {
  return chosen.empty() || std::find(chosen.begin(), chosen.end(), name) != chosen.end();
}

}  // namespace

bool Options::wants_mode(const std::string& name) const { return among(modes, name); }
bool Options::wants_variant(const std::string& name) const { return among(variants, name); }

std::string Options::unknown_variant(const std::vector<std::string>& known) const {
  for (const std::string& name : variants) {
    if (!among(known, name)) return name;
  }
  return {};
}

void print_usage() { std::fputs(kUsage, stderr); }

std::optional<Options> parse(int argc, char** argv) {
  static const option kOptions[] = {{"json", no_argument, nullptr, kJson},
                                    {"rounds", required_argument, nullptr, kRounds},
                                    {"core", required_argument, nullptr, kCore},
                                    {"modes", required_argument, nullptr, kModes},
                                    {"variants", required_argument, nullptr, kVariants},
                                    {"burst", required_argument, nullptr, kBurst},
                                    {"buffers", required_argument, nullptr, kBuffers},
                                    {"hot_buffers", required_argument, nullptr, kHot},
                                    {"records", required_argument, nullptr, kRecords},
                                    {"seed", required_argument, nullptr, kSeed},
                                    {"callgrind", no_argument, nullptr, kGrind},
                                    {"break", required_argument, nullptr, kBreak},
                                    {nullptr, 0, nullptr, 0}};
  Options options;
  for (int index = 0, found = 0; (found = getopt_long(argc, argv, "", kOptions, &index)) != -1;) {
    if (found == '?') return std::nullopt;  // getopt has said what is wrong
    if (!take(found, optarg, options)) {
      std::fprintf(stderr, "levee-bench: --%s=%s is not possible\n", kOptions[index].name, optarg);
      return std::nullopt;
    }
  }
  if (optind + 1 != argc) {
    std::fputs("levee-bench: name one benchmark\n", stderr);
    return std::nullopt;
  }
  options.bench = argv[optind];
  return options;
}

}  // namespace levee::bench
