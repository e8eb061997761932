// ICMP echo (RFC 792, RFC 1122 3.2.2.6): a user pings first.
#include <gtest/gtest.h>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::IcmpEcho;

void expect_echo(Conversation& talk, const IcmpEcho& request) {
  talk.inject(build(request));
  const auto frame = talk.next_frame();  // its checksums were verified when it was taken
  ASSERT_TRUE(frame);
  const auto reply = sim::dissect(*frame).icmp;
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, 0);
  EXPECT_EQ(reply->identifier, request.identifier);
  EXPECT_EQ(reply->sequence, request.sequence);
  EXPECT_EQ(reply->payload, request.payload);
  EXPECT_EQ(reply->source, kOurAddress);
  EXPECT_EQ(reply->destination, kPeerAddress);
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

TEST(Icmp, EchoesOfAnyLength) {
  Conversation talk;
  for (const std::size_t length : {0U, 1U, 7U, 8U, 55U, 56U, 1471U, 1472U}) {
    SCOPED_TRACE(length);
    expect_echo(talk, echo_request(length));
  }
  EXPECT_EQ(talk.stats()[Counter::IcmpInEchos], 8U);
  EXPECT_EQ(talk.stats()[Counter::IcmpOutEchoReps], 8U);
}

// The reply's checksum is derived from the request's (RFC 1624): around both zeros it must still be right.
TEST(Icmp, TheChecksumIsRightAroundZero) {
  Conversation talk;
  for (const unsigned around : {0x0000U, 0x07ffU, 0xf7ffU, 0xffffU}) {
    for (unsigned n = 0; n < 5; ++n) {
      IcmpEcho request = echo_request(0);
      request.identifier = static_cast<std::uint16_t>(around + n - 2);
      request.sequence = 0;
      SCOPED_TRACE(request.identifier);
      expect_echo(talk, request);
    }
  }
}

TEST(Icmp, PaddingIsNotEchoed) {
  Conversation talk;
  Bytes frame = build(echo_request(4));
  const std::size_t length = frame.size();
  frame.resize(60, std::byte{0xee});
  talk.inject(frame);
  const auto reply = talk.next_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->size(), length);
}

TEST(Icmp, ALongEchoThatIsSharedIsCopiedIntoABlank) {
  Conversation talk;
  arrives(talk, build(echo_request(1472)), {.exclusive = false});
  const auto reply = talk.next_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(sim::dissect(*reply).icmp->payload, echo_request(1472).payload);
}

TEST(Icmp, WhatIsNoEchoRequestIsSilent) {
  Conversation talk;
  constexpr std::size_t kIcmp = 34;
  IcmpEcho reply = echo_request();
  reply.type = 0;
  IcmpEcho unreachable = echo_request();
  unreachable.type = 3;
  expect_silence(talk, build(reply), Drop::UnhandledIcmp, "a reply");
  expect_silence(talk, build(unreachable), Drop::UnhandledIcmp, "destination unreachable");
  // A byte of the checksum makes up for the code.
  Bytes coded = build(echo_request());
  coded[kIcmp + 1] = std::byte{1};
  expect_silence(talk, coded, Drop::BadIcmpChecksum, "code without its checksum");
  const unsigned checksum =
      (std::to_integer<unsigned>(coded[kIcmp + 2]) << 8) + std::to_integer<unsigned>(coded[kIcmp + 3]);
  coded = patched(coded, {{kIcmp + 2, (checksum - 1) >> 8}, {kIcmp + 3, (checksum - 1) & 0xff}});
  expect_silence(talk, coded, Drop::UnhandledIcmp, "code 1");
  Bytes cut = build(echo_request(0));
  cut = patched(cut, {{17, 27}});
  cut.resize(41);
  sim::fix_checksums(cut);
  expect_silence(talk, cut, Drop::TooShort, "seven bytes of ICMP");
  EXPECT_EQ(talk.stats()[Counter::IcmpOutEchoReps], 0U);
}

TEST(Icmp, EveryFlippedBitIsNoticed) {
  Conversation talk;
  const Bytes good = build(echo_request(5));
  for (std::size_t bit = std::size_t{14} * 8; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    Bytes frame = good;
    frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    talk.inject(frame);
    ASSERT_FALSE(talk.next_frame());
  }
  EXPECT_EQ(talk.stats()[Counter::FramesDelivered], 0U);
}

// RFC 1122 3.2.2.6 would allow it; smurf attacks are why nobody does.
TEST(Icmp, AnEchoToABroadcastAddressIsSilent) {
  Conversation talk;
  IcmpEcho request = echo_request();
  request.destination = Ipv4Address{0x0a0000ff};
  expect_silence(talk, build(request), Drop::UnknownDestination, "directed broadcast");
  request.destination = Ipv4Address{0xffffffff};
  expect_silence(talk, build(request), Drop::UnknownDestination, "limited broadcast");
  request.destination = Ipv4Address{0xe0000001};
  expect_silence(talk, build(request), Drop::UnknownDestination, "all hosts");
  request = echo_request();
  request.destination_mac = kBroadcastMac;
  expect_silence(talk, build(request), Drop::NotForUs, "our address to every MAC");
  request = echo_request();
  request.source = Ipv4Address{0x0a0000ff};
  expect_silence(talk, build(request), Drop::BadSource, "from a broadcast address");
}

}  // namespace
}  // namespace levee::shard
