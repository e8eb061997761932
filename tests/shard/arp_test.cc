// ARP (RFC 826, RFC 5227) as a shard speaks it: it answers for its addresses, asks on demand at most once a second, and
// believes only what it asked for or what a validated handshake proved.
#include <gtest/gtest.h>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::ArpMessage;
using sim::Bytes;
using sim::Conversation;
using sim::ConversationOptions;
using sim::Peer;
using sim::syn;
using sim::syn_ack;
using namespace std::chrono_literals;

constexpr Ipv4Address kServer{0x0a000007};

// Nobody answers ARP but the test.
ConversationOptions by_hand() {
  ConversationOptions options;
  options.arp = false;
  return options;
}

std::string text_of(const std::optional<Bytes>& frame) { return frame ? sim::describe(*frame) : "nothing"; }

// Opens a connection to 10.0.0.7; it needs that neighbour.
Connection connect(Conversation& talk) {
  const ConnectResult result = talk.shard().connect(talk.now(), SocketAddress{kServer, 8080}, 0);
  EXPECT_EQ(result.error, ConnectError::None);
  talk.run();
  return result.connection;
}

const char* const kQuestion = "ARP who-has 10.0.0.7 tell 10.0.0.1";

void expect_question(Conversation& talk) {
  const auto frame = talk.next_frame();
  ASSERT_EQ(text_of(frame), kQuestion);
  const auto request = sim::dissect(*frame).arp;
  EXPECT_EQ(request->destination_mac, kBroadcastMac);
  EXPECT_EQ(request->source_mac, kOurMac);
  EXPECT_EQ(request->sender_mac, kOurMac);
  EXPECT_EQ(request->target_mac, MacAddress{});
}

// The next frame is the SYN to 10.0.0.7, and goes to this MAC.
void expect_syn_to(Conversation& talk, const MacAddress& mac) {
  const auto frame = talk.next_frame();
  ASSERT_TRUE(frame);
  const auto parts = sim::dissect(*frame);
  ASSERT_TRUE(parts.tcp) << text_of(frame);
  EXPECT_EQ(parts.tcp->flags, sim::kSyn);
  EXPECT_EQ(parts.tcp->destination_mac, mac);
}

TEST(Arp, ARequestIsAnswered) {
  Conversation talk(by_hand());
  talk.inject(build(arp_request(kPeerAddress, kOurAddress, kOtherMac)));
  const auto frame = talk.next_frame();
  ASSERT_EQ(text_of(frame), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
  const auto reply = sim::dissect(*frame).arp;
  EXPECT_EQ(reply->destination_mac, kOtherMac);
  EXPECT_EQ(reply->source_mac, kOurMac);
  EXPECT_EQ(reply->target_mac, kOtherMac);
  EXPECT_EQ(reply->target, kPeerAddress);
  EXPECT_EQ(frame->size(), 42U);
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsReceived], 1U);
  EXPECT_EQ(talk.stats()[Counter::ArpRepliesSent], 1U);
}

TEST(Arp, AUnicastRequestIsAnsweredToo) {
  Conversation talk(by_hand());
  ArpMessage request = arp_request(kPeerAddress, kOurAddress);
  request.destination_mac = kOurMac;
  talk.inject(build(request));
  EXPECT_EQ(text_of(talk.next_frame()), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
}

TEST(Arp, PaddingOfTheRequestIsNotSentBack) {
  Conversation talk(by_hand());
  Bytes request = build(arp_request(kPeerAddress, kOurAddress));
  request.resize(60, std::byte{0xee});
  talk.inject(request);
  const auto reply = talk.next_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->size(), 42U);
}

// RFC 5227 2.1.1: somebody asks before taking our address.
TEST(Arp, AProbeIsAnswered) {
  Conversation talk(by_hand());
  talk.inject(build(arp_request({0}, kOurAddress)));
  const auto frame = talk.next_frame();
  ASSERT_EQ(text_of(frame), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
  EXPECT_EQ(sim::dissect(*frame).arp->target, Ipv4Address{0});
}

TEST(Arp, WhatNobodyAskedForTeachesNothing) {
  Conversation talk(by_hand());
  ArpMessage gratuitous_reply = arp_reply(kServer, kOtherMac, kServer);
  gratuitous_reply.destination_mac = kBroadcastMac;
  talk.inject(build(arp_request(kServer, kServer, kOtherMac)));  // gratuitous, as a request
  talk.inject(build(gratuitous_reply));
  talk.inject(build(arp_reply(kServer, kOtherMac)));  // straight at us
  EXPECT_EQ(talk.stats()[Drop::ArpNotForUs], 3U);
  talk.inject(build(arp_request(kServer, kOurAddress, kOtherMac)));  // answered, but anybody can ask
  EXPECT_EQ(text_of(talk.next_frame()), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 0U);
  connect(talk);
  expect_question(talk);
  talk.ignores_the_rest();
}

TEST(Arp, AnAnswerTeachesAndWakesWhatWaited) {
  Conversation talk(by_hand());
  connect(talk);
  connect(talk);
  EXPECT_EQ(talk.stats()[Counter::NeighbourUnresolved], 2U);
  expect_question(talk);  // once for both
  EXPECT_FALSE(talk.next_frame());
  talk.inject(build(arp_reply(kServer, kOtherMac)));
  expect_syn_to(talk, kOtherMac);
  expect_syn_to(talk, kOtherMac);
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 1U);
}

// Where the table is full, who is asked about keeps the place until the answer has had its time to come: an entry that
// was just made would otherwise be the first to go, and the answer would be nobody's.
TEST(Arp, WhoIsAskedAboutKeepsThePlace) {
  ConversationOptions options = by_hand();
  options.shard.limits.neighbours = 8;
  Conversation talk(std::move(options));
  const auto open_from = [&talk](std::uint8_t number) {
    talk.add_peer({.address = Ipv4Address{0x0a000010U + number}, .mac = {{2, 0, 0, 0, 1, number}}}).opens();
  };
  for (std::uint8_t n = 0; n < 7; ++n) open_from(n);
  connect(talk);
  expect_question(talk);
  open_from(7);  // a handshake from one more: it would like a place, too
  talk.inject(build(arp_reply(kServer, kOtherMac)));
  expect_syn_to(talk, kOtherMac);
  talk.ignores_the_rest();
}

TEST(Arp, AnAnswerThatComesTooLateTeachesNothing) {
  Conversation talk(by_hand());
  Connection connection = connect(talk);
  expect_question(talk);
  connection.abort();  // nothing asks again
  talk.advance(10s);
  talk.inject(build(arp_reply(kServer, kOtherMac)));
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 0U);
  EXPECT_EQ(talk.stats()[Drop::ArpNotForUs], 1U);
}

TEST(Arp, AtMostOneRequestASecond) {
  Conversation talk(by_hand());
  for (int n = 0; n < 50; ++n) {
    connect(talk);
    talk.advance(100ms);
  }
  int requests = 0;
  while (const auto frame = talk.next_frame()) requests += text_of(frame) == kQuestion ? 1 : 0;
  EXPECT_GE(requests, 5);
  EXPECT_LE(requests, 6);
}

// A SYN costs an attacker nothing, so it must cost the shard nothing (THREATS: neighbour exhaustion).
TEST(Arp, ASynAsksForNothingAndTeachesNothing) {
  Conversation talk(by_hand());
  Peer& peer = talk.add_peer({.address = kServer, .mac = kOtherMac});
  peer.sends(syn());
  talk.advance(100s);  // SYN-ACKs go out again and again, until the record is given up
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 0U);
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 0U);
  EXPECT_EQ(talk.stats()[Counter::HalfOpenTimeouts], 1U);
  while (talk.next_frame()) continue;
  connect(talk);
  expect_question(talk);  // no entry was made either
}

TEST(Arp, AValidatedAckMakesAnEntry) {
  Conversation talk(by_hand());
  Peer& peer = talk.add_peer({.address = kServer, .mac = kOtherMac});
  peer.opens();
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 1U);
  connect(talk);
  expect_syn_to(talk, kOtherMac);
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 0U);
}

TEST(Arp, AHandshakeFromAnotherMacDoesNotTakeAFreshEntryOver) {
  Conversation talk(by_hand());
  talk.add_peer({.address = kServer, .mac = kOtherMac}).opens();
  talk.add_peer({.address = kServer, .mac = kPeerMac, .tcp_port = 40001}).opens();
  connect(talk);
  expect_syn_to(talk, kOtherMac);
}

TEST(Arp, AStaleEntryIsUsedAndAskedAboutAgain) {
  Conversation talk(by_hand());
  talk.add_peer({.address = kServer, .mac = kOtherMac}).opens();
  talk.advance(61s);
  connect(talk);
  expect_question(talk);
  expect_syn_to(talk, kOtherMac);                    // nobody waits for the answer
  talk.inject(build(arp_reply(kServer, kPeerMac)));  // it has moved
  connect(talk);
  expect_syn_to(talk, kPeerMac);
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 1U);
}

TEST(Arp, ARequestFromAKnownNeighbourKeepsItFresh) {
  Conversation talk(by_hand());
  talk.add_peer({.address = kServer, .mac = kOtherMac}).opens();
  talk.advance(50s);
  talk.inject(build(arp_request(kServer, kOurAddress, kOtherMac)));
  EXPECT_EQ(text_of(talk.next_frame()), "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
  talk.advance(50s);
  connect(talk);
  expect_syn_to(talk, kOtherMac);
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 0U);
}

// RFC 9293 3.8.3, MUST-20: when retransmissions fail, IP is advised to look again.
TEST(Arp, ASilentNeighbourIsAskedAboutAfterR1) {
  Conversation talk(by_hand());
  Peer& peer = talk.add_peer({.address = kServer, .mac = kOtherMac});
  peer.opens();
  ASSERT_EQ(talk.service().connection.send(std::as_bytes(std::span("hello", 5))), 5U);
  talk.advance(700ms);  // two retransmissions, at 200 and 600 ms
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 0U);
  talk.advance(1s);
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 1U);
  talk.ignores_the_rest();
}

// RFC 9293 3.8.3, MUST-20, MUST-22: also when it is the SYN that nobody answers.
TEST(Arp, ASilentNeighbourIsAskedAboutAfterR1OfTheSyn) {
  Conversation talk(by_hand());
  connect(talk);
  expect_question(talk);
  talk.inject(build(arp_reply(kServer, kOtherMac)));
  expect_syn_to(talk, kOtherMac);
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 1U);
  talk.advance(4s);  // repeated after 1 and 3 s
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 1U);
  talk.advance(4s);  // and after 7 s
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 2U);
  talk.ignores_the_rest();
}

}  // namespace
}  // namespace levee::shard
