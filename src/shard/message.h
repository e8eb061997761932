// Mail between shards and from the control thread: fixed-size messages in bounded single-producer rings, one ring per
// ordered pair. A full mailbox drops the message; the sender counts it (Drop::MailboxFull).
#pragma once

#include <cstdint>
#include <variant>

#include "base/spsc_ring.h"
#include "levee/address.h"
#include "shard/frame.h"

namespace levee::shard {

// A shard learnt or refreshed a neighbour; every shard is told, because ARP replies reach only one queue.
struct NeighbourLearnt {
  Ipv4Address address;
  MacAddress mac;
  std::uint16_t interface = 0;
};

// A shard sent an ARP request; the reply may reach any queue, and is believed only where it is expected.
struct NeighbourAsked {
  Ipv4Address address;
  std::uint16_t interface = 0;
};

// A frame that reached a shard which does not own its flow. A single piece; its block's ref travels with it.
struct ForwardedFrame {
  Frame frame;
};

// Stop accepting; answer new SYNs with nothing and count them.
struct Drain {};

// Reset every connection that is left and drop half-open records.
struct AbortAll {};

using Message = std::variant<NeighbourLearnt, NeighbourAsked, ForwardedFrame, Drain, AbortAll>;
using Mailbox = SpscRing<Message>;

}  // namespace levee::shard
