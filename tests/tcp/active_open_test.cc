// OPEN from this side (RFC 9293 3.10.1, 3.10.7.3).
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

class ActiveOpen : public testing::Test {
 protected:
  Conversation talk;
  Peer& peer = talk.add_peer({.tcp_port = 8080, .shard_port = 0});

  Connection open() {
    const shard::ConnectResult result = talk.shard().connect(talk.now(), {Ipv4Address{0x0a000002}, 8080}, 0);
    EXPECT_EQ(result.error, shard::ConnectError::None);
    return result.connection;
  }
};

TEST_F(ActiveOpen, SynCarriesEverythingWeCan) {
  open();
  peer.expects(syn().seq(0).mss(1460).sack_permitted());
  peer.sends(syn_ack().ack(1).mss(1460).no_ts());
  peer.expects(ack(1).seq(1).no_ts());
  EXPECT_EQ(talk.service().take_events(), "opened");
}

TEST_F(ActiveOpen, RefusalIsTold) {
  open();
  peer.expects(syn());
  peer.sends(rst_ack().seq(0).ack(1));
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "closed refused");
  EXPECT_EQ(talk.shard().connections(), 0U);
}

// RFC 5961 3.2: an RST that does not acknowledge our SYN is somebody else's.
TEST_F(ActiveOpen, BlindResetIsIgnored) {
  open();
  peer.expects(syn());
  peer.sends(rst().seq(0));
  peer.sends(rst_ack().seq(0).ack(700));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats().now_in(State::SynSent), 1U);
}

// RFC 9293 3.5.1, Figure 9: a half-open peer acknowledges something old, our RST clears it.
TEST_F(ActiveOpen, WrongAckIsReset) {
  open();
  peer.expects(syn());
  peer.sends(ack(700).seq(300));
  peer.expects(rst().seq(700));
  EXPECT_EQ(talk.stats().now_in(State::SynSent), 1U);
}

TEST_F(ActiveOpen, SynIsRepeatedUntilR2) {
  open();
  const Seen first = peer.expects(syn());
  talk.advance(1100ms);
  const Seen second = peer.expects(syn());
  EXPECT_EQ(first.sequence, second.sequence);
  talk.ignores_the_rest();
  const Instant start = first.at;
  while (talk.shard().connections() > 0 && talk.now() - start < 1h) talk.advance(5s);
  EXPECT_GE(talk.now() - start, 3min);  // MUST-23
  EXPECT_EQ(talk.service().take_events(), "closed timed_out");
}

TEST_F(ActiveOpen, DestinationsThatCannotBeAreRefused) {
  for (const std::uint32_t to : {0xffffffffU, 0xe0000001U, 0x0a0000ffU, 0x0a000001U, 0U}) {
    EXPECT_EQ(talk.shard().connect(talk.now(), {Ipv4Address{to}, 80}, 0).error,
              shard::ConnectError::NoSourceAddress);  // MUST-46
  }
  EXPECT_EQ(talk.shard().connect(talk.now(), {Ipv4Address{0x08080808}, 80}, 0).error,
            shard::ConnectError::NoSourceAddress);  // no route
}

}  // namespace
}  // namespace levee::sim
