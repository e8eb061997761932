// The impaired link; see impaired.h. Every frame draws the same number of random values whatever its fate, so that one
// changed setting does not shift the fates of the frames after it more than it must.
#include "device/impaired.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "device/too_big.h"

namespace levee::device {
namespace {

constexpr std::size_t kEthernetHeader = 14;

}  // namespace

class ImpairedLink::Queue final : public Device {
 public:
  Queue(ImpairedLink& link, std::size_t end, SlabPool& pool) : link_(&link), end_(end), pool_(&pool), arrived_(pool) {}

  [[nodiscard]] Received receive(std::span<shard::Frame> frames) override { return {.frames = arrived_.pop(frames)}; }

  [[nodiscard]] std::size_t send(Instant now, std::span<const shard::OutFrame> frames) override {
    for (const shard::OutFrame& frame : frames) {
      scratch_.clear();
      gather(frame, scratch_);
      CHECK(frame.head->refs > 0);
      if (--frame.head->refs == 0) pool_->put(frame.head);  // else its last holder releases it
      link_->carry(now, end_, scratch_);
    }
    return 0;
  }

  [[nodiscard]] Block* blank() override { return pool_->take(); }
  void release(Block* block) override { pool_->put(block); }

  [[nodiscard]] ReceiveQueue& arrived() { return arrived_; }

 private:
  ImpairedLink* link_;
  std::size_t end_;
  SlabPool* pool_;
  ReceiveQueue arrived_;
  std::vector<std::byte> scratch_;
};

ImpairedLink::ImpairedLink(std::uint64_t seed, std::array<LinkEnd, 2> ends, std::array<Impairment, 2> from_end)
    : random_(seed), ends_(std::move(ends)) {
  for (std::size_t end = 0; end < 2; ++end) {
    CHECK(ends_[end].pool != nullptr && ends_[end].queues > 0);
    directions_[end].impairment = from_end[end];
    for (std::size_t i = 0; i < ends_[end].queues; ++i) {
      queues_[end].push_back(std::make_unique<Queue>(*this, end, *ends_[end].pool));
    }
  }
}

ImpairedLink::~ImpairedLink() = default;

Device& ImpairedLink::queue(std::size_t end, std::size_t index) { return *queues_[end][index]; }

Duration ImpairedLink::upto(Duration bound) {
  return Duration(static_cast<Duration::rep>(random_.uniform() * static_cast<double>(bound.count())));
}

bool ImpairedLink::draw_loss(Direction& direction) {
  const Impairment& bad = direction.impairment;
  const bool by_itself = random_.chance(bad.loss);
  const bool turns = random_.chance(direction.in_burst ? bad.burst_end : bad.burst_begin);
  if (turns) direction.in_burst = !direction.in_burst;
  const bool by_burst = random_.chance(bad.burst_loss) && direction.in_burst;
  return by_itself || by_burst;
}

std::optional<Instant> ImpairedLink::transmit(Instant now, Direction& direction, std::size_t bytes) {
  const Impairment& bad = direction.impairment;
  if (bad.bits_per_second == 0) return now;
  while (!direction.queued.empty() && direction.queued.front() <= now) direction.queued.pop_front();
  if (direction.queued.size() >= bad.queue_limit) return std::nullopt;
  const std::uint64_t bits = bytes * std::uint64_t{8};
  const Duration transmission(static_cast<Duration::rep>(bits * 1'000'000'000 / bad.bits_per_second));
  direction.line_free = std::max(now, direction.line_free) + transmission;
  direction.queued.push_back(direction.line_free);
  return direction.line_free;
}

void ImpairedLink::carry(Instant now, std::size_t from, const std::vector<std::byte>& frame) {
  Direction& direction = directions_[from];
  const Impairment& bad = direction.impairment;
  ++direction.counters.sent;
  Fate fate;
  fate.lost = draw_loss(direction);
  fate.duplicated = random_.chance(bad.duplication);
  fate.reordered = random_.chance(bad.reordering);
  fate.corrupted = random_.chance(bad.corruption) && frame.size() > kEthernetHeader;
  const Duration jitter = upto(bad.jitter), held_back = upto(bad.reorder_delay), copy_later = upto(bad.reorder_delay);
  const std::uint64_t flipped_bit = random_.next();

  const bool is_too_big = bad.mtu != 0 && exceeds(frame, bad.mtu);
  const std::optional<Instant> leaves = is_too_big ? now : transmit(now, direction, frame.size());
  direction.counters.too_big += is_too_big;
  direction.counters.queue_full += !leaves;
  if (is_too_big || !leaves) fate.lost = true;
  if (fate.lost) fate.duplicated = fate.reordered = fate.corrupted = false;
  if (observer_) observer_(now, from, frame, fate);
  direction.counters.lost += fate.lost;
  direction.counters.duplicated += fate.duplicated;
  direction.counters.reordered += fate.reordered;
  direction.counters.corrupted += fate.corrupted;
  if (is_too_big && bad.tells_mtu) tell_mtu(now, from, frame);
  if (fate.lost) return;

  Instant arrival = *leaves + bad.delay + jitter;
  if (fate.reordered) {
    arrival += held_back;
  } else {
    arrival = std::max(arrival, direction.last_arrival);
    direction.last_arrival = arrival;
  }
  if (fate.duplicated) launch(1 - from, arrival + copy_later, frame);
  std::vector<std::byte> bytes = frame;
  if (fate.corrupted) {
    const std::uint64_t bit = flipped_bit % ((bytes.size() - kEthernetHeader) * 8);
    bytes[kEthernetHeader + bit / 8] ^= std::byte{1} << (bit % 8);
  }
  launch(1 - from, arrival, std::move(bytes));
}

// The router stands at the far end of the link: its word comes back as late as an answer would, and is subject to
// nothing else.
void ImpairedLink::tell_mtu(Instant now, std::size_t from, std::span<const std::byte> frame) {
  std::vector<std::byte> answer = too_big(frame, directions_[from].impairment.mtu);
  if (answer.empty()) return;
  ++directions_[1 - from].counters.sent;
  if (observer_) observer_(now, 1 - from, answer, Fate{});
  launch(from, now + directions_[from].impairment.delay + directions_[1 - from].impairment.delay, std::move(answer));
}

void ImpairedLink::launch(std::size_t to, Instant arrival, std::vector<std::byte> bytes) {
  flying_.push_back({arrival, order_++, to, std::move(bytes)});
  std::push_heap(flying_.begin(), flying_.end(), Later{});
}

void ImpairedLink::advance(Instant now) {
  while (!flying_.empty() && flying_.front().arrival <= now) {
    std::pop_heap(flying_.begin(), flying_.end(), Later{});
    const Flying frame = std::move(flying_.back());
    flying_.pop_back();
    const LinkEnd& end = ends_[frame.to];
    LinkCounters& counters = directions_[1 - frame.to].counters;
    const std::uint32_t hash = end.flow_hash ? end.flow_hash(frame.bytes) : 0;
    if (queues_[frame.to][hash % end.queues]->arrived().push(frame.bytes, hash)) {
      ++counters.arrived;
    } else {
      ++counters.no_buffer;
    }
  }
}

Instant ImpairedLink::next_arrival() const { return flying_.empty() ? kNever : flying_.front().arrival; }

void ImpairedLink::stop_faults() {
  for (Direction& direction : directions_) {
    Impairment& bad = direction.impairment;
    bad.loss = bad.burst_loss = bad.duplication = bad.reordering = bad.corruption = 0;
    bad.queue_limit = std::numeric_limits<std::size_t>::max();
    if (!bad.tells_mtu) bad.mtu = 0;
  }
}

std::size_t ImpairedLink::held(std::size_t end) const {
  std::size_t buffers = 0;
  for (const auto& queue : queues_[end]) buffers += queue->arrived().held();
  return buffers;
}

}  // namespace levee::device
