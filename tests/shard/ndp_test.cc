// Neighbour discovery (RFC 4861): who asks for us gets an answer, nobody who was not asked teaches us anything.
#include <gtest/gtest.h>

#include "shard/ipv6_frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::NdpMessage;
using namespace std::chrono_literals;

NdpMessage next_ndp(Conversation& talk) {
  const auto frame = talk.next_frame();
  if (!frame) {
    ADD_FAILURE() << "expected neighbour discovery, got nothing";
    return {};
  }
  const auto message = sim::dissect(*frame).ndp;
  if (!message) {
    ADD_FAILURE() << "expected neighbour discovery, got " << sim::describe(*frame);
    return {};
  }
  return *message;
}

void expect_silence(Conversation& talk, const Bytes& frame, Drop reason, const char* what) {
  SCOPED_TRACE(what);
  const std::uint64_t before = talk.stats()[reason];
  talk.inject(frame);
  EXPECT_FALSE(talk.next_frame());
  EXPECT_EQ(talk.stats()[reason], before + 1);
}

// The shard's question for the peer's MAC, which an active open brings about; nobody answers behind the scenes.
class NdpAsks : public testing::Test {
 protected:
  NdpAsks() {
    EXPECT_EQ(talk.shard().connect(talk.now(), SocketAddress{kPeerAddress6, 8080}, 0).error, ConnectError::None);
    question = next_ndp(talk);
  }
  static sim::ConversationOptions options() {
    sim::ConversationOptions options = with_ipv6();
    options.arp = false;
    return options;
  }
  // Where the SYN of the active open goes now that its next hop is known; nothing if it is not.
  std::optional<MacAddress> syn_goes_to() {
    const auto frame = talk.next_frame();
    if (!frame) return std::nullopt;
    const auto tcp = sim::dissect(*frame).tcp;
    EXPECT_TRUE(tcp);
    return tcp->destination_mac;
  }

  Conversation talk{options()};
  NdpMessage question;
};

// RFC 4861 7.2.4.
TEST(Ndp, ASolicitationIsAnsweredInPlace) {
  Conversation talk(with_ipv6());
  const LaidOutFrame frame(talk.pool(), build(solicitation()));
  receive(talk, frame);
  ASSERT_EQ(talk.shard().outgoing().size(), 1U);
  EXPECT_EQ(talk.shard().outgoing()[0].head, frame.block());
  const NdpMessage answer = next_ndp(talk);
  EXPECT_EQ(answer.type, 136);
  EXPECT_TRUE(answer.solicited && answer.overrides && !answer.router);
  EXPECT_EQ(answer.target, kOurAddress6);
  EXPECT_EQ(answer.target_option, kOurMac);
  EXPECT_EQ(answer.source, kOurAddress6);
  EXPECT_EQ(answer.destination, kPeerAddress6);
  EXPECT_EQ(answer.hop_limit, 255);
  EXPECT_EQ(answer.source_mac, kOurMac);
  EXPECT_EQ(answer.destination_mac, kPeerMac);
  EXPECT_EQ(talk.stats()[Counter::NdpSolicitsReceived], 1U);
  EXPECT_EQ(talk.stats()[Counter::NdpAdvertsSent], 1U);
}

// RFC 4861 7.3.3: whether a neighbour is still there is asked of itself.
TEST(Ndp, ASolicitationForOneHostIsAnsweredToo) {
  Conversation talk(with_ipv6());
  NdpMessage probe = solicitation();
  probe.destination_mac = kOurMac;
  probe.destination = kOurAddress6;
  probe.source_option.reset();
  talk.inject(build(probe));
  EXPECT_TRUE(next_ndp(talk).solicited);
}

// RFC 4862 5.4.3, RFC 4861 7.2.4: there is nobody yet to send it to but all.
TEST(Ndp, DuplicateAddressDetectionIsAnsweredToAllNodes) {
  Conversation talk(with_ipv6());
  talk.inject(build(duplicate_address_detection()));
  const NdpMessage answer = next_ndp(talk);
  EXPECT_FALSE(answer.solicited);
  EXPECT_EQ(answer.destination, kAllNodes);
  EXPECT_EQ(answer.destination_mac, kAllNodesMac);
  EXPECT_EQ(answer.source, kOurAddress6);
  EXPECT_EQ(answer.target_option, kOurMac);
}

TEST(Ndp, AVlanTagIsKept) {
  sim::ConversationOptions options = with_ipv6();
  options.shard.interfaces.front().vlan = 7;
  Conversation talk(std::move(options));
  NdpMessage asked = solicitation();
  asked.vlan = 7;
  talk.inject(build(asked));
  EXPECT_EQ(next_ndp(talk).vlan, 7);
}

// RFC 4861 7.2.3: there is nobody with our address on the other link, unless that is where it belongs.
TEST(Ndp, AnAddressIsOfItsLinkAlone) {
  sim::ConversationOptions options = with_ipv6();
  options.shard.interfaces.push_back({.vlan = 5, .mac = kOurMac});
  options.shard.addresses.push_back({.address = fd00(5), .prefix_length = 128, .interface = 1});
  Conversation talk(std::move(options));
  NdpMessage elsewhere = solicitation();
  elsewhere.vlan = 5;
  expect_silence(talk, build(elsewhere), Drop::NdpNotForUs, "ours, but on another link");
  elsewhere = duplicate_address_detection();
  elsewhere.vlan = 5;
  expect_silence(talk, build(elsewhere), Drop::NdpNotForUs, "somebody may have it there");
  NdpMessage there = solicitation(fd00(5));
  expect_silence(talk, build(there), Drop::NdpNotForUs, "the other way round");
  there.vlan = 5;
  talk.inject(build(there));
  EXPECT_EQ(next_ndp(talk).target, fd00(5));
}

// RFC 4861 7.1.1.
TEST(Ndp, WhatIsNoValidSolicitationIsSilent) {
  Conversation talk(with_ipv6());
  NdpMessage bad = solicitation();
  bad.hop_limit = 254;
  expect_silence(talk, build(bad), Drop::BadNdp, "came through a router");
  bad = solicitation();
  bad.code = 1;
  expect_silence(talk, build(bad), Drop::BadNdp, "code 1");
  bad = solicitation(kOurGroup);
  expect_silence(talk, build(bad), Drop::BadNdp, "multicast target");
  bad = solicitation(kStranger6);
  expect_silence(talk, build(bad), Drop::NdpNotForUs, "another's address");
  bad = solicitation();
  bad.raw_options = {std::byte{14}, std::byte{0}};
  bad.raw_options.resize(8);
  expect_silence(talk, build(bad), Drop::BadNdp, "an option of length 0");
  bad.raw_options[1] = std::byte{2};
  expect_silence(talk, build(bad), Drop::BadNdp, "an option beyond the end");
  bad = solicitation();
  bad.source_option = kAllNodesMac;
  expect_silence(talk, build(bad), Drop::BadNdp, "from a multicast MAC");
  bad = duplicate_address_detection();
  bad.source_option = kPeerMac;
  expect_silence(talk, build(bad), Drop::BadNdp, "from nobody, who has a MAC");
  bad = duplicate_address_detection();
  bad.destination_mac = kOurMac;
  bad.destination = kOurAddress6;
  expect_silence(talk, build(bad), Drop::BadNdp, "from nobody, for one host");
  bad = solicitation();
  bad.destination = kAllNodes;
  expect_silence(talk, build(bad), Drop::UnknownDestination, "for all nodes");
  bad = solicitation();
  bad.source = kOurAddress6;
  expect_silence(talk, build(bad), Drop::BadSource, "from ourselves");
  Bytes damaged = build(solicitation());
  damaged.back() ^= std::byte{1};
  expect_silence(talk, damaged, Drop::BadIcmpChecksum, "checksum");
  Bytes cut = patched(build(solicitation()), {{kPayloadLength6 + 1, 7}});
  cut.resize(kTcp6 + 7);
  expect_silence(talk, cut, Drop::TooShort, "seven bytes");
  EXPECT_EQ(talk.stats()[Counter::NdpSolicitsReceived], 0U);
}

TEST(Ndp, RoutersAndRedirectsAreNotHeard) {
  Conversation talk(with_ipv6());
  for (const unsigned type : {133U, 134U, 137U}) {
    NdpMessage other = advertisement();
    other.type = static_cast<std::uint8_t>(type);
    expect_silence(talk, build(other), Drop::UnhandledIcmp, "to us");
    other.destination_mac = kAllNodesMac;
    other.destination = kAllNodes;
    expect_silence(talk, build(other), Drop::NotForUs, "to all");
  }
}

TEST(Ndp, EveryFlippedBitIsNoticed) {
  Conversation talk(with_ipv6());
  const Bytes good = build(solicitation());
  for (std::size_t bit = kSource6 * 8; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    Bytes frame = good;
    frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    talk.inject(frame);
    ASSERT_FALSE(talk.next_frame());
  }
  EXPECT_EQ(talk.stats()[Counter::FramesDelivered], 0U);
}

// RFC 4861 7.2.2.
TEST_F(NdpAsks, TheSolicitedNodeGroup) {
  EXPECT_EQ(question.type, 135);
  EXPECT_EQ(question.target, kPeerAddress6);
  EXPECT_EQ(question.source, kOurAddress6);
  EXPECT_EQ(question.source_option, kOurMac);
  EXPECT_EQ(question.destination, (Ipv6Address{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 2}}));
  EXPECT_EQ(question.destination_mac, (MacAddress{{0x33, 0x33, 0xff, 0, 0, 2}}));
  EXPECT_EQ(question.hop_limit, 255);
  EXPECT_FALSE(talk.next_frame());
  talk.inject(build(advertisement()));
  EXPECT_EQ(syn_goes_to(), kPeerMac);
  EXPECT_EQ(talk.stats()[Counter::NdpSolicitsSent], 1U);
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 1U);
}

TEST_F(NdpAsks, AtMostOnceASecond) {
  for (int n = 0; n < 9; ++n) talk.advance(100ms);
  EXPECT_FALSE(talk.next_frame());
  talk.advance(10s);
  std::size_t asked = 0;
  while (talk.next_frame()) ++asked;
  EXPECT_GE(asked, 2U);
  EXPECT_LE(asked, 10U);
}

TEST_F(NdpAsks, WhatIsNoAnswerTeachesNothing) {
  NdpMessage wrong = advertisement();
  wrong.solicited = false;
  expect_silence(talk, build(wrong), Drop::NdpNotForUs, "unsolicited");
  expect_silence(talk, build(advertisement(kStranger6)), Drop::NdpNotForUs, "of somebody who was not asked for");
  wrong = advertisement();
  wrong.target_option.reset();
  expect_silence(talk, build(wrong), Drop::NdpNotForUs, "without a MAC");
  wrong = advertisement();
  wrong.target_option = kAllNodesMac;
  expect_silence(talk, build(wrong), Drop::BadNdp, "with a multicast MAC");
  wrong = advertisement();
  wrong.hop_limit = 64;
  expect_silence(talk, build(wrong), Drop::BadNdp, "through a router");
  wrong = advertisement(kOurAddress6);
  wrong.source = kPeerAddress6;
  expect_silence(talk, build(wrong), Drop::BadSource, "of our own address");
  talk.inject(build(solicitation()));  // a question is none either
  EXPECT_EQ(next_ndp(talk).type, 136);
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 0U);
  EXPECT_FALSE(talk.next_frame());
}

// An IPv4 neighbour has a name in IPv6's notation, ::ffff:10.0.0.2; but who answers for it does so by ARP.
TEST_F(NdpAsks, NothingOfAnIpv4Neighbour) {
  const Ipv4Address asked{0x0a000002};
  ASSERT_EQ(talk.shard().connect(talk.now(), SocketAddress{asked, 8080}, 0).error, ConnectError::None);
  const auto request = talk.next_frame();
  ASSERT_TRUE(request && sim::dissect(*request).arp);
  NdpMessage answer = advertisement(IpAddress(asked).v6());
  answer.source = kPeerAddress6;
  expect_silence(talk, build(answer), Drop::BadNdp, "v4-mapped");
  EXPECT_EQ(talk.stats()[Counter::NeighboursLearnt], 0U);
}

TEST_F(NdpAsks, AnAnswerThatComesTooLateIsNone) {
  // Nobody asks again while there is nothing to send.
  talk.shard().deliver(talk.now(), AbortAll{});
  talk.advance(4s);
  while (talk.next_frame()) {
  }
  expect_silence(talk, build(advertisement()), Drop::NdpNotForUs, "after four seconds");
}

// RFC 4861 7.2.5: without the override flag a known address stays what it is.
TEST_F(NdpAsks, ASecondAnswerWithoutOverrideChangesNothing) {
  talk.inject(build(advertisement()));
  EXPECT_EQ(syn_goes_to(), kPeerMac);
  NdpMessage second = advertisement(kPeerAddress6, kOtherMac);
  second.overrides = false;
  expect_silence(talk, build(second), Drop::NdpNotForUs, "of a second host");
  talk.advance(1s);
  EXPECT_EQ(syn_goes_to(), kPeerMac);
}

}  // namespace
}  // namespace levee::shard
