// A bad link in virtual time between two ends of one or more queues each: loss, also in bursts, duplication,
// reordering, delay, jitter, single-bit flips, a rate and an MTU, each direction with settings of its own. Everything
// follows from the seed and the order of the calls, so a run replays frame by frame. Nothing happens by itself:
// `advance` moves what has arrived by then into the receive queues, `next_arrival` says how far time may jump. One
// thread drives the link and both ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "device/device.h"
#include "device/memory.h"

namespace levee::device {

// One direction. Chances are per frame, in [0, 1].
struct Impairment {
  double loss = 0;
  // Loss in bursts (Gilbert and Elliott): the link goes bad with one chance, good again with another, both per frame,
  // and while it is bad frames are lost with a third.
  double burst_begin = 0, burst_end = 1, burst_loss = 0;
  double duplication = 0;  // a second copy arrives, later by up to `reorder_delay`
  double reordering = 0;   // the frame is held back by up to `reorder_delay`; frames are otherwise kept in order
  double corruption = 0;   // one bit behind the Ethernet header flips
  Duration delay{};        // one way
  Duration jitter{};       // added to the delay, uniform in [0, jitter]
  Duration reorder_delay = std::chrono::milliseconds(10);
  std::uint64_t bits_per_second = 0;  // 0: no limit
  std::size_t queue_limit = 1000;     // frames that wait for the rate; further ones are lost
  std::uint16_t mtu = 0;              // bytes of IP packet; larger ones are dropped. 0: no limit
  bool tells_mtu = true;              // a router says so by ICMP; else they vanish
};

// What became of a frame that was sent.
struct Fate {
  bool lost = false;  // by chance, because the queue was full or the packet too big
  bool duplicated = false;
  bool reordered = false;
  bool corrupted = false;
};

struct LinkCounters {
  std::uint64_t sent = 0, lost = 0, duplicated = 0, reordered = 0, corrupted = 0, queue_full = 0, too_big = 0;
  std::uint64_t arrived = 0;    // copies put on a receive queue
  std::uint64_t no_buffer = 0;  // copies lost because the receiving pool was empty
};

// One end: where its buffers come from, and how a frame finds its queue (receive-side scaling): queue = hash % queues.
struct LinkEnd {
  SlabPool* pool = nullptr;  // not owned, outlives the link
  std::size_t queues = 1;
  std::function<std::uint32_t(std::span<const std::byte>)> flow_hash;  // none: every frame goes to queue 0
};

class ImpairedLink {
 public:
  // Sees every frame at the instant when it was sent, as it was sent.
  using Observer = std::function<void(Instant, std::size_t from, std::span<const std::byte>, const Fate&)>;

  ImpairedLink(std::uint64_t seed, std::array<LinkEnd, 2> ends, std::array<Impairment, 2> from_end);
  ~ImpairedLink();
  ImpairedLink(const ImpairedLink&) = delete;
  ImpairedLink& operator=(const ImpairedLink&) = delete;

  // A receive and transmit queue of end 0 or 1; lives as long as the link.
  [[nodiscard]] Device& queue(std::size_t end, std::size_t index);

  // Arrivals up to and including `now` go to the receive queues, in order of arrival, then of sending.
  void advance(Instant now);
  [[nodiscard]] Instant next_arrival() const;
  // From now on frames are only delayed: no loss, duplication, reordering or corruption, no queue limit, and an MTU
  // only where a router tells it.
  void stop_faults();

  void observe(Observer observer) { observer_ = std::move(observer); }
  [[nodiscard]] const LinkCounters& counters(std::size_t from_end) const { return directions_[from_end].counters; }
  // Frames on the link, buffers of an end's pool that hold frames not yet received.
  [[nodiscard]] std::size_t in_flight() const { return flying_.size(); }
  [[nodiscard]] std::size_t held(std::size_t end) const;

 private:
  class Queue;
  struct Direction {
    Impairment impairment;
    LinkCounters counters;
    Instant last_arrival = Instant::min();
    Instant line_free = Instant::min();  // when the rate lets the next frame begin
    std::deque<Instant> queued;          // when each frame that waits for the rate, or is on the line, will be gone
    bool in_burst = false;
  };
  struct Flying {
    Instant arrival;
    std::uint64_t order = 0;  // of sending: breaks ties
    std::size_t to = 0;
    std::vector<std::byte> bytes;
  };
  struct Later {
    bool operator()(const Flying& a, const Flying& b) const {
      return a.arrival != b.arrival ? a.arrival > b.arrival : a.order > b.order;
    }
  };

  void carry(Instant now, std::size_t from, const std::vector<std::byte>& frame);
  // Whether chance takes the frame.
  [[nodiscard]] bool draw_loss(Direction& direction);
  // When the last bit of the frame is on the line; nothing if the queue is full.
  [[nodiscard]] std::optional<Instant> transmit(Instant now, Direction& direction, std::size_t bytes);
  [[nodiscard]] Duration upto(Duration bound);
  void tell_mtu(Instant now, std::size_t from, std::span<const std::byte> frame);
  void launch(std::size_t to, Instant arrival, std::vector<std::byte> bytes);

  Random random_;
  std::array<LinkEnd, 2> ends_;
  std::array<Direction, 2> directions_;
  std::array<std::vector<std::unique_ptr<Queue>>, 2> queues_;
  std::vector<Flying> flying_;  // a heap, the earliest arrival first
  std::uint64_t order_ = 0;
  Observer observer_;
};

}  // namespace levee::device
