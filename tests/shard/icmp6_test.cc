// ICMPv6 echo (RFC 4443 4): a user pings first.
#include <gtest/gtest.h>

#include "shard/ipv6_frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::IcmpEcho;

void expect_echo(Conversation& talk, const IcmpEcho& request) {
  talk.inject(build(request));
  const auto frame = talk.next_frame();  // its checksum was verified when it was taken
  ASSERT_TRUE(frame);
  const auto reply = sim::dissect(*frame).icmp;
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, 129);
  EXPECT_EQ(reply->identifier, request.identifier);
  EXPECT_EQ(reply->sequence, request.sequence);
  EXPECT_EQ(reply->payload, request.payload);
  EXPECT_EQ(reply->source, IpAddress(kOurAddress6));
  EXPECT_EQ(reply->destination, IpAddress(kPeerAddress6));
  EXPECT_EQ(reply->source_mac, kOurMac);
  EXPECT_EQ(reply->destination_mac, kPeerMac);
}

void expect_silence(Conversation& talk, const Bytes& frame, Drop reason, const char* what) {
  SCOPED_TRACE(what);
  const std::uint64_t before = talk.stats()[reason];
  talk.inject(frame);
  EXPECT_FALSE(talk.next_frame());
  EXPECT_EQ(talk.stats()[reason], before + 1);
}

TEST(Icmp6, EchoesOfAnyLength) {
  Conversation talk(with_ipv6());
  for (const std::size_t length : {0U, 1U, 7U, 8U, 55U, 56U, 1451U, 1452U}) {
    SCOPED_TRACE(length);
    expect_echo(talk, echo6_request(length));
  }
  EXPECT_EQ(talk.stats()[Counter::IcmpInEchos], 8U);
  EXPECT_EQ(talk.stats()[Counter::IcmpOutEchoReps], 8U);
}

// The reply's checksum is derived from the request's (RFC 1624): around both zeros it must still be right.
TEST(Icmp6, TheChecksumIsRightAroundZero) {
  Conversation talk(with_ipv6());
  for (unsigned identifier = 0; identifier < 0x10000; identifier += 7) {
    IcmpEcho request = echo6_request(0);
    request.identifier = static_cast<std::uint16_t>(identifier);
    expect_echo(talk, request);
  }
}

TEST(Icmp6, PaddingIsNotEchoed) {
  Conversation talk(with_ipv6());
  Bytes frame = build(echo6_request(4));
  const std::size_t length = frame.size();
  frame.resize(length + 9, std::byte{0xee});
  talk.inject(frame);
  const auto reply = talk.next_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->size(), length);
}

TEST(Icmp6, ALongEchoThatIsSharedIsCopiedIntoABlank) {
  Conversation talk(with_ipv6());
  arrives(talk, build(echo6_request(1452)), {.exclusive = false});
  const auto reply = talk.next_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(sim::dissect(*reply).icmp->payload, echo6_request(1452).payload);
}

TEST(Icmp6, EveryFlippedBitIsNoticed) {
  Conversation talk(with_ipv6());
  const Bytes good = build(echo6_request(5));
  // Traffic class, flow label and hop limit are covered by nothing.
  for (std::size_t bit = kSource6 * 8; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    Bytes frame = good;
    frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    talk.inject(frame);
    ASSERT_FALSE(talk.next_frame());
  }
  EXPECT_EQ(talk.stats()[Counter::FramesDelivered], 0U);
}

// Our group's MAC is let in for solicitations only: a ping to a group would be answered by everybody in it.
TEST(Icmp6, AnEchoToAGroupIsSilent) {
  Conversation talk(with_ipv6());
  IcmpEcho request = echo6_request();
  request.destination = kOurGroup;
  request.destination_mac = kOurGroupMac;
  expect_silence(talk, build(request), Drop::UnknownDestination, "our group");
  request.destination = kOurAddress6;
  expect_silence(talk, build(request), Drop::UnknownDestination, "our address to the group's MAC");
  request = echo6_request();
  request.source = Ipv6Address{};
  expect_silence(talk, build(request), Drop::BadSource, "from nobody");
  request.source = kAllNodes;
  expect_silence(talk, build(request), Drop::BadSource, "from a group");
}

TEST(Icmp6, WhatIsNoEchoRequestIsSilent) {
  Conversation talk(with_ipv6());
  for (const unsigned type : {127U, 129U, 130U, 200U}) {
    IcmpEcho other = echo6_request();
    other.type = static_cast<std::uint8_t>(type);
    expect_silence(talk, build(other), Drop::UnhandledIcmp, "another type");
  }
  EXPECT_EQ(talk.stats()[Counter::IcmpOutEchoReps], 0U);
}

// ICMP's number in an IPv6 packet, and ICMPv6's in an IPv4 one.
TEST(Icmp6, TheOtherFamilysProtocolIsUnknown) {
  Conversation talk(with_ipv6());
  expect_silence(talk, patched(build(echo6_request()), {{kNextHeader, 1}}), Drop::UnknownProtocol, "1");
  Bytes echo4 = patched(build(echo_request()), {{23, 58}});
  sim::fix_checksums(echo4);
  expect_silence(talk, echo4, Drop::UnknownProtocol, "58");
}

}  // namespace
}  // namespace levee::shard
