// One burst, two shards: one looks at bursts with the widest vectors and answers in place, the other takes each frame
// in shared pieces, so that it goes the long way through headers, hashes and writers. They send the same, byte for
// byte, and come to the same state.
#include "base/check.h"
#include "fuzz/frames.h"
#include "fuzz/fuzzed_shard.h"
#include "fuzz/target.h"
#include "sim/recording_service.h"

namespace levee::fuzz {
namespace {

std::vector<std::unique_ptr<Service>> recorder() {
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::make_unique<sim::RecordingService>());
  return services;
}

// What was refused because it does not lie in one piece.
std::uint64_t splits(FuzzedShard& fuzzed) {
  const Stats& stats = fuzzed.shard().stats();
  return stats.value(Drop::HeaderSplit) + stats.value(Drop::UnhandledIcmp);
}

// Buffers and how they were used are the ways' own.
StatsSnapshot comparable(FuzzedShard& fuzzed) {
  StatsSnapshot figures = fuzzed.shard().stats().snapshot();
  for (const Counter own : {Counter::BuffersIn, Counter::BuffersOut, Counter::RcvCollapsed}) {
    figures.counters[static_cast<std::size_t>(own)] = 0;
  }
  return figures;
}

void same(FuzzedShard& one, FuzzedShard& other) {
  const std::vector<Sent> sent = one.take_sent(), others = other.take_sent();
  for (std::size_t i = 0; i < sent.size() && i < others.size(); ++i) {
    if (sent[i].bytes != others[i].bytes || sent[i].port != others[i].port) {
      finding("one sent " + sim::describe(sent[i].bytes) + ", the other " + sim::describe(others[i].bytes));
    }
  }
  CHECK(sent.size() == others.size());
  CHECK(comparable(one) == comparable(other));
  CHECK(one.shard().digest() == other.shard().digest());
}

}  // namespace

FUZZ_TARGET(batch, input) {
  ShardOptions options = crossroads();
  const std::uint8_t how = input.u8();
  options.syn.cookies = static_cast<SynCookies>(how % 3);
  options.syn.accept_always = (how & 0x40) != 0;
  constexpr std::uint32_t kBits[] = {128, 256, 512, 512};
  options.max_simd_bits = kBits[how >> 4 & 3];
  FuzzedShard wide(options, recorder());
  options.max_simd_bits = 0;
  FuzzedShard slow(options, recorder());
  for (int bursts = 0; bursts < 4 && !input.empty(); ++bursts) {
    std::vector<Arrival> burst = read_burst(input, 24);
    // With a byte of padding, which is the second piece.
    for (Arrival& arrival : burst) {
      arrival.bytes.push_back(std::byte{0});
      arrival.cuts.clear();
    }
    wide.receive(burst);
    for (Arrival& arrival : burst) {
      arrival.exclusive = false;
      arrival.cuts = {static_cast<std::uint32_t>(arrival.bytes.size() - 1)};
    }
    slow.receive(burst);
    // A header, or an ICMP message, that claims the padding is out of reach for one of them.
    if (splits(wide) != splits(slow)) break;
    same(wide, slow);
    const std::chrono::milliseconds pause(input.u8());
    wide.advance(pause);
    slow.advance(pause);
    same(wide, slow);
  }
  wide.end();
  slow.end();
}

}  // namespace levee::fuzz
