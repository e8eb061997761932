// The walk that every other test relies on: does it notice? What can be put wrong from outside is put wrong, seen, and
// put right again.
#include <gtest/gtest.h>

#include <string>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::Conversation;
using sim::Peer;

// A conversation with unread text, so that the connection holds a block of ours.
class Invariants : public ::testing::Test {
 protected:
  Invariants() {
    talk.service().consumes = false;
    talk.peer().opens();
    text.emplace(talk.pool(), talk.peer().frame_of(sim::data("hello")));
    receive(talk, *text);
    talk.run();
    talk.ignores_the_rest();
    EXPECT_EQ(wrong(), "");
    EXPECT_EQ(text->block()->refs, 1U);
  }

  [[nodiscard]] std::string wrong() const { return talk.shard().check_invariants(); }
  Stats& stats() { return talk.shard().stats(); }

  mutable Conversation talk;
  std::optional<LaidOutFrame> text;
};

TEST_F(Invariants, ARefTooManyIsNoticed) {
  ++text->block()->refs;
  EXPECT_EQ(wrong(), "a block's count of holders is wrong");
  --text->block()->refs;
  EXPECT_EQ(wrong(), "");
}

TEST_F(Invariants, ARefTooFewIsNoticed) {
  text->block()->refs = 0;
  EXPECT_EQ(wrong(), "a block's count of holders is wrong");
  text->block()->refs = 1;
}

TEST_F(Invariants, ALostBufferIsNoticed) {
  stats().count(Counter::BuffersIn);
  EXPECT_EQ(wrong(), "buffers are lost");
  stats().count(Counter::BuffersOut);
  EXPECT_EQ(wrong(), "");
}

TEST_F(Invariants, ABufferGivenBackTwiceIsNoticed) {
  stats().count(Counter::BuffersOut);
  EXPECT_EQ(wrong(), "buffers are lost");
  stats().count(Counter::BuffersIn);
}

TEST_F(Invariants, AConnectionThatWasNotCountedIsNoticed) {
  stats().count(Counter::Closed);
  EXPECT_EQ(wrong(), "opened != closed + live");
  stats().count(Counter::Opened);
  EXPECT_EQ(wrong(), "");
}

TEST_F(Invariants, AStateThatWasNotLeftIsNoticed) {
  for (const State state : {State::SynReceived, State::Established, State::TimeWait}) {
    stats().enter(state);
    EXPECT_EQ(wrong(), "the counters of connections by state are wrong");
    stats().leave(state);
    EXPECT_EQ(wrong(), "");
  }
}

TEST_F(Invariants, TheDigestFollowsTheState) {
  const std::uint64_t before = talk.shard().digest();
  EXPECT_EQ(talk.shard().digest(), before);
  talk.service().connection.consume(1);
  talk.run();
  EXPECT_NE(talk.shard().digest(), before);
}

TEST(Digest, IsTheSameForTheSameConversation) {
  std::uint64_t digests[2] = {};
  for (std::uint64_t& digest : digests) {
    Conversation talk;
    talk.peer().opens();
    talk.peer().sends(sim::data("hello"));
    digest = talk.shard().digest();
    talk.ignores_the_rest();
  }
  EXPECT_EQ(digests[0], digests[1]);
}

}  // namespace
}  // namespace levee::shard
