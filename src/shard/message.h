// Mail between shards and from the control thread: fixed-size messages in bounded single-producer rings, one ring per
// ordered pair. A full mailbox drops the message; the sender counts it (Drop::MailboxFull).
#pragma once

#include <array>
#include <cstdint>
#include <variant>

#include "base/siphash.h"
#include "base/spsc_ring.h"
#include "levee/address.h"
#include "shard/frame.h"

namespace levee::shard {

// A shard learnt or refreshed a neighbour; every shard is told, because the answer to a request reaches only one queue.
struct NeighbourLearnt {
  IpAddress address;
  MacAddress mac;
  std::uint16_t interface = 0;
};

// A shard sent an ARP request or a neighbour solicitation; the answer may reach any queue, and is believed only where
// it is expected.
struct NeighbourAsked {
  IpAddress address;
  std::uint16_t interface = 0;
};

// A frame that reached a shard which does not own its flow. A single piece; its block's ref travels with it.
struct ForwardedFrame {
  Frame frame;
};

// The keys of SYN cookies for now (shard/syn_cookie.h). Sent when an epoch begins, with the last epoch's key as the
// other one, and again two seconds before it ends, with the next epoch's.
struct KeyEpoch {
  std::array<SipKey, 2> keys{};  // by parity of the epoch
  std::uint8_t parity = 0;       // of the epoch that cookies are made for
};

// Stop accepting; answer new SYNs with nothing and count them.
struct Drain {};

// Reset every connection that is left and drop half-open records.
struct AbortAll {};

using Message = std::variant<NeighbourLearnt, NeighbourAsked, ForwardedFrame, KeyEpoch, Drain, AbortAll>;
using Mailbox = SpscRing<Message>;

}  // namespace levee::shard
