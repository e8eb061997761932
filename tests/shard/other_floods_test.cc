// The floods that are no SYN floods: whatever is sent, it is dropped and counted by its own reason, answered only where
// the RFC has an answer, and it leaves no state, no neighbour and no buffer behind, while an honest connection goes on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::ack;
using sim::Bytes;
using sim::Conversation;
using sim::ConversationOptions;
using sim::data;
using sim::kAck;
using sim::kFin;
using sim::kPsh;
using sim::kRst;
using sim::kSyn;
using sim::kUrg;
using sim::Peer;
using sim::syn;
using sim::syn_ack;
using sim::TcpPacket;
using namespace std::chrono_literals;

constexpr unsigned kFlood = 200;
constexpr std::uint32_t kRstsPerSecond = 100;  // to one destination
constexpr std::size_t kIp = 14;

// The i-th frame of a flood comes from a host of its own.
Ipv4Address host(unsigned i) { return {0xc6336400U + i}; }

TcpPacket from_host(unsigned i, std::uint8_t flags) {
  TcpPacket packet = tcp_from_peer(flags, static_cast<std::uint16_t>(1024 + 7 * i));
  packet.source = host(i);
  packet.sequence = 77 * i;
  packet.acknowledgment = 1U << 31 | i;
  return packet;
}

struct Flood {
  const char* what;
  Bytes (*frame)(unsigned i);
  Drop reason;                  // what each of its frames is dropped for
  Drop reason_with_cookies;     // the same while cookies live
  bool is_reset = false;        // outside that time
  bool is_still_reset = false;  // while cookies live
};

template <std::uint8_t flags>
Bytes bare(unsigned i) {
  return build(from_host(i, flags));
}
Bytes text(unsigned i) {
  TcpPacket packet = from_host(i, kAck | kPsh);
  packet.payload = sim::to_bytes("GET / HTTP/1.1\r\n");
  return build(packet);
}
Bytes fragment(unsigned i) {
  Bytes frame = patched(text(i), {{kIp + 6, i % 2 == 0 ? 0x20U : 0x00U}, {kIp + 7, i % 2 == 0 ? 0U : 100U}});
  sim::fix_checksums(frame);
  return frame;
}
Bytes bad_ip_checksum(unsigned i) { return patched(bare<kSyn>(i), {{kIp + 8, 65}}); }
Bytes bad_tcp_checksum(unsigned i) { return patched(bare<kSyn>(i), {{kIp + 20 + 15, 1}}); }
Bytes from(Ipv4Address source, unsigned i) {
  TcpPacket packet = from_host(i, i % 2 == 0 ? kSyn : kAck);
  packet.source = source;
  return build(packet);
}
Bytes land(unsigned i) { return from(kOurAddress, i); }
Bytes from_everybody(unsigned i) { return from(i % 3 == 0 ? Ipv4Address{0xffffffff} : Ipv4Address{0x0a0000ff}, i); }
Bytes from_a_group(unsigned i) { return from({0xe0000000U + i}, i); }
Bytes from_a_group_mac(unsigned i) { return patched(bare<kSyn>(i), {{6, 1}, {11, i}}); }
Bytes to_everybody(unsigned i) {
  TcpPacket packet = from_host(i, kSyn);
  packet.destination = Ipv4Address{0x0a0000ff};
  return build(packet);
}
Bytes port_zero(unsigned i) {
  TcpPacket packet = from_host(i, i % 2 == 0 ? kSyn : kAck);
  (i % 3 == 0 ? packet.source_port : packet.destination_port) = 0;
  return build(packet);
}

const Flood kFloods[] = {
    {"ACK", bare<kAck>, Drop::NoConnection, Drop::CookieFailed, true},
    {"data", text, Drop::NoConnection, Drop::CookieFailed, true},
    {"FIN+ACK", bare<kFin | kAck>, Drop::NoConnection, Drop::CookieFailed, true},
    {"SYN+ACK", bare<kSyn | kAck>, Drop::NoConnection, Drop::NoConnection, true, true},
    {"RST", bare<kRst>, Drop::NoConnection, Drop::NoConnection},
    {"RST+ACK", bare<kRst | kAck>, Drop::NoConnection, Drop::NoConnection},
    {"FIN", bare<kFin>, Drop::BadTcpFlags, Drop::BadTcpFlags},
    {"SYN+FIN", bare<kSyn | kFin>, Drop::BadTcpFlags, Drop::BadTcpFlags},
    {"SYN+RST", bare<kSyn | kRst>, Drop::BadTcpFlags, Drop::BadTcpFlags},
    {"NULL", bare<0>, Drop::BadTcpFlags, Drop::BadTcpFlags},
    {"Xmas", bare<kFin | kPsh | kUrg>, Drop::BadTcpFlags, Drop::BadTcpFlags},
    {"fragments", fragment, Drop::Fragment, Drop::Fragment},
    {"bad IPv4 checksums", bad_ip_checksum, Drop::BadIpChecksum, Drop::BadIpChecksum},
    {"bad TCP checksums", bad_tcp_checksum, Drop::BadTcpChecksum, Drop::BadTcpChecksum},
    {"LAND", land, Drop::BadSource, Drop::BadSource},
    {"from broadcast addresses", from_everybody, Drop::BadSource, Drop::BadSource},
    {"from multicast addresses", from_a_group, Drop::BadSource, Drop::BadSource},
    {"from multicast MACs", from_a_group_mac, Drop::BadSource, Drop::BadSource},
    {"to a broadcast address", to_everybody, Drop::UnknownDestination, Drop::UnknownDestination},
    {"TCP port 0", port_zero, Drop::TcpPortZero, Drop::TcpPortZero},
};

void inject_flood(Conversation& talk, Bytes (*frame)(unsigned)) {
  std::vector<Bytes> burst;
  for (unsigned i = 0; i < kFlood; ++i) burst.push_back(frame(i));
  talk.inject(burst);
}

// Takes what was sent; each frame must be an RST that was asked for by a frame of the flood.
unsigned count_resets(Conversation& talk) {
  unsigned resets = 0;
  while (const auto frame = talk.next_frame()) {
    const auto parts = sim::dissect(*frame);
    EXPECT_TRUE(parts.tcp && parts.tcp->has(kRst) && parts.tcp->destination == host(resets)) << sim::describe(*frame);
    ++resets;
  }
  return resets;
}

void expect_nothing_left(Conversation& talk, const Flood& flood, Drop reason, bool is_reset) {
  SCOPED_TRACE(flood.what);
  const StatsSnapshot before = talk.stats();
  const std::uint64_t digest = talk.shard().digest();
  const std::size_t buffers = talk.pool().out();
  const Instant deadline = talk.shard().next_deadline();
  inject_flood(talk, flood.frame);
  EXPECT_EQ(count_resets(talk), is_reset ? kFlood : 0U);
  const StatsSnapshot after = talk.stats();
  EXPECT_EQ(after[reason], before[reason] + kFlood) << name(reason);
  EXPECT_EQ(after.total_drops(), before.total_drops() + kFlood);
  EXPECT_EQ(talk.shard().digest(), digest);
  EXPECT_EQ(talk.pool().out(), buffers);
  EXPECT_EQ(talk.shard().next_deadline(), deadline);
  EXPECT_EQ(talk.shard().connections(), 1U);
  EXPECT_EQ(talk.shard().half_open() + talk.shard().time_wait(), 0U);
  EXPECT_EQ(after[Counter::NeighboursLearnt], before[Counter::NeighboursLearnt]);
  EXPECT_EQ(after[Counter::ArpRequestsSent], 0U);
}

TEST(OtherFloods, LeaveNothingBehind) {
  Conversation talk;
  Peer& honest = talk.peer();
  honest.opens();
  for (const Flood& flood : kFloods) {
    expect_nothing_left(talk, flood, flood.reason, flood.is_reset);
    honest.sends(data("still here"));
    talk.advance(1s);
    honest.expects(ack(honest.snd_nxt - honest.iss));
  }
}

// RFC 9293 3.10.7.1 would reset the ACKs; an honest client's retransmission may be on its way (DESIGN: never reset).
TEST(OtherFloods, LeaveNothingBehindWhileCookiesLive) {
  ConversationOptions options;
  options.shard.syn.cookies = SynCookies::Always;
  Conversation talk(std::move(options));
  Peer& honest = talk.peer();
  honest.opens();
  for (const Flood& flood : kFloods) {
    Peer& knocks = talk.add_peer({.tcp_port = 41000});
    knocks.sends(syn().mss(1460));
    knocks.expects(syn_ack());
    expect_nothing_left(talk, flood, flood.reason_with_cookies, flood.is_still_reset);
    honest.sends(data("still here"));
    talk.advance(1s);
    honest.expects(ack(honest.snd_nxt - honest.iss));
  }
}

// --- RSTs to strays ---
void provoke(Conversation& talk, Ipv4Address destination, unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    TcpPacket stray = from_host(i, kAck);
    stray.source = destination;
    talk.inject(build(stray));
  }
}

std::vector<Bytes> take_all(Conversation& talk) {
  std::vector<Bytes> frames;
  while (auto frame = talk.next_frame()) frames.push_back(std::move(*frame));
  return frames;
}

TEST(RstsToStrays, AreLimitedPerDestination) {
  Conversation talk;
  for (int second = 0; second < 3; ++second) {
    provoke(talk, host(1), 250);
    EXPECT_EQ(take_all(talk).size(), kRstsPerSecond);
    provoke(talk, host(2), 50);
    EXPECT_EQ(take_all(talk).size(), 50U);
    talk.advance(1s);
  }
  EXPECT_EQ(talk.stats()[Counter::RstLimited], 3U * 150);
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 3U * (kRstsPerSecond + 50));
  EXPECT_EQ(talk.stats()[Drop::NoConnection], 3U * 300);
}

// CVE-2016-5696: a limit that all destinations share tells an observer how often others were answered.
TEST(RstsToStrays, TellAnObserverNothingAboutAVictim) {
  const auto what_the_observer_gets = [](unsigned victims_strays) {
    Conversation talk;
    std::vector<Bytes> seen;
    for (int round = 0; round < 30; ++round) {
      provoke(talk, host(1), victims_strays);
      static_cast<void>(take_all(talk));
      provoke(talk, host(2), 10);
      for (Bytes& frame : take_all(talk)) seen.push_back(std::move(frame));
      talk.advance(70ms);
    }
    return seen;
  };
  const std::vector<Bytes> undisturbed = what_the_observer_gets(0);
  EXPECT_LT(undisturbed.size(), 300U);  // its own limit is reached
  for (const unsigned strays : {1U, 9U, 40U}) EXPECT_EQ(what_the_observer_gets(strays), undisturbed) << strays;
}

// --- neighbours ---
sim::ArpMessage spoofed_arp(unsigned i, std::uint16_t operation) {
  const MacAddress mac{{2, 9, 9, 9, 9, static_cast<std::uint8_t>(i)}};
  sim::ArpMessage message = arp_request({0x0a000003U + i % 200}, kOurAddress, mac);
  message.operation = operation;
  return message;
}

TEST(Spoofing, NoArpMessageMakesANeighbour) {
  ConversationOptions options;
  options.arp = false;
  Conversation talk(std::move(options));
  for (const std::uint16_t operation : {std::uint16_t{1}, std::uint16_t{2}}) {
    for (unsigned i = 0; i < kFlood; ++i) talk.inject(build(spoofed_arp(i, operation)));
  }
  EXPECT_EQ(take_all(talk).size(), kFlood);  // the requests are answered
  const StatsSnapshot stats = talk.stats();
  EXPECT_EQ(stats[Drop::ArpNotForUs], kFlood);
  EXPECT_EQ(stats[Counter::NeighboursLearnt], 0U);
  EXPECT_EQ(stats[Counter::NeighbourTableFull], 0U);
  EXPECT_EQ(stats[Counter::ArpRequestsSent], 0U);
  // A connection to one of those addresses has to ask first.
  ASSERT_EQ(talk.shard().connect(talk.now(), SocketAddress{Ipv4Address{0x0a000003}, 80}, 0).error, ConnectError::None);
  talk.run();
  EXPECT_EQ(talk.stats()[Counter::ArpRequestsSent], 1U);
  talk.ignores_the_rest();
}

// From addresses on the link, each of which a repeated SYN-ACK could ask for.
TEST(Spoofing, NoSynMakesANeighbourOrAnArpRequest) {
  for (const SynCookies cookies : {SynCookies::Auto, SynCookies::Always, SynCookies::Never}) {
    ConversationOptions options;
    options.shard.syn.cookies = cookies;
    Conversation talk(std::move(options));
    for (unsigned i = 0; i < kFlood; ++i) {
      TcpPacket packet = from_host(i, kSyn);
      packet.source = Ipv4Address{0x0a000003U + i};
      talk.inject(build(packet));
      talk.advance(200ms);
    }
    talk.advance(60s);
    const StatsSnapshot stats = talk.stats();
    EXPECT_EQ(stats[Counter::SynAckRetrans] > 0, cookies != SynCookies::Always);
    EXPECT_EQ(stats[Counter::ArpRequestsSent], 0U);
    EXPECT_EQ(stats[Counter::NeighboursLearnt], 0U);
    EXPECT_EQ(stats[Counter::NeighbourUnresolved], 0U);
    EXPECT_EQ(stats[Counter::NeighbourTableFull], 0U);
    EXPECT_EQ(talk.shard().half_open(), 0U);
    talk.ignores_the_rest();
  }
}

}  // namespace
}  // namespace levee::shard
