// The shards of a process with their mailboxes, their workers and the threads that drive them. Made and asked by the
// control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "device/device.h"
#include "device/pcap_writer.h"
#include "dpdk/thread.h"
#include "levee/service.h"
#include "runtime/cookie_keys.h"
#include "runtime/secrets.h"
#include "runtime/utc_offset.h"
#include "runtime/worker.h"
#include "shard/shard.h"

namespace levee::runtime {

// What a service asks for by ServiceContext::stop. Called from any worker.
using StopRequest = std::function<void(int exit_code, const std::string& error)>;

enum class Drive : std::uint8_t { Adaptive, Busy, Replay };

class Crew {
 public:
  // One shard and one worker for each element of `options`. `ports` and `writer` outlive the crew. `tick` is the
  // services'; zero: none.
  Crew(const std::vector<ShardOptions>& options, const ProcessSecrets& secrets,
       const std::vector<device::Device*>& ports, device::PcapWriter* writer, Duration tick = {});
  // Leaves no thread behind, even where start() threw.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Shard time follows UTC from here on, if told so before start(), and as often as told after it.
  void start_at_utc(Duration utc, Instant clock) { offset_.start(utc, clock); }
  void follow_utc(Duration utc, Instant clock) { offset_.follow(utc, clock); }

  // Starts the threads; `factories`, by listener entry, then by client entry, are called in each. Throws what a thread
  // threw before its loop.
  void start(Drive drive, const dpdk::TscClock& clock, const std::vector<ServiceFactory>& factories,
             const StopRequest& stop);
  // Every worker leaves its loop and gives its buffers back; joins them.
  void stop();

  // Mail to every shard.
  void post(const shard::Message& message);
  // Mail that may come twice, or late: false if a mailbox was too full for it; then offer it again. It never takes the
  // room of what must arrive.
  [[nodiscard]] bool offer(const shard::Message& message);
  // A replay leaves the rest of its captures.
  void cut_short();
  [[nodiscard]] bool all_in(Phase phase) const;

  // Sum over the shards. Any thread.
  [[nodiscard]] StatsSnapshot stats() const;
  // After stop(): what does not add up, as one sentence; empty if everything does.
  [[nodiscard]] std::string fault() const;

 private:
  struct Member;
  void run(Member& member, Drive drive, const dpdk::TscClock& clock, const std::function<void()>& at_work);
  [[nodiscard]] std::vector<std::unique_ptr<Service>> hire(Member& member, const std::vector<ServiceFactory>& factories,
                                                           const StopRequest& stop);

  device::PcapWriter* writer_;
  UtcOffset offset_;
  KeySchedule keys_;                                        // for a replay; live, the control thread announces keys
  std::vector<std::unique_ptr<shard::Mailbox>> mailboxes_;  // [from * shards + to]
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace levee::runtime
