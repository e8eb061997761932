// What came twice is told (RFC 2883), before the ranges that are held (RFC 2018 4).
#include <gtest/gtest.h>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

class Dsack : public testing::Test {
 protected:
  Dsack() { peer.opens({.sack = true}); }
  Conversation talk;
  Peer& peer = talk.peer();
};

// RFC 2883 4.1.1: a duplicate of what was acknowledged.
TEST_F(Dsack, OldTextIsTold) {
  peer.sends(data("abcdef"));
  peer.expects(ack(7).no_sack());
  peer.sends(data("cd").seq(3));
  peer.expects(ack(7).sack(3, 5));
  peer.sends(data("gh"));
  peer.expects(ack(9).no_sack());  // once
}

TEST_F(Dsack, OldPartOfNewTextIsTold) {
  peer.sends(data("abc"));
  peer.expects(ack(4));
  peer.sends(data("bcdef").seq(2));
  peer.expects(ack(7).sack(2, 4));
}

// 4.2: within a larger range that is held, that range follows as the second block.
TEST_F(Dsack, RangeFollowsTheDuplicateInIt) {
  peer.sends(data("mnopqr").seq(13));
  peer.expects(ack(1).sack(13, 19));
  peer.sends(data("op").seq(15));
  peer.expects(ack(1).sack(15, 17).sack(13, 19));
  peer.sends(data("xy").seq(24));
  peer.expects(ack(1).sack(24, 26).sack(13, 19));
}

TEST_F(Dsack, OverlapOfHeldTextIsTold) {
  peer.sends(data("mnop").seq(13));
  peer.expects(ack(1).sack(13, 17));
  peer.sends(data("opqr").seq(15));
  peer.expects(ack(1).sack(15, 17).sack(13, 19));
}

// RFC 2018 2: never without SACK-permitted.
TEST(WithoutSack, NothingIsTold) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  peer.sends(data("abc"));
  peer.expects(ack(4));
  peer.sends(data("abc").seq(1));
  peer.expects(ack(4).no_sack());
  peer.sends(data("x").seq(9));
  peer.expects(ack(4).no_sack());
}

}  // namespace
}  // namespace levee::sim
