// The third tier of the SYN policy: a SYN whose SYN-ACK has no buffer, or no room among the outgoing frames, is shed.
// It is counted, nothing is kept for it, and the next one is answered.
#include <gtest/gtest.h>

#include <vector>

#include "shard/frames.h"
#include "shard/limited.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Conversation;
using sim::ConversationOptions;
using sim::data;
using sim::Peer;
using sim::syn;
using sim::syn_ack;
using sim::TestSegment;

class ShedSyn : public testing::TestWithParam<SynCookies> {
 protected:
  [[nodiscard]] static ConversationOptions options() {
    ConversationOptions options;
    options.shard.syn.cookies = GetParam();
    options.secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Kept, ShedSyn, testing::Values(SynCookies::Never));
INSTANTIATE_TEST_SUITE_P(ByCookie, ShedSyn, testing::Values(SynCookies::Always));

// The segment comes in a frame that may not be written, while there is no blank.
void arrives_without_a_blank(Conversation& talk, Peer& peer, const TestSegment& segment) {
  take_blanks_away(talk);
  const LaidOutFrame frame(talk.pool(), peer.frame_of(segment), {.exclusive = false});
  receive(talk, frame);
  EXPECT_TRUE(talk.shard().outgoing().empty());
  talk.run();
  peer.expects_nothing();
}

TEST_P(ShedSyn, WithoutABlankNothingIsKeptAndTheNextSynIsAnswered) {
  Conversation talk(options());
  Peer& peer = talk.peer();
  arrives_without_a_blank(talk, peer, syn());
  const StatsSnapshot stats = talk.stats();
  EXPECT_EQ(stats[Drop::ReplyShed], 1U);
  EXPECT_EQ(stats[Counter::SynAcksSent] + stats[Counter::SyncookiesSent], 0U);
  EXPECT_EQ(stats.now_in(State::SynReceived), 0U);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_EQ(talk.shard().next_deadline(), kNever);
  peer.opens();
  EXPECT_EQ(talk.service().take_events(), "opened");
}

TEST_P(ShedSyn, WithoutRoomAmongTheOutgoingFramesInPlaceDoesNotHelp) {
  ConversationOptions small = options();
  small.shard.limits.outgoing_per_transmit = 2;
  small.shard.limits.timers_per_expire = 1;
  Conversation talk(std::move(small));
  std::vector<sim::Bytes> burst;
  std::vector<Peer*> peers;
  for (unsigned n = 0; n < 12; ++n) {
    peers.push_back(&add(talk, n));
    burst.push_back(peers.back()->frame_of(syn().mss(1460)));
  }
  talk.inject(burst);
  const StatsSnapshot stats = talk.stats();
  EXPECT_EQ(stats[Drop::ReplyShed], 12U - 5U);  // 2 * 2 + 1 fit
  EXPECT_EQ(stats[Counter::SynAcksSent], 5U);
  EXPECT_EQ(talk.shard().half_open(), GetParam() == SynCookies::Never ? 5U : 0U);
  for (unsigned n = 0; n < 5; ++n) peers[n]->expects(syn_ack());
  for (unsigned n = 5; n < 12; ++n) peers[n]->opens();
  EXPECT_EQ(talk.service().events.size(), 7U);
}

// The entry is as it was: it can be reopened by the SYN's repetition.
TEST_P(ShedSyn, ThatWouldHaveReopenedATupleChangesNothing) {
  Conversation talk(options());
  Peer& peer = talk.peer();
  peer.opens();
  closes(peer, talk.service().connection);
  peer.iss += 100'000;
  peer.snd_nxt = peer.iss;
  arrives_without_a_blank(talk, peer, syn());
  EXPECT_EQ(talk.stats()[Drop::ReplyShed], 1U);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  peer.opens();
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRecycled], 1U);
}

TEST(ShedSynKept, ARepetitionLeavesTheRecordOfTheFirst) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.sends(syn());
  peer.expects(syn_ack());
  arrives_without_a_blank(talk, peer, syn());
  EXPECT_EQ(talk.stats()[Drop::ReplyShed], 1U);
  EXPECT_EQ(talk.stats()[Counter::SynAckRetrans], 0U);
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
}

}  // namespace
}  // namespace levee::shard
