// A form that is filled in is the packet that tcp::syn_ack and write_headers would have written, byte for byte: of all
// sixteen kinds, whoever completes the checksums.
#include "shard/syn_ack_forms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "shard/egress.h"
#include "shard/frames.h"

namespace levee::shard {
namespace {

constexpr std::size_t kIpHeader = 20, kEthernet = 14;

// Of interfaces, listeners and limits, all that a form depends on.
struct Case {
  levee::TcpOptions options;
  InterfaceOptions interface;
  tcp::MssLimits limits;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool ipv4_offload : {false, true}) {
    for (const bool tcp_offload : {false, true}) {
      for (const std::uint32_t receive_buffer : {1000U, 65535U, 256U * 1024, 1U << 30}) {
        for (const std::uint16_t mss : {std::uint16_t{1460}, std::uint16_t{536}, std::uint16_t{65495}}) {
          Case one;
          one.options.receive_buffer = receive_buffer;
          one.interface = {.port = 3, .mac = kOurMac};
          one.interface.ipv4_checksum_offload = ipv4_offload;
          one.interface.tcp_checksum_offload = tcp_offload;
          one.limits = {mss, mss};
          all.push_back(one);
        }
      }
    }
  }
  return all;
}

std::uint32_t draw(Random& random) {
  constexpr std::uint32_t kEdges[] = {0, 1, 0xffff, 0x10000, 0xffff0000, 0xfffffffe, 0xffffffff};
  return random.chance(0.2) ? kEdges[random.below(std::size(kEdges))] : static_cast<std::uint32_t>(random.next());
}

struct Handshake {
  FlowKey4 flow;
  tcp::HalfOpen half_open;
  Instant now;
};

Handshake random_handshake(Random& random, std::uint8_t agreed) {
  Handshake handshake;
  handshake.flow = {{draw(random)},
                    {draw(random)},
                    static_cast<std::uint16_t>(draw(random)),
                    static_cast<std::uint16_t>(draw(random))};
  handshake.half_open.irs = tcp::Seq(draw(random));
  handshake.half_open.iss = tcp::Seq(draw(random));
  handshake.half_open.ts_recent = draw(random);
  handshake.half_open.ts_offset = draw(random);
  handshake.half_open.agreed = agreed & 0xf;
  handshake.now = Instant(std::chrono::milliseconds(draw(random)));
  return handshake;
}

// What every other segment is written by.
OutFrame written(std::byte* to, const Case& one, const Handshake& handshake, bool has_vlan) {
  const LinkHeader link{.destination = kPeerMac, .source = kOurMac, .has_vlan = has_vlan, .vlan_tci = 5};
  const tcp::OutSegment segment = tcp::syn_ack(handshake.half_open, handshake.now, one.limits, one.options);
  return write_headers(nullptr, to, link, handshake.flow, segment, one.interface);
}

SynAckForm::Words words_of(const SynAckForm& form, const Handshake& handshake) {
  const tcp::HalfOpen& half_open = handshake.half_open;
  const std::uint32_t ts_value = tcp::timestamp_clock(handshake.now, half_open.ts_offset);
  return form.words_for(handshake.flow, half_open.iss, swap_if_little_endian((half_open.irs + 1).value()),
                        half_open.timestamps() ? swap_if_little_endian(ts_value) : 0,
                        half_open.timestamps() ? swap_if_little_endian(half_open.ts_recent) : 0);
}

// Where the answer goes: the SYN's packet, or what was there before.
std::vector<std::byte> used_room(Random& random) {
  std::vector<std::byte> packet(SynAckForm::kRoom + kIpHeader);
  random.fill(packet);
  return packet;
}

// The first byte in which they differ, or `length`.
std::size_t difference(const std::byte* one, const std::byte* other, std::size_t length) {
  return static_cast<std::size_t>(std::mismatch(one, one + length, other).first - one);
}

TEST(SynAckForm, FilledInIsWhatWouldHaveBeenWritten) {
  Random random(1);
  std::size_t longest = 0;
  for (const Case& one : cases()) {
    const SynAckForms forms(one.limits, one.options, one.interface);
    for (std::uint8_t agreed = 0; agreed < 16; ++agreed) {
      for (int round = 0; round < 200; ++round) {
        const Handshake handshake = random_handshake(random, agreed);
        std::array<std::byte, kMaxHeader> expected{};
        const OutFrame frame = written(expected.data(), one, handshake, false);
        const std::size_t length = frame.length - kEthernet;
        longest = std::max(longest, length);

        std::vector<std::byte> packet = used_room(random);
        forms[agreed].fill_in(packet.data(), words_of(forms[agreed], handshake));
        ASSERT_EQ(difference(packet.data(), expected.data() + kEthernet, length), length)
            << "kind " << int{agreed} << ", " << length << " bytes";
      }
    }
  }
  EXPECT_EQ(longest, 60U);
}

// What lies behind the SYN's options may be somebody's text.
TEST(SynAckForm, WritesNothingBehindItsRoom) {
  Random random(2);
  const Case one = cases().front();
  const SynAckForms forms(one.limits, one.options, one.interface);
  for (std::uint8_t agreed = 0; agreed < 16; ++agreed) {
    const Handshake handshake = random_handshake(random, agreed);
    std::vector<std::byte> packet = used_room(random);
    const std::vector<std::byte> before = packet;
    forms[agreed].fill_in(packet.data(), words_of(forms[agreed], handshake));
    EXPECT_EQ(difference(&packet[SynAckForm::kRoom], &before[SynAckForm::kRoom], kIpHeader), kIpHeader);
  }
}

TEST(SynAckForm, ItsFrameIsDescribedAsWell) {
  Random random(3);
  for (const Case& one : cases()) {
    const SynAckForms forms(one.limits, one.options, one.interface);
    for (std::uint8_t agreed = 0; agreed < 16; ++agreed) {
      for (const bool has_vlan : {false, true}) {
        std::array<std::byte, kMaxHeader> bytes{};
        const OutFrame expected = written(bytes.data(), one, random_handshake(random, agreed), has_vlan);
        OutFrame frame;
        forms[agreed].describe(frame, has_vlan ? 18 : 14);
        EXPECT_EQ(frame.length, expected.length);
        EXPECT_EQ(frame.port, expected.port);
        EXPECT_EQ(frame.l2_length, expected.l2_length);
        EXPECT_EQ(frame.l3_length, expected.l3_length);
        EXPECT_EQ(frame.l4_length, expected.l4_length);
        EXPECT_EQ(frame.ipv4_checksum, expected.ipv4_checksum);
        EXPECT_EQ(frame.tcp_checksum, expected.tcp_checksum);
        EXPECT_TRUE(frame.slices.empty());
      }
    }
  }
}

// Each listener on each interface has the forms of its own options; those with the same options share them.
TEST(SynAckBook, FindsTheFormsOfListenerAndInterface) {
  ShardOptions options;
  options.interfaces = {{.port = 0, .mac = kOurMac, .mtu = 1500}, {.port = 1, .mac = kOurMac, .mtu = 9000}};
  options.addresses = {{.address = kOurAddress}};
  options.listeners.resize(4);
  for (std::size_t i = 0; i < 4; ++i) options.listeners[i].tcp_port = static_cast<std::uint16_t>(80 + i);
  options.listeners[1].tcp.max_mss = 1000;
  options.listeners[3].tcp.max_mss = 1000;
  const Topology topology(options);
  const SynAckBook book(topology);
  for (std::uint16_t interface = 0; interface < 2; ++interface) {
    EXPECT_EQ(&book.forms(0, interface), &book.forms(2, interface));
    EXPECT_EQ(&book.forms(1, interface), &book.forms(3, interface));
    EXPECT_NE(&book.forms(0, interface), &book.forms(1, interface));
    for (std::uint16_t listener = 0; listener < 4; ++listener) {
      const SynAckForms& forms = book.forms(listener, interface);
      const tcp::MssLimits limits = topology.mss_limits(interface, options.listeners[listener].tcp, kHeaders4);
      EXPECT_EQ(forms.limits().send, limits.send);
      EXPECT_EQ(forms.limits().receive, limits.receive);
      OutFrame frame;
      forms[wire::SynOffer::kMss].describe(frame, kEthernet);
      EXPECT_EQ(frame.port, interface);
    }
  }
}

}  // namespace
}  // namespace levee::shard
