// A simulated host: one to four shards with mailboxes between them, a queue of the link for each (a NIC with
// receive-side scaling) and an Application on each. `run` is a worker's loop, over and over until nothing is left to do
// at the present instant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/toeplitz.h"
#include "device/impaired.h"
#include "levee/service.h"
#include "shard/shard.h"
#include "sim/application.h"
#include "sim/model_oracle.h"

namespace levee::sim {

// The hash of a NIC: Toeplitz over the tuple of TCP over IPv4 or IPv6, 0 for everything else.
[[nodiscard]] std::uint32_t rss_hash(const Toeplitz& toeplitz, std::span<const std::byte> frame);

class Host {
 public:
  // `options.index` is set for each shard. The link and the pool outlive the host.
  Host(const ShardOptions& options, const shard::Secrets& secrets, device::ImpairedLink& link, std::size_t end,
       device::SlabPool& pool, PlanBook& plans);

  // Frames go one by one past the model from now on; see model_oracle.h.
  void ask_model();
  [[nodiscard]] ModelOracle::Tally model_tally() const;

  void run(Instant now);
  // Frames have arrived, or something is due: `run` would do something.
  [[nodiscard]] bool has_work(Instant now) const { return deadline_ <= now || link_->held(end_) > 0; }
  // The next instant at which a shard's timer or an application's pause is due, as of the last `run`.
  [[nodiscard]] Instant next_deadline() const { return deadline_; }

  [[nodiscard]] std::size_t shards() const { return shards_.size(); }
  [[nodiscard]] shard::Shard& shard(std::size_t index) { return *shards_[index]; }
  [[nodiscard]] const shard::Shard& shard(std::size_t index) const { return *shards_[index]; }
  [[nodiscard]] Application& application(std::size_t index) { return *applications_[index]; }
  [[nodiscard]] const Application& application(std::size_t index) const { return *applications_[index]; }

  // The first broken invariant of a shard, of the counters or of the pool's balance, or an empty string.
  [[nodiscard]] std::string check(shard::Walk walk) const;
  // No connection of any kind is left.
  [[nodiscard]] bool empty() const;
  // Gives every blank back; the shards are of no use afterwards.
  void release_blanks();
  [[nodiscard]] StatsSnapshot stats() const;

 private:
  void give_blanks(std::size_t index);
  bool run_shard(std::size_t index, Instant now);
  bool deliver_mail(std::size_t index, Instant now);
  void receive(std::size_t index, Instant now, std::span<const shard::Frame> frames);
  bool send(std::size_t index, Instant now);
  [[nodiscard]] std::uint64_t held_by_shards() const;
  [[nodiscard]] Instant find_deadline() const;

  device::ImpairedLink* link_;
  std::size_t end_;
  device::SlabPool* pool_;
  std::vector<std::unique_ptr<shard::Mailbox>> mailboxes_;  // [from * shards + to]
  std::vector<std::unique_ptr<shard::Shard>> shards_;
  std::vector<std::vector<std::unique_ptr<Service>>> services_;
  std::vector<Application*> applications_;
  std::vector<std::uint16_t> listening_;
  std::vector<ModelOracle> oracles_;  // one for each shard, or none
  std::string failure_;
  Instant deadline_ = Instant::min();
};

}  // namespace levee::sim
