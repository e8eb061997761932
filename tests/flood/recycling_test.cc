// Recycling of TIME-WAIT: levee closes first, and one client address opens connections from a few TCP ports as fast as
// they go, with its own clocks for timestamps (1 ms) and ISNs (4 us). 2MSL is 60 s, so every SYN but the first of a
// port meets an entry.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "flood/rfc6191.h"
#include "flood/size.h"
#include "flood/world.h"

namespace levee::flood {
namespace {

using namespace std::chrono_literals;

constexpr Ipv4Address kClient{0x0a010001};
constexpr std::uint16_t kFirstPort = 1024;

struct Mode {
  const char* name;
  SynCookies cookies;
};
constexpr Mode kModes[] = {{"Always", SynCookies::Always}, {"Kept", SynCookies::Never}};

// What else happens.
struct Malice {
  bool spoofs = false;      // a SYN of somebody else's for every second entry, just before the client's own
  bool duplicates = false;  // old frames of earlier incarnations turn up again
};

class Recycling : public testing::TestWithParam<Mode> {
 protected:
  static constexpr std::size_t kKept = 8;  // old frames remembered for a port

  struct Port {
    Past past;
    Case opening = Case::NewerTimestamp;
    std::uint32_t incarnations = 0;
    std::vector<std::vector<std::byte>> old_frames, frames;  // of earlier incarnations and of this one
  };

  void build(std::uint16_t ports, std::uint64_t frames_per_second, const Malice& malice) {
    WorldOptions options;
    options.server.shard.syn.cookies = GetParam().cookies;
    options.server.frames_per_second = frames_per_second;
    options.server.shard.limits.half_open = 2048;  // all ports start at one instant
    options.server.queue = 4096;                   // nothing is lost for want of a descriptor
    options.server.buffers = 16384;
    malice_ = malice;
    ports_.resize(ports);
    world_ = std::make_unique<World>(options);
    world_->on_ended = [this](std::uint32_t number) { ended(number); };
    if (malice.duplicates) {
      world_->loses_to_server = [this](World::Frame frame) {
        remember(frame);
        return false;
      };
    }
  }

  virtual peer::Plan plan(std::uint16_t port) {
    peer::Plan plan;
    plan.request = static_cast<std::uint32_t>(20 + random_.below(180));
    plan.reply = static_cast<std::uint32_t>(random_.below(2000));
    plan.timestamps = mixes_timestamps_ ? random_.chance(0.7) : port % 4 != 0;
    plan.delay = 10us + 10us * (port % 100);
    // Those who wait for a repetition leave the server idle: the ISN clock must still get ahead of what was sent.
    if (malice_.spoofs) plan.delay += 1ms;
    return plan;
  }

  void start(std::uint16_t port) {
    Port& own = ports_[port];
    std::swap(own.old_frames, own.frames);
    own.frames.clear();
    peer::Plan next = plan(port);
    next.address = kClient;
    next.tcp_port = static_cast<std::uint16_t>(kFirstPort + port);
    if (own.incarnations > 0 && malice_.spoofs && random_.chance(0.5)) spoof(next.tcp_port);
    const std::uint32_t number = world_->start(next);
    if (own.incarnations > 0) {
      own.opening = case_of(own.past, world_->clients()[number]);
      ++met_[static_cast<std::size_t>(own.opening)];
    }
    ++own.incarnations;
    if (malice_.duplicates && !own.old_frames.empty() && random_.chance(0.2)) {
      const auto& frame = own.old_frames[random_.below(own.old_frames.size())];
      world_->inject(Duration(static_cast<std::int64_t>(random_.below(50'000'000))), frame);
      ++duplicates_;
    }
  }

  // A SYN that any of the cases allows to reopen the entry, from somebody who does not know the client's numbers.
  void spoof(std::uint16_t tcp_port) {
    peer::Segment syn;
    syn.source = kClient;
    syn.destination = {0x0a000001};
    syn.source_port = tcp_port;
    syn.destination_port = 80;
    syn.sequence = static_cast<std::uint32_t>(random_.next());
    syn.flags = peer::kSyn;
    if (random_.chance(0.5)) syn.timestamps = peer::Clock{static_cast<std::uint32_t>(random_.next()), 0};
    peer::FrameBuffer buffer;
    world_->inject(Duration::zero(), peer::write(syn, peer::ClientsOptions{}.link, buffer));
    ++spoofed_;
  }

  void ended(std::uint32_t number) {
    const peer::Client& client = world_->clients()[number];
    const auto port = static_cast<std::uint16_t>(client.plan.tcp_port - kFirstPort);
    Port& own = ports_[port];
    ++connections_;
    failed_ += client.ended_well() ? 0 : 1;
    retries_ += client.syns - 1U;
    most_syns_ = std::max<unsigned>(most_syns_, client.syns);
    const bool first = own.incarnations == 1;
    if (!first && may_reopen(own.opening) != (client.syns == 1)) ++unexpected_;
    own.past = past_of(client);
    if (world_->now() < end_) start(port);
  }

  void remember(World::Frame frame) {
    const auto segment = peer::read(frame);
    if (!segment) return;
    auto& frames = ports_[segment->source_port - kFirstPort].frames;
    if (frames.size() < kKept) frames.emplace_back(frame.begin(), frame.end());
  }

  void run(Duration duration) {
    end_ = world_->now() + duration;
    for (std::uint16_t port = 0; port < ports_.size(); ++port) start(port);
    world_->run_until(end_);
    world_->run_until(end_ + 300s, [this] { return world_->clients().running() == 0; });
    report();
    const StatsSnapshot stats = world_->server().stats();
    EXPECT_EQ(failed_, 0U);
    EXPECT_EQ(world_->server().service().requests(), connections_);
    EXPECT_EQ(world_->server().service().wrong_bytes(), 0U);
    EXPECT_EQ(world_->clients().malformed(), 0U);
    EXPECT_EQ(world_->dropped(), 0U);
    // No entry is lost: each was left for a connection that completed, or is there.
    EXPECT_EQ(stats[Counter::TimeWaitEntered], connections_);
    EXPECT_EQ(stats[Counter::TimeWaitRecycled], connections_ - ports_.size());
    EXPECT_EQ(stats[Counter::TimeWaitEvicted], 0U);
    EXPECT_EQ(world_->server().shard().time_wait(), ports_.size() - stats[Counter::TimeWaitExpired]);
    EXPECT_EQ(world_->server().shard().check_invariants(), "");
  }

  void report() const {
    fmt::print("figure: {}{}{}: {} ports, {} connections, {} with a second SYN ({:.4f} %), at most {} SYNs",
               GetParam().name, malice_.spoofs ? ", a spoofed SYN for every second entry" : "",
               malice_.duplicates ? ", old duplicates" : "", ports_.size(), connections_, retries_,
               100 * static_cast<double>(retries_) / static_cast<double>(connections_), most_syns_);
    if (malice_.spoofs) fmt::print(", {} spoofed", spoofed_);
    if (malice_.duplicates) fmt::print(", {} duplicates", duplicates_);
    for (std::size_t i = 0; i < kCases; ++i) fmt::print("; {} {}", met_[i], kCaseNames[i]);
    fmt::print("\n");
  }

  std::unique_ptr<World> world_;
  Malice malice_;
  std::vector<Port> ports_;
  std::array<std::uint64_t, kCases> met_{};
  std::uint64_t connections_ = 0, failed_ = 0, retries_ = 0, unexpected_ = 0, spoofed_ = 0, duplicates_ = 0;
  bool mixes_timestamps_ = true;  // from incarnation to incarnation; else a port has them or not
  unsigned most_syns_ = 0;
  Instant end_{};
  Random random_{9};
};

std::uint64_t capacity() { return sized(5'000, 20'000, 100'000); }
Duration duration() { return std::chrono::seconds(sized(5, 10, 60)); }

// A thousand ports share what the server takes; a port comes round after tens of milliseconds.
TEST_P(Recycling, EachConnectsAtOnce) {
  build(1000, capacity(), {});
  run(duration());
  EXPECT_EQ(unexpected_, 0U);
  EXPECT_LE(most_syns_, 2U);
}

TEST_P(Recycling, OldDuplicatesChangeNothing) {
  mixes_timestamps_ = false;
  build(1000, capacity(), {.duplicates = true});
  run(duration());
  EXPECT_GT(duplicates_, connections_ / 10);
  EXPECT_EQ(unexpected_, 0U);
  EXPECT_LE(most_syns_, 2U);
}

// RFC 6191 honours any SYN with timestamps when the entry has none: an old duplicate from before the client gave them
// up is taken for a new one. The client resets the answer, so that it costs a repetition of its own SYN and nothing
// else.
TEST_P(Recycling, OldDuplicateWithTimestampsCostsARepetition) {
  build(1000, capacity(), {.duplicates = true});
  run(duration());
  EXPECT_LT(unexpected_, duplicates_ / 10);
  EXPECT_LE(most_syns_, 4U);
}

TEST_P(Recycling, SpoofedSynsLoseNoEntry) {
  build(1000, capacity(), {.spoofs = true});
  run(duration());
  EXPECT_GT(spoofed_, connections_ / 3);
  // The answer to the spoofed SYN goes to the client, whose RST takes the record away before its own SYN comes again.
  EXPECT_LE(most_syns_, 2U);
}

// A few ports and a server that is never busy: a connection lasts less than a tick of the timestamp clock, and sends
// more bytes than the ISN clock moves on. Then RFC 6191 has the SYN dropped, and its repetition a second later is
// newer.
class FastRecycling : public Recycling {
 protected:
  peer::Plan plan(std::uint16_t port) override {
    peer::Plan plan;
    // Without a timestamp only the number counts, which is the same in each repetition of the SYN: not for those whose
    // connections are shorter than the ISN clock needs.
    plan.timestamps = port % 8 < 4 || random_.chance(0.5);
    plan.delay = 20us + 50us * (port % 8);
    plan.reply = 100;
    plan.request = static_cast<std::uint32_t>(20 + random_.below(160));
    return plan;
  }
};

TEST_P(FastRecycling, EachConnectsWithinOneRetry) {
  build(static_cast<std::uint16_t>(sized(16, 40, 100)), 0, {});
  run(duration());
  EXPECT_EQ(unexpected_, 0U);
  EXPECT_LE(most_syns_, 2U);
  for (std::size_t i = 0; i < kCases; ++i) {
    if (static_cast<Case>(i) == Case::NoneOlderNumber) {
      EXPECT_EQ(met_[i], 0U);
    } else {
      EXPECT_GT(met_[i], 0U) << kCaseNames[i];
    }
  }
}

// The case that RFC 6191 leaves to the end of TIME-WAIT: more bytes than the ISN clock moves on, and no timestamps.
TEST_P(Recycling, OlderNumberWaitsForTheEntrysEnd) {
  build(1, 0, {});
  peer::Plan plan;
  plan.address = kClient;
  plan.tcp_port = kFirstPort;
  plan.timestamps = false;
  plan.request = 60'000;
  plan.segments = 60;
  Past past;
  Case opening = Case::NewerTimestamp;
  world_->on_ended = [&](std::uint32_t number) {
    past = past_of(world_->clients()[number]);
    if (++connections_ == 2) return;
    static_cast<void>(world_->start(plan));
    opening = case_of(past, world_->clients()[number]);
  };
  static_cast<void>(world_->start(plan));
  world_->run_for(100s);
  EXPECT_EQ(opening, Case::NoneOlderNumber);
  EXPECT_EQ(connections_, 2U);
  EXPECT_EQ(world_->clients()[0].syns, 11U);  // the last after 67 s
  EXPECT_EQ(world_->server().stats()[Counter::TimeWaitExpired], 1U);
  EXPECT_EQ(world_->server().stats()[Counter::TimeWaitRecycled], 0U);
}

// The client's first incarnation has timestamps and a cookie, its second neither; the first's request turns up again.
// Its cookie is still good and its timestamp "appears", but no handshake would follow: the service must not get it
// twice.
TEST_P(Recycling, OldRequestWithACookieOpensNothing) {
  build(1, 0, {});
  peer::Plan plan;
  plan.address = kClient;
  plan.tcp_port = kFirstPort;
  plan.delay = 10ms;
  std::vector<std::byte> request;
  world_->loses_to_server = [&request](World::Frame frame) {
    const auto segment = peer::read(frame);
    if (segment && request.empty() && !segment->payload.empty()) request.assign(frame.begin(), frame.end());
    return false;
  };
  world_->on_ended = [&](std::uint32_t) {
    if (++connections_ == 2) return;
    plan.timestamps = false;
    static_cast<void>(world_->start(plan));
  };
  static_cast<void>(world_->start(plan));
  world_->run_for(1s);
  ASSERT_EQ(connections_, 2U);
  ASSERT_EQ(world_->server().service().requests(), 2U);
  world_->inject(Duration::zero(), request);
  world_->run_for(1s);
  EXPECT_EQ(world_->server().service().requests(), 2U);
  EXPECT_EQ(world_->server().shard().time_wait(), 1U);
  EXPECT_EQ(world_->server().shard().connections(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, Recycling, testing::ValuesIn(kModes),
                         [](const auto& chosen) { return std::string(chosen.param.name); });
INSTANTIATE_TEST_SUITE_P(Modes, FastRecycling, testing::ValuesIn(kModes),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

}  // namespace
}  // namespace levee::flood
