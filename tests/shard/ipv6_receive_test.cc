// IPv6 frames that are not what they should be are dropped for the reason that is theirs, and none is answered.
#include <gtest/gtest.h>

#include "shard/ipv6_frames.h"
#include "shard/topology.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::kAck;
using sim::kSyn;
using sim::TcpPacket;

class Ipv6Receive : public testing::Test {
 protected:
  void expect_drop(const Bytes& frame, Drop reason, const std::string& what) {
    SCOPED_TRACE(what);
    const std::uint64_t before = talk.stats()[reason];
    talk.inject(frame);
    EXPECT_FALSE(talk.next_frame());
    EXPECT_EQ(talk.stats()[reason], before + 1) << name(reason);
  }
  void expect_drop(const TcpPacket& packet, Drop reason, const std::string& what) {
    expect_drop(build(packet), reason, what);
  }

  Conversation talk{with_ipv6()};
  const Bytes syn = build(tcp6_from_peer(kSyn));
};

TEST_F(Ipv6Receive, HeadersThatDoNotFit) {
  expect_drop(patched(syn, {{kIp6, 0x50}}), Drop::BadIpHeader, "version 5");
  expect_drop(patched(syn, {{kIp6, 0x40}}), Drop::BadIpHeader, "version 4");
  expect_drop(patched(syn, {{kPayloadLength6 + 1, 21}}), Drop::BadIpHeader, "longer than the frame");
  expect_drop(patched(syn, {{kPayloadLength6, 0xff}}), Drop::BadIpHeader, "much longer");
  expect_drop(patched(syn, {{kPayloadLength6 + 1, 19}}), Drop::BadTcpHeader, "no room for TCP");
  expect_drop(patched(syn, {{kPayloadLength6 + 1, 0}}), Drop::BadTcpHeader, "a jumbo payload's length");
  for (std::size_t size = 14; size < kTcp6; ++size) {
    expect_drop(Bytes(syn.begin(), syn.begin() + static_cast<std::ptrdiff_t>(size)), Drop::TooShort, "cut");
  }
}

// RFC 9293 MUST-63, RFC 4291 2.5.2, 2.5.3, 2.5.5.2, 2.7: no SYN from an address that cannot be a peer's.
TEST_F(Ipv6Receive, SourcesThatCannotBe) {
  const std::pair<const char*, Ipv6Address> sources[] = {
      {"unspecified", {}},       {"loopback", {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}},
      {"multicast", kAllNodes},  {"IPv4-mapped", {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}}},
      {"our own", kOurAddress6},
  };
  for (const auto& [what, source] : sources) {
    Bytes frame = syn;
    for (std::size_t i = 0; i < 16; ++i) frame[kSource6 + i] = static_cast<std::byte>(source.octets[i]);
    sim::fix_checksums(frame);
    expect_drop(frame, Drop::BadSource, what);
  }
}

// RFC 9293 MUST-57.
TEST_F(Ipv6Receive, DestinationsThatAreNotOurs) {
  TcpPacket packet = tcp6_from_peer(kSyn);
  packet.destination = kStranger6;
  expect_drop(packet, Drop::UnknownDestination, "another host");
  packet.destination = kAllNodes;
  expect_drop(packet, Drop::UnknownDestination, "all nodes");
  packet.destination = kOurGroup;
  expect_drop(packet, Drop::UnknownDestination, "our solicited-node group");
  packet = tcp6_from_peer(kSyn);
  packet.destination_mac = kOurGroupMac;
  expect_drop(packet, Drop::UnknownDestination, "our address to a group's MAC");
  packet.destination_mac = kAllNodesMac;
  expect_drop(packet, Drop::NotForUs, "our address to all nodes");
  packet.destination_mac = kBroadcastMac;
  expect_drop(packet, Drop::NotForUs, "our address to everybody");
}

// RFC 8200 4: counted and dropped, not processed; RFC 6946's atomic fragments, too.
TEST_F(Ipv6Receive, ExtensionHeadersAndFragments) {
  for (const unsigned header : {0U, 43U, 50U, 51U, 59U, 60U, 135U, 139U, 140U}) {
    expect_drop(patched(syn, {{kNextHeader, header}}), Drop::ExtensionHeader, std::to_string(header));
  }
  expect_drop(patched(syn, {{kNextHeader, 44}}), Drop::Fragment, "a fragment header");
  for (const unsigned header : {1U, 2U, 17U, 58U + 70U, 255U}) {
    expect_drop(patched(syn, {{kNextHeader, header}}), Drop::UnknownProtocol, std::to_string(header));
  }
}

TEST_F(Ipv6Receive, TcpThatIsNotRight) {
  expect_drop(patched(syn, {{kTcp6 + 12, 0x40}}), Drop::BadTcpHeader, "data offset 4");
  expect_drop(patched(syn, {{kTcp6 + 12, 0x60}}), Drop::BadTcpHeader, "data offset beyond the packet");
  expect_drop(patched(syn, {{kTcp6 + 14, 1}}), Drop::BadTcpChecksum, "window changed");
  expect_drop(patched(syn, {{kSource6 + 15, 3}}), Drop::BadTcpChecksum, "source changed");
  TcpPacket packet = tcp6_from_peer(kSyn);
  packet.source_port = 0;
  expect_drop(packet, Drop::TcpPortZero, "from port 0");
  expect_drop(tcp6_from_peer(kSyn | sim::kFin), Drop::BadTcpFlags, "SYN and FIN");
  expect_drop(tcp6_from_peer(0), Drop::BadTcpFlags, "no flag");
}

TEST_F(Ipv6Receive, EveryFlippedBitIsNoticed) {
  Bytes good = build(tcp6_from_peer(kSyn));
  for (std::size_t bit = kSource6 * 8; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    Bytes frame = good;
    frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    talk.inject(frame);
    ASSERT_FALSE(talk.next_frame());
  }
  EXPECT_EQ(talk.stats()[Counter::FramesDelivered], 0U);
}

// Traffic class, flow label and hop limit are the network's business.
TEST_F(Ipv6Receive, WhatTheNetworkChangesIsIgnored) {
  talk.inject(patched(syn, {{kIp6, 0x6f}, {kIp6 + 1, 0xff}, {kIp6 + 3, 0xff}, {kHopLimit, 0}}));
  EXPECT_TRUE(talk.next_frame());
}

TEST_F(Ipv6Receive, AChainedFrameIsPulledTogether) {
  for (std::size_t cut = 1; cut < syn.size(); ++cut) {
    SCOPED_TRACE(cut);
    arrives(talk, build(tcp6_from_peer(kSyn, static_cast<std::uint16_t>(50000 + cut))), {.cuts = {cut}});
    // The queue takes fourteen: the rest is refused, after having been read.
    while (talk.next_frame()) {
    }
  }
  EXPECT_EQ(talk.stats()[Counter::SynsReceived], syn.size() - 1);
}

TEST_F(Ipv6Receive, ADeviceMayHaveVerifiedTheChecksum) {
  const Bytes wrong = patched(syn, {{kTcp6 + 16, 0xab}});
  arrives(talk, wrong, {.tcp_checksum = ChecksumState::Verified});
  EXPECT_TRUE(talk.next_frame());
  arrives(talk, wrong, {.tcp_checksum = ChecksumState::Unverified});
  EXPECT_FALSE(talk.next_frame());
}

// A host that has no IPv6 address does not speak it.
TEST(Ipv6, IsUnknownWithoutAnAddress) {
  Conversation talk;
  talk.inject(build(tcp6_from_peer(kSyn)));
  talk.inject(build(solicitation()));
  EXPECT_FALSE(talk.next_frame());
  EXPECT_EQ(talk.stats()[Drop::UnknownEtherType] + talk.stats()[Drop::NotForUs], 2U);
}

}  // namespace
}  // namespace levee::shard
