// The batch path against the long way: shards that are handed the same frames, some alone in buffers of their own, so
// that bursts are hashed together and SYNs answered in place, one in shared pieces, so that each frame goes through the
// bounded parser, the scalar hash and the writer of every other segment. Replies are the same byte for byte, and so are
// counters and state. LEVEE_PROOF_SIZE=full compares 10^8 frames.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proof/flood_frames.h"
#include "proof/flooded_shard.h"
#include "proof/size.h"
#include "proof/unsolicited.h"

namespace levee::proof {
namespace {

using namespace std::chrono_literals;
using sim::kAck;
using sim::kPsh;
using sim::kRst;
using sim::kSyn;

using Frames = std::vector<std::byte>;  // one behind the other, each with its length in front

constexpr std::uint16_t kKeptPort = 19, kPlainPort = 443, kVlan = 7;

// Three listeners: cookies with all options, kept state whatever the mode, and few options. A VLAN beside the untagged
// link, and a router behind which everybody is.
ShardOptions busy_options(SynCookies cookies) {
  ShardOptions options = flood_options(cookies);
  options.interfaces.push_back(InterfaceOptions{.vlan = kVlan, .mac = kOurMac, .mtu = 1400});
  options.routes = {RouteOptions{.next_hop = Ipv4Address{0x0a000042}}};
  options.listeners.resize(3, options.listeners.front());
  options.listeners[1].tcp_port = kKeptPort;
  options.listeners[1].server_first = true;
  options.listeners[2].tcp_port = kPlainPort;
  options.listeners[2].tcp.timestamps = false;
  options.listeners[2].tcp.max_mss = 1200;
  options.listeners[2].tcp.receive_buffer = 16384;
  // What is repeated when all of them time out together leaves blanks for the long way's replies.
  options.limits.half_open = cookies == SynCookies::Auto ? 64 : 128;
  return options;
}

// In the layouts that are compared as words and in the order in which the tests' packets have them; with every size
// at which a cookie's index changes, and every window scale, those above 14 included.
std::vector<FrameTemplate> many_syns() {
  std::vector<FrameTemplate> syns;
  std::uint8_t scale = 0;
  for (const std::uint16_t edge :
       std::initializer_list<std::uint16_t>{0, 89, 536, 1200, 1300, 1360, 1400, 1440, 1452, 1460, 9000, 65535}) {
    for (const int off : {-1, 0, 1}) {
      const auto mss = static_cast<std::uint16_t>(edge + off);
      for (int repeated = 0; repeated < 16; ++repeated, scale = static_cast<std::uint8_t>((scale + 1) % 17)) {
        for (const SynLayout layout : {SynLayout::Linux, SynLayout::Windows, SynLayout::Apple}) {
          syns.push_back(syn_template(layout, mss, scale));
        }
      }
      for (int repeated = 0; repeated < 4; ++repeated) {
        syns.push_back(syn_template(SynLayout::MssAlone, mss, 0));
        syns.push_back(syn_template(SynLayout::None, 0, 0));
        sim::TcpPacket packet = flood_packet(kSyn);
        packet.mss = mss;
        packet.window_scale = scale;
        packet.sack_permitted = repeated % 2 != 0;
        if (repeated >= 2) packet.timestamps = sim::Timestamps{0x12345678, 0};
        syns.emplace_back(packet);
      }
    }
  }
  return syns;
}

// What arrives: SYNs above all, right ones and damaged ones; ACKs, nearly all of them forged; and some of everything.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Random& random() { return random_; }
  // Writes the next frame and returns its length.
  std::size_t next(std::byte* to) {
    const std::uint64_t draw = random_.below(1000);
    if (draw < 400) return remember(to, syn(to));
    if (draw < 500) return damaged(to, syn(to), kOptions, true);
    if (draw < 560) return damaged(to, syn(to), kIp, true);
    if (draw < 580) return damaged(to, syn(to), 0, false);
    if (draw < 650) return tagged(to, syn(to));
    if (draw < 700) return to_port(to, syn(to));
    if (draw < 900) return stray(to);
    if (draw < 950) return follow_up(to);
    if (draw < 970) return unsolicited(to);
    std::memcpy(to, last_syn_.data(), last_syn_.size());
    return last_syn_.size();
  }
  // What the shard sent: of some of its SYN-ACKs the handshake goes on.
  void hears(std::span<const std::byte> frame) {
    Client& client = clients_[random_.below(clients_.size())];
    if (client.steps_left > 0) return;
    const Reply reply(frame);
    if (!reply.whole || reply.flags != (kSyn | kAck)) return;
    client = {.reply = reply, .steps_left = 4, .timestamps = reply.has_timestamps && random_.chance(0.9)};
  }

 private:
  static constexpr std::size_t kIp = 14, kTcp = 34, kOptions = 54;

  struct Client {
    std::optional<Reply> reply{};
    int steps_left = 0;
    bool timestamps = false;
    std::uint32_t sent = 0;  // bytes of text
  };

  std::size_t syn(std::byte* to) {
    Numbers numbers = random_numbers(random_);
    if (random_.chance(0.9)) numbers.acknowledgment = 0;
    return syns_[random_.below(syns_.size())].write(to, numbers);
  }
  std::size_t remember(const std::byte* frame, std::size_t length) {
    if (random_.chance(0.1)) last_syn_.assign(frame, frame + length);
    return length;
  }
  // A byte or a few from `first` on are changed; the checksums may be right all the same.
  std::size_t damaged(std::byte* to, std::size_t length, std::size_t first, bool right_checksums) {
    first = std::min(first, length - 1);
    for (std::uint64_t changes = 1 + random_.below(3); changes > 0; --changes) {
      std::byte& changed = to[first + random_.below(length - first)];
      changed =
          random_.chance(0.5) ? changed ^ std::byte{1} << random_.below(8) : static_cast<std::byte>(random_.next());
    }
    if (right_checksums) sim::fix_checksums({to, length});
    return length;
  }
  // With any priority; of VLAN 0, which is no VLAN, of ours, or of another's.
  std::size_t tagged(std::byte* to, std::size_t length) {
    constexpr std::uint16_t kVlans[] = {0, kVlan, kVlan, 8};
    const auto tci = static_cast<std::uint16_t>(random_.below(16) << 12 | kVlans[random_.below(4)]);
    std::memmove(to + 16, to + 12, length - 12);
    to[12] = std::byte{0x81};
    to[13] = std::byte{0};
    to[14] = static_cast<std::byte>(tci >> 8);
    to[15] = static_cast<std::byte>(tci & 0xff);
    return length + 4;
  }
  std::size_t to_port(std::byte* to, std::size_t length) {
    constexpr std::uint16_t kPorts[] = {kKeptPort, kPlainPort, kPlainPort, 81};
    const std::uint16_t port = kPorts[random_.below(4)];
    to[kTcp + 2] = static_cast<std::byte>(port >> 8);
    to[kTcp + 3] = static_cast<std::byte>(port & 0xff);
    sim::fix_checksums({to, length});
    return length;
  }
  // ACKs and text of connections that are not.
  std::size_t stray(std::byte* to) {
    static const std::array<FrameTemplate, 4> templates = [] {
      sim::TcpPacket with_timestamps = flood_packet(kAck), text = flood_packet(kAck | kPsh);
      with_timestamps.timestamps = sim::Timestamps{1, 2};
      text.payload = sim::to_bytes("some text of odd length");
      return std::array{FrameTemplate(flood_packet(kAck)), FrameTemplate(with_timestamps), FrameTemplate(text),
                        FrameTemplate(flood_packet(kAck | sim::kFin))};
    }();
    const std::size_t length = templates[random_.below(templates.size())].write(to, random_numbers(random_));
    if (random_.chance(0.05)) return tagged(to, length);
    return random_.chance(0.05) ? to_port(to, length) : length;
  }
  // The next segment of a client that was answered: the handshake's ACK, text, and in the end a reset, so that nothing
  // piles up. Now and then the number that it acknowledges is a wrong one, and it is as if it had not been sent.
  std::size_t follow_up(std::byte* to) {
    Client& client = clients_[random_.below(clients_.size())];
    if (client.steps_left == 0) return stray(to);
    const Reply& reply = *client.reply;
    const bool wrong = random_.chance(0.1);
    sim::TcpPacket packet = flood_packet(!wrong && --client.steps_left == 0 ? kRst : kAck);
    packet.source = reply.destination;
    packet.source_port = reply.destination_port;
    packet.destination_port = reply.source_port;
    packet.sequence = reply.acknowledgment + client.sent;
    packet.acknowledgment = reply.sequence + 1;
    if (wrong) packet.acknowledgment ^= 1U << random_.below(32);
    if (client.timestamps) packet.timestamps = sim::Timestamps{0x12345679, reply.timestamp};
    if (client.steps_left > 0 && random_.chance(0.5)) {
      packet.payload.resize(1 + random_.below(100));
      if (!wrong) client.sent += static_cast<std::uint32_t>(packet.payload.size());
    }
    return copied(to, sim::build(packet));
  }
  std::size_t unsolicited(std::byte* to) {
    const std::span<const Kind> kinds = unsolicited_kinds();
    return copied(to, kinds[random_.below(kinds.size())].make(random_));
  }
  static std::size_t copied(std::byte* to, const sim::Bytes& frame) {
    if (!frame.empty()) std::memcpy(to, frame.data(), frame.size());
    return frame.size();
  }

  const std::vector<FrameTemplate> syns_ = many_syns();
  Random random_;
  std::array<Client, 64> clients_;
  sim::Bytes last_syn_ = sim::build(flood_packet(kSyn));
};

// The shards side by side; the first one goes the long way.
class Shards {
 public:
  explicit Shards(const std::vector<ShardOptions>& options) {
    for (const ShardOptions& one : options) shards_.push_back({std::make_unique<FloodedShard>(one), {}});
    run();  // takes in blanks
  }

  [[nodiscard]] FloodedShard& long_way() { return *shards_.front().shard; }
  [[nodiscard]] FloodedShard& batch_path() { return *shards_.back().shard; }
  // To all of them. Now and then the others may not write into the frame either, in the midst of ones that they own.
  void add(std::span<const std::byte> frame, bool shared = false) {
    using Handed = FloodedShard::Handed;
    for (One& one : shards_) {
      const bool first = &one == &shards_.front();
      one.shard->add(frame, first ? Handed::SharedInPieces : shared ? Handed::Shared : Handed::Over);
    }
  }
  void run() {
    for (One& one : shards_) {
      one.sent.clear();
      one.shard->run([&one](std::span<const std::byte> frame) { one.hear(frame); });
    }
  }
  void advance(Duration duration) {
    for (One& one : shards_) {
      one.sent.clear();
      one.shard->advance(duration, [&one](std::span<const std::byte> frame) { one.hear(frame); });
    }
  }
  [[nodiscard]] bool sent_the_same() const {
    for (const One& one : shards_) {
      if (one.sent != shards_.front().sent) return false;
    }
    return true;
  }
  // The first counter that differs, those of buffers aside, which say how a frame came and not what became of it.
  [[nodiscard]] std::string difference_of_counters() const {
    const StatsSnapshot expected = shards_.front().shard->shard().stats().snapshot();
    for (const One& one : shards_) {
      const StatsSnapshot stats = one.shard->shard().stats().snapshot();
      for (std::size_t i = 0; i < kCounterCount; ++i) {
        const auto counter = static_cast<Counter>(i);
        if (counter == Counter::BuffersIn || counter == Counter::BuffersOut) continue;
        if (stats[counter] != expected[counter]) {
          return fmt::format("{}: {}, not {}", name(counter), stats[counter], expected[counter]);
        }
      }
      for (std::size_t i = 0; i < kDropCount; ++i) {
        const auto drop = static_cast<Drop>(i);
        if (stats[drop] != expected[drop])
          return fmt::format("{}: {}, not {}", name(drop), stats[drop], expected[drop]);
      }
    }
    return {};
  }
  void expect_the_same_state() const {
    for (const One& one : shards_) {
      EXPECT_EQ(one.shard->shard().check_invariants(), "");
      EXPECT_EQ(one.shard->shard().digest(), shards_.front().shard->shard().digest());
      EXPECT_EQ(one.shard->held(), one.shard->buffers_out());
    }
  }
  // What the long way sent, frame by frame.
  template <typename Use>
  void for_each_sent(Use&& use) const {
    const Frames& sent = shards_.front().sent;
    for (std::size_t at = 0; at < sent.size();) {
      std::uint32_t length = 0;
      std::memcpy(&length, &sent[at], sizeof(length));
      at += sizeof(length);
      use(std::span(sent).subspan(at, length));
      at += length;
    }
  }

 private:
  struct One {
    std::unique_ptr<FloodedShard> shard;
    Frames sent;

    void hear(std::span<const std::byte> frame) {
      const auto length = static_cast<std::uint32_t>(frame.size());
      const auto* const bytes = reinterpret_cast<const std::byte*>(&length);
      sent.insert(sent.end(), bytes, bytes + sizeof(length));
      sent.insert(sent.end(), frame.begin(), frame.end());
    }
  };

  std::vector<One> shards_;
};

// `count` frames in bursts of 1 to 64. Stops at the first burst after which the shards are not the same.
void compare(const std::vector<ShardOptions>& options, std::uint64_t count, std::uint64_t seed) {
  Shards shards(options);
  Traffic traffic(seed);
  std::array<std::byte, FloodedShard::kRoom> frame{};
  std::uint64_t bursts = 0;
  for (std::uint64_t sent = 0; sent < count; ++bursts) {
    for (std::uint64_t left = 1 + traffic.random().below(FloodedShard::kBurst); left > 0; --left, ++sent) {
      const std::size_t length = traffic.next(frame.data());
      shards.add(std::span(frame).first(length), traffic.random().chance(0.02));
    }
    shards.run();
    ASSERT_TRUE(shards.sent_the_same()) << "burst " << bursts << ", " << sent << " frames";
    shards.for_each_sent([&](std::span<const std::byte> reply) { traffic.hears(reply); });
    // Mostly as fast as they come; at times long enough for records to time out and keys to change.
    shards.advance(traffic.random().chance(0.005) ? std::chrono::milliseconds(traffic.random().below(20'000))
                                                  : std::chrono::microseconds(traffic.random().below(100)));
    ASSERT_TRUE(shards.sent_the_same()) << "behind burst " << bursts << ", " << sent << " frames";
    if (bursts % 64 == 0) {
      ASSERT_EQ(shards.difference_of_counters(), "") << "burst " << bursts;
    }
  }
  ASSERT_EQ(shards.difference_of_counters(), "");
  shards.expect_the_same_state();

  FloodedShard& last = shards.batch_path();
  fmt::print("{} frames in {} bursts: {} SYNs by cookie, {} kept, {} cookies came back, {} forged\n", count, bursts,
             last.count(Counter::SyncookiesSent),
             last.count(Counter::SynAcksSent) - last.count(Counter::SyncookiesSent),
             last.count(Counter::SyncookiesRecv), last.count(Counter::SyncookiesFailed));
  EXPECT_GT(last.count(Counter::Accepted), count / 500);
  EXPECT_GT(last.count(Counter::SyncookiesFailed) + last.count(Drop::NoConnection), count / 10);
}

std::vector<ShardOptions> twice(SynCookies cookies) { return {2, busy_options(cookies)}; }

TEST(BatchPath, AnswersLikeTheLongWay) {
  compare(twice(SynCookies::Always), chosen({.small = 50'000, .usual = 500'000, .full = 100'000'000}), 1);
}

// Those that the machine lacks give way to narrower ones.
TEST(BatchPath, AnswersLikeTheLongWayWithVectorsOfAnyWidth) {
  std::vector<ShardOptions> options(5, busy_options(SynCookies::Always));
  std::uint32_t bits = 0;
  for (std::size_t i = 1; i < options.size(); ++i) {
    options[i].max_simd_bits = bits;
    bits = bits == 0 ? 128 : 2 * bits;
  }
  options.front().max_simd_bits = 0;
  compare(options, chosen({.small = 30'000, .usual = 300'000, .full = 20'000'000}), 5);
}

// From kept state to cookies and back, again and again.
TEST(BatchPath, AnswersLikeTheLongWayInAutoMode) {
  compare(twice(SynCookies::Auto), chosen({.small = 50'000, .usual = 300'000, .full = 10'000'000}), 2);
}

TEST(BatchPath, AnswersLikeTheLongWayWithoutCookies) {
  compare(twice(SynCookies::Never), chosen({.small = 20'000, .usual = 100'000, .full = 1'000'000}), 3);
}

// Cookies of a fleet, which are always tried, and are refused without timestamps.
TEST(BatchPath, AnswersLikeTheLongWayInAFleet) {
  std::vector<ShardOptions> options = twice(SynCookies::Always);
  for (ShardOptions& one : options) one.syn.accept_always = one.syn.require_timestamps = true;
  compare(options, chosen({.small = 20'000, .usual = 100'000, .full = 1'000'000}), 4);
}

// Some leave checksums to the device, which completes them from what it finds in the frame.
TEST(BatchPath, AnswersLikeTheLongWayWhoeverCompletesTheChecksums) {
  std::vector<ShardOptions> options(4, busy_options(SynCookies::Always));
  for (std::size_t i = 0; i < options.size(); ++i) {
    for (InterfaceOptions& interface : options[i].interfaces) {
      interface.ipv4_checksum_offload = (i & 1) != 0;
      interface.tcp_checksum_offload = (i & 2) != 0;
    }
  }
  compare(options, chosen({.small = 10'000, .usual = 100'000, .full = 1'000'000}), 6);
}

// A forged ACK says nothing about the SYN queue: only a SYN may find that it is time for cookies.
TEST(BatchPath, AForgedAckDoesNotChangeTheMode) {
  std::vector<ShardOptions> options = twice(SynCookies::Auto);
  for (ShardOptions& one : options) one.limits.half_open = 16;  // by cookie from 12 on, until there are 4
  Shards shards(options);
  const FrameTemplate ack(flood_packet(kAck)), rst(flood_packet(kRst));
  std::uint16_t port = 1000;
  const auto send = [&](const FrameTemplate& layout, std::uint16_t from, std::uint32_t sequence) {
    std::array<std::byte, FloodedShard::kRoom> frame{};
    const Numbers numbers{.source = {0x08080808}, .source_port = from, .sequence = sequence, .acknowledgment = 5};
    shards.add(std::span(frame).first(layout.write(frame.data(), numbers)));
    shards.run();
    EXPECT_TRUE(shards.sent_the_same());
  };
  for (int i = 0; i < 13; ++i) send(syn_templates()[0], port++, 100);
  ASSERT_EQ(shards.long_way().count(Counter::SyncookiesSent), 1U);  // and so cookies live
  for (std::uint16_t gone = 1000; gone < 1011; ++gone) send(rst, gone, 101);
  ASSERT_EQ(shards.long_way().shard().half_open(), 1U);
  for (int i = 0; i < 11; ++i) send(syn_templates()[0], port++, 100);
  ASSERT_EQ(shards.long_way().shard().half_open(), 12U);
  send(ack, 60000, 7);
  send(rst, 1011, 101);
  send(syn_templates()[0], port++, 100);
  EXPECT_EQ(shards.difference_of_counters(), "");
  EXPECT_EQ(shards.batch_path().shard().half_open(), 12U);
}

}  // namespace
}  // namespace levee::proof
