// levee's Block in the private area of each mbuf. levee's own holding of a buffer, however many refs the Block has, is
// one reference of the mbuf; each indirect mbuf that a device is still sending from holds another. The buffer returns
// to its pool when both are gone (DESIGN.md, "Frames and payload").
#pragma once

#include <rte_mbuf.h>

#include <new>

#include "base/block.h"

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

}  // namespace levee::dpdk
