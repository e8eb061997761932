// levee's Block in the private area of each mbuf. levee's own holding of a buffer, however many refs the Block has, is
// one reference of the mbuf; each indirect mbuf that a device is still sending from holds another. The buffer returns
// to its pool when both are gone (DESIGN.md, "Frames and payload").
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <new>

#include "base/block.h"
#include "shard/frame.h"

namespace levee::dpdk {

// Of direct and of indirect mbufs: a ring may hand back an indirect one as a received frame.
inline constexpr std::uint16_t kPrivateSize = 64;
static_assert(sizeof(Block) <= kPrivateSize && kPrivateSize % RTE_MBUF_PRIV_ALIGN == 0);

// The mbuf enters levee: its block starts afresh with one ref.
inline Block* adopt(rte_mbuf* mbuf) {
  return new (rte_mbuf_to_priv(mbuf))
      Block{.base = static_cast<std::byte*>(mbuf->buf_addr), .size = mbuf->buf_len, .refs = 1, .owner = mbuf};
}

inline rte_mbuf* mbuf_of(const Block* block) { return static_cast<rte_mbuf*>(block->owner); }

// The mbuf leaves levee as the head of `frame`. Received metadata would be taken for orders to the transmitter.
inline void prepare_to_send(rte_mbuf* mbuf, const shard::OutFrame& frame) {
  mbuf->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
  mbuf->vlan_tci = 0;
  mbuf->tx_offload = 0;
  mbuf->next = nullptr;
  mbuf->nb_segs = 1;
  mbuf->data_off = static_cast<std::uint16_t>(frame.data - static_cast<std::byte*>(mbuf->buf_addr));
  mbuf->data_len = static_cast<std::uint16_t>(frame.length);
  mbuf->pkt_len = frame.length;
  if (!frame.ipv4_checksum && !frame.tcp_checksum) return;
  mbuf->l2_len = frame.l2_length & 0x7fU;
  mbuf->l3_len = frame.l3_length & 0x1ffU;
  mbuf->l4_len = frame.l4_length;
  // The version is the first thing in the packet, just written.
  const bool v6 = std::to_integer<unsigned>(frame.data[frame.l2_length]) >> 4 == 6;
  mbuf->ol_flags |= v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
  if (frame.ipv4_checksum) mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
  if (frame.tcp_checksum) mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
}

}  // namespace levee::dpdk
