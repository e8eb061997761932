// From frames to mbufs: the head goes as it is, payload slices follow as indirect mbufs where the device gathers, and
// are copied behind the header where it does not or where they are too small to be worth it.
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>
#include <cstring>

#include "dpdk/mbuf_block.h"
#include "dpdk/port.h"

namespace levee::dpdk {

namespace {

constexpr std::uint32_t kCopyAtMost = 256;  // bytes; above, an indirect mbuf costs less than the copy
constexpr unsigned kSendAttempts = 16;      // a full queue drains or it does not; TCP repeats what is lost

}  // namespace

std::size_t Port::send(Instant /*now*/, std::span<const shard::OutFrame> frames) {
  std::size_t no_room = 0;
  while (!frames.empty()) {
    std::array<rte_mbuf*, kBurst> burst;
    std::uint16_t built = 0;
    const std::size_t taken = std::min(frames.size(), burst.size());
    for (const shard::OutFrame& frame : frames.first(taken)) {
      rte_mbuf* mbuf = chain_of(frame);
      if (mbuf == nullptr) {
        ++no_room;
      } else {
        burst[built++] = mbuf;
      }
    }
    frames = frames.subspan(taken);

    std::uint16_t sent = 0;
    for (unsigned attempt = 0; sent < built && attempt < kSendAttempts; ++attempt) {
      if (attempt > 0) rte_pause();
      sent = static_cast<std::uint16_t>(
          sent + rte_eth_tx_burst(number_, 0, burst.data() + sent, static_cast<std::uint16_t>(built - sent)));
    }
    no_room += static_cast<std::size_t>(built - sent);
    for (; sent < built; ++sent) rte_pktmbuf_free(burst[sent]);
  }
  return no_room;
}

// The frame as one chain that owns all it points to; nullptr if there are not the buffers for it, then all is freed.
rte_mbuf* Port::chain_of(const shard::OutFrame& frame) {
  DCHECK(frame.head->refs == 1);
  frame.head->refs = 0;
  rte_mbuf* const head = mbuf_of(frame.head);
  prepare_to_send(head, frame);
  rte_mbuf* tail = head;
  for (const Slice& slice : frame.slices) {
    const bool attachable = gather_ && head->nb_segs < most_segments_;
    const bool copyable = tail == head && slice.length <= rte_pktmbuf_tailroom(head);
    if (copyable && (slice.length <= kCopyAtMost || !attachable)) {
      std::memcpy(rte_pktmbuf_mtod_offset(head, std::byte*, head->data_len), slice.data, slice.length);
      head->data_len = static_cast<std::uint16_t>(head->data_len + slice.length);
    } else {
      rte_mbuf* segment = attachable ? attach(slice) : nullptr;
      if (segment == nullptr) {
        rte_pktmbuf_free(head);
        return nullptr;
      }
      tail->next = segment;
      tail = segment;
      ++head->nb_segs;
    }
    head->pkt_len += slice.length;
  }
  return head;
}

rte_mbuf* Port::attach(const Slice& slice) {
  rte_mbuf* segment = rte_pktmbuf_alloc(pools_->indirect());
  if (segment == nullptr) return nullptr;
  rte_pktmbuf_attach(segment, mbuf_of(slice.block));
  // What was received there is no order to the transmitter, and the slice is a part of it.
  segment->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
  segment->data_off = static_cast<std::uint16_t>(slice.data - static_cast<std::byte*>(segment->buf_addr));
  segment->data_len = static_cast<std::uint16_t>(slice.length);
  segment->pkt_len = slice.length;
  return segment;
}

}  // namespace levee::dpdk
