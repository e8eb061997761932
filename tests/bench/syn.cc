// SYN -> SYN-ACK by cookie: what a flood costs. Every reply is checked, and of each round some cookies are accepted
// when their ACKs come.
//
//   v4-mixed    options as they come; checksums received are verified, and those sent are summed, in software
//   v4-linux    Linux's options only
//   v4-offload  as v4-mixed, with a card that verifies and completes checksums
//   v6-mixed    the same over IPv6, from a host that has both
//   ...-hot     few buffers, so that frames and mbufs are in the nearer caches
#include <fmt/format.h>

#include "bench/benches.h"
#include "bench/endpoint.h"
#include "bench/modes.h"
#include "bench/oracle.h"
#include "bench/traffic.h"

namespace levee::bench {

namespace {

constexpr std::size_t kCookiesChecked = 64;  // a round

struct Variant {
  const char* name;
  Mix mix;
  bool offload, hot;
  bool ipv6 = false;
};
constexpr Variant kVariants[] = {
    {"v4-mixed", Mix::Mixed, false, false},        {"v4-linux", Mix::Linux, false, false},
    {"v4-offload", Mix::Mixed, true, false},       {"v4-mixed-hot", Mix::Mixed, false, true},
    {"v4-linux-hot", Mix::Linux, false, true},     {"v4-offload-hot", Mix::Mixed, true, true},
    {"v6-mixed", Mix::Mixed, false, false, true},  {"v6-mixed-hot", Mix::Mixed, false, true, true},
    {"v6-offload", Mix::Mixed, true, false, true}, {"v6-offload-hot", Mix::Mixed, true, true, true},
};

std::vector<Syn> next_syns(std::uint64_t& number, std::size_t count, const Variant& variant) {
  std::vector<Syn> syns;
  syns.reserve(count);
  while (syns.size() < count) syns.push_back(syn_of(number++, variant.mix, 0, variant.ipv6));
  return syns;
}

// A few, spread over the round.
void check_some_cookies(Endpoint& endpoint, const std::vector<Syn>& syns, const std::vector<SynAck>& answers) {
  std::vector<Syn> some;
  std::vector<SynAck> theirs;
  const std::size_t stride = std::max<std::size_t>(1, syns.size() / kCookiesChecked);
  for (std::size_t i = 0; i < syns.size(); i += stride) {
    some.push_back(syns[i]);
    theirs.push_back(answers[i]);
  }
  check_cookies(endpoint, some, theirs);
}

void run_variant(const Options& options, const Variant& variant, Report& report) {
  BenchDevice device({.buffers = variant.hot ? options.hot_buffers : options.buffers,
                      .burst = options.burst,
                      .verified = variant.offload,
                      .seed = options.seed});
  Endpoint endpoint(device, {.cookies = SynCookies::Always,
                             .limits = Endpoint::small_limits(),
                             .offload = variant.offload,
                             .ipv6 = variant.ipv6,
                             .close_at_once = false,
                             .seed = options.seed,
                             .break_reply = options.break_reply});
  std::uint64_t number = 0;
  const Generate generate = [&] { return packets_of(next_syns(number, options.buffers, variant)); };
  const auto levee = [&] {
    const std::vector<Syn> syns = next_syns(number, options.buffers, variant);
    std::vector<Packet> replies;
    const Timed timed = run_levee(endpoint, packets_of(syns), replies);
    const std::vector<SynAck> answers = check_syn_acks(syns, replies);
    if (!options.callgrind) check_some_cookies(endpoint, syns, answers);
    return timed;
  };
  if (options.callgrind) {
    static_cast<void>(levee());
    report.say(fmt::format("{} SYNs", options.buffers));
  } else {
    std::vector<Mode> modes;
    if (options.wants_mode("io")) modes.push_back(io_mode(device, generate));
    if (options.wants_mode("macswap")) modes.push_back(macswap_mode(device, generate));
    if (options.wants_mode("levee")) modes.push_back({"levee", levee});
    report.add(variant.name, measure(modes, options.rounds, options.seed));
  }
  require_equal(endpoint.shard().connections() + endpoint.shard().half_open(), 0, "records left by SYNs");
  require_equal(endpoint.count(Counter::SyncookiesSent), endpoint.count(Counter::SynsReceived),
                "SYNs without a cookie");
  endpoint.finish();
}

void run(const Options& options, Report& report) {
  for (const Variant& variant : kVariants) {
    // A profiler gets one of them.
    const bool by_default = options.callgrind && options.variants.empty();
    if (by_default ? variant.name == std::string("v4-mixed") : options.wants_variant(variant.name)) {
      run_variant(options, variant, report);
    }
  }
}

std::vector<std::string> variants() {
  std::vector<std::string> names;
  for (const Variant& variant : kVariants) names.emplace_back(variant.name);
  return names;
}

}  // namespace

const Bench kSyn{.name = "syn", .variants = variants, .run = run};

}  // namespace levee::bench
