// What can be computed for the SYNs and stray ACKs of a burst before any of them has its turn: what a SYN offers, and
// the tag that a cookie for it, or in it, must carry. Nothing here depends on state that an earlier frame of the same
// burst could change; what turns out not to be needed is ignored.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "base/endian.h"
#include "base/siphash_lanes.h"
#include "shard/header_columns.h"
#include "shard/packet.h"
#include "shard/syn_ack_forms.h"
#include "shard/syn_cookie.h"
#include "wire/syn_offer.h"

namespace levee::shard {

struct CookieBatch {
  static constexpr std::size_t kMost = SipLanes<3>::kMost;
  static_assert(kMost == HeaderColumns::kMost && kMost % 16 == 0);
  using Column = HeaderColumns::Column;
  // In `agreed`: no SYN, but an ACK that may carry a cookie.
  static constexpr std::uint32_t kAck = wire::SynOffer::kCombinations;
  static_assert(kAck < std::tuple_size_v<decltype(SynAckForms::Sums::constant)>);

  // A listener on an interface, and what its cookies need. Topologies do not change, so it stays true.
  struct Target {
    IpAddress address;
    bool ipv6 = false;
    std::uint32_t tcp_port = 0;
    std::uint16_t interface = kNoInterface;
    std::uint16_t listener = 0;
    std::uint32_t largest_mss = 0;
    std::uint32_t allowed = 0;           // options, as wire::SynOffer's bits
    const SynAckForms* forms = nullptr;  // nullptr: nobody listens there, or takes no cookies

    [[nodiscard]] bool is_of(const Packet& packet) const {
      return tcp_port == packet.key.local_port && interface == packet.interface && ipv6 != packet.key.is_v4() &&
             (ipv6 ? address.v6() == packet.addresses6().local : address == packet.key.local);
    }
  };
  Target target;  // of the columns
  Target last;    // of the packet that was prepared last by itself

  // What the SYNs offer, by lane: wire::SynOffer's fields. The timestamp is as it lies in the packet.
  struct Offers {
    alignas(64) Column options{}, mss{}, scale{}, ts_value{};

    void set(std::size_t lane, const wire::SynOffer& offer) {
      options[lane] = offer.options;
      mss[lane] = offer.mss;
      scale[lane] = offer.window_scale;
      ts_value[lane] = swap_if_little_endian(offer.ts_value);
    }
    // What was not offered means nothing.
    [[nodiscard]] wire::SynOffer at(std::size_t lane) const {
      return {swap_if_little_endian(ts_value[lane]), static_cast<std::uint16_t>(mss[lane]),
              static_cast<std::uint8_t>(scale[lane]), static_cast<std::uint8_t>(options[lane])};
    }
  };
  Offers offers;

  // By lane, which is the packet's place in the burst. The words of an answer as they lie in the packet, the timestamps
  // 0 if there are none.
  SipLanes<3> lanes;   // for the tag of an IPv4 packet
  SipLanes<6> lanes6;  // and of an IPv6 packet
  alignas(64) Column byte{}, agreed{}, acknowledgment{}, ts_value{}, ts_echo{};
  // Of those that are plain and bare, when CookieColumns is through with the tags: the first 16 bytes with the MACs
  // swapped, and SynAckForm::Words, or SynAckForm6::Words.
  alignas(64) std::array<std::array<std::uint32_t, 4>, kMost> ethernet{}, begin{};
  alignas(64) Column checksums{};
  alignas(64) std::array<std::uint64_t, kMost> timestamps{};
  alignas(64) Column sequence{}, label{};         // of IPv6
  const SynAckForms* forms_of_columns = nullptr;  // of those
  std::array<const SynAckForms*, kMost> forms{};  // of the others

  // With its tag: one lane's ISS.
  [[nodiscard]] tcp::Seq iss(std::size_t lane) const {
    return CookieInput::seal(CookieJar::tag(lanes, lane), byte[lane]);
  }
  [[nodiscard]] tcp::Seq iss6(std::size_t lane) const {
    return CookieInput6::seal(CookieJar::tag(lanes6, lane), byte[lane]);
  }
};

// Prepares those packets of a burst that are plain and bare, for the target, and either ACKs or SYNs. What it says of
// others means nothing.
class CookieColumns {
 public:
  explicit CookieColumns(VectorUnit unit);  // REQUIRES: machine_has(unit)

  struct Constants {
    std::array<SipKey, 2> keys;
    std::uint32_t parity = 0;                // of the present one
    std::uint32_t clock = 0;                 // milliseconds
    std::array<std::uint32_t, 4> address{};  // of the target, as it lies in a packet; of IPv4 one word
    std::uint64_t label_multiplier = 0;      // of IPv6's flow labels, odd
  };
  // A bit for each that was prepared.
  struct Found {
    std::uint64_t syns = 0, acks = 0;
  };
  // What each SYN offers, ECN apart, and a bit for each whose layout is not one that is compared as words
  // (wire/syn_offer.h): its offer is to be set by the caller.
  [[nodiscard]] std::uint64_t read(const HeaderColumns& headers, std::size_t count, CookieBatch::Offers& offers) const {
    return four_.read(headers, count, offers);
  }
  [[nodiscard]] std::uint64_t read6(const HeaderColumns& headers, std::size_t count,
                                    CookieBatch::Offers& offers) const {
    return six_.read(headers, count, offers);
  }
  // With the offers. `flows`: the flow hashes and the keys that they are of, of either family.
  [[nodiscard]] Found prepare(const HeaderColumns& headers, const SipLanes<2>& flows, std::size_t count,
                              const Constants& constants, CookieBatch& batch) const {
    return four_.prepare(headers, flows, count, constants, batch);
  }
  [[nodiscard]] Found prepare(const HeaderColumns& headers, const SipLanes<5>& flows, std::size_t count,
                              const Constants& constants, CookieBatch& batch) const {
    return six_.prepare(headers, flows, count, constants, batch);
  }
  // With the tags of the first `count` lanes: what is left of the answers' words, of any SYN that is plain and bare,
  // and a bit for each ACK that carries the right tag.
  [[nodiscard]] std::uint64_t finish(const HeaderColumns& headers, std::size_t count, CookieBatch& batch) const {
    return four_.finish(headers, count, batch);
  }
  [[nodiscard]] std::uint64_t finish6(const HeaderColumns& headers, std::size_t count, CookieBatch& batch) const {
    return six_.finish(headers, count, batch);
  }

  template <typename Flows>
  struct Functions {
    std::uint64_t (*read)(const HeaderColumns&, std::size_t, CookieBatch::Offers&);
    Found (*prepare)(const HeaderColumns&, const Flows&, std::size_t, const Constants&, CookieBatch&);
    std::uint64_t (*finish)(const HeaderColumns&, std::size_t, CookieBatch&);
  };

 private:
  Functions<SipLanes<2>> four_;
  Functions<SipLanes<5>> six_;
};

}  // namespace levee::shard
