// ICMP errors over both families: what they quote must be a segment of ours that is on the road, and then they are told
// or lower the path MTU, never more (RFC 9293 3.9.2.2, RFC 5927, RFC 1191, RFC 8201).
#include <gtest/gtest.h>

#include "shard/ipv6_frames.h"
#include "shard/shard_pair.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Bytes;
using sim::Conversation;
using sim::data_of;
using sim::IcmpError;
using sim::Peer;
using sim::Seen;
using sim::TcpPacket;
using namespace std::chrono_literals;

struct Family {
  const char* name;
  bool v6;
  std::uint16_t mss;
};

// A connection with a segment on the road, and routers that talk about it.
class IcmpErrors : public testing::TestWithParam<Family> {
 protected:
  IcmpErrors() {
    peer.opens({.mss = GetParam().mss});
    talk.run();
    talk.service().take_events();
    const std::string text(GetParam().mss, 'x');
    EXPECT_EQ(talk.service().connection.send(std::as_bytes(std::span(text))), text.size());
    segment = peer.expects(data_of(GetParam().mss));
  }
  static sim::ConversationOptions options() { return GetParam().v6 ? over_ipv6() : sim::ConversationOptions(); }
  [[nodiscard]] static bool v6() { return GetParam().v6; }

  // As much as RFC 792's routers quote, or all.
  [[nodiscard]] static Bytes quote(const TcpPacket& packet, bool all = false) {
    const Bytes frame = build(packet);
    const std::size_t end = all ? frame.size() : (v6() ? 14 + 40 + 8 : 14 + 20 + 8);
    return {frame.begin() + 14, frame.begin() + static_cast<std::ptrdiff_t>(end)};
  }
  [[nodiscard]] static IcmpError error(std::uint8_t type, std::uint8_t code, Bytes quoted,
                                       std::uint32_t parameter = 0) {
    IcmpError error;
    error.source_mac = kPeerMac;
    error.destination_mac = kOurMac;
    error.source = v6() ? IpAddress(kStranger6) : IpAddress(Ipv4Address{0x0a000063});
    error.destination = v6() ? IpAddress(kOurAddress6) : IpAddress(kOurAddress);
    error.type = type;
    error.code = code;
    error.parameter = parameter;
    error.quoted = std::move(quoted);
    return error;
  }
  [[nodiscard]] static IcmpError port_unreachable(Bytes quoted) {
    return v6() ? error(1, 4, std::move(quoted)) : error(3, 3, std::move(quoted));
  }
  [[nodiscard]] static IcmpError too_big(Bytes quoted, std::uint32_t mtu) {
    return v6() ? error(2, 0, std::move(quoted), mtu) : error(3, 4, std::move(quoted), mtu);
  }
  void expect_drop(const IcmpError& message, Drop reason, const char* what) {
    SCOPED_TRACE(what);
    const std::uint64_t before = talk.stats()[reason];
    talk.inject(build(message));
    EXPECT_EQ(talk.stats()[reason], before + 1);
    EXPECT_FALSE(talk.next_frame());
    EXPECT_EQ(talk.service().take_events(), "");
  }
  [[nodiscard]] std::uint32_t mss() { return talk.service().connection.info().effective_mss; }

  Conversation talk{options()};
  Peer& peer = talk.peer();
  Seen segment;
};

// MUST-47, MUST-54, MUST-56, SHLD-25: all of them are told and none ends the connection; SHLD-26's are soft, too (RFC
// 5461 4.1).
TEST_P(IcmpErrors, AreToldAndEndNothing) {
  struct Case {
    std::uint8_t type, code;
    bool taken;
  };
  const std::vector<Case> cases =
      v6() ? std::vector<Case>{{1, 0, true}, {1, 1, true}, {1, 2, true},  {1, 3, true},  {1, 4, true},
                               {1, 5, true}, {1, 6, true}, {1, 7, false}, {3, 0, true},  {3, 1, true},
                               {4, 0, true}, {4, 1, true}, {4, 2, true},  {5, 0, false}, {100, 0, false}}
           : std::vector<Case>{{3, 0, true},  {3, 1, true},  {3, 2, true},  {3, 3, true},   {3, 5, true},
                               {3, 6, true},  {3, 7, true},  {3, 8, true},  {3, 9, true},   {3, 10, true},
                               {3, 11, true}, {3, 12, true}, {3, 13, true}, {3, 14, false}, {11, 0, true},
                               {11, 1, true}, {12, 0, true}, {5, 0, false}, {4, 0, false}};
  std::uint64_t taken = 0, ignored = 0;
  for (const Case& one : cases) {
    talk.inject(build(error(one.type, one.code, quote(segment))));
    one.taken ? ++taken : ++ignored;
    EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], taken) << int{one.type} << ' ' << int{one.code};
    EXPECT_EQ(talk.stats()[Drop::UnhandledIcmp], ignored);
  }
  EXPECT_FALSE(talk.next_frame());
  EXPECT_EQ(talk.service().connection.state(), State::Established);
  peer.sends(ack());
  EXPECT_EQ(talk.service().connection.state(), State::Established);
}

// SHLD-26: before the connection is synchronized a hard error is a refusal, a soft one is told (MUST-47).
TEST_P(IcmpErrors, HardOnesRefuseAnOpen) {
  const IpAddress address = v6() ? IpAddress(kPeerAddress6) : IpAddress(Ipv4Address{0x0a000002});
  Peer& server = talk.add_peer({.address = address, .tcp_port = 8080, .shard_port = 0});
  Connection connection = talk.shard().connect(talk.now(), {address, 8080}, 0).connection;
  const Seen opening = server.expects(sim::syn());
  talk.inject(build(v6() ? error(1, 0, quote(opening)) : error(3, 0, quote(opening))));
  EXPECT_EQ(talk.service().take_events(), "report network_unreachable");
  EXPECT_EQ(connection.state(), State::SynSent);
  talk.inject(build(port_unreachable(quote(opening))));
  EXPECT_EQ(talk.service().take_events(), "closed refused");
  EXPECT_FALSE(connection.live());
}

// MUST-55: a source quench is silently discarded.
class IcmpErrorsOverIpv4 : public IcmpErrors {};
TEST_P(IcmpErrorsOverIpv4, SourceQuenchIsDiscarded) {
  const std::uint32_t cwnd = talk.service().connection.info().cwnd;
  expect_drop(error(4, 0, quote(segment)), Drop::UnhandledIcmp, "source quench");
  EXPECT_EQ(talk.service().connection.info().cwnd, cwnd);
}

// RFC 5927 4.1: SND.UNA <= SEG.SEQ < SND.NXT.
TEST_P(IcmpErrors, AQuoteThatIsNotOnTheRoadIsSomebodyElses) {
  TcpPacket quoted = segment;
  quoted.sequence = segment.sequence - 1;
  expect_drop(port_unreachable(quote(quoted)), Drop::IcmpOutOfWindow, "acknowledged");
  quoted.sequence = segment.sequence + GetParam().mss;
  expect_drop(port_unreachable(quote(quoted)), Drop::IcmpOutOfWindow, "not sent");
  expect_drop(too_big(quote(quoted), 1300), Drop::IcmpOutOfWindow, "too big, but not sent");
  EXPECT_EQ(mss(), GetParam().mss);
  quoted.sequence = segment.sequence + GetParam().mss - 1U;
  talk.inject(build(port_unreachable(quote(quoted))));
  EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], 1U);
}

TEST_P(IcmpErrors, AQuoteOfNoConnectionIsCounted) {
  TcpPacket quoted = segment;
  quoted.destination_port = 1;
  expect_drop(port_unreachable(quote(quoted)), Drop::IcmpNoConnection, "another port");
  quoted = segment;
  quoted.destination = v6() ? IpAddress(fd00(7)) : IpAddress(Ipv4Address{0x0a000007});
  expect_drop(port_unreachable(quote(quoted)), Drop::IcmpNoConnection, "another host");
  quoted = segment;
  std::swap(quoted.source, quoted.destination);
  std::swap(quoted.source_port, quoted.destination_port);
  expect_drop(port_unreachable(quote(quoted)), Drop::IcmpNoConnection, "a segment of the peer's");
}

// A byte too few, another protocol, a header that is none: read within bounds and left.
TEST_P(IcmpErrors, QuotesThatSayNothing) {
  const Bytes good = quote(segment);
  for (std::size_t size = 0; size < good.size(); ++size) {
    expect_drop(port_unreachable(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
                Drop::UnhandledIcmp, "cut short");
  }
  Bytes odd = good;
  odd[v6() ? 6 : 9] = std::byte{17};
  expect_drop(port_unreachable(odd), Drop::UnhandledIcmp, "UDP");
  odd = good;
  odd[0] = std::byte{0x5f};
  expect_drop(port_unreachable(odd), Drop::UnhandledIcmp, "version 5");
  if (!v6()) {
    odd[0] = std::byte{0x4f};
    expect_drop(port_unreachable(odd), Drop::UnhandledIcmp, "options beyond the end");
    odd[0] = std::byte{0x44};
    expect_drop(port_unreachable(odd), Drop::UnhandledIcmp, "a header of four words");
    odd = good;
    odd[7] = std::byte{1};
    expect_drop(port_unreachable(odd), Drop::UnhandledIcmp, "a later fragment");
  }
}

TEST_P(IcmpErrors, AWrongChecksumIsNoticed) {
  Bytes frame = build(port_unreachable(quote(segment)));
  frame.back() ^= std::byte{1};
  talk.inject(frame);
  EXPECT_EQ(talk.stats()[Drop::BadIcmpChecksum], 1U);
  EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], 0U);
}

// RFC 1191 6.3, RFC 8201 4. The segment was not acknowledged, so there is no proof that the size passes.
TEST_P(IcmpErrors, TooBigLowersThePathMtu) {
  EXPECT_EQ(talk.service().connection.info().path_mtu, 1500U);
  talk.inject(build(too_big(quote(segment, true), 1300)));
  EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], 1U);
  EXPECT_EQ(mss(), 1300U - (v6() ? 60 : 40));
  EXPECT_EQ(talk.service().connection.info().path_mtu, 1300U);
  talk.ignores_the_rest();
}

// What is quoted may lie in later buffers, the rest of it.
TEST_P(IcmpErrors, TheFirstPieceIsEnough) {
  const Bytes frame = build(too_big(quote(segment, true), 1300));
  const std::size_t header = v6() ? 40 : 20;
  arrives(talk, frame, {.cuts = {14 + header + 7}});
  EXPECT_EQ(talk.stats()[Drop::UnhandledIcmp], 1U);
  arrives(talk, frame, {.cuts = {14 + header + 8 + header + 7}});
  EXPECT_EQ(talk.stats()[Drop::UnhandledIcmp], 2U);
  EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], 0U);
  arrives(talk, frame, {.cuts = {14 + header + 8 + header + 8}});
  EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], 1U);
  EXPECT_EQ(mss(), 1300 - header - 20);
  talk.ignores_the_rest();
}

// RFC 5927 7.2: where segments of that size have arrived, it is believed when the next one does not.
TEST_P(IcmpErrors, TooBigWaitsForALossWhereTheSizeIsProven) {
  peer.sends(ack(1U + GetParam().mss));
  const std::string text(GetParam().mss, 'y');
  ASSERT_EQ(talk.service().connection.send(std::as_bytes(std::span(text))), text.size());
  const Seen second = peer.expects(data_of(GetParam().mss));
  talk.inject(build(too_big(quote(second, true), 1300)));
  EXPECT_EQ(talk.stats()[Counter::IcmpErrorsTaken], 1U);
  EXPECT_EQ(mss(), GetParam().mss);
  talk.advance(300ms);  // a second timeout would suspect a black hole
  EXPECT_EQ(mss(), 1300U - (v6() ? 60 : 40));
  talk.ignores_the_rest();
}

// RFC 8201 4: less than every link carries is not true. IPv4's least is tcp/icmp_error.h's.
class IcmpErrorsOverIpv6 : public IcmpErrors {};
TEST_P(IcmpErrorsOverIpv6, TooBigForEveryLinkIsNotBelieved) {
  for (const std::uint32_t mtu : {0U, 68U, 576U, 1279U}) {
    expect_drop(too_big(quote(segment), mtu), Drop::UnhandledIcmp, "below 1280");
  }
  EXPECT_EQ(mss(), GetParam().mss);
}

TEST_P(IcmpErrors, AnErrorToAGroupIsSilent) {
  IcmpError message = port_unreachable(quote(segment));
  message.destination = v6() ? IpAddress(kOurGroup) : IpAddress(Ipv4Address{0x0a0000ff});
  expect_drop(message, Drop::UnknownDestination, "group");
}

constexpr Family kIpv4{"Ipv4", false, 1460}, kIpv6{"Ipv6", true, 1440};
std::string name_of(const testing::TestParamInfo<Family>& family) { return family.param.name; }
INSTANTIATE_TEST_SUITE_P(Both, IcmpErrors, testing::Values(kIpv4, kIpv6), name_of);
INSTANTIATE_TEST_SUITE_P(One, IcmpErrorsOverIpv4, testing::Values(kIpv4), name_of);
INSTANTIATE_TEST_SUITE_P(One, IcmpErrorsOverIpv6, testing::Values(kIpv6), name_of);

}  // namespace
}  // namespace levee::shard
