// SYNs of one burst that are for different TCP ports: what is prepared for one of them must not serve another.
#include <gtest/gtest.h>

#include <array>

#include "shard/frames.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::ConversationOptions;
using sim::kAck;
using sim::kRst;
using sim::kSyn;
using sim::TcpPacket;

constexpr std::uint16_t kHttp = 80, kPlain = 7, kSpeaksFirst = 19, kClosed = 81;

Bytes syn_to(std::uint16_t tcp_port, std::uint16_t from) {
  TcpPacket packet = tcp_from_peer(kSyn, from);
  packet.destination_port = tcp_port;
  packet.mss = 1400;
  return build(packet);
}

// Beside the listener on 80 one with another window, and one whose SYNs are kept.
ConversationOptions with_listeners() {
  ConversationOptions options;
  options.shard.syn.cookies = SynCookies::Always;
  ListenerOptions plain = options.shard.listeners.front();
  plain.tcp_port = kPlain;
  plain.tcp.receive_buffer = 4096;
  ListenerOptions speaks_first = options.shard.listeners.front();
  speaks_first.tcp_port = kSpeaksFirst;
  speaks_first.server_first = true;
  options.shard.listeners.push_back(plain);
  options.shard.listeners.push_back(speaks_first);
  return options;
}

class MixedBurst : public testing::TestWithParam<std::uint16_t> {};

TEST_P(MixedBurst, EachSynIsAnsweredForItsOwnPort) {
  Conversation talk(with_listeners());
  talk.inject(syn_to(kHttp, 40000));  // looked up last
  talk.run();
  const auto first = talk.next_frame();
  ASSERT_TRUE(first.has_value());
  const std::uint16_t window = sim::dissect(*first).tcp->window;
  const std::array burst{syn_to(GetParam(), 40001), syn_to(kHttp, 40002)};
  talk.inject(burst);
  talk.run();
  const auto other = talk.next_frame(), ours = talk.next_frame();
  ASSERT_TRUE(other.has_value() && ours.has_value());
  EXPECT_EQ(sim::dissect(*other).tcp->source_port, GetParam());
  EXPECT_EQ(sim::dissect(*other).tcp->flags, GetParam() == kClosed ? kRst | kAck : kSyn | kAck);
  const TcpPacket answer = *sim::dissect(*ours).tcp;
  EXPECT_EQ(answer.source_port, kHttp);
  EXPECT_EQ(answer.flags, kSyn | kAck);
  EXPECT_EQ(answer.window, window);
}

INSTANTIATE_TEST_SUITE_P(Before, MixedBurst, testing::Values(kPlain, kSpeaksFirst, kClosed));

}  // namespace
}  // namespace levee::shard
