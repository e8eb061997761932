// A burst of frames: taken apart, hashed and looked up together, then settled each at its own turn, because what one
// packet changes the next may need (a cookie's ACK and the request behind it often share a burst).
#include <algorithm>
#include <bit>

#include "base/check.h"
#include "shard/impl.h"
#include "shard/plain_packet.h"

namespace levee::shard {
namespace {

bool is_ipv6(const Frame& frame) {
  constexpr std::size_t kType = offsetof(wire::EthernetHeader, ether_type);
  return frame.length >= sizeof(wire::EthernetHeader) && load_be16(frame.data + kType) == wire::kEtherTypeIpv6;
}

}  // namespace

void Shard::Impl::receive(std::span<const Frame> frames) {
  while (!frames.empty()) {
    const std::size_t count = std::min(frames.size(), kBurst);
    take_burst(frames.first(count));
    frames = frames.subspan(count);
  }
}

void Shard::Impl::take_burst(std::span<const Frame> frames) {
  std::uint64_t bytes = 0;
#pragma GCC unroll 4
  for (const Frame& frame : frames) {
    // Its headers are in two lines mostly.
    __builtin_prefetch(frame.data);
    __builtin_prefetch(frame.data + 64);
    bytes += frame.length;
  }
  burst_frames_ = frames;
  burst_is_ipv6_ = topology_.has_ipv6() && is_ipv6(frames.front());
  bare_ = burst_is_ipv6_ ? plain_.find(frames, columns_, flow_lanes6_) : plain_.find(frames, columns_, flow_lanes_);
  ipv6_ = burst_is_ipv6_ ? bare_ : 0;
  taken_apart_ = ~bare_;
  auto segments = static_cast<std::uint64_t>(std::popcount(bare_));
  auto buffers = static_cast<std::uint32_t>(frames.size());
  for (std::uint64_t left = ~bare_ & all_of(frames.size()); left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(left));
    for (const Frame* piece = frames[i].next; piece != nullptr; piece = piece->next) {
      ++buffers;
      bytes += piece->length;
    }
    Packet& packet = burst_[i];
    take_apart(frames[i], topology_, packet);
    const bool is_segment = packet.kind == PacketKind::Tcp;
    segments += is_segment ? 1 : 0;
    if (is_segment && !packet.key.is_v4()) {
      set_flow_key(packet.key6(), flow_lanes6_, i);
      ipv6_ |= std::uint64_t{1} << i;
    } else {
      set_flow_key(packet.key, flow_lanes_, i);
    }
  }
  burst_buffers_ = buffers;
  stats_.count(Counter::FramesReceived, frames.size());
  stats_.count(Counter::BuffersIn, buffers);
  stats_.count(Counter::BytesReceived, bytes);
  stats_.count(Counter::InSegs, segments);
  hash_burst(frames.size());
  prepare_cookies(frames.size());

  for (std::size_t i = 0; i < frames.size();) {
    const std::size_t begin = i;
    i = settle_reopenings(i, frames.size());
    i = settle_prepared(i, frames.size());
    if (i == begin) take_turn(packet_at(i++));
  }
}

// A bare frame that columns settle never becomes a Packet.
Packet& Shard::Impl::packet_at(std::size_t place) {
  Packet& packet = burst_[place];
  const std::uint64_t bit = std::uint64_t{1} << place;
  if ((taken_apart_ & bit) == 0) {
    if (burst_is_ipv6_) {
      take_bare<kBareTcp6>(burst_frames_[place], flow_key(flow_lanes6_, place), topology_, packet);
    } else {
      take_bare<kBareTcp4>(burst_frames_[place], flow_key(flow_lanes_, place), topology_, packet);
    }
    taken_apart_ |= bit;
  }
  packet.hash = flow_lanes_.hashes[place];
  return packet;
}

void Shard::Impl::take_turn(Packet& packet) {
  for (const Frame* piece = packet.frame; piece != nullptr; piece = piece->next) --burst_buffers_;
  if (const std::optional<Drop> drop = process(packet, false)) {
    stats_.count(*drop);
  } else {
    stats_.count(Counter::FramesDelivered);
  }
  const Frame* piece = packet.frame_taken ? packet.frame->next : packet.frame;
  for (; piece != nullptr; piece = piece->next) stash_.drop(piece->block);
}

// The flow hash of every packet, though only TCP's is one, and its bucket on the way.
void Shard::Impl::hash_burst(std::size_t count) {
  if ((all_of(count) & ~ipv6_) != 0) sip_.hash_1_3(flow_lanes_, count);
  if (ipv6_ != 0) {
    sip_.hash_1_3(flow_lanes6_, static_cast<std::size_t>(std::bit_width(ipv6_)));
    if (ipv6_ == all_of(count)) {  // as in a flood
      std::copy_n(flow_lanes6_.hashes.begin(), count, flow_lanes_.hashes.begin());
    } else {
      for (std::uint64_t left = ipv6_; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        flow_lanes_.hashes[i] = flow_lanes6_.hashes[i];
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < count; ++i) index_.prefetch(flow_lanes_.hashes[i]);
}

// Prefetches the records that the burst's packets probably belong to. Each is looked up again at its own turn, as an
// earlier packet may have made it, or ended it.
void Shard::Impl::look_up_early(std::size_t count) {
  insertions_before_ = index_.insertions();
  maybe_known_ = 0;
  reopenings_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    FlowRef likely;
    if (!index_.may_have(flow_lanes_.hashes[i], likely)) continue;
    maybe_known_ |= std::uint64_t{1} << i;
    switch (likely.kind()) {
      case RecordKind::Connection:
        connections_.prefetch(likely.index());
        break;
      case RecordKind::TimeWait:
        time_wait_.prefetch(likely.index());
        expect_reopening(i, likely.index());
        break;
      case RecordKind::HalfOpen:
        half_open_.prefetch(likely.index());
        break;
      case RecordKind::None:
        break;
    }
  }
}

}  // namespace levee::shard
