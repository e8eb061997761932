// From mbufs to frames: chains become linked pieces, checksum flags become levee's three states, and bursts of a
// capture are cut where its time stamp changes.
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <chrono>

#include "dpdk/mbuf_block.h"
#include "dpdk/port.h"

namespace levee::dpdk {

namespace {

// A capture's last burst is followed by empty ones; so is a moment without free buffers, but then rx_nombuf moves.
constexpr unsigned kEmptyBurstsAtEnd = 3;

shard::ChecksumState state_of(std::uint64_t flags, std::uint64_t mask, std::uint64_t good) {
  return (flags & mask) == good ? shard::ChecksumState::Verified : shard::ChecksumState::Unverified;
}

// Nobody else reads the buffer: neither another mbuf nor a peer that mapped it.
bool is_exclusive(const rte_mbuf* mbuf) { return RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) == 1; }

}  // namespace

device::Received Port::receive(std::span<shard::Frame> frames) {
  pieces_used_ = 0;
  if (burst_next_ == burst_size_) {
    burst_next_ = 0;
    burst_size_ = rte_eth_rx_burst(number_, 0, burst_.data(), static_cast<std::uint16_t>(burst_.size()));
    if (burst_size_ == 0) return {.end = options_.finite && at_end()};
    empty_bursts_ = 0;
  }
  const auto time_of = [&](rte_mbuf* mbuf) {
    if (timestamp_flag_ == 0 || (mbuf->ol_flags & timestamp_flag_) == 0) return kNever;
    // net_pcap's unit, whatever the file's: microseconds since 1970.
    const auto stamp = *RTE_MBUF_DYNFIELD(mbuf, timestamp_offset_, const rte_mbuf_timestamp_t*);
    return Instant(std::chrono::microseconds(static_cast<std::int64_t>(stamp)));
  };
  device::Received received{.time = time_of(burst_[burst_next_])};
  while (received.frames < frames.size() && burst_next_ < burst_size_ &&
         time_of(burst_[burst_next_]) == received.time) {
    fill_frame(burst_[burst_next_++], frames[received.frames++]);
  }
  return received;
}

bool Port::at_end() {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(number_, &stats) != 0) return true;
  if (stats.rx_nombuf != nombuf_seen_) {
    nombuf_seen_ = stats.rx_nombuf;
    empty_bursts_ = 0;
  }
  return ++empty_bursts_ >= kEmptyBurstsAtEnd;
}

void Port::fill_frame(rte_mbuf* mbuf, shard::Frame& frame) {
  const std::uint64_t flags = mbuf->ol_flags;
  const auto state = [&](std::uint64_t mask, std::uint64_t good) {
    return receive_checksum_ ? state_of(flags, mask, good) : shard::ChecksumState::Unverified;
  };
  rte_mbuf* const rest = mbuf->next;
  frame = {.data = rte_pktmbuf_mtod(mbuf, std::byte*),
           .length = mbuf->data_len,
           .flow_hash = (flags & RTE_MBUF_F_RX_RSS_HASH) != 0 ? mbuf->hash.rss : 0,
           .port = number_,
           .ip_checksum = state(RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD),
           .tcp_checksum = state(RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD),
           .exclusive = is_exclusive(mbuf)};
  frame.block = adopt(mbuf);
  // Each piece goes its own way from here on.
  mbuf->next = nullptr;
  mbuf->nb_segs = 1;
  if (rest != nullptr) fill_pieces(rest, frame);
}

void Port::fill_pieces(rte_mbuf* head, shard::Frame& frame) {
  shard::Frame* last = &frame;
  std::size_t pieces = 1;
  while (head != nullptr) {
    rte_mbuf* const mbuf = head;
    head = mbuf->next;
    mbuf->next = nullptr;
    mbuf->nb_segs = 1;
    // One more than the shard accepts shows it that the chain is too long.
    if (pieces > shard::kMaxPieces || pieces_used_ == pieces_.size()) {
      rte_pktmbuf_free_seg(mbuf);
      continue;
    }
    shard::Frame& piece = pieces_[pieces_used_++];
    piece = {.data = rte_pktmbuf_mtod(mbuf, std::byte*),
             .length = mbuf->data_len,
             .port = number_,
             .exclusive = is_exclusive(mbuf)};
    piece.block = adopt(mbuf);
    last->next = &piece;
    last = &piece;
    ++pieces;
  }
}

}  // namespace levee::dpdk
