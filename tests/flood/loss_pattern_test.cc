// A client-first request of three segments through every loss pattern of both sides' first four frames: no connection
// is reset, each completes, and the service gets every byte. The client's frames are counted from the SYN on in one run
// (SYN, ACK, first and second segment) and behind it in the other (ACK and the three segments); levee's from the
// SYN-ACK.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "flood/world.h"

namespace levee::flood {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kPatterns = 16;  // of four frames

struct Mode {
  const char* name;
  SynCookies cookies;
  bool queue_is_full;  // spoofed SYNs have filled the SYN queue beyond the mark, where `Auto` answers by cookie
};

constexpr Mode kModes[] = {{"Always", SynCookies::Always, false},
                           {"Auto", SynCookies::Auto, false},
                           {"AutoInAFlood", SynCookies::Auto, true},
                           {"Kept", SynCookies::Never, false}};

void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }

class LossPattern : public testing::TestWithParam<Mode> {};

WorldOptions options_of(const Mode& mode) {
  WorldOptions options;
  options.server.shard.syn.cookies = mode.cookies;
  options.server.shard.limits.connections = options.server.shard.limits.transfers = 16;
  options.server.shard.limits.half_open = 16;
  options.server.shard.limits.time_wait = 16;
  options.server.shard.limits.slices = 256;
  options.server.shard.limits.blanks = 128;
  options.server.shard.limits.held_buffers = 64;
  options.server.buffers = 512;
  return options;
}

void fill_syn_queue(World& world) {
  SynSource spoofed({.per_second = 1, .seed = 5});
  for (int i = 0; i < 14; ++i) {
    world.inject(Duration::zero(), spoofed.write({0x0a000001}, 80, peer::ClientsOptions{}.link));
  }
  world.run_for(1ms);
}

struct Losses {
  unsigned to_server = 0, to_client = 0;  // bit n: the nth frame
  bool spares_syn = false;                // the client's frames are counted behind the SYN
};

// What went wrong, or nothing.
std::string converse(const Mode& mode, const Losses& losses, bool timestamps) {
  WorldOptions options = options_of(mode);
  // Eight lost frames must not use up the client's SYNs: eleven, as Linux has them since 6.5.
  options.clients.rules.syn_linear_timeouts = 4;
  World world(options);
  if (mode.queue_is_full) fill_syn_queue(world);
  unsigned sent = 0, answered = 0;
  world.loses_to_server = [&](World::Frame frame) {
    const auto segment = peer::read(frame);
    if (!segment || (losses.spares_syn && segment->has(peer::kSyn))) return false;
    return (losses.to_server >> sent++ & 1) != 0 && sent <= 4;
  };
  world.loses_to_client = [&](World::Frame frame) {
    const auto segment = peer::read(frame);
    if (!segment || segment->destination != Ipv4Address{0x0a010001}) return false;
    return (losses.to_client >> answered++ & 1) != 0 && answered <= 4;
  };
  peer::Plan plan;
  plan.address = {0x0a010001};
  plan.tcp_port = 40000;
  plan.request = 3000;
  plan.segments = 3;
  plan.reply = 3000;
  plan.timestamps = timestamps;
  plan.delay = 10ms;
  static_cast<void>(world.start(plan));
  world.run_for(300s);
  const peer::Client& client = world.clients()[0];
  if (client.phase != peer::Phase::Done) return "the client failed with " + std::to_string(int(client.failure));
  if (world.clients().malformed() != 0) return "a malformed frame";
  if (world.server().service().requests() != 1) return "the service has not got the request";
  if (world.server().service().wrong_bytes() != 0) return "the service got wrong bytes";
  if (world.server().service().ended_badly() != 0) return "the service's connection ended badly";
  if (world.server().stats()[Counter::OutRsts] != 0) return "an RST was sent";
  return {};
}

TEST_P(LossPattern, NoneIsReset) {
  unsigned conversations = 0;
  for (const bool spares_syn : {true, false}) {
    for (const bool timestamps : {true, false}) {
      for (unsigned to_server = 0; to_server < kPatterns; ++to_server) {
        for (unsigned to_client = 0; to_client < kPatterns; ++to_client) {
          const std::string fault = converse(GetParam(), {to_server, to_client, spares_syn}, timestamps);
          EXPECT_EQ(fault, "") << "lost of the client's frames: " << to_server << ", of levee's: " << to_client
                               << (spares_syn ? ", behind the SYN" : "") << (timestamps ? ", timestamps" : "");
          ++conversations;
        }
      }
    }
  }
  EXPECT_EQ(conversations, 4 * kPatterns * kPatterns);
}

INSTANTIATE_TEST_SUITE_P(Modes, LossPattern, testing::ValuesIn(kModes),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

}  // namespace
}  // namespace levee::flood
