// What can be computed for the SYNs and stray ACKs of a burst before any of them has its turn: what a SYN offers, and
// the tag that a cookie for it, or in it, must carry. Nothing here depends on state that an earlier frame of the same
// burst could change; what turns out not to be needed is ignored.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/siphash_lanes.h"
#include "shard/header_columns.h"
#include "shard/packet.h"
#include "shard/syn_ack_forms.h"
#include "shard/syn_cookie.h"

namespace levee::shard {

struct CookieBatch {
  static constexpr std::size_t kMost = SipLanes<3>::kMost;
  static_assert(kMost == HeaderColumns::kMost && kMost % 16 == 0);
  using Column = std::array<std::uint64_t, kMost>;
  static constexpr std::uint64_t kAck = 16;  // in `agreed`: no SYN, but an ACK that may carry a cookie

  // A listener on an interface, and what its cookies need. Topologies do not change, so it stays true.
  struct Target {
    Ipv4Address address;
    std::uint16_t tcp_port = 0;
    std::uint16_t interface = kNoInterface;
    std::uint16_t listener = 0;
    std::uint16_t largest_mss = 0;
    std::uint8_t allowed = 0;            // options, as wire::SynOffer's bits
    const SynAckForms* forms = nullptr;  // nullptr: nobody listens there, or takes no cookies

    [[nodiscard]] bool is_of(const FlowKey4& key, std::uint16_t came_in) const {
      return address == key.local && tcp_port == key.local_port && interface == came_in;
    }
  };
  Target target;  // of the columns
  Target last;    // of the packet that was prepared last by itself

  // By lane, which is the packet's place in the burst. The words of an answer as they lie in the packet, the timestamps
  // 0 if there are none.
  SipLanes<3> lanes;  // for the tag
  alignas(64) Column byte{}, agreed{}, acknowledgment{}, ts_value{}, ts_echo{};
  alignas(64) Column simple{};  // all ones: prepared by CookieColumns
  // Of those, when the tags are there:
  alignas(64) Column sequence{}, addresses_sum{}, sum{};
  std::array<const SynAckForms*, kMost> forms{};

  // With its tag: one lane's ISS.
  [[nodiscard]] tcp::Seq iss(std::size_t lane) const {
    return CookieInput::seal(CookieJar::tag(lanes, lane), static_cast<std::uint32_t>(byte[lane]));
  }
};

// Prepares the SYNs of a burst that are plain and bare, have a layout that is compared as words (wire/syn_offer.h), and
// are for the target. The others are left: `simple` is 0 for them.
class CookieColumns {
 public:
  explicit CookieColumns(VectorUnit unit);  // REQUIRES: machine_has(unit)

  struct Constants {
    SipKey key;  // the present one, and its bit
    std::uint64_t parity = 0;
    std::uint64_t clock = 0;  // milliseconds, 32 bits
  };
  void prepare(const HeaderColumns& headers, const HeaderColumns::Column& flow_hashes, std::size_t count,
               const Constants& constants, CookieBatch& batch) const {
    prepare_(headers, flow_hashes, count, constants, batch);
  }
  // With the tags of the first `count` lanes: what is left of the answers' words.
  void finish(const HeaderColumns& headers, std::size_t count, CookieBatch& batch) const {
    finish_(headers, count, batch);
  }

 private:
  void (*finish_)(const HeaderColumns&, std::size_t, CookieBatch&);
  void (*prepare_)(const HeaderColumns&, const HeaderColumns::Column&, std::size_t, const Constants&, CookieBatch&);
};

}  // namespace levee::shard
