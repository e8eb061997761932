// A SYN that hits one of a million TIME-WAIT entries against a SYN of a new tuple, over the same shard. The entries are
// made by opening and closing connections, levee closing first; then the same clients come back with later timestamps
// and sequence numbers (RFC 6191). After each pass their half-open records are reset, which leaves the entries as they
// were, and of some the handshake is completed: these are recycled, closed and in TIME-WAIT once more.
//
//   v4-kept    SynCookies::Auto below its mark: both kinds of SYN take a half-open record
//   v4-always  SynCookies::Always: a plain SYN is answered by cookie, one into TIME-WAIT from a reserved record
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/benches.h"
#include "bench/endpoint.h"
#include "bench/modes.h"
#include "bench/oracle.h"
#include "bench/traffic.h"
#include "sim/packet.h"

namespace levee::bench {

namespace {

struct Variant {
  const char* name;
  SynCookies cookies;
};
constexpr Variant kVariants[] = {{"v4-kept", SynCookies::Auto}, {"v4-always", SynCookies::Always}};

constexpr std::size_t kRecycled = 32;     // handshakes completed in each round
constexpr std::uint32_t kPause = 10'000;  // ms until a client comes back
constexpr std::size_t kSetupPart = 4096;  // connections that are on their way into TIME-WAIT together

class TimeWaits {
 public:
  TimeWaits(Endpoint& endpoint, std::uint32_t count, std::uint64_t seed);

  // SYNs of clients whose last connection is in TIME-WAIT; all entries have their turn, in a random order.
  [[nodiscard]] std::vector<Syn> next(std::size_t count);
  // Their answers: ISNs beyond what the last incarnation used, or timestamps to tell the two apart.
  void check(std::span<const Syn> syns, std::span<const SynAck> answers) const;
  // Completes these handshakes; levee closes; the entries are then the new incarnations'.
  void recycle(std::span<const Syn> syns, std::span<const SynAck> answers);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint32_t snd_nxt = 0;  // levee's
    std::uint32_t later = 0;    // of the client's last SYN
  };
  [[nodiscard]] std::size_t entry_of(std::size_t turn) const { return order_[turn % order_.size()]; }
  // From answered SYNs to TIME-WAIT.
  void finish_connections(std::span<const Syn> syns, std::span<const SynAck> answers);

  Endpoint& endpoint_;
  std::vector<Entry> entries_;  // by client number
  std::vector<std::uint32_t> order_;
  std::size_t turn_ = 0;  // of the first SYN after those of the last next()
};

TimeWaits::TimeWaits(Endpoint& endpoint, std::uint32_t count, std::uint64_t seed)
    : endpoint_(endpoint), entries_(count), order_(count) {
  for (std::uint32_t done = 0; done < count;) {
    const std::uint32_t first = done;
    std::vector<Syn> syns;
    while (syns.size() < kSetupPart && done < count) syns.push_back(syn_of(done++, Mix::Mixed));
    const std::vector<SynAck> answers = check_syn_acks(syns, endpoint.exchange(packets_of(syns)));
    finish_connections(syns, answers);
    for (std::size_t i = 0; i < syns.size(); ++i) entries_[first + i].snd_nxt = answers[i].sequence + 2;
    require_equal(endpoint.shard().time_wait(), done, "TIME-WAIT entries");
  }
  for (std::uint32_t i = 0; i < count; ++i) order_[i] = i;
  Random random(seed);
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(i)]);
}

void TimeWaits::finish_connections(std::span<const Syn> syns, std::span<const SynAck> answers) {
  std::vector<Packet> acks, fins;
  for (std::size_t i = 0; i < syns.size(); ++i) {
    acks.push_back(ack_of(syns[i], answers[i]));
    Segment fin{
        .sequence = syns[i].sequence + 1, .acknowledgment = answers[i].sequence + 2, .flags = sim::kFin | sim::kAck};
    if (syns[i].offer.timestamp) {
      fin.timestamp = *syns[i].offer.timestamp + 2;
      fin.echo = answers[i].timestamp;
    }
    fins.push_back(segment_of(syns[i].client, fin));
  }
  require_equal(endpoint_.exchange(acks).size(), syns.size(), "FINs in answer to handshakes");
  require_equal(endpoint_.exchange(fins).size(), syns.size(), "ACKs of FINs");
  require_equal(endpoint_.shard().connections(), 0, "connections after both FINs");
}

std::vector<Syn> TimeWaits::next(std::size_t count) {
  std::vector<Syn> syns;
  syns.reserve(count);
  for (; syns.size() < count; ++turn_) {
    const std::size_t entry = entry_of(turn_);
    syns.push_back(syn_of(entry, Mix::Mixed, entries_[entry].later + kPause));
  }
  return syns;
}

void TimeWaits::check(std::span<const Syn> syns, std::span<const SynAck> answers) const {
  for (std::size_t i = 0; i < syns.size(); ++i) {
    const Entry& entry = entries_[entry_of(turn_ - syns.size() + i)];
    const bool beyond = static_cast<std::int32_t>(answers[i].sequence - entry.snd_nxt) > 0;
    if (!beyond && !syns[i].offer.timestamp) {
      throw VoidRun(fmt::format("an ISN, {}, is not beyond the last incarnation's numbers, up to {}",
                                answers[i].sequence, entry.snd_nxt));
    }
  }
}

void TimeWaits::recycle(std::span<const Syn> syns, std::span<const SynAck> answers) {
  const std::uint64_t recycled = endpoint_.count(Counter::TimeWaitRecycled);
  const std::size_t first = turn_ - syns.size();
  const std::size_t some = std::min(kRecycled, syns.size());
  finish_connections(syns.first(some), answers.first(some));
  for (std::size_t i = 0; i < some; ++i) {
    Entry& entry = entries_[entry_of(first + i)];
    entry = {.snd_nxt = answers[i].sequence + 2, .later = entry.later + kPause};
  }
  require_equal(endpoint_.count(Counter::TimeWaitRecycled) - recycled, some, "entries recycled");
}

// Half-open records are reset, so that the next round finds what this one found.
void reset(Endpoint& endpoint, std::span<const Syn> syns) {
  std::vector<Packet> resets;
  for (const Syn& syn : syns) resets.push_back(rst_of(syn));
  require(endpoint.exchange(resets).empty(), "an RST was answered");
  require_equal(endpoint.shard().half_open(), 0, "half-open records after their RSTs");
}

void run_variant(const Options& options, const Variant& variant, Report& report) {
  BenchDevice device({.buffers = options.buffers, .burst = options.burst, .seed = options.seed});
  ShardLimits limits = Endpoint::small_limits();
  limits.time_wait = options.records + 1024;
  // A round's SYNs fill it to less than three quarters, where cookies would begin.
  limits.half_open = static_cast<std::uint32_t>(std::max(2 * options.buffers, 2 * kSetupPart));
  Endpoint endpoint(device, {.cookies = variant.cookies,
                             .limits = limits,
                             .close_at_once = true,
                             .seed = options.seed,
                             .break_reply = options.break_reply});
  TimeWaits waits(endpoint, options.records, options.seed);
  report.say(fmt::format("{} connections are in TIME-WAIT", endpoint.shard().time_wait()));

  std::uint64_t number = options.records;  // of clients that were never here
  const auto fresh = [&] {
    std::vector<Syn> syns;
    syns.reserve(options.buffers);
    while (syns.size() < options.buffers) syns.push_back(syn_of(number++, Mix::Mixed));
    return syns;
  };
  const auto answered = [&](const std::vector<Syn>& syns, Timed& timed) {
    std::vector<Packet> replies;
    timed = run_levee(endpoint, packets_of(syns), replies);
    require_equal(endpoint.shard().time_wait(), waits.size(), "TIME-WAIT entries beside SYNs");
    return check_syn_acks(syns, replies);
  };
  const auto plain = [&] {
    Timed timed;
    const std::vector<Syn> syns = fresh();
    static_cast<void>(answered(syns, timed));
    if (variant.cookies == SynCookies::Auto) {
      require_equal(endpoint.shard().half_open(), syns.size(), "half-open records of plain SYNs");
      reset(endpoint, syns);
    }
    return timed;
  };
  const auto into_time_wait = [&] {
    Timed timed;
    const std::vector<Syn> syns = waits.next(options.buffers);
    const std::vector<SynAck> answers = answered(syns, timed);
    require_equal(endpoint.shard().half_open(), syns.size(), "half-open records that reopen");
    waits.check(syns, answers);
    waits.recycle(syns, answers);
    reset(endpoint, std::span(syns).subspan(std::min(kRecycled, syns.size())));
    require_equal(endpoint.shard().time_wait(), waits.size(), "TIME-WAIT entries after their SYNs");
    return timed;
  };

  const Generate generate = [&] { return packets_of(fresh()); };
  std::vector<Mode> modes;
  if (options.wants_mode("io")) modes.push_back(io_mode(device, generate));
  if (options.wants_mode("macswap")) modes.push_back(macswap_mode(device, generate));
  if (options.wants_mode("levee")) {
    modes.push_back({"plain", plain});
    modes.push_back({"timewait", into_time_wait});
  }
  const Measured measured = measure(modes, options.rounds, options.seed);
  report.add(variant.name, measured);
  const auto *io = measured.of("io"), *slow = measured.of("timewait"), *quick = measured.of("plain");
  if (slow != nullptr) report.add(variant.name, "timewait_to_plain", ratio(*slow, *quick));
  if (slow != nullptr && io != nullptr) {
    report.add(variant.name, "timewait_to_plain_over_io", ratio(less(*slow, *io), less(*quick, *io)));
  }
  endpoint.finish();
}

void run(const Options& options, Report& report) {
  require(options.records >= options.buffers, "--records must be at least --buffers: no entry twice in a round");
  for (const Variant& variant : kVariants) {
    if (options.wants_variant(variant.name)) run_variant(options, variant, report);
  }
}

std::vector<std::string> variants() {
  std::vector<std::string> names;
  for (const Variant& variant : kVariants) names.emplace_back(variant.name);
  return names;
}

}  // namespace

const Bench kRecycle{.name = "recycle", .variants = variants, .run = run};

}  // namespace levee::bench
