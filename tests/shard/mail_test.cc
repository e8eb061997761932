// Mail between shards: neighbours that one learnt, frames that reached the wrong one, and the control thread's orders
// to drain and to abort.
#include <gtest/gtest.h>

#include "shard/shard_pair.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::kAck;
using sim::kFin;
using sim::kRst;
using sim::kSyn;
using sim::Peer;
using sim::TcpPacket;
using namespace std::chrono_literals;

TEST(Mail, ANeighbourThatOneLearntIsKnownToTheOther) {
  ShardPair pair;
  pair.opens(0, pair.port_of(0));
  EXPECT_EQ(pair.stats(0)[Counter::NeighboursLearnt], 1U);
  const ConnectResult result = pair.shard(1).connect(pair.now, SocketAddress{kPeerAddress, 8080}, 0);
  ASSERT_EQ(result.error, ConnectError::None);
  pair.run();
  const TcpPacket syn = pair.next_tcp(1);
  EXPECT_EQ(syn.flags, kSyn);
  EXPECT_EQ(syn.destination_mac, kPeerMac);
  EXPECT_EQ(pair.stats(1)[Counter::ArpRequestsSent], 0U);
}

// The answer to a question reaches whichever queue the device likes; the one who asked waits for it.
TEST(Mail, AnAnswerMayReachTheShardThatDidNotAsk) {
  ShardPair pair;
  const ConnectResult result = pair.shard(1).connect(pair.now, SocketAddress{kPeerAddress, 8080}, 0);
  ASSERT_EQ(result.error, ConnectError::None);
  pair.run();
  const auto question = pair.next();
  ASSERT_TRUE(question && question->parts.arp);
  EXPECT_EQ(question->from, 1U);
  pair.arrives(0, build(arp_reply(kPeerAddress, kOtherMac)));
  EXPECT_EQ(pair.next_tcp(1).destination_mac, kOtherMac);
  EXPECT_FALSE(pair.next());
}

TEST(Mail, AnAnswerThatNobodyAskedForIsNotPassedOn) {
  ShardPair pair;
  pair.arrives(0, build(arp_reply(kPeerAddress, kOtherMac)));
  EXPECT_EQ(pair.stats(0)[Drop::ArpNotForUs], 1U);
  EXPECT_EQ(pair.stats(0)[Counter::MailSent], 0U);
}

TEST(Mail, AMisdirectedConnectionLivesAtItsOwner) {
  for (std::size_t owner = 0; owner < 2; ++owner) {
    SCOPED_TRACE(owner);
    ShardPair pair;
    TcpPacket packet = pair.opens(1 - owner, pair.port_of(owner));
    EXPECT_EQ(pair.shard(owner).connections(), 1U);
    EXPECT_EQ(pair.shard(1 - owner).connections() + pair.shard(1 - owner).half_open(), 0U);
    packet.payload = sim::to_bytes("hello");
    pair.arrives(1 - owner, build(packet));
    EXPECT_EQ(pair.service(owner).received, "hello");
    EXPECT_EQ(pair.next_tcp(owner).acknowledgment, packet.sequence + 5);
    EXPECT_EQ(pair.stats(1 - owner)[Counter::MailSent], 3U);
    EXPECT_EQ(pair.stats(owner)[Counter::MailReceived], 3U);
    EXPECT_EQ(pair.stats(1 - owner)[Counter::FramesDelivered], 3U);
    EXPECT_EQ(pair.stats(owner)[Counter::FramesDelivered], 3U);
  }
}

TEST(Mail, AMisdirectedStrayIsResetByItsOwner) {
  ShardPair pair;
  pair.arrives(0, build(tcp_from_peer(kAck, pair.port_of(1))));
  EXPECT_EQ(pair.next_tcp(1).flags, kRst);
  EXPECT_EQ(pair.stats(1)[Drop::NoConnection], 1U);
  EXPECT_EQ(pair.stats(0).total_drops(), 0U);
}

// A device whose hash is not ours must not make frames go round in circles.
TEST(Mail, AForwardedFrameStaysWhereItWasSent) {
  ShardPair pair;
  const Bytes syn = build(tcp_from_peer(kSyn, pair.port_of(0)));
  const LaidOutFrame frame(pair.pool(), syn);
  pair.deliver(1, ForwardedFrame{frame.frame().front()});
  EXPECT_EQ(pair.next_tcp(1).flags, kSyn | kAck);
  EXPECT_EQ(pair.shard(1).half_open(), 1U);
  EXPECT_EQ(pair.shard(0).half_open(), 0U);
  EXPECT_EQ(pair.stats(1)[Counter::MailSent], 0U);
}

TEST(Mail, AForwardedFrameIsCheckedLikeAnyOther) {
  ShardPair pair;
  Bytes syn = build(tcp_from_peer(kSyn, pair.port_of(1)));
  const LaidOutFrame damaged(pair.pool(), patched(syn, {{50, 0x77}}));
  pair.deliver(1, ForwardedFrame{damaged.frame().front()});
  EXPECT_EQ(pair.stats(1)[Drop::BadTcpChecksum], 1U);
  EXPECT_FALSE(pair.next());
}

TEST(Mail, AChainDoesNotTravel) {
  ShardPair pair;
  pair.arrives(0, build(tcp_from_peer(kSyn, pair.port_of(1))), {.cuts = {40}});
  EXPECT_EQ(pair.stats(0)[Drop::MailboxFull], 1U);
  EXPECT_EQ(pair.stats(0)[Counter::MailSent], 0U);
  EXPECT_FALSE(pair.next());
}

TEST(Mail, AFullMailboxIsCountedAndDoesNoHarm) {
  ShardPair pair(2);
  pair.delivers_mail = false;
  const std::uint16_t port = pair.port_of(1);
  for (int n = 0; n < 5; ++n) pair.arrives(0, build(tcp_from_peer(kSyn, port)));
  EXPECT_EQ(pair.stats(0)[Drop::MailboxFull], 3U);
  EXPECT_EQ(pair.stats(0)[Counter::MailSent], 2U);
  pair.opens(0, pair.port_of(0));  // its own flow goes on; what it learnt finds no room in the mailbox
  EXPECT_EQ(pair.stats(0)[Counter::MailDropped], 1U);
  pair.delivers_mail = true;
  pair.run();
  EXPECT_EQ(pair.next_tcp(1).flags, kSyn | kAck);
  EXPECT_EQ(pair.next_tcp(1).flags, kSyn | kAck);  // the second SYN was a repetition of the first
  EXPECT_FALSE(pair.next());
}

TEST(Drain, NewSynsAreNotAnswered) {
  Conversation talk;
  Peer& old = talk.peer();
  Peer& halfway = talk.add_peer({.tcp_port = 40001});
  Peer& late = talk.add_peer({.tcp_port = 40002});
  old.opens();
  halfway.sends(sim::syn());
  halfway.expects(sim::syn_ack());
  talk.shard().deliver(talk.now(), Drain{});
  late.sends(sim::syn());
  late.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::Draining], 1U);
  halfway.sends({sim::ack(), sim::data("half")});  // what had begun is finished
  halfway.expects(sim::ack(5));
  old.sends(sim::data("hello"));
  old.expects(sim::ack(6));
  EXPECT_EQ(talk.service().received, "halfhello");
}

TEST(Drain, ATupleInTimeWaitIsNotReopened) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  talk.service().connection.close();
  peer.expects(sim::fin());
  peer.sends(sim::fin());
  peer.expects(sim::ack());
  ASSERT_EQ(talk.shard().time_wait(), 1U);
  talk.shard().deliver(talk.now(), Drain{});
  talk.advance(1s);
  peer.sends(sim::syn().seq(100000).ts(peer.timestamp_base + 0x10000000, 0));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::Draining], 1U);
  EXPECT_EQ(talk.shard().half_open(), 0U);
}

TEST(AbortAll, ResetsEverybodyAndEndsIdle) {
  Conversation talk;
  talk.service().consumes = false;
  Peer& unread = talk.peer();
  Peer& sending = talk.add_peer({.tcp_port = 40001});
  Peer& closing = talk.add_peer({.tcp_port = 40002});
  Peer& halfway = talk.add_peer({.tcp_port = 40003});
  Peer& server = talk.add_peer({.tcp_port = 8080, .shard_port = 0});
  unread.opens();
  unread.sends(sim::data("hello"));
  unread.expects(sim::ack(6));
  sending.opens();
  ASSERT_EQ(talk.service().connection.send(std::as_bytes(std::span("hello", 5))), 5U);
  sending.expects(sim::data("hello"));
  closing.opens();
  talk.service().connection.close();
  closing.expects(sim::fin());
  halfway.sends(sim::syn());
  halfway.expects(sim::syn_ack());
  ASSERT_EQ(talk.shard().connect(talk.now(), SocketAddress{kPeerAddress, 8080}, 0).error, ConnectError::None);
  server.expects(sim::syn());

  talk.shard().deliver(talk.now(), AbortAll{});
  talk.run();
  unread.expects(sim::rst_ack());
  sending.expects(sim::rst_ack().seq(6));
  closing.expects(sim::rst_ack());
  halfway.expects_nothing();
  server.expects_nothing();  // RFC 9293 3.10.5: in SYN-SENT there is nobody to tell
  EXPECT_EQ(talk.shard().connections(), 0U);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_TRUE(talk.shard().idle());
  EXPECT_EQ(talk.shard().next_deadline(), kNever);
  const StatsSnapshot stats = talk.stats();
  EXPECT_EQ(stats[Counter::Opened], 4U);
  EXPECT_EQ(stats[Counter::Closed], 4U);
  EXPECT_EQ(stats[Counter::OutRsts], 3U);
  halfway.sends(sim::ack());  // too late
  halfway.expects(sim::rst());
  unread.sends(sim::syn().seq(100000));
  unread.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::Draining], 1U);
}

// A peer that closed in an orderly way, whose last bytes nobody has read: they are dropped so that the end can be told.
TEST(AbortAll, EndsConnectionsThatAreOverButUnread) {
  Conversation talk;
  talk.service().consumes = false;
  Peer& peer = talk.peer();
  peer.opens();
  talk.service().connection.close();
  peer.expects(sim::fin());
  peer.sends(sim::data("bye").flag(kFin));
  peer.expects(sim::ack());
  EXPECT_EQ(talk.shard().connections(), 1U);
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.shard().deliver(talk.now(), AbortAll{});
  talk.run();
  EXPECT_EQ(talk.shard().connections(), 0U);
  EXPECT_TRUE(talk.shard().idle());
}

// Nobody knows where the peer is: the RST cannot be sent, and nothing waits for it.
TEST(AbortAll, DoesNotWaitForANeighbour) {
  sim::ConversationOptions options;
  options.arp = false;
  Conversation talk(std::move(options));
  ASSERT_EQ(talk.shard().connect(talk.now(), SocketAddress{Ipv4Address{0x0a000063}, 8080}, 0).error,
            ConnectError::None);
  talk.run();
  talk.shard().deliver(talk.now(), AbortAll{});
  talk.run();
  EXPECT_EQ(talk.shard().connections(), 0U);
  EXPECT_TRUE(talk.shard().idle());
}

}  // namespace
}  // namespace levee::shard
