// A burst over IPv6 judged and answered in columns, with every vector unit that the machine has, against the long way
// for one frame after the other: what is found plain and bare is what packet.cc makes of it, and both ways answer with
// the same bytes.
#include <gtest/gtest.h>

#include <memory>

#include "base/random.h"
#include "shard/header_columns.h"
#include "shard/ipv6_frames.h"
#include "shard/plain_packet.h"
#include "shard/syn_bursts.h"

namespace levee::shard {
namespace {

using sim::Bytes;
using sim::Conversation;
using sim::kAck;
using sim::kSyn;
using sim::TcpPacket;

constexpr VectorUnit kUnits[] = {VectorUnit::None, VectorUnit::Sse42, VectorUnit::Avx2, VectorUnit::Avx512};

TcpPacket random_syn(Random& random) {
  TcpPacket packet = tcp6_from_peer(kSyn, static_cast<std::uint16_t>(1 + random.below(65535)));
  Ipv6Address source = kPeerAddress6;
  for (std::size_t i = 1; i < 16; ++i) source.octets[i] = static_cast<std::uint8_t>(random.below(256));
  packet.source = source;
  packet.sequence = static_cast<std::uint32_t>(random.next());
  add_random_options(packet, static_cast<std::uint32_t>(random.next()), random);
  return packet;
}

// `offload`: the device completes TCP's checksum from what it finds in the frame.
sim::ConversationOptions flooded(std::uint32_t simd_bits, bool offload = false) {
  sim::ConversationOptions options = over_ipv6();
  for (InterfaceOptions& interface : options.shard.interfaces) interface.tcp_checksum_offload = offload;
  options.shard.syn.cookies = SynCookies::Always;
  options.shard.max_simd_bits = simd_bits;
  options.secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
  options.arp = false;
  return options;
}

void compare_answers(std::uint32_t bits, bool offload) {
  Random random(bits + 1);
  Conversation columns(flooded(bits, offload)), alone(flooded(bits, offload));
  for (int round = 0; round < 40; ++round) {
    std::vector<Bytes> frames;
    for (std::uint64_t count = 1 + random.below(64); count > 0; --count) {
      Bytes frame = build(random_syn(random));
      if (random.below(16) == 0) frame[random.below(frame.size())] ^= std::byte{4};
      if (random.below(16) == 0) frame = build(tcp_from_peer(kSyn, static_cast<std::uint16_t>(random.below(65536))));
      frames.push_back(std::move(frame));
    }
    const std::vector<Bytes> answers = in_one_burst(columns, frames), others = one_by_one(alone, frames);
    ASSERT_EQ(answers.size(), others.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i], others[i]) << sim::describe(answers[i]) << "\n" << sim::describe(others[i]);
    }
    columns.advance(std::chrono::milliseconds(37));
    alone.advance(std::chrono::milliseconds(37));
  }
  EXPECT_EQ(columns.stats()[Counter::SyncookiesSent], alone.stats()[Counter::SyncookiesSent]);
  EXPECT_EQ(columns.stats().drops, alone.stats().drops);
}

TEST(Ipv6Columns, AnswerAsTheLongWayDoes) {
  for (const std::uint32_t bits : {0U, 128U, 256U, 512U}) {
    SCOPED_TRACE(bits);
    compare_answers(bits, false);
    compare_answers(bits, true);
  }
}

// The ACKs of those that were answered open connections, among many that do not.
TEST(Ipv6Columns, ForgedAcksAreRefusedAndTrueOnesAreNot) {
  for (const std::uint32_t bits : {0U, 128U, 256U, 512U}) {
    SCOPED_TRACE(bits);
    Random random(bits + 2);
    Conversation talk(flooded(bits));
    std::vector<Bytes> syns;
    std::vector<TcpPacket> packets;
    for (int i = 0; i < 24; ++i) syns.push_back(build(packets.emplace_back(random_syn(random))));
    const std::vector<Bytes> answers = in_one_burst(talk, syns);
    ASSERT_EQ(answers.size(), syns.size());
    std::vector<Bytes> acks;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const TcpPacket answer = *sim::dissect(answers[i]).tcp;
      TcpPacket ack = packets[i];
      ack.flags = kAck;
      ack.raw_options = {};
      ack.mss.reset();
      ack.window_scale.reset();
      ack.sack_permitted = false;
      ack.timestamps.reset();
      if (answer.timestamps) ack.timestamps = sim::Timestamps{answer.timestamps->echo, answer.timestamps->value};
      ++ack.sequence;
      ack.acknowledgment = answer.sequence + 2;
      acks.push_back(build(ack));
      ack.acknowledgment = answer.sequence + 1;
      acks.push_back(build(ack));
    }
    in_one_burst(talk, acks);
    EXPECT_EQ(talk.stats()[Counter::SyncookiesRecv], answers.size());
    EXPECT_EQ(talk.stats()[Drop::CookieFailed], answers.size());
    EXPECT_EQ(talk.shard().connections(), answers.size());
    talk.ignores_the_rest();
  }
}

// What take_any says of a frame, and the finders of all units: every bit flipped once, and every length.
TEST(Ipv6Columns, FindWhatIsPlainAndBare) {
  const sim::ConversationOptions options = over_ipv6();
  const Topology topology(options.shard);
  Random random(3);
  device::SlabPool pool(4, 2048);
  std::uint64_t found = 0;
  const auto judge = [&](const Bytes& bytes) {
    const LaidOutFrame laid_out(pool, bytes);
    const std::span<const Frame> frames = laid_out.frame();
    Packet packet;
    take_any(frames.front(), topology, packet);
    // Longer options than floods have, and the odd source in ::/64, are left to the long way.
    const bool bare = packet.kind == PacketKind::Tcp && !packet.key.is_v4() && packet.payload_length == 0 &&
                      packet.payload_offset - packet.l4_offset <= 44 && !packet.has_vlan;
    for (const VectorUnit unit : kUnits) {
      if (!machine_has(unit)) continue;
      const PlainFinder finder(topology, unit);
      const auto columns = std::make_unique<HeaderColumns>();
      SipLanes<5> keys;
      const bool is_found = finder.find(frames, *columns, keys) == 1;
      ASSERT_EQ(is_found, bare) << name(unit) << ": " << sim::describe(bytes);
      if (!bare) continue;
      ++found;
      SipLanes<5> wanted;
      set_flow_key(packet.key6(), wanted, 0);
      for (std::size_t word = 0; word < 5; ++word) ASSERT_EQ(keys.words[word][0], wanted.words[word][0]);
      Packet taken;
      take_bare<kBareTcp6>(frames.front(), flow_key(keys, 0), topology, taken);
      ASSERT_EQ(taken.key, packet.key);
      ASSERT_EQ(taken.l4_offset, packet.l4_offset);
      ASSERT_EQ(taken.payload_offset, packet.payload_offset);
    }
    laid_out.block()->refs = 0;
    pool.put(laid_out.block());
  };
  for (int n = 0; n < 7; ++n) {
    const Bytes good = build(random_syn(random));
    judge(good);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      Bytes frame = good;
      frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      judge(frame);
    }
    for (std::size_t size = 14; size < good.size(); ++size) {
      judge(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    Bytes padded = good;
    padded.resize(good.size() + 7);
    judge(padded);
  }
  EXPECT_GT(found, 0U);
}

}  // namespace
}  // namespace levee::shard
