// CVE-2026-4247 (FreeBSD): the buffer of a challenge ACK that a limit suppressed was never freed. A million segments
// that ask for a challenge or another stateless reply, in every state that gives one, with the limits exhausted most of
// the time: the number of buffers out of the pool stays what it was, burst by burst.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "flood/server.h"
#include "flood/size.h"
#include "peer/clients.h"
#include "peer/script.h"
#include "peer/segment.h"

namespace levee::flood {
namespace {

using namespace std::chrono_literals;
using peer::Segment;

struct Buffers {
  const char* name;
  bool exclusive;  // replies are written in place, else into blanks
  std::size_t burst;
  std::uint32_t blanks;  // fewer than a burst's replies: some are suppressed for want of one
};

class Challenges : public testing::TestWithParam<Buffers> {
 protected:
  // Sequence numbers of one connection, as its peer knows them.
  struct Flow {
    std::uint16_t tcp_port = 0;
    std::uint32_t next = 0, heard = 0;  // SEG.SEQ and SEG.ACK of the peer's next segment
  };

  static ServerOptions options(const Buffers& buffers) {
    ServerOptions options;
    options.shard.syn.cookies = SynCookies::Auto;
    options.shard.limits.blanks = buffers.blanks;
    options.burst = buffers.burst;
    options.exclusive = buffers.exclusive;
    return options;
  }
  Challenges() : server_(options(GetParam())) {}

  Segment segment(const Flow& flow, std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledgment) const {
    Segment made;
    made.source = {0x0a010001};
    made.destination = {0x0a000001};
    made.source_port = flow.tcp_port;
    made.destination_port = 80;
    made.sequence = sequence;
    made.acknowledgment = acknowledgment;
    made.flags = flags;
    made.window = 1000;
    made.timestamps = peer::Clock{timestamp_, 0};
    return made;
  }
  void push(const Segment& segment) {
    peer::FrameBuffer buffer;
    ASSERT_TRUE(server_.push(peer::write(segment, peer::ClientsOptions{}.link, buffer)));
  }
  void serve() {
    last_.reset();
    do {
      server_.serve(now_, [this](Duration, std::span<const std::byte> frame) {
        bytes_.assign(frame.begin(), frame.end());
        last_ = peer::read(bytes_);
      });
    } while (server_.next_serve(now_) <= now_);
  }
  Segment says(const Segment& segment) {
    push(segment);
    serve();
    return last_.value_or(Segment{});
  }
  Flow half_open(std::uint16_t tcp_port) {
    Flow flow{tcp_port, 0x10000, 0};
    Segment syn = segment(flow, peer::kSyn, flow.next, 0);
    syn.mss = std::uint16_t{1460};
    const Segment answer = says(syn);
    EXPECT_EQ(answer.flags, peer::kSyn | peer::kAck);
    return {tcp_port, flow.next + 1, answer.sequence + 1};
  }
  Flow established(std::uint16_t tcp_port) {
    const Flow flow = half_open(tcp_port);
    says(segment(flow, peer::kAck, flow.next, flow.heard));
    return flow;
  }
  Flow time_wait(std::uint16_t tcp_port) {
    Flow flow = established(tcp_port);
    const auto request = peer::encode({.reply = 0, .server_closes = true});
    Segment text = segment(flow, peer::kAck, flow.next, flow.heard);
    text.payload = request;
    says(text);
    flow.next += peer::kScriptLength;
    ++flow.heard;
    says(segment(flow, peer::kAck | peer::kFin, flow.next++, flow.heard));
    return flow;
  }

  // Something that an endpoint answers by a challenge or another reply of its own, if no limit stops it.
  Segment provocation(Random& random, const std::array<Flow, 4>& flows, std::span<const std::byte> text) {
    const Flow& flow = flows[random.below(flows.size())];
    const auto some = static_cast<std::uint32_t>(1 + random.below(1000));
    Segment made = segment(flow, peer::kAck, flow.next, flow.heard);
    switch (random.below(7)) {
      case 0:  // RFC 5961 4
        made.flags = random.chance(0.5) ? peer::kSyn : peer::kSyn | peer::kAck;
        made.sequence += some;
        break;
      case 1:  // RFC 5961 3
        made.flags = peer::kRst;
        made.sequence += some;
        break;
      case 2:  // acknowledges what was never sent
        made.acknowledgment += some;
        break;
      case 3:  // RFC 5961 5
        made.acknowledgment -= 100'000'000 + some;
        break;
      case 4:  // out of the window
        made.sequence -= 10'000'000;
        made.payload = text.first(some);
        break;
      case 5:  // RFC 7323 5.3
        made.timestamps->value -= 100'000;
        made.payload = text.first(some);
        break;
      default:
        made.sequence -= some;
        break;
    }
    return made;
  }

  Server server_;
  Instant now_{1h};
  std::uint32_t timestamp_ = 1'000'000;
  std::vector<std::byte> bytes_;
  std::optional<Segment> last_;
};

TEST_P(Challenges, SuppressedRepliesLeakNoBuffer) {
  const std::array<Flow, 4> flows = {established(1), half_open(2), time_wait(3), Flow{4, 5000, 6000}};
  ASSERT_EQ(server_.shard().connections(), 1U);
  ASSERT_EQ(server_.shard().half_open(), 1U);
  ASSERT_EQ(server_.shard().time_wait(), 1U);
  const std::size_t held = server_.buffers_held();
  const std::uint64_t segments = sized(50'000, 1'000'000, 10'000'000);
  const std::vector<std::byte> text(1000, std::byte{7});
  Random random(4);
  for (std::uint64_t n = 0; n < segments; n += GetParam().burst) {
    for (std::size_t i = 0; i < GetParam().burst; ++i) push(provocation(random, flows, text));
    serve();
    ASSERT_EQ(server_.buffers_held(), held) << "after " << n << " segments";
    now_ += 20us;
  }
  EXPECT_EQ(server_.shard().check_invariants(), "");
  const StatsSnapshot stats = server_.stats();
  EXPECT_EQ(server_.shard().connections(), 1U);
  EXPECT_GT(stats[Counter::TCPChallengeACK], 0U);
  EXPECT_LT(stats[Counter::TCPChallengeACK], 200U);  // five a second
  EXPECT_GT(stats[Counter::RstLimited], 0U);
  if (GetParam().blanks < GetParam().burst) {
    EXPECT_GT(stats[Counter::BlanksExhausted], 0U);
  }
  fmt::print(
      "figure: {}: {} segments that ask for a reply, {} frames sent, {} challenge ACKs; buffers held: {} -> {}\n",
      GetParam().name, segments, stats[Counter::FramesSent], stats[Counter::TCPChallengeACK], held,
      server_.buffers_held());
}

INSTANTIATE_TEST_SUITE_P(Replies, Challenges,
                         testing::Values(Buffers{"InPlace", true, 32, 256}, Buffers{"IntoBlanks", false, 32, 256},
                                         Buffers{"WithoutBlanks", false, 512, 65}),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

}  // namespace
}  // namespace levee::flood
