// The packet buffers of the process: one pool of direct mbufs and a small one of indirect mbufs, which carry slices of
// payload to a device without copying them.
#pragma once

#include <cstdint>
#include <memory>

struct rte_mempool;

namespace levee::dpdk {

class Pools {
 public:
  // `data_room` is what fits into a buffer behind its headroom of 128 bytes. If EAL's memory has no room for `buffers`,
  // half as many are tried and so on, down to `least`; throws StartupError (exit code 3) if even those do not fit.
  Pools(std::uint32_t buffers, std::uint32_t least, std::uint16_t data_room);

  [[nodiscard]] rte_mempool* direct() const { return direct_.get(); }
  [[nodiscard]] rte_mempool* indirect() const { return indirect_.get(); }
  [[nodiscard]] std::uint16_t data_room() const { return data_room_; }
  // How many direct buffers there are.
  [[nodiscard]] std::uint32_t buffers() const;

  // Buffers that are not in their pool; 0 after all ports are closed, or levee leaks. Slow.
  [[nodiscard]] std::uint32_t in_use() const;

 private:
  struct Free {
    void operator()(rte_mempool* pool) const;
  };
  std::unique_ptr<rte_mempool, Free> direct_;
  std::unique_ptr<rte_mempool, Free> indirect_;
  std::uint16_t data_room_;
};

}  // namespace levee::dpdk
