// RFC 7323: timestamps in every segment, PAWS, TS.Recent.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

// RFC 7323 3.2.
TEST(Timestamps, AreInEverySegmentOnceNegotiated) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(data("abc").ts(3'606'000, 0));
  EXPECT_EQ(peer.expects(ack(4).ts_echo(3'606'000)).payload.size(), 0U);
  talk.service().connection.close();
  peer.expects(fin().ts_echo(3'606'000));
}

// RFC 7323 3.2.
TEST(Timestamps, SegmentWithoutThemIsDroppedSilently) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(data("abc").no_ts());
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::MissingTimestamp], 1U);
  EXPECT_EQ(talk.stats().now_in(State::Established), 1U);  // never aborted (MUST NOT)
}

// RFC 7323 5.3.
TEST(Timestamps, PawsDropsOldSegmentsWithAnAck) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(data("new").ts(3'609'000, 0));
  peer.expects(ack(4).ts_echo(3'609'000));
  peer.sends(data("old").ts(3'608'999, 0));  // in the window, but from before
  peer.expects(ack(4).ts_echo(3'609'000));
  EXPECT_EQ(talk.service().received, "new");
  EXPECT_EQ(talk.stats()[Drop::Paws], 1U);
}

// RFC 7323 5.3.
TEST(Timestamps, PawsExemptsResets) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(rst().seq(1).ts(1, 0));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened, closed reset");
}

// RFC 7323 5.5: after 24 days of silence TS.Recent proves nothing.
TEST(Timestamps, AgedTsRecentIsInvalid) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  talk.advance(25 * 24h);
  peer.sends(data("back").ts(5, 0));
  peer.expects(ack(5).ts_echo(5));
}

// RFC 7323 4.3: a hole keeps the echo of the last segment in order; the segment that fills it is echoed.
TEST(Timestamps, EchoFollowsTheLeftEdge) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(data("abc").ts(3'607'001, 0));
  peer.expects(ack(4).ts_echo(3'607'001));
  peer.sends(data("ghi").seq(7).ts(3'607'003, 0));
  peer.expects(ack(4).ts_echo(3'607'001));
  peer.sends(data("def").seq(4).ts(3'607'002, 0));
  peer.expects(ack(10).ts_echo(3'607'002));
}

// A blind segment with a timestamp from the future must not make PAWS drop everything genuine.
TEST(Timestamps, BadAckDoesNotPoisonTsRecent) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(data("evil").ack(50000).ts(3'606'000 + 0x70000000, 0));
  peer.expects(ack(1));
  peer.sends(data("good").seq(1).ts(3'606'001, 0));
  peer.expects(ack(5));
  EXPECT_EQ(talk.service().received, "good");
}

// RFC 5961 4.2, SYN-1: the SYN of a peer that has forgotten the connection, and its timestamps, is challenged.
TEST(Timestamps, SynWithoutThemIsChallenged) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  peer.sends(syn().seq(700'000).no_ts());
  peer.expects(ack(1).seq(1));
}

// RFC 7323 5.4.
TEST(Timestamps, OffsetsDifferBetweenTuples) {
  Conversation talk;
  talk.peer().sends(syn().ts(1, 0));
  const Seen first = talk.peer().expects(syn_ack());
  Peer& second = talk.add_peer({.tcp_port = 40001});
  second.sends(syn().ts(1, 0));
  const Seen other = second.expects(syn_ack());
  ASSERT_TRUE(first.timestamps && other.timestamps);
  EXPECT_NE(first.timestamps->value, other.timestamps->value);
}

}  // namespace
}  // namespace levee::sim
