// The client's habits, played against by hand: what it sends when, and what makes it fail.
#include "peer/client.h"

#include <gtest/gtest.h>

#include <vector>

#include "peer/script.h"
#include "peer/talk.h"

namespace levee::peer {
namespace {

using namespace std::chrono_literals;

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
