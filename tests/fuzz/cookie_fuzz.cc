// SYN cookies: what goes in comes out, rounded down and never up; the tags of a burst are those of its packets; and an
// ACK is taken exactly when its number is the one that the tag makes, however it was changed. Of either family.
#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/vector_unit.h"
#include "fuzz/target.h"
#include "shard/syn_cookie.h"

namespace levee::fuzz {
namespace {

using shard::CookieInputOf;
using shard::CookieJar;
using shard::FlowKey4;
using shard::FlowKey6;
using wire::SynOffer;

// `Key`: FlowKey4 or FlowKey6.
template <typename Key>
struct Case {
  SynPolicy policy;
  levee::TcpOptions options;
  tcp::MssLimits limits;
  shard::KeyEpoch keys;
  Key flow;
  std::uint32_t ts_offset = 0;
  Instant now;
};

void read_flow(FlowKey4& flow, Input& input) { flow = {{input.u32()}, {input.u32()}, input.u16(), input.u16()}; }
void read_flow(FlowKey6& flow, Input& input) {
  for (Ipv6Address* address : {&flow.addresses.local, &flow.addresses.remote}) {
    const auto octets = input.bytes(address->octets.size());
    for (std::size_t i = 0; i < octets.size(); ++i) address->octets[i] = std::to_integer<std::uint8_t>(octets[i]);
  }
  flow.local_port = input.u16();
  flow.remote_port = input.u16();
}

template <typename Key>
Case<Key> read_case(Input& input, std::uint8_t how) {
  Case<Key> c;
  c.policy.accept_always = (how & 1) != 0;
  c.policy.require_timestamps = (how & 2) != 0;
  c.options.timestamps = (how & 4) == 0;
  c.options.sack = (how & 8) == 0;
  c.options.window_scaling = (how & 16) == 0;
  c.limits.send = c.limits.receive = static_cast<std::uint16_t>(88 + input.below(9000));
  c.keys = {.keys = {SipKey{input.u8(), 1}, SipKey{input.u8(), 2}},
            .parity = static_cast<std::uint8_t>(input.u8() & 1)};
  read_flow(c.flow, input);
  c.ts_offset = input.u32();
  c.now = Instant(std::chrono::milliseconds(input.u32()));
  return c;
}

SynOffer read_offer(Input& input) {
  SynOffer offer;
  offer.options = input.u8() & 15;
  if ((offer.options & SynOffer::kMss) != 0) offer.mss = input.u16();
  if ((offer.options & SynOffer::kWindowScale) != 0) offer.window_scale = input.u8() % 15;
  if ((offer.options & SynOffer::kTimestamps) != 0) offer.ts_value = input.u32();
  return offer;
}

// A cookie never gives the peer more than it offered, nor less than the next entry of its tables.
template <typename Key>
void check_opened(const tcp::HalfOpen& got, const tcp::HalfOpen& offered, const Case<Key>& c, bool with_timestamps) {
  CHECK(got.irs == offered.irs && got.iss == offered.iss && got.by_cookie);
  CHECK(got.sack() == offered.sack());
  CHECK(got.window_scaling() == offered.window_scaling());
  const std::uint16_t most = std::min(std::max(offered.peer_mss, c.options.min_peer_mss), c.limits.send);
  CHECK(got.peer_mss <= most);
  for (const std::uint16_t size : shard::kCookieMss) CHECK(most < size || got.peer_mss >= std::min(size, most));
  CHECK(got.timestamps() == with_timestamps);
  if (!got.window_scaling()) return;
  CHECK(got.peer_scale <= offered.peer_scale);
  if (with_timestamps) CHECK(got.peer_scale == offered.peer_scale);
  for (const std::uint8_t scale : shard::kCookieScale) CHECK(offered.peer_scale < scale || got.peer_scale >= scale);
}

// `kWords`: of the tag's input.
template <std::size_t kWords, typename Key>
void check_lane(const CookieJar& jar, const CookieInputOf<Key>& input, std::size_t lane) {
  static const auto lanes = std::make_unique<SipLanes<kWords>>();
  static const SipHasher hasher(widest_vector_unit(512));
  jar.set_lane(input, *lanes, lane);
  hasher.hash_2_4(*lanes, lane + 1);
  CHECK(CookieJar::tag(*lanes, lane) == jar.tag(input));
}

tcp::Segment ack_of(const tcp::HalfOpen& offer, Instant made) {
  tcp::Segment ack;
  ack.seq = offer.irs + 1;
  ack.ack = offer.iss + 1;
  ack.flags = wire::kAck;
  if (offer.timestamps()) {
    ack.options.has_timestamps = true;
    ack.options.ts_value = offer.ts_recent + 1;
    ack.options.ts_echo = shard::cookie_timestamp(offer, made);
  }
  return ack;
}

// With any change to it: only the number decides, and the echo's age.
template <typename Key>
void check_changed(const CookieJar& jar, const Case<Key>& c, tcp::Segment ack, Input& input) {
  ack.seq += input.u32();
  ack.ack += input.u32();
  Key flow = c.flow;
  flow.remote_port = static_cast<std::uint16_t>(flow.remote_port ^ input.u16());
  ack.options.ts_echo ^= input.u32();
  const CookieInputOf<Key> made = CookieJar::input_for(flow, ack.seq, ack.ack);
  const bool right = made.seal(jar.tag(made)) == ack.ack - 1;
  const auto opened = jar.open(flow, ack, c.ts_offset, c.now, c.limits, c.options);
  CHECK(right || !opened);
  if (opened) CHECK(opened->peer_scale <= wire::kMaxWindowScale || opened->peer_scale == SynOffer::kNoScale);
}

template <typename Key, std::size_t kWords>
void run(Input& input, std::uint8_t how) {
  const auto c = read_case<Key>(input, how);
  CookieJar jar({}, c.policy);
  jar.change_keys(c.keys);
  const tcp::Seq irs(input.u32());
  const SynOffer syn = read_offer(input);
  tcp::HalfOpen offer = tcp::listen(irs, syn, true, c.ts_offset, c.now, c.options);
  const CookieInputOf<Key> made = jar.input_for(c.flow, offer, c.limits);
  offer.iss = made.seal(jar.tag(made));
  check_lane<kWords>(jar, made, input.below(64));

  const tcp::Segment ack = ack_of(offer, c.now);
  const Duration age = std::chrono::milliseconds(input.u16());
  const bool lives = age <= 2 * c.policy.rotate;
  const auto opened = jar.open(c.flow, ack, c.ts_offset, c.now + age, c.limits, c.options);
  if (offer.timestamps() ? lives : !c.policy.require_timestamps) {
    CHECK(opened.has_value());
    check_opened(*opened, offer, c, offer.timestamps());
  }
  // The other key's cookie is another's.
  shard::KeyEpoch next = c.keys;
  next.parity ^= 1;
  jar.change_keys(next);
  if (lives)
    CHECK(jar.open(c.flow, ack, c.ts_offset, c.now + age, c.limits, c.options).has_value() == opened.has_value());
  check_changed(jar, c, ack, input);
}

}  // namespace

FUZZ_TARGET(cookie, input) {
  const std::uint8_t how = input.u8();
  if ((how & 32) == 0) {
    run<FlowKey4, 3>(input, how);
  } else {
    run<FlowKey6, 6>(input, how);
  }
}

}  // namespace levee::fuzz
