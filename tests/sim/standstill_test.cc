// Standstills that the simulator found: two sides that each wait for the other. Each is told here as a conversation.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

std::size_t send_bytes(Conversation& talk, std::size_t count) {
  const Bytes bytes(count, std::byte{'s'});
  return talk.service().connection.send(bytes);
}

// RFC 9293 3.10.7.4 takes the window by (SEG.SEQ, SEG.ACK); a retransmission has an old SEG.SEQ, but the window of its
// new SEG.ACK. Keeping the old one would send beyond the edge, where the peer drops our text and every ACK behind it.
TEST(Window, TakenFromARetransmissionThatAcknowledgesNews) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.window = 2000;
  peer.opens({.mss = 536});
  peer.sends(data("ab"));
  peer.expects(ack(3));
  peer.sends(ack());  // the window is now that of SEG.SEQ 3
  ASSERT_EQ(send_bytes(talk, 1072), 1072u);
  peer.expects(data_of(536));
  peer.expects(data_of(536));
  peer.sends(data("abc").seq(1).win(536));
  peer.expects(ack(4));
  ASSERT_EQ(send_bytes(talk, 5000), 5000u);
  peer.expects(data_of(536).seq(1073));
  peer.expects_nothing();
}

// MUST-34: the peer may take window back. Our SND.NXT is then outside of it, and an ACK that stood there would be
// dropped.
TEST(Window, OurAckStaysInsideAWindowTakenBack) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.mss = 536});
  ASSERT_EQ(send_bytes(talk, 1072), 1072u);
  peer.expects(data_of(536).seq(1));
  peer.expects(data_of(536).seq(537));
  peer.sends(data("x").ack(1).win(0));
  peer.expects(ack(2).seq(1));
}

// A peer that has filled the window acknowledges from its edge; when text was lost on the way, RCV.NXT is not there
// yet.
TEST(Window, TheAckAtTheEdgeOfAFullWindowCounts) {
  ConversationOptions options;
  options.shard.listeners[0].tcp.receive_buffer = 2048;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.opens({.mss = 1460});
  ASSERT_EQ(send_bytes(talk, 5), 5u);
  peer.expects(data_of(5));
  peer.sends(sim::data(std::string(1024, 'p')).seq(1025).ack(1));  // the first half of the window was lost
  peer.expects(ack(1));
  peer.sends(ack(6));
  EXPECT_EQ(talk.stats()[Counter::BytesAcked], 5u);
}

// Text that waits to be sent may hold nearly all buffers, never so many that the next segment in order is refused: its
// reader may be who sets the others free.
TEST(Buffers, WhoHoldsNothingUnreadMayReceiveThoughMemoryIsShort) {
  ConversationOptions options;
  options.buffer_size = 512;
  options.shard.limits.held_buffers = 32;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  peer.window = 0;
  peer.opens();
  std::size_t accepted = 0;
  while (const std::size_t more = send_bytes(talk, 1000)) accepted += more;
  ASSERT_LT(accepted, 32u * 640);
  peer.sends(data("read me"));
  peer.expects(ack(8));
  EXPECT_EQ(talk.service().received, "read me");
  EXPECT_EQ(talk.stats()[Drop::BuffersFull], 0u);
}

// The other way round: what others hold may not keep a connection from sending at all.
TEST(Buffers, WhoHoldsNothingUnsentMaySendThoughMemoryIsShort) {
  ConversationOptions options;
  options.buffer_size = 512;
  options.shard.limits.held_buffers = 32;
  Conversation talk(std::move(options));
  Peer& greedy = talk.peer();
  Peer& modest = talk.add_peer({.tcp_port = 40001});
  greedy.window = 0;
  greedy.opens();
  while (send_bytes(talk, 1000) > 0) {
  }
  modest.opens();
  EXPECT_GT(send_bytes(talk, 100), 0u);
  modest.expects(data_of(100));
}

}  // namespace
}  // namespace levee::sim
