// Urgent data (RFC 9293 3.8.5, RFC 6093): delivered in line, with an event for where it ends. The pointer is never an
// index.
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

class Urgent : public testing::Test {
 protected:
  Urgent() {
    peer.opens();
    talk.run();
    talk.service().take_events();
    talk.service().consumes = false;
  }
  Conversation talk;
  Peer& peer = talk.peer();
  [[nodiscard]] Connection connection() { return talk.service().connection; }
};

// MUST-30, MUST-32, MUST-33, MUST-62: the pointer names the octet after the urgent data.
TEST_F(Urgent, IsToldBeforeItsText) {
  peer.sends(data("abcdef").urg(4));
  peer.expects(ack(7));
  EXPECT_EQ(talk.service().take_events(), "urgent 4, data 6");
  EXPECT_EQ(connection().urgent(), 4U);
  connection().consume(3);
  EXPECT_EQ(connection().urgent(), 1U);
  connection().consume(1);
  EXPECT_EQ(connection().urgent(), 0U);
  EXPECT_EQ(connection().readable(), 2U);
}

// MUST-32: told again only when the pointer advances.
TEST_F(Urgent, IsToldAgainWhenThePointerAdvances) {
  peer.sends(data("abc").urg(3));
  peer.expects(ack(4));
  peer.sends(data("def").urg(0));
  peer.expects(ack(7));
  EXPECT_EQ(talk.service().take_events(), "urgent 3, data 3, data 6");
  peer.sends(data("ghi").urg(2));
  peer.expects(ack(10));
  EXPECT_EQ(talk.service().take_events(), "urgent 8, data 9");
}

// MUST-31: longer than anything that has arrived; the user learns how much is to come.
TEST_F(Urgent, MayEndBeyondWhatHasArrived) {
  peer.sends(data("abc").urg(60000));
  peer.expects(ack(4));
  EXPECT_EQ(talk.service().take_events(), "urgent 60000, data 3");
  EXPECT_EQ(connection().urgent(), 3U);
}

// A pointer of 0, or one to text that was read long ago, says nothing (CVE-2019-12255).
TEST_F(Urgent, ZeroAndOldPointersSayNothing) {
  talk.service().consumes = true;
  peer.sends(data("abc").urg(0));
  peer.expects(ack(4));
  EXPECT_EQ(talk.service().take_events(), "data 3");
  peer.sends(data("abc").seq(1).urg(2));
  peer.expects(ack(4));
  EXPECT_EQ(talk.service().take_events(), "");
}

// MUST-66: URG is processed while the window is closed.
TEST_F(Urgent, CountsWithAClosedWindow) {
  ConversationOptions options;
  options.shard.listeners.front().tcp.receive_buffer = 4;
  Conversation small(std::move(options));
  small.service().consumes = false;
  Peer& sender = small.peer();
  sender.opens();
  sender.sends(data("abcd"));
  sender.expects(ack(5).win(0));
  small.service().take_events();
  sender.sends(data("efgh").urg(4));
  sender.expects(ack(5).win(0));
  EXPECT_EQ(small.service().take_events(), "urgent 8");
}

// MUST-30, MUST-31, MUST-62 on the sending side.
TEST_F(Urgent, SenderPointsBehindTheLastOctet) {
  EXPECT_EQ(connection().send_urgent(to_bytes("stop")), 4U);
  peer.expects(data("stop").seq(1).flag(kUrg).urg(4));
  EXPECT_EQ(connection().send(to_bytes("more")), 4U);
  peer.sends(ack(5));
  peer.expects(data("more").seq(5));  // past the urgent data: no URG
}

// 3.8.5: the pointer goes ahead of text that the window keeps back.
TEST_F(Urgent, PointerGoesAheadOfTheText) {
  peer.sends(ack(1).win(0));
  EXPECT_EQ(connection().send_urgent(std::vector<std::byte>(70000, std::byte{'x'})), 70000U);
  peer.expects(segment(kAck).flag(kUrg).seq(1).urg(65535).data(""));  // as far as it can say
}

}  // namespace
}  // namespace levee::sim
