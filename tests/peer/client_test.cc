// The client's habits, played against by hand: what it sends when, and what makes it fail.
#include "peer/clients.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "peer/script.h"

namespace levee::peer {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kIss = 5000;

// A server that does only what the test says.
class Talk {
 public:
  explicit Talk(const Plan& plan, const Rules& rules = {}) : clients_(options(rules), sink()) {
    plan_ = plan;
    plan_.address = {0x0a010001};
    plan_.tcp_port = 40000;
    static_cast<void>(clients_.start(now_, plan_));
  }

  Segment next() {
    if (frames_.empty()) {
      ADD_FAILURE() << "the client sent nothing";
      return {};
    }
    last_ = frames_.front();
    frames_.pop_front();
    return read(last_).value();
  }
  [[nodiscard]] bool quiet() const { return frames_.empty(); }
  void advance(Duration duration) {
    const Instant end = now_ + duration;
    while (clients_.next_deadline() <= end) {
      now_ = clients_.next_deadline();
      clients_.expire(now_);
    }
    now_ = end;
  }
  void sends(Segment segment) {
    segment.source = {0x0a000001};
    segment.destination = plan_.address;
    segment.source_port = 80;
    segment.destination_port = plan_.tcp_port;
    if (segment.window == 0) segment.window = 65535;
    FrameBuffer buffer;
    clients_.receive(now_, write(segment, Link{}, buffer));
  }
  void answers_syn() {
    const Segment syn = next();
    client_iss = syn.sequence;
    Segment answer = to_client(kSyn | kAck, kIss, syn.sequence + 1);
    answer.mss = std::uint16_t{1460};
    if (syn.timestamps) answer.timestamps = Clock{900, syn.timestamps->value};
    sends(answer);
  }
  [[nodiscard]] Segment to_client(std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledgment) const {
    Segment segment;
    segment.flags = flags;
    segment.sequence = sequence;
    segment.acknowledgment = acknowledgment;
    return segment;
  }
  [[nodiscard]] const Client& client() const { return clients_[0]; }
  [[nodiscard]] Instant now() const { return now_; }

  std::uint32_t client_iss = 0;

 private:
  static ClientsOptions options(const Rules& rules) {
    ClientsOptions chosen;
    chosen.rules = rules;
    return chosen;
  }
  Clients::Sink sink() {
    return [this](Duration, std::span<const std::byte> frame) { frames_.emplace_back(frame.begin(), frame.end()); };
  }

  Plan plan_;
  Instant now_{1h};
  std::deque<std::vector<std::byte>> frames_;
  std::vector<std::byte> last_;
  Clients clients_;
};

Plan without_timestamps() {
  Plan plan;
  plan.timestamps = false;
  return plan;
}

std::vector<Duration> syn_times(Talk& talk) {
  std::vector<Duration> times;
  const Instant start = talk.now();
  while (!talk.client().over()) {
    if (!talk.quiet()) {
      EXPECT_EQ(talk.next().flags, kSyn);
      times.push_back(talk.now() - start);
    }
    talk.advance(500ms);
  }
  times.push_back(talk.client().ended - start);
  return times;
}

TEST(Peer, SynIsRepeatedAsLinuxDoes) {
  Talk talk({});
  EXPECT_EQ(syn_times(talk), (std::vector<Duration>{0s, 1s, 3s, 7s, 15s, 31s, 63s, 127s}));
  EXPECT_EQ(talk.client().failure, Failure::TimedOut);
}

// Linux 6.5 and later.
TEST(Peer, SynIsRepeatedFourTimesMoreWithLinearTimeouts) {
  Talk talk({}, {.syn_linear_timeouts = 4});
  EXPECT_EQ(syn_times(talk), (std::vector<Duration>{0s, 1s, 2s, 3s, 4s, 5s, 7s, 11s, 19s, 35s, 67s, 131s}));
}

TEST(Peer, RequestFollowsTheAckInPieces) {
  Plan plan = without_timestamps();
  plan.request = 300;
  plan.segments = 3;
  Talk talk(plan);
  talk.answers_syn();
  const Segment ack = talk.next();
  EXPECT_EQ(ack.flags, kAck);
  EXPECT_EQ(ack.acknowledgment, kIss + 1);
  for (std::uint32_t piece = 0; piece < 3; ++piece) {
    const Segment text = talk.next();
    EXPECT_EQ(text.sequence, talk.client_iss + 1 + 100 * piece);
    EXPECT_EQ(text.payload.size(), 100U);
  }
  EXPECT_TRUE(talk.quiet());
}

// No answer within the RTT, so the RTO is at Linux's floor; it doubles up to two minutes, fifteen times.
TEST(Peer, TextIsRepeatedFrom200MillisecondsOn) {
  Talk talk(without_timestamps());
  talk.answers_syn();
  static_cast<void>(talk.next());
  const std::uint32_t sequence = talk.next().sequence;
  Duration rto = 200ms;
  for (int n = 0; n < 15; ++n) {
    talk.advance(rto - 1ms);
    EXPECT_TRUE(talk.quiet());
    talk.advance(1ms);
    EXPECT_EQ(talk.next().sequence, sequence);
    rto = std::min<Duration>(2 * rto, 120s);
  }
  talk.advance(rto);
  EXPECT_EQ(talk.client().failure, Failure::TimedOut);
}

TEST(Peer, ReplyIsTakenInOrderAndCheckedByteForByte) {
  Plan plan = without_timestamps();
  plan.reply = 8;
  Talk talk(plan);
  talk.answers_syn();
  static_cast<void>(talk.next());
  const Segment request = talk.next();
  const std::uint32_t acked = request.sequence + request.length();
  const Script script = decode(request.payload.first<kScriptLength>());
  EXPECT_EQ(script.reply, 8U);
  EXPECT_TRUE(script.server_closes);
  std::vector<std::byte> reply;
  for (std::uint32_t i = 0; i < 8; ++i) reply.push_back(stream_byte(~script.nonce, i));
  Segment late = talk.to_client(kAck | kFin, kIss + 5, acked);
  late.payload = std::span(reply).subspan(4);
  talk.sends(late);
  EXPECT_EQ(talk.next().acknowledgment, kIss + 1);  // a duplicate: dropped
  Segment first = talk.to_client(kAck, kIss + 1, acked);
  first.payload = std::span(reply).first(4);
  talk.sends(first);
  EXPECT_EQ(talk.next().acknowledgment, kIss + 5);
  talk.sends(late);
  const Segment fin = talk.next();
  EXPECT_TRUE(fin.has(kFin));
  EXPECT_EQ(fin.acknowledgment, kIss + 10);
  talk.sends(talk.to_client(kAck, kIss + 10, fin.sequence + 1));
  EXPECT_EQ(talk.client().phase, Phase::Done);

  Talk wrong(plan);
  wrong.answers_syn();
  first.payload = std::span(reply).subspan(1, 4);
  first.acknowledgment = wrong.client_iss + 1;
  wrong.sends(first);
  EXPECT_EQ(wrong.client().failure, Failure::WrongBytes);
}

TEST(Peer, ResetMakesItFailOnlyAtTheExactNumber) {
  Talk talk({});
  talk.answers_syn();
  talk.sends(talk.to_client(kRst, kIss + 2, 0));
  EXPECT_EQ(talk.client().phase, Phase::Open);
  talk.sends(talk.to_client(kRst, kIss + 1, 0));
  EXPECT_EQ(talk.client().failure, Failure::Reset);

  Talk refused({});
  const std::uint32_t iss = refused.next().sequence;
  refused.sends(refused.to_client(kRst | kAck, 0, iss));
  EXPECT_EQ(refused.client().phase, Phase::SynSent);
  refused.sends(refused.to_client(kRst | kAck, 0, iss + 1));
  EXPECT_EQ(refused.client().failure, Failure::Refused);
}

// Linux's PAWSActive, and RFC 9293 3.10.7.3 on an ACK that is not of this SYN.
TEST(Peer, SynAckOfAnotherSynIsReset) {
  Talk talk({});
  const Segment syn = talk.next();
  Segment answer = talk.to_client(kSyn | kAck, kIss, syn.sequence + 1);
  answer.timestamps = Clock{900, syn.timestamps->value - 1};
  talk.sends(answer);
  EXPECT_EQ(talk.next().flags, kRst);
  talk.sends(talk.to_client(kAck, kIss, syn.sequence + 77));
  const Segment rst = talk.next();
  EXPECT_EQ(rst.flags, kRst);
  EXPECT_EQ(rst.sequence, syn.sequence + 77);
  EXPECT_EQ(talk.client().phase, Phase::SynSent);
}

TEST(Peer, ClientFirstLingersInTimeWait) {
  Plan plan = without_timestamps();
  plan.close = Close::HalfClose;
  plan.reply = 0;
  Talk talk(plan);
  talk.answers_syn();
  static_cast<void>(talk.next());
  const Segment request = talk.next();
  EXPECT_TRUE(request.has(kFin));
  const Segment fin = talk.to_client(kAck | kFin, kIss + 1, request.sequence + request.length());
  talk.sends(fin);
  EXPECT_EQ(talk.next().acknowledgment, kIss + 2);
  EXPECT_EQ(talk.client().phase, Phase::Done);
  talk.sends(fin);
  EXPECT_EQ(talk.next().acknowledgment, kIss + 2);  // again
}

}  // namespace
}  // namespace levee::peer
