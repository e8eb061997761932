// Packet buffer pools; see pool.h.
#include "dpdk/pool.h"

#include <fmt/core.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "device/startup_error.h"
#include "dpdk/mbuf_block.h"

namespace levee::dpdk {

namespace {
constexpr unsigned kCachedPerThread = 256;

rte_mempool* make_pool(const char* name, std::uint32_t buffers, std::uint16_t room) {
  return rte_pktmbuf_pool_create(name, buffers, kCachedPerThread, kPrivateSize, room, SOCKET_ID_ANY);
}
}  // namespace

void Pools::Free::operator()(rte_mempool* pool) const { rte_mempool_free(pool); }

Pools::Pools(std::uint32_t buffers, std::uint32_t least, std::uint16_t data_room) : data_room_(data_room) {
  const auto room = static_cast<std::uint16_t>(data_room + RTE_PKTMBUF_HEADROOM);
  for (; direct_ == nullptr && buffers >= least; buffers /= 2) {
    direct_.reset(make_pool("levee_direct", buffers, room));
    // Of what may lie in the devices' queues only a part is payload that was not copied.
    if (direct_ != nullptr) indirect_.reset(make_pool("levee_indirect", buffers / 4, 0));
    if (indirect_ == nullptr) direct_.reset();
  }
  if (direct_ != nullptr) return;
  throw device::StartupError(
      device::kExitDevice, fmt::format("no memory for {} packet buffers: {}; give EAL more with -m MEGABYTES before --",
                                       least, rte_strerror(rte_errno)));
}

std::uint32_t Pools::buffers() const { return direct_->size; }

std::uint32_t Pools::in_use() const {
  return rte_mempool_in_use_count(direct_.get()) + rte_mempool_in_use_count(indirect_.get());
}

}  // namespace levee::dpdk
