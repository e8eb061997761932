// SYNs into TIME-WAIT, over both families and with every vector unit that the machine has, among repeated ones and
// strangers: settled from the columns of their burst, and one after the other the long way. Both answer with the same
// bytes and leave the same state.
#include <gtest/gtest.h>

#include "shard/ipv6_frames.h"
#include "shard/syn_bursts.h"

namespace levee::shard {
namespace {

using namespace std::chrono_literals;
using sim::Bytes;
using sim::Conversation;
using sim::kRst;
using sim::kSyn;
using sim::Peer;
using sim::TcpPacket;

constexpr std::uint16_t kFirst = 40000, kEntries = 40;
constexpr std::uint32_t kIss = 1000;

struct Kind {
  bool ipv6;
  SynCookies cookies;
  std::uint32_t simd_bits;
};

sim::ConversationOptions options_of(const Kind& kind) {
  sim::ConversationOptions options = kind.ipv6 ? over_ipv6() : with_ipv6();
  options.shard.syn.cookies = kind.cookies;
  options.shard.max_simd_bits = kind.simd_bits;
  options.shard.limits.half_open = 32;  // fewer than entries: the last ones wait
  options.shard.limits.time_wait = kEntries;
  for (ListenerOptions& listener : options.shard.listeners) listener.tcp.ecn = Ecn::Accept;
  options.secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
  return options;
}

// Connections that levee closed first; every second one had timestamps.
void fill_time_wait(Conversation& talk, bool ipv6) {
  for (std::uint16_t i = 0; i < kEntries; ++i) {
    sim::PeerOptions options;
    if (ipv6) options.address = kPeerAddress6;
    options.tcp_port = static_cast<std::uint16_t>(kFirst + i);
    options.iss = kIss;
    Peer& peer = talk.add_peer(options);
    peer.opens({.timestamps = i % 2 == 0});
    talk.service().connection.close();
    peer.expects(sim::fin());
    peer.sends(sim::fin());
    peer.expects(sim::ack());
  }
  ASSERT_EQ(talk.shard().time_wait(), kEntries);
}

// Half of them with newer numbers, half with newer timestamps; the entries' next number, and the one before it, too.
Bytes random_syn(Random& random, bool ipv6) {
  const bool stranger = random.below(8) == 0;
  const auto port = static_cast<std::uint16_t>(kFirst + (stranger ? kEntries : 0) + random.below(kEntries));
  TcpPacket packet = ipv6 ? tcp6_from_peer(kSyn, port) : tcp_from_peer(kSyn, port);
  const std::uint64_t near = random.below(4);
  packet.sequence = near < 2 ? static_cast<std::uint32_t>(kIss + 1 + near) : static_cast<std::uint32_t>(random.next());
  add_random_options(packet, static_cast<std::uint32_t>(random.next()), random);
  return build(packet);
}

// Of the answers, that the next round finds what this one found.
std::vector<Bytes> resets_for(const std::vector<Bytes>& answers, bool ipv6) {
  std::vector<Bytes> resets;
  for (const Bytes& answer : answers) {
    const TcpPacket sent = *sim::dissect(answer).tcp;
    TcpPacket reset = ipv6 ? tcp6_from_peer(kRst, sent.destination_port) : tcp_from_peer(kRst, sent.destination_port);
    reset.sequence = sent.acknowledgment;
    resets.push_back(build(reset));
  }
  return resets;
}

void compare(const Kind& kind) {
  Random random(kind.simd_bits + 1);
  Conversation columns(options_of(kind)), alone(options_of(kind));
  fill_time_wait(columns, kind.ipv6);
  fill_time_wait(alone, kind.ipv6);
  std::uint64_t most = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<Bytes> frames;
    for (std::uint64_t count = 1 + random.below(64); count > 0; --count) {
      const bool again = !frames.empty() && random.below(8) == 0;
      frames.push_back(again ? Bytes(frames[random.below(frames.size())]) : random_syn(random, kind.ipv6));
    }
    const std::vector<Bytes> answers = in_one_burst(columns, frames), others = one_by_one(alone, frames);
    ASSERT_EQ(answers.size(), others.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i], others[i]) << sim::describe(answers[i]) << "\n" << sim::describe(others[i]);
    }
    ASSERT_EQ(columns.shard().half_open(), alone.shard().half_open());
    ASSERT_EQ(columns.shard().digest(), alone.shard().digest());
    most = std::max<std::uint64_t>(most, columns.shard().half_open());
    const std::vector<Bytes> resets = resets_for(answers, kind.ipv6);
    in_one_burst(columns, resets);
    one_by_one(alone, resets);
    columns.advance(37ms);
    alone.advance(37ms);
  }
  EXPECT_EQ(columns.shard().time_wait(), kEntries);
  EXPECT_EQ(columns.stats().drops, alone.stats().drops);
  EXPECT_EQ(columns.stats()[Counter::SynAcksSent], alone.stats()[Counter::SynAcksSent]);
  EXPECT_GE(most, 16U);  // it was worth it
  EXPECT_GT(columns.stats()[Drop::TimeWaitIgnored], 50U);
}

// RFC 6191 2, SHLD-4, MAY-2: both ways judge alike, and every entry is still there at the end.
TEST(ReopeningColumns, AnswerAsTheLongWayDoes) {
  for (const bool ipv6 : {false, true}) {
    for (const SynCookies cookies : {SynCookies::Always, SynCookies::Never}) {
      for (const std::uint32_t bits : {0U, 128U, 256U, 512U}) {
        SCOPED_TRACE(testing::Message() << (ipv6 ? "IPv6, " : "IPv4, ") << bits << " bits, cookies "
                                        << (cookies == SynCookies::Always ? "always" : "never"));
        compare({ipv6, cookies, bits});
      }
    }
  }
}

}  // namespace
}  // namespace levee::shard
