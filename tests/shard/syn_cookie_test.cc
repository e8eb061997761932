// SYN cookies (RFC 4987 3.6): what comes back from them, how long they live, when they are used, and that nothing is
// kept.
#include "shard/syn_cookie.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "sim/conversation.h"

namespace levee::sim {
namespace {

using namespace std::chrono_literals;

ConversationOptions always(SynPolicy policy = {}) {
  ConversationOptions options;
  policy.cookies = SynCookies::Always;
  options.shard.syn = policy;
  options.secrets.cookie_keys = {SipKey{11, 12}, SipKey{13, 14}};
  return options;
}

// The cookie for one value of the options byte, with IRS 1000.
tcp::Seq iss_for(const shard::CookieJar& jar, const shard::FlowKey4& key, std::uint32_t byte) {
  const shard::CookieInput input{.flow = key, .irs = 1000, .byte = byte};
  return input.seal(jar.tag(input));
}

// RFC 4987 3.6.
TEST(SynCookie, HandshakeKeepsNothingUntilTheAck) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).sack_permitted().scale(7));
  peer.expects(syn_ack().ack(1).mss(1460).sack_permitted().scale(3));
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_EQ(talk.shard().next_deadline(), kNever);
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
  const ConnectionInfo info = talk.service().connection.info();
  EXPECT_EQ(info.effective_mss, 1460U);
  EXPECT_TRUE(info.sack);
  EXPECT_TRUE(info.window_scaling);
  EXPECT_EQ(info.snd_wnd, 65535U << 7);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesSent], 1U);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesRecv], 1U);
}

TEST(SynCookie, PayloadOfTheAckIsDelivered) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(data("GET /"));  // the bare ACK was lost
  peer.expects(ack(6));
  EXPECT_EQ(talk.service().take_events(), "opened, data 5");
}

// RFC 4987 3.6.
TEST(SynCookie, OptionsRoundDownNeverUp) {
  for (const std::uint16_t mss :
       {std::uint16_t{88}, std::uint16_t{535}, std::uint16_t{536}, std::uint16_t{1360}, std::uint16_t{1400},
        std::uint16_t{1440}, std::uint16_t{1452}, std::uint16_t{1459}, std::uint16_t{1460}, std::uint16_t{9000}}) {
    for (const int scale : {-1, 0, 2, 4, 6, 7, 8, 9, 14}) {
      Conversation talk(always());
      Peer& peer = talk.peer();
      TestSegment first = syn().mss(mss);
      if (scale >= 0) first.scale(static_cast<std::uint8_t>(scale));
      peer.sends(first);
      peer.expects(syn_ack());
      peer.sends(ack().win(1000));
      talk.run();
      const ConnectionInfo info = talk.service().connection.info();
      EXPECT_LE(info.effective_mss, std::min<std::uint32_t>(mss, 1460)) << mss;
      EXPECT_GE(info.effective_mss, std::min<std::uint32_t>(mss, 1460) * 3 / 5 / (mss < 536 ? 5 : 1)) << mss;
      EXPECT_EQ(info.window_scaling, scale >= 0);
      EXPECT_LE(info.snd_wnd, 1000U << std::max(scale, 0)) << scale;
    }
  }
}

// With timestamps the exact scale comes back in the echo.
TEST(SynCookie, TimestampsCarryTheExactScale) {
  for (std::uint8_t scale = 0; scale <= 14; ++scale) {
    Conversation talk(always());
    Peer& peer = talk.peer();
    peer.sends(syn().mss(1460).sack_permitted().ts(77, 0).scale(scale));
    peer.expects(syn_ack().ts_echo(77));
    peer.sends(ack().win(1000));
    talk.run();
    const ConnectionInfo info = talk.service().connection.info();
    EXPECT_TRUE(info.timestamps);
    EXPECT_EQ(info.snd_wnd, 1000U << scale);
    EXPECT_EQ(info.srtt, Duration{});  // no sample from a TSval that was changed
  }
}

// gVisor#11536: an ACK without the timestamps that the SYN had.
TEST(SynCookie, TimestampsAreOnIffTheAckHasThem) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).ts(77, 0).scale(7));
  peer.expects(syn_ack());
  peer.sends(ack().no_ts());
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
  EXPECT_FALSE(talk.service().connection.info().timestamps);
}

TEST(SynCookie, StaleEchoIsRefused) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).ts(77, 0));
  const Seen answer = peer.expects(syn_ack());
  peer.sends(ack().ts(78, answer.timestamps->value - 61'000));
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::CookieFailed], 1U);
  peer.sends(ack());
  talk.run();
  EXPECT_EQ(talk.service().take_events(), "opened");
}

// Two hosts behind one address with one key: one answers the SYN, the other gets the ACK.
TEST(SynCookie, AnotherHostsCookieIsAcceptedWhileClocksDifferByTwoSeconds) {
  const shard::FlowKey4 key{{0x0a000001}, {0x0a000002}, 80, 40000};
  const std::array<SipKey, 2> keys{SipKey{1, 2}, SipKey{3, 4}};
  const shard::CookieJar one(keys, {.accept_always = true});
  const shard::CookieJar other(keys, {.accept_always = true});
  const Instant now{1h};
  const tcp::HalfOpen offer =
      tcp::listen(tcp::Seq(1000), {.ts_value = 77, .options = wire::SynOffer::kTimestamps}, true, 5, now, {});
  const shard::CookieInput input = one.input_for(key, offer, {});
  tcp::Segment ack;
  ack.seq = tcp::Seq(1001);
  ack.ack = input.seal(one.tag(input)) + 1;
  ack.flags = kAck;
  ack.options = {.has_timestamps = true, .ts_value = 78, .ts_echo = shard::cookie_timestamp(offer, now)};
  for (const Duration skew : {-1900ms, 0ms, 2000ms}) {
    EXPECT_TRUE(other.open(key, ack, 5, now + skew, {}, {})) << skew.count();
  }
  EXPECT_FALSE(other.open(key, ack, 5, now - 5s, {}, {}));
  EXPECT_FALSE(shard::CookieJar(keys, {}).open(key, ack, 5, now - 1900ms, {}, {}));
}

TEST(SynCookie, RequiredTimestampsRefuseAnAckWithout) {
  Conversation talk(always({.require_timestamps = true}));
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460).ts(77, 0));
  peer.expects(syn_ack());
  peer.sends(ack().no_ts());
  peer.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::CookieFailed], 1U);
}

// Of all the ACK numbers for one tuple exactly one per value of the options byte is good.
class EveryAck : public testing::TestWithParam<bool> {};

TEST_P(EveryAck, ExactlyOneIssPerByteIsAccepted) {
  shard::CookieJar jar({SipKey{1, 2}, SipKey{3, 4}}, {});
  const shard::FlowKey4 key{{0x0a000001}, {0x0a000002}, 80, 40000};
  std::set<std::uint32_t> good;
  for (unsigned byte = 0; byte < 256; ++byte) {
    good.insert(iss_for(jar, key, byte).value());
  }
  EXPECT_EQ(good.size(), 256U);
  tcp::Segment ack;
  ack.seq = tcp::Seq(1001);
  ack.flags = kAck;
  const Instant now(1h);
  if (GetParam()) {
    ack.options = {.has_timestamps = true, .ts_value = 1, .ts_echo = tcp::timestamp_clock(now, 0) - 100};
  }
  std::uint32_t accepted = 0;
  // Every good one, and a stride through all 2^32; tests/nightly.sh walks them all.
  const char* chosen = std::getenv("LEVEE_COOKIE_STRIDE");
  const std::uint64_t stride = chosen == nullptr ? 9973 : std::stoull(chosen);
  const auto opens = [&](std::uint32_t iss) {
    ack.ack = tcp::Seq(iss + 1);
    return jar.open(key, ack, 0, now, {}, {}).has_value();
  };
  for (const std::uint32_t iss : good) EXPECT_TRUE(opens(iss));
  for (std::uint64_t iss = 0; iss < (std::uint64_t{1} << 32); iss += stride) {
    accepted += opens(static_cast<std::uint32_t>(iss)) ? 1 : 0;
    if (accepted > 256) break;
  }
  std::uint32_t wanted = 0;
  for (const std::uint32_t iss : good) wanted += iss % stride == 0 ? 1 : 0;
  EXPECT_EQ(accepted, wanted);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutAFreshEcho, EveryAck, testing::Bool());

// RFC 4987 3.6.
TEST(SynCookie, OtherTupleOrOtherIrsIsRefused) {
  shard::CookieJar jar({SipKey{1, 2}, SipKey{3, 4}}, {});
  const shard::FlowKey4 key{{0x0a000001}, {0x0a000002}, 80, 40000};
  tcp::Segment ack;
  ack.flags = kAck;
  ack.ack = iss_for(jar, key, 0xe0) + 1;
  ack.seq = tcp::Seq(1001);
  EXPECT_TRUE(jar.open(key, ack, 0, Instant(1h), {}, {}));
  ack.seq = tcp::Seq(1002);
  EXPECT_FALSE(jar.open(key, ack, 0, Instant(1h), {}, {}));
  ack.seq = tcp::Seq(1001);
  for (const shard::FlowKey4& other :
       {shard::FlowKey4{key.local, {0x0a000003}, 80, 40000}, shard::FlowKey4{key.local, key.remote, 81, 40000},
        shard::FlowKey4{key.local, key.remote, 80, 40001}}) {
    EXPECT_FALSE(jar.open(other, ack, 0, Instant(1h), {}, {}));
  }
}

// RFC 4987 3.6: a cookie survives one change of keys and not two.
TEST(SynCookie, LivesThroughOneRotation) {
  for (const int rotations : {0, 1, 2}) {
    Conversation talk(always());
    Peer& peer = talk.peer();
    peer.sends(syn().mss(1460));
    peer.expects(syn_ack());
    SipKey newest{100, 100};
    std::array<SipKey, 2> keys = talk.secrets().cookie_keys;
    for (int n = 1; n <= rotations; ++n) {
      newest[0] += 1;
      keys[static_cast<std::size_t>(n % 2)] = newest;
      talk.shard().deliver(talk.now(), shard::KeyEpoch{keys, static_cast<std::uint8_t>(n % 2)});
      talk.advance(15s);
    }
    peer.sends(ack());
    talk.run();
    EXPECT_EQ(talk.service().take_events(), rotations < 2 ? "opened" : "");
  }
}

TEST(SynCookie, FailedAckIsSilentWhileCookiesLiveAndResetAfter) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  Peer& stray = talk.add_peer({.tcp_port = 40001});
  stray.sends(ack(77).seq(5));
  stray.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::CookieFailed], 1U);
  // The request's second segment arrives first, then the first again: the connection opens.
  peer.sends(data("second").seq(7));
  peer.expects_nothing();
  peer.sends(data("first ").seq(1));
  peer.expects(ack(7));
  talk.advance(61s);
  stray.sends(ack(77).seq(5));
  stray.expects(rst().seq(77));
}

TEST(SynCookie, LiveConnectionWinsOverACookie) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends({ack(), ack()});  // the duplicate makes no second connection
  talk.run();
  EXPECT_EQ(talk.shard().connections(), 1U);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesRecv], 1U);
}

// RFC 4987 3.7.
TEST(SynCookie, AutoUsesThemOnlyBetweenTheMarks) {
  ConversationOptions options;
  options.shard.limits.half_open = 8;
  Conversation talk(std::move(options));
  talk.ignores_the_rest();
  const auto knock = [&](std::uint16_t port) {
    Peer& peer = talk.add_peer({.tcp_port = port});
    peer.sends(syn().mss(1460));
    talk.run();
  };
  for (std::uint16_t port = 1; port <= 6; ++port) knock(port);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesSent], 0U);
  knock(7);
  knock(8);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesSent], 2U);
  EXPECT_EQ(talk.shard().half_open(), 6U);
  const std::uint64_t repeats = talk.stats()[Counter::SynAckRetrans];
  talk.advance(5s);
  EXPECT_EQ(talk.stats()[Counter::SynAckRetrans], repeats);  // none while in cookie mode
  talk.advance(30s);
  EXPECT_EQ(talk.shard().half_open(), 0U);
  knock(9);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesSent], 2U);
  EXPECT_EQ(talk.shard().half_open(), 1U);
}

TEST(SynCookie, ServerFirstListenersKeepState) {
  ConversationOptions options = always();
  options.shard.listeners[0].server_first = true;
  Conversation talk(std::move(options));
  talk.peer().sends(syn().mss(1460));
  talk.peer().expects(syn_ack());
  EXPECT_EQ(talk.shard().half_open(), 1U);
  EXPECT_EQ(talk.stats()[Counter::SyncookiesSent], 0U);
}

TEST(SynCookie, FullConnectionTableLeavesTheAckUnanswered) {
  ConversationOptions options = always();
  options.shard.limits.connections = 1;
  Conversation talk(std::move(options));
  talk.peer().sends(syn().mss(1460));
  talk.peer().expects(syn_ack());
  talk.peer().sends(ack());
  Peer& second = talk.add_peer({.tcp_port = 40001});
  second.sends(syn().mss(1460));
  second.expects(syn_ack());
  second.sends(ack());
  second.expects_nothing();
  EXPECT_EQ(talk.stats()[Drop::ConnectionsFull], 1U);
  talk.service().connection.abort();
  talk.peer().expects(rst_ack());
  second.sends(data("again"));
  second.expects(ack(6));
}

TEST(SynCookie, RepeatedSynGetsTheSameCookie) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  const Seen first = peer.expects(syn_ack());
  talk.advance(3s);
  peer.sends(syn().seq(0).mss(1460));
  EXPECT_EQ(peer.expects(syn_ack()).sequence, first.sequence);
}

// What a forged ACK makes is dropped without a word once room gets short; one that sent text is not.
TEST(SynCookie, UnprovenConnectionsMakeRoom) {
  ConversationOptions options = always();
  options.shard.limits.connections = 12;
  options.shard.limits.time_wait = 1;
  options.shard.limits.half_open = 1;
  Conversation talk(std::move(options));
  for (std::uint16_t port = 1; port <= 12; ++port) {
    Peer& peer = talk.add_peer({.tcp_port = port});
    peer.sends(syn().mss(1460));
    peer.expects(syn_ack());
    if (port == 1) {
      peer.sends(data("x"));
      peer.expects(ack(2));
    } else {
      peer.sends(ack());
    }
  }
  talk.run();
  EXPECT_EQ(talk.shard().connections(), 12U);
  talk.advance(11s);
  EXPECT_EQ(talk.shard().connections(), 9U);  // down to three quarters of the 12
  EXPECT_EQ(talk.stats()[Counter::CookieIdle], 3U);
  talk.advance(60s);
  EXPECT_EQ(talk.shard().connections(), 9U);
}

// Recycling in cookie mode: the half-open record for it is reserved, so an old duplicate SYN changes nothing.
TEST(SynCookie, TimeWaitIsReopenedFromAReservedRecord) {
  Conversation talk(always());
  Peer& peer = talk.peer();
  peer.sends(syn().mss(1460));
  peer.expects(syn_ack());
  peer.sends(ack());
  talk.run();
  talk.service().connection.close();
  peer.expects(fin());
  peer.sends(fin().ack(2));
  peer.expects(ack(2));
  Peer& again = talk.add_peer({.iss = 900'000});
  again.sends(syn().mss(1460));
  const Seen answer = again.expects(syn_ack());
  EXPECT_GT(static_cast<std::int32_t>(answer.sequence - peer.rcv_nxt), 0);
  EXPECT_EQ(talk.shard().half_open(), 1U);
  again.sends(data("new"));
  again.expects(ack(4));
  EXPECT_EQ(talk.stats()[Counter::TimeWaitRecycled], 1U);
  EXPECT_EQ(talk.shard().time_wait(), 0U);
}

TEST(SynCookie, TimeWaitIsReopenedByCookieWhenTimestampsTellThemApart) {
  ConversationOptions options = always();
  options.shard.limits.half_open = 1;
  Conversation talk(std::move(options));
  Peer& peer = talk.peer();
  Peer& blocker = talk.add_peer({.tcp_port = 1});
  const auto into_time_wait = [&](Peer& one) {
    one.sends(syn().mss(1460).ts(one.timestamp_base, 0));
    one.expects(syn_ack());
    one.sends(ack());
    talk.run();
    talk.service().connection.close();
    one.expects(fin());
    one.sends(fin().ack(2));
    one.expects(ack(2));
  };
  into_time_wait(blocker);
  into_time_wait(peer);
  ASSERT_EQ(talk.shard().time_wait(), 2U);
  Peer& first = talk.add_peer({.tcp_port = 1, .iss = 900'000});
  first.timestamp_base += 10'000'000;
  first.sends(syn().mss(1460).ts(first.timestamp_base, 0));
  first.expects(syn_ack());  // takes the only record
  ASSERT_EQ(talk.shard().half_open(), 1U);
  Peer& again = talk.add_peer({.iss = 900'000});
  again.timestamp_base += 10'000'000;
  again.sends(syn().mss(1460).ts(again.timestamp_base, 0));
  again.expects(syn_ack());
  EXPECT_EQ(talk.shard().time_wait(), 2U);  // until the cookie comes back
  again.sends(data("new"));
  again.expects(ack(4));
  EXPECT_EQ(talk.shard().time_wait(), 1U);
  talk.ignores_the_rest();
}

// The SYN was answered by cookie; its repetition finds room in the queue and gets another ISS. The client holds the
// cookie.
TEST(SynCookie, CookieWinsOverAHalfOpenRecordOfTheSameSyn) {
  ConversationOptions options;
  options.shard.limits.half_open = 4;
  Conversation talk(std::move(options));
  talk.ignores_the_rest();
  for (std::uint16_t port = 1; port <= 3; ++port) {
    talk.add_peer({.tcp_port = port}).sends(syn());
    talk.run();
  }
  Peer& client = talk.add_peer({.tcp_port = 9});
  client.sends(syn().mss(1460));
  const Seen cookie = client.expects(syn_ack());
  for (std::uint16_t port = 1; port <= 3; ++port) talk.add_peer({.tcp_port = port}).sends(rst().seq(1));
  ASSERT_EQ(talk.shard().half_open(), 0U);
  talk.advance(1s);
  Peer repeated({talk, {.tcp_port = 9}});
  repeated.sends(syn().mss(1460));
  talk.run();
  ASSERT_EQ(talk.shard().half_open(), 1U);
  client.irs = cookie.sequence;
  client.rcv_nxt = cookie.sequence + 1;
  client.sends(data("mine"));
  talk.run();
  EXPECT_EQ(talk.service().received, "mine");
  EXPECT_EQ(talk.shard().half_open(), 0U);
  EXPECT_EQ(talk.stats()[Counter::OutRsts], 0U);
}

// One lost final ACK would be final for it: its SYN-ACK is repeated in cookie mode, too.
TEST(SynCookie, ServerFirstListenersRepeatTheirSynAck) {
  ConversationOptions options = always();
  options.shard.listeners[0].server_first = true;
  Conversation talk(std::move(options));
  talk.peer().sends(syn().mss(1460));
  talk.peer().expects(syn_ack());
  talk.advance(1100ms);
  talk.peer().expects(syn_ack().ack(1));
}

}  // namespace
}  // namespace levee::sim
