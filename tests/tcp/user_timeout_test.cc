// Bounds on a peer that takes nothing: R2 as a time (RFC 9293 3.8.3, MUST-20, MUST-21; RFC 5482) and patience with
// closed windows while memory is short (RFC 6429).
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

class UserTimeout : public testing::Test {
 protected:
  UserTimeout() {
    peer.opens();
    talk.run();
    talk.service().take_events();
  }
  [[nodiscard]] Connection connection() { return talk.service().connection; }
  Conversation talk;
  Peer& peer = talk.peer();
};

// MUST-21: per connection, counted from when the text was first sent.
TEST_F(UserTimeout, EndsAConnectionWhoseTextIsNotAcknowledged) {
  connection().set_user_timeout(20s);
  ASSERT_EQ(connection().send(to_bytes("x")), 1U);
  talk.ignores_the_rest();
  talk.advance(19900ms);
  EXPECT_EQ(connection().state(), State::Established);
  talk.advance(200ms);
  EXPECT_EQ(talk.service().take_events(), "report retransmitting, closed timed_out");
}

TEST_F(UserTimeout, ProgressStartsItAnew) {
  connection().set_user_timeout(20s);
  ASSERT_EQ(connection().send(to_bytes("xy")), 2U);
  talk.ignores_the_rest();
  talk.advance(15s);
  peer.sends(ack(2));
  talk.advance(15s);
  EXPECT_EQ(connection().state(), State::Established);
  talk.advance(6s);
  EXPECT_FALSE(connection().live());
}

TEST_F(UserTimeout, AnIdleConnectionHasNone) {
  connection().set_user_timeout(20s);
  ASSERT_EQ(connection().send(to_bytes("x")), 1U);
  peer.expects(data("x"));
  peer.sends(ack(2));
  talk.advance(10min);
  EXPECT_EQ(connection().state(), State::Established);
}

// MUST-37: a peer that answers probes is not silent.
TEST_F(UserTimeout, AnsweredProbesAreProgress) {
  connection().set_user_timeout(20s);
  peer.sends(ack(1).win(0));
  ASSERT_EQ(connection().send(to_bytes("x")), 1U);
  talk.ignores_the_rest();
  std::uint64_t answered = 0;
  for (int n = 0; n < 600; ++n) {
    talk.advance(1s);
    const std::uint64_t probes = talk.stats()[Counter::TCPPersistProbes];
    if (probes != answered) peer.sends(ack(1).win(0));
    answered = probes;
  }
  EXPECT_EQ(connection().state(), State::Established);
  EXPECT_GT(answered, 5U);
}

// 3.10.2 and 3.10.4: what a call is refused with.
TEST_F(UserTimeout, CallsAreRefusedByName) {
  Connection held = connection();
  EXPECT_EQ(Connection().send_error(), CallError::NoConnection);
  EXPECT_EQ(Connection().close(), CallError::NoConnection);
  EXPECT_EQ(held.send_error(), CallError::None);
  EXPECT_EQ(held.close(), CallError::None);
  EXPECT_EQ(held.close(), CallError::Closing);
  EXPECT_EQ(held.send_error(), CallError::Closing);
  EXPECT_EQ(held.send(to_bytes("x")), 0U);
  peer.expects(fin());
  EXPECT_EQ(held.abort(), CallError::None);
  peer.expects(rst_ack());
  EXPECT_EQ(held.abort(), CallError::NoConnection);
}

// RFC 6429 3: only while buffers are short, and only who has had its time.
TEST(ZeroWindowPatience, EndsWhileMemoryIsShort) {
  for (const bool scarce : {false, true}) {
    ConversationOptions options;
    options.shard.limits.held_buffers = scarce ? 64 : 4096;
    options.shard.listeners.front().tcp.zero_window_patience = 1min;
    Conversation talk(std::move(options));
    Peer& peer = talk.peer();
    peer.opens();
    talk.run();
    peer.sends(ack(1).win(0));
    Connection connection = talk.service().connection;
    static_cast<void>(connection.send(std::vector<std::byte>(200'000)));
    talk.service().take_events();
    talk.ignores_the_rest();
    std::uint64_t answered = 0;
    for (int n = 0; n < 180 && connection.live(); ++n) {
      talk.advance(1s);
      const std::uint64_t probes = talk.stats()[Counter::TCPPersistProbes];
      if (probes != answered) peer.sends(ack(1).win(0));
      answered = probes;
      EXPECT_TRUE(connection.live() || n > 55);
    }
    EXPECT_EQ(connection.live(), !scarce);
    EXPECT_EQ(talk.stats()[Counter::ZeroWindowAborted], scarce ? 1U : 0U);
    EXPECT_EQ(talk.service().take_events(), scarce ? "closed no_resource" : "");
  }
}

}  // namespace
}  // namespace levee::sim
