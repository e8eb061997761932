// levee is no amplifier: to frames that nobody asked for it answers with no more packets and no more bytes than came,
// an Ethernet frame counted at 60 bytes at least; in total and for each kind. The exception are SYN-ACKs repeated where
// state is kept, which are bounded and counted. LEVEE_PROOF_SIZE=full sends 10^7 frames with cookies.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "proof/flood_frames.h"
#include "proof/flooded_shard.h"
#include "proof/size.h"
#include "proof/unsolicited.h"

namespace levee::proof {
namespace {

using namespace std::chrono_literals;

struct Traffic {
  std::uint64_t packets = 0, bytes = 0;

  void add(std::size_t length) {
    ++packets;
    bytes += std::max<std::size_t>(length, 60);
  }
  void add(const Traffic& other) {
    packets += other.packets;
    bytes += other.bytes;
  }
};

struct Exchange {
  Traffic in, out;
  std::uint64_t amplified = 0;  // of the frames that came alone: how many were answered with more than themselves
};

double ratio(std::uint64_t out, std::uint64_t in) { return static_cast<double>(out) / static_cast<double>(in); }

void print(std::string_view name, const Exchange& exchange) {
  fmt::print("{:28} {:9} in, out/in: packets {:.4f}, bytes {:.4f}\n", name, exchange.in.packets,
             ratio(exchange.out.packets, exchange.in.packets), ratio(exchange.out.bytes, exchange.in.bytes));
}

void expect_no_more(std::string_view name, const Exchange& exchange) {
  EXPECT_LE(exchange.out.packets, exchange.in.packets) << name;
  EXPECT_LE(exchange.out.bytes, exchange.in.bytes) << name;
  EXPECT_EQ(exchange.amplified, 0U) << name;
}

class Amplification : public testing::Test {
 protected:
  // Frames of every kind, each alone or in a burst of up to `burst` of its kind, `rate` frames a second.
  static std::vector<Exchange> exchange(FloodedShard& flooded, std::uint64_t frames, std::size_t burst,
                                        std::uint64_t rate, Traffic& by_itself) {
    const std::span<const Kind> kinds = unsolicited_kinds();
    std::vector<Exchange> exchanges(kinds.size());
    Random random(4);
    for (std::uint64_t n = 0; n < frames;) {
      const std::size_t chosen_kind = random.below(kinds.size());
      Exchange& of_kind = exchanges[chosen_kind];
      const std::size_t length = random.chance(0.3) ? 1 : 1 + random.below(burst);
      Traffic in, out;
      for (std::size_t i = 0; i < length; ++i) {
        const sim::Bytes frame = kinds[chosen_kind].make(random);
        in.add(frame.size());
        flooded.add(frame);
      }
      flooded.run([&](std::span<const std::byte> frame) { out.add(frame.size()); });
      of_kind.in.add(in);
      of_kind.out.add(out);
      if (length == 1 && (out.packets > 1 || out.bytes > in.bytes)) ++of_kind.amplified;
      flooded.advance(length * Duration(1s) / rate,
                      [&](std::span<const std::byte> frame) { by_itself.add(frame.size()); });
      n += length;
    }
    return exchanges;
  }

  static Exchange total(const std::vector<Exchange>& exchanges) {
    Exchange sum;
    for (const Exchange& each : exchanges) {
      sum.in.add(each.in);
      sum.out.add(each.out);
    }
    return sum;
  }
};

TEST_F(Amplification, ByCookieNoKindOfFrameIsAnsweredWithMore) {
  const std::uint64_t frames = chosen({.small = 100'000, .usual = 1'000'000, .full = 10'000'000});
  FloodedShard flooded(flood_options(SynCookies::Always));
  Traffic by_itself;
  const std::vector<Exchange> exchanges = exchange(flooded, frames, FloodedShard::kBurst, 1'000'000, by_itself);
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    print(unsolicited_kinds()[i].name, exchanges[i]);
    EXPECT_GT(exchanges[i].in.packets, frames / 100);
    expect_no_more(unsolicited_kinds()[i].name, exchanges[i]);
  }
  print("all", total(exchanges));
  expect_no_more("all", total(exchanges));
  EXPECT_EQ(by_itself.packets, 0U);
  EXPECT_GE(flooded.count(Counter::SyncookiesSent), frames / 10);
  EXPECT_GT(flooded.count(Counter::OutRsts), 0U);
  EXPECT_GT(flooded.count(Counter::ArpRepliesSent), 0U);
  EXPECT_GT(flooded.count(Counter::IcmpOutEchoReps), 0U);
  EXPECT_EQ(flooded.count(Counter::ArpRequestsSent), 0U);
  EXPECT_EQ(flooded.shard().half_open(), 0U);
}

// Below the mark of the SYN queue: every SYN may be answered `synack_retries` times more, and the rate of all those
// together is limited.
TEST_F(Amplification, KeptStateAddsTheRepeatedSynAcksAndNothingElse) {
  for (const std::uint64_t rate : {200U, 2'000U, 8'000U}) {
    const std::uint64_t frames = rate * chosen({.small = 4, .usual = 20, .full = 400});
    ShardOptions options = flood_options(SynCookies::Auto);
    options.limits.half_open = 131'072;
    FloodedShard flooded(options);
    Exchange repeated;
    const std::vector<Exchange> exchanges = exchange(flooded, frames, 1, rate, repeated.out);
    flooded.advance(60s, [&](std::span<const std::byte> frame) { repeated.out.add(frame.size()); });
    EXPECT_EQ(flooded.count(Counter::SyncookiesSent), 0U);
    EXPECT_EQ(flooded.shard().half_open(), 0U);

    Exchange syns, all = total(exchanges);
    for (std::size_t i = 0; i < exchanges.size(); ++i) {
      const Kind& kind = unsolicited_kinds()[i];
      if (!kind.is_syn) {
        expect_no_more(kind.name, exchanges[i]);
        continue;
      }
      EXPECT_LE(exchanges[i].out.packets, exchanges[i].in.packets) << kind.name;
      syns.in.add(exchanges[i].in);
      syns.out.add(exchanges[i].out);
    }
    EXPECT_EQ(repeated.out.packets, flooded.count(Counter::SynAckRetrans));
    EXPECT_GT(repeated.out.packets, syns.out.packets / 4);
    EXPECT_LE(repeated.out.packets, options.synack_retries * flooded.count(Counter::SynAcksSent));
    const std::uint64_t seconds = frames / rate + 60;
    EXPECT_LE(repeated.out.packets, options.synack_retransmit_rate * seconds);
    EXPECT_EQ(repeated.out.packets + flooded.count(Counter::SynAckLimited),
              options.synack_retries * flooded.count(Counter::SynAcksSent));
    syns.out.add(repeated.out);
    all.out.add(repeated.out);
    print(fmt::format("kept state, SYNs at {}/s", rate * syns.in.packets / frames), syns);
    print(fmt::format("kept state, all at {}/s", rate), all);
  }
}

}  // namespace
}  // namespace levee::proof
