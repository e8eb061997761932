// What a frame must be before any state is looked at: each reason to drop with a frame that earns it, the three states
// of a checksum, damage of a single bit, padding.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Bytes;
using sim::Conversation;
using sim::data;
using sim::fix_checksums;
using sim::kAck;
using sim::kFin;
using sim::kRst;
using sim::kSyn;
using sim::Peer;
using sim::TcpPacket;

// Offsets in an untagged frame without IP options.
constexpr std::size_t kType = 12, kIp = 14, kTcp = 34, kChecksumOfTcp = kTcp + 16;

// The frame is dropped for this reason and no other, and answered with nothing.
void expect_silent_drop(Conversation& talk, const Bytes& frame, Drop reason, const std::string& what) {
  SCOPED_TRACE(what);
  const StatsSnapshot before = talk.stats();
  talk.inject(frame);
  EXPECT_FALSE(talk.next_frame());
  const StatsSnapshot after = talk.stats();
  EXPECT_EQ(after[reason], before[reason] + 1) << name(reason);
  EXPECT_EQ(after.total_drops(), before.total_drops() + 1);
  EXPECT_EQ(after[Counter::FramesReceived], after[Counter::FramesDelivered] + after.total_drops());
}

Bytes a_syn() { return build(tcp_from_peer(kSyn)); }
Bytes first(Bytes frame, std::size_t length) {
  frame.resize(length);
  return frame;
}
Bytes with_checksums(Bytes frame) {
  fix_checksums(frame);
  return frame;
}
Bytes from(Ipv4Address source) {
  TcpPacket packet = tcp_from_peer(kSyn);
  packet.source = source;
  return build(packet);
}
Bytes to(Ipv4Address destination) {
  TcpPacket packet = tcp_from_peer(kSyn);
  packet.destination = destination;
  return build(packet);
}
// IP options in the shape of four NOPs.
Bytes with_ip_options(Bytes frame) {
  frame.insert(frame.begin() + kTcp, 4, std::byte{1});
  frame = patched(frame, {{kIp, 0x46}, {kIp + 3, std::to_integer<unsigned>(frame[kIp + 3]) + 4}});
  return with_checksums(frame);
}

struct Case {
  const char* what;
  Drop reason;
  Bytes frame;
};

TEST(ReceiveChecks, Ethernet) {
  Conversation talk;
  const Case cases[] = {
      {"nothing", Drop::TooShort, {}},
      {"half an Ethernet header", Drop::TooShort, first(a_syn(), 13)},
      {"a VLAN tag cut short", Drop::TooShort, first(tagged(a_syn(), 5), 16)},
      {"another's MAC", Drop::NotForUs, patched(a_syn(), {{5, 0x77}})},
      {"IPv4 to the broadcast MAC", Drop::NotForUs,
       patched(a_syn(), {{0, 255}, {1, 255}, {2, 255}, {3, 255}, {4, 255}, {5, 255}})},
      {"a VLAN that we have not", Drop::UnknownVlan, tagged(a_syn(), 5)},
      {"a multicast MAC as source", Drop::BadSource, patched(a_syn(), {{6, 0x03}})},
      {"IPv6", Drop::UnknownEtherType, patched(a_syn(), {{kType, 0x86}, {kType + 1, 0xdd}})},
      {"an 802.3 length", Drop::UnknownEtherType, patched(a_syn(), {{kType, 0}, {kType + 1, 46}})},
      {"two tags", Drop::UnknownEtherType, tagged(tagged(a_syn(), 0), 0)},
  };
  for (const Case& one : cases) expect_silent_drop(talk, one.frame, one.reason, one.what);
}

TEST(ReceiveChecks, Arp) {
  Conversation talk;
  const Bytes request = build(arp_request(kPeerAddress, kOurAddress));
  constexpr std::size_t kArp = 14;
  const Case cases[] = {
      {"cut short", Drop::TooShort, first(request, 41)},
      {"hardware type", Drop::BadArp, patched(request, {{kArp + 1, 6}})},
      {"protocol type", Drop::BadArp, patched(request, {{kArp + 2, 0x86}})},
      {"hardware address length", Drop::BadArp, patched(request, {{kArp + 4, 8}})},
      {"protocol address length", Drop::BadArp, patched(request, {{kArp + 5, 16}})},
      {"neither request nor reply", Drop::BadArp, patched(request, {{kArp + 7, 3}})},
      {"a multicast MAC as sender", Drop::BadArp, patched(request, {{kArp + 8, 1}})},
      {"for another", Drop::ArpNotForUs, build(arp_request(kPeerAddress, {0x0a000007}))},
      {"from our own address", Drop::BadSource, build(arp_request(kOurAddress, kOurAddress))},
  };
  for (const Case& one : cases) expect_silent_drop(talk, one.frame, one.reason, one.what);
}

// RFC 9293 3.9.2.3: MUST-57 (to a group or to everybody), MUST-63 (from what cannot be a peer).
TEST(ReceiveChecks, Ipv4) {
  Conversation talk;
  const Case cases[] = {
      {"header cut short", Drop::TooShort, first(a_syn(), kIp + 19)},
      {"version 5", Drop::BadIpHeader, with_checksums(patched(a_syn(), {{kIp, 0x55}}))},
      {"header of 16 bytes", Drop::BadIpHeader, patched(a_syn(), {{kIp, 0x44}})},
      {"total length below the header's", Drop::BadIpHeader, patched(a_syn(), {{kIp + 3, 19}})},
      {"total length beyond the frame", Drop::BadIpHeader, with_checksums(patched(a_syn(), {{kIp + 3, 41}}))},
      {"packet cut short", Drop::BadIpHeader, first(a_syn(), kIp + 39)},
      {"checksum", Drop::BadIpChecksum, patched(a_syn(), {{kIp + 8, 63}})},
      {"first fragment", Drop::Fragment, with_checksums(patched(a_syn(), {{kIp + 6, 0x20}}))},
      {"later fragment", Drop::Fragment, with_checksums(patched(a_syn(), {{kIp + 6, 0}, {kIp + 7, 1}}))},
      {"to another", Drop::UnknownDestination, to({0x0a000007})},
      {"to everybody", Drop::UnknownDestination, to({0xffffffff})},
      {"to everybody here", Drop::UnknownDestination, to({0x0a0000ff})},
      {"to a group", Drop::UnknownDestination, to({0xe0000001})},
      {"from 0.0.0.0", Drop::BadSource, from({0})},
      {"from loopback", Drop::BadSource, from({0x7f000001})},
      {"from a group", Drop::BadSource, from({0xe0000001})},
      {"from class E", Drop::BadSource, from({0xf0000001})},
      {"from 255.255.255.255", Drop::BadSource, from({0xffffffff})},
      {"from the directed broadcast", Drop::BadSource, from({0x0a0000ff})},
      {"from the network's own address", Drop::BadSource, from({0x0a000000})},
      {"LAND: from ourselves", Drop::BadSource, from(kOurAddress)},
      {"UDP", Drop::UnknownProtocol, with_checksums(patched(a_syn(), {{kIp + 9, 17}}))},
  };
  for (const Case& one : cases) expect_silent_drop(talk, one.frame, one.reason, one.what);
}

// RFC 9293 3.1, MUST-3: among others a wrong checksum.
TEST(ReceiveChecks, Tcp) {
  Conversation talk;
  const auto flags = [](std::uint8_t bits) { return build(tcp_from_peer(bits)); };
  Bytes half_header = first(a_syn(), kTcp + 19);
  half_header = with_checksums(patched(half_header, {{kIp + 3, 39}}));
  const Case cases[] = {
      {"less than a header", Drop::BadTcpHeader, half_header},
      {"data offset 4", Drop::BadTcpHeader, with_checksums(patched(a_syn(), {{kTcp + 12, 0x40}}))},
      {"data offset beyond the packet", Drop::BadTcpHeader, with_checksums(patched(a_syn(), {{kTcp + 12, 0x60}}))},
      {"checksum", Drop::BadTcpChecksum, patched(a_syn(), {{kTcp + 15, 1}})},
      {"from TCP port 0", Drop::TcpPortZero, with_checksums(patched(a_syn(), {{kTcp, 0}, {kTcp + 1, 0}}))},
      {"to TCP port 0", Drop::TcpPortZero, with_checksums(patched(a_syn(), {{kTcp + 2, 0}, {kTcp + 3, 0}}))},
      {"SYN+FIN", Drop::BadTcpFlags, flags(kSyn | kFin)},
      {"SYN+RST", Drop::BadTcpFlags, flags(kSyn | kRst)},
      {"everything", Drop::BadTcpFlags, flags(0xff)},
      {"nothing", Drop::BadTcpFlags, flags(0)},
      {"FIN alone", Drop::BadTcpFlags, flags(kFin)},
      {"RST to nobody", Drop::NoConnection, flags(kRst)},
  };
  for (const Case& one : cases) expect_silent_drop(talk, one.frame, one.reason, one.what);
  EXPECT_EQ(talk.stats()[Counter::InErrs], 4U);  // headers and checksums
}

// RFC 9293 3.5.2, group 1: the two that are answered.
TEST(ReceiveChecks, StraysAreReset) {
  Conversation talk;
  TcpPacket elsewhere = tcp_from_peer(kSyn);
  elsewhere.destination_port = 81;
  talk.inject(build(elsewhere));
  talk.inject(build(tcp_from_peer(kAck)));
  EXPECT_EQ(talk.stats()[Drop::NoListener], 1U);
  EXPECT_EQ(talk.stats()[Drop::NoConnection], 1U);
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 2U);
  talk.ignores_the_rest();
}

// RFC 9293 3.9.2, MUST-50: the second is one that nobody knows.
TEST(ReceiveChecks, IpOptionsAreSteppedOver) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  talk.inject(with_ip_options(peer.frame_of(data("hello").seq(1))));
  const Bytes unknown = with_ip_options(peer.frame_of(data(" world").seq(6)));
  talk.inject(with_checksums(patched(unknown, {{kTcp, 0x9e}, {kTcp + 1, 4}})));
  EXPECT_EQ(talk.service().received, "hello world");
  talk.ignores_the_rest();
}

TEST(ReceiveChecks, IpOptionsBelongToTheChecksum) {
  Conversation talk;
  expect_silent_drop(talk, patched(with_ip_options(a_syn()), {{kTcp, 7}}), Drop::BadIpChecksum, "option changed");
}

// The three states that floor 3 may claim, each over a good and a bad sum. The IPv4 header is never partial: only a
// device that is trusted saves its sum.
TEST(ReceiveChecks, ChecksumStates) {
  constexpr auto kUnverified = ChecksumState::Unverified, kVerified = ChecksumState::Verified,
                 kPartial = ChecksumState::Partial;
  struct {
    ChecksumState ip, tcp;
    bool bad_ip, bad_tcp, accepted;
  } const cases[] = {
      {kUnverified, kUnverified, false, false, true}, {kUnverified, kUnverified, true, false, false},
      {kUnverified, kUnverified, false, true, false}, {kVerified, kVerified, true, true, true},
      {kVerified, kUnverified, true, false, true},    {kVerified, kUnverified, true, true, false},
      {kUnverified, kVerified, false, true, true},    {kUnverified, kVerified, true, true, false},
      {kUnverified, kPartial, false, true, true},     {kUnverified, kPartial, true, true, false},
      {kPartial, kPartial, false, true, true},        {kPartial, kPartial, true, true, false},
  };
  int number = 0;
  for (const auto& one : cases) {
    SCOPED_TRACE(number++);
    Conversation talk;
    Peer& peer = talk.peer();
    peer.opens();
    Bytes frame = peer.frame_of(data("hello"));
    if (one.bad_ip) frame[kIp + 10] ^= std::byte{0x55};
    if (one.bad_tcp) frame[kChecksumOfTcp] ^= std::byte{0x55};
    arrives(talk, frame, {.ip_checksum = one.ip, .tcp_checksum = one.tcp});
    EXPECT_EQ(talk.service().received, one.accepted ? "hello" : "");
    EXPECT_EQ(talk.stats()[Drop::BadIpChecksum] + talk.stats()[Drop::BadTcpChecksum], one.accepted ? 0U : 1U);
    talk.ignores_the_rest();
  }
}

// RFC 1071: a checksum is judged by the sum over it, where both zeros are the same.
TEST(ReceiveChecks, BothZerosAreValid) {
  for (const unsigned zero : {0x00U, 0xffU}) {
    SCOPED_TRACE(zero);
    Conversation talk;
    Peer& peer = talk.peer();
    peer.opens();
    // The last two bytes of text make the rest of the sum whole, so that the checksum comes out as 0.
    Bytes frame = peer.frame_of(sim::data(std::string("ab\0\0", 4)));
    frame[kTcp + 22] = frame[kChecksumOfTcp];
    frame[kTcp + 23] = frame[kChecksumOfTcp + 1];
    fix_checksums(frame);
    ASSERT_EQ(frame[kChecksumOfTcp], std::byte{0});
    ASSERT_EQ(frame[kChecksumOfTcp + 1], std::byte{0});
    frame = patched(frame, {{kChecksumOfTcp, zero}, {kChecksumOfTcp + 1, zero}});
    talk.inject(frame);
    EXPECT_EQ(talk.service().received.size(), 4U);
    EXPECT_EQ(talk.stats()[Drop::BadTcpChecksum], 0U);
    talk.ignores_the_rest();
  }
}

TEST(ReceiveChecks, ASingleBitFlippedBehindEthernetIsNoticed) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens({.timestamps = true});
  const Bytes good = peer.frame_of(data("a segment of text, to be damaged"));
  const std::uint64_t delivered = talk.stats()[Counter::FramesDelivered];
  for (std::size_t bit = kIp * 8; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    Bytes frame = good;
    frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    talk.inject(frame);
    ASSERT_FALSE(talk.next_frame());
    ASSERT_EQ(talk.stats()[Counter::FramesDelivered], delivered);
  }
  EXPECT_EQ(talk.service().received, "");
  EXPECT_EQ(talk.service().take_events(), "opened");
  talk.inject(good);
  EXPECT_EQ(talk.service().received, "a segment of text, to be damaged");
  talk.ignores_the_rest();
}

// Short frames are padded to 60 bytes; lengths come from the IP header.
TEST(ReceiveChecks, EthernetPaddingIsNotText) {
  Conversation talk;
  Peer& peer = talk.peer();
  peer.opens();
  for (const std::size_t padding : {1U, 5U, 6U, 500U}) {
    Bytes frame = peer.frame_of(data("x"));
    peer.snd_nxt += 1;
    frame.resize(frame.size() + padding, std::byte{0xee});
    talk.inject(frame);
    peer.expects(ack().ack(peer.snd_nxt - peer.iss));
  }
  EXPECT_EQ(talk.service().received, "xxxx");
}

}  // namespace
}  // namespace levee::shard
