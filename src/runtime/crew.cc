// Shards, workers and threads; see crew.h.
#include "runtime/crew.h"

#include <fmt/core.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <future>

#include "runtime/live.h"
#include "runtime/replay.h"

namespace levee::runtime {

namespace {
constexpr std::size_t kMailboxSize = 1024;
constexpr std::size_t kControlMailboxSize = 16;
}  // namespace

struct Crew::Member {
  Member(const ShardOptions& options, const shard::Secrets& secrets, std::span<shard::Mailbox* const> outboxes)
      : index(options.index), shard(options, secrets, outboxes), control(kControlMailboxSize) {}

  unsigned index;
  shard::Shard shard;
  shard::Mailbox control;
  std::unique_ptr<Worker> worker;
  std::thread thread;
};

Crew::Crew(const std::vector<ShardOptions>& options, const ProcessSecrets& secrets,
           const std::vector<device::Device*>& ports, device::PcapWriter* writer, Duration tick)
    : writer_(writer), keys_(secrets.cookie_master, options.front().syn.rotate) {
  const std::size_t shards = options.size();
  for (std::size_t i = 0; i < shards * shards; ++i) {
    const bool to_itself = i / shards == i % shards;
    mailboxes_.push_back(to_itself ? nullptr : std::make_unique<shard::Mailbox>(kMailboxSize));
  }
  for (std::size_t i = 0; i < shards; ++i) {
    std::vector<shard::Mailbox*> outboxes;
    for (std::size_t to = 0; to < shards; ++to) outboxes.push_back(mailboxes_[i * shards + to].get());
    members_.push_back(std::make_unique<Member>(options[i], secrets.shards[i], outboxes));

    WorkerParts parts{.shard = &members_[i]->shard,
                      .ports = ports,
                      .inboxes = {&members_[i]->control},
                      .writer = writer,
                      .tick = tick};
    for (std::size_t from = 0; from < shards; ++from) {
      if (from != i) parts.inboxes.push_back(mailboxes_[from * shards + i].get());
    }
    members_[i]->worker = std::make_unique<Worker>(std::move(parts));
  }
}

Crew::~Crew() { stop(); }

void Crew::start(Drive drive, const dpdk::TscClock& clock, const std::vector<ServiceFactory>& factories,
                 const StopRequest& stop) {
  for (const auto& owned : members_) {
    Member& member = *owned;
    std::promise<void> at_work;
    std::future<void> begun = at_work.get_future();
    member.thread = std::thread([&, drive] {
      bool told = false;
      try {
        const dpdk::RegisteredThread registered(member.index);
        member.worker->employ(hire(member, factories, stop));
        run(member, drive, clock, [&] {
          told = true;
          at_work.set_value();
        });
      } catch (...) {
        if (told) throw;  // no handler may throw out of a poll loop: end the process here
        at_work.set_exception(std::current_exception());
      }
    });
    pthread_setname_np(member.thread.native_handle(), fmt::format("levee-{}", member.index).c_str());
    begun.get();
  }
}

std::vector<std::unique_ptr<Service>> Crew::hire(Member& member, const std::vector<ServiceFactory>& factories,
                                                 const StopRequest& stop) {
  std::vector<std::unique_ptr<Service>> services;
  services.reserve(factories.size());
  for (const ServiceFactory& factory : factories) {
    const auto index = static_cast<std::uint16_t>(services.size());
    Worker* worker = member.worker.get();
    services.push_back(
        factory({.shard = member.index,
                 .snapshot = [this] { return stats(); },
                 .connect = [worker, index](const SocketAddress& remote) { return worker->connect(remote, index); },
                 .stop = stop}));
  }
  return services;
}

void Crew::run(Member& member, Drive drive, const dpdk::TscClock& clock, const std::function<void()>& at_work) {
  at_work();
  if (drive == Drive::Replay) {
    run_replay(*member.worker, writer_, keys_);
  } else {
    run_live(*member.worker, clock, offset_, drive == Drive::Adaptive);
  }
}

void Crew::stop() {
  for (const auto& member : members_) {
    member->worker->status().cut_short.store(true, std::memory_order_release);
    member->worker->status().stop.store(true, std::memory_order_release);
  }
  for (const auto& member : members_) {
    if (member->thread.joinable()) member->thread.join();
  }
}

void Crew::post(const shard::Message& message) {
  for (const auto& member : members_) {
    // A handful of messages in a process's life, and half of the room is theirs: a full mailbox is a worker that stands
    // still.
    CHECK(member->control.push(message));
  }
}

bool Crew::offer(const shard::Message& message) {
  bool all = true;
  for (const auto& member : members_) {
    const bool room = member->control.size() < kControlMailboxSize / 2;
    all = room && member->control.push(message) && all;
  }
  return all;
}

void Crew::cut_short() {
  for (const auto& member : members_) member->worker->status().cut_short.store(true, std::memory_order_release);
}

bool Crew::all_in(Phase phase) const {
  return std::all_of(members_.begin(), members_.end(), [phase](const auto& member) {
    return member->worker->status().phase.load(std::memory_order_acquire) == phase;
  });
}

StatsSnapshot Crew::stats() const {
  StatsSnapshot sum;
  for (const auto& member : members_) sum += member->shard.stats().snapshot();
  return sum;
}

std::string Crew::fault() const {
  for (const auto& member : members_) {
    std::string disagreement = member->shard.check_invariants();
    if (!disagreement.empty()) return fmt::format("shard {} is not consistent: {}", member->index, disagreement);
    if (const std::size_t live = member->shard.connections(); live != 0) {
      return fmt::format("shard {} still holds {} connections", member->index, live);
    }
  }
  const StatsSnapshot totals = stats();
  if (totals[Counter::Opened] != totals[Counter::Closed]) {
    return fmt::format("{} connections were opened and {} closed", totals[Counter::Opened], totals[Counter::Closed]);
  }
  if (totals[Counter::BuffersIn] != totals[Counter::BuffersOut]) {
    return fmt::format("{} packet buffers were taken in and {} given back", totals[Counter::BuffersIn],
                       totals[Counter::BuffersOut]);
  }
  return {};
}

}  // namespace levee::runtime
