// Walks over everything a shard holds: for tests after every step, and once at exit. Says the first disagreement in
// words. The walk over the records alone looks at no queue, no buffer and no bucket.
#include <string>
#include <unordered_map>

#include "shard/impl.h"

namespace levee::shard {
namespace {

using HolderCount = std::unordered_map<const Block*, std::uint32_t>;

std::string check_queue(const tcp::SliceQueue& queue, const tcp::SlicePool& nodes, HolderCount& holders,
                        std::uint32_t& node_count) {
  std::uint32_t bytes = 0, charged = 0, last = kNoIndex;
  for (std::uint32_t node = queue.head; node != kNoIndex; node = nodes[node].next) {
    if (!nodes.is_taken(node)) return "a queue holds a slice node that is free";
    bytes += nodes[node].slice.length;
    charged += nodes[node].slice.block->size;
    ++holders[nodes[node].slice.block];
    ++node_count;
    last = node;
  }
  if (bytes != queue.bytes || charged != queue.charged) return "a queue's byte counts are wrong";
  return last == queue.tail ? "" : "a queue's tail is not its last node";
}

// The runs follow upon each other from SND.UNA to SND.NXT, and their octets are what the sums say.
std::string check_scoreboard(const tcp::Scoreboard& scoreboard, const tcp::Tcb& tcb) {
  if (scoreboard.empty()) return tcb.flight() <= 1 ? "" : "text is outstanding that the scoreboard does not know";
  if (scoreboard.run(0).begin != tcb.una || scoreboard.end() != tcb.nxt) return "the scoreboard is of another flight";
  std::uint32_t sacked = 0, lost = 0;
  for (std::uint32_t i = 0; i < scoreboard.runs(); ++i) {
    if (!(scoreboard.end_of(i) > scoreboard.run(i).begin)) return "runs of the scoreboard are not in order";
    if (scoreboard.run(i).fate == tcp::Fate::Sacked) sacked += scoreboard.length(i);
    if (scoreboard.run(i).fate == tcp::Fate::Lost) lost += scoreboard.length(i);
  }
  if (scoreboard.run(0).fate == tcp::Fate::Sacked) return "what stands at SND.UNA counts as SACKed";
  return sacked == scoreboard.sacked() && lost == scoreboard.lost() ? "" : "the scoreboard's sums are wrong";
}

std::string check_transfer(const tcp::Transfer& transfer, const tcp::Tcb& tcb, const tcp::SlicePool& nodes,
                           HolderCount& holders, std::uint32_t& node_count) {
  for (const tcp::SliceQueue* queue : {&transfer.send, &transfer.receive}) {
    if (auto wrong = check_queue(*queue, nodes, holders, node_count); !wrong.empty()) return wrong;
  }
  if (auto wrong = check_scoreboard(transfer.scoreboard, tcb); !wrong.empty()) return wrong;
  const tcp::Reassembly& reassembly = transfer.out_of_order;
  if (reassembly.count > tcp::kMaxRanges) return "more out-of-order ranges than allowed";
  tcp::Seq before = tcb.rcv_nxt;
  for (std::uint32_t i = 0; i < reassembly.count; ++i) {
    const tcp::Range& range = reassembly.ranges[i];
    if (!(range.begin > before) || !(range.end > range.begin)) return "out-of-order ranges are not in order";
    if (range.end - range.begin != range.queue.bytes) return "an out-of-order range does not hold its bytes";
    if (auto wrong = check_queue(range.queue, nodes, holders, node_count); !wrong.empty()) return wrong;
    before = range.end;
  }
  return "";
}

std::string check_tcb(const tcp::Tcb& tcb, const IndexPool<tcp::Transfer>& transfers) {
  if (!(tcb.una <= tcb.nxt)) return "SND.UNA > SND.NXT";
  const State state = tcb.state();
  if (state == State::Closed || state == State::TimeWait) {
    return tcb.deadline() == kNever ? "" : "a timer is armed on a connection that is over";
  }
  if (tcb.una != tcb.nxt && tcb.retransmit_at == kNever) return "data is outstanding without a retransmission timer";
  const bool syn_sent = state == State::SynSent || state == State::SynReceived;
  const std::uint32_t queued = tcp::unsent_and_unacked(tcb, transfers);
  const std::uint32_t extra = tcb.fin_sent ? 1U : (syn_sent ? 1U : 0U);
  if (tcb.nxt - tcb.una > queued + extra) return "more is outstanding than is queued";
  const bool fin_states =
      state == State::FinWait1 || state == State::FinWait2 || state == State::Closing || state == State::LastAck;
  if (fin_states != tcb.fin_queued && state != State::SynReceived) return "FIN queued and state disagree";
  const bool peer_closed = state == State::CloseWait || state == State::Closing || state == State::LastAck;
  if (peer_closed != tcb.fin_received) return "FIN received and state disagree";
  if (tcp::readable(tcb, transfers) > 0x40000000) return "the receive queue is larger than any window";
  return "";
}

std::string describe(const FlowKey& flow) { return to_string(flow.local()) + " <- " + to_string(flow.remote()); }

// Order-independent: records are summed, so that equal sets of records give equal digests wherever they lie.
class Digest {
 public:
  explicit Digest(const FlowKey& flow) : value_(flow_hash({1, 2}, flow)) {}
  Digest& with(std::uint64_t word) {
    value_ = siphash_1_3({value_, 3}, std::as_bytes(std::span(&word, 1)));
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

}  // namespace

std::string Shard::Impl::check_invariants(Walk walk) const {
  const bool everything = walk == Walk::Everything;
  HolderCount holders;
  std::uint32_t node_count = 0, transfer_count = 0, indexed = 0, with_ipv6 = 0;
  std::array<std::uint64_t, kStateCount> states{};
  std::size_t ready = 0, output = 0;
  std::vector<std::uint32_t> unheard(unheard_.size());

  for (std::uint32_t i = 0; i < connections_.high_water(); ++i) {
    if (!connections_.is_taken(i)) continue;
    const ConnectionRecord& record = connections_[i];
    const tcp::Tcb& tcb = record.tcb;
    with_ipv6 += record.key.is_v4() ? 0 : 1;
    const auto wrong = [&](const std::string& what) { return what + " (" + describe(flow_of(record.key)) + ")"; };
    if (auto found = check_tcb(tcb, transfers_); !found.empty()) return wrong(found);
    const bool over = tcb.state() == State::Closed || tcb.state() == State::TimeWait;
    if (over != record.detached) return wrong("a connection that is over is still in the flow index, or the reverse");
    if (!over) {
      ++states[static_cast<std::size_t>(tcb.state())];
      ++indexed;
      if (everything &&
          find_flow(flow_of(record.key), hash_of(flow_of(record.key))) != FlowRef(RecordKind::Connection, i)) {
        return wrong("the flow index does not lead to a connection");
      }
      if (tcb.deadline() != kNever &&
          (!wheel_.armed(i) || wheel_.armed_at(i) > tcb.deadline() + std::chrono::milliseconds(1))) {
        return wrong("a deadline has no timer that fires in time");
      }
    }
    if (tcb.transfer != kNoIndex) {
      ++transfer_count;
      if (!transfers_.is_taken(tcb.transfer)) return wrong("a connection uses a transfer block that is free");
      if (everything) {
        auto found = check_transfer(transfers_[tcb.transfer], tcb, slices_, holders, node_count);
        if (!found.empty()) return wrong(found);
      }
    }
    const bool opened = (tcb.events & tcp::kOpenedEvent) != 0;
    if (opened && !record.on_ready) return wrong("a service is to hear of a connection that is not on the ready list");
    if (opened && record.listener != kActiveOpen) ++unheard[record.listener];
    ready += record.on_ready ? 1 : 0;
    output += record.on_output ? 1 : 0;
  }
  for (std::uint32_t i = 0; i < half_open_.high_water(); ++i) {
    if (!half_open_.is_taken(i)) continue;
    const HalfOpenRecord& record = half_open_[i];
    ++states[static_cast<std::size_t>(State::SynReceived)];
    ++indexed;
    if (!wheel_.armed(i | kHalfOpenTimer)) {
      return "a half-open record has no timer (" + describe(flow_of(record.key)) + ")";
    }
    if (!everything) continue;
    const FlowKey flow = flow_of(record.key);
    with_ipv6 += flow.is_v4() ? 0 : 1;
    const std::uint64_t hash = hash_of(flow);
    if (record.reopens ? find_reopening(flow, hash) != i : find_flow(flow, hash) != FlowRef(RecordKind::HalfOpen, i)) {
      return "the flow index does not lead to a half-open record (" + describe(flow) + ")";
    }
  }
  std::uint32_t entries = everything ? 0 : static_cast<std::uint32_t>(time_wait_.size());
  indexed += entries;
  for (std::uint32_t i = time_wait_.oldest(); everything && i != kNoIndex; i = time_wait_.younger(i)) {
    const TimeWaitEntry& entry = time_wait_[i];
    ++entries;
    ++indexed;
    const std::uint32_t younger = time_wait_.younger(i);
    if (younger != kNoIndex && static_cast<std::int32_t>(time_wait_[younger].expires_ms - entry.expires_ms) < 0) {
      return "TIME-WAIT entries are not in order of age";
    }
    const FlowKey flow = flow_of(entry.key);
    with_ipv6 += flow.is_v4() ? 0 : 1;
    if (find_flow(flow, hash_of(flow)) != FlowRef(RecordKind::TimeWait, i)) {
      return "the flow index does not lead to a TIME-WAIT entry (" + describe(flow_of(entry.key)) + ")";
    }
  }
  states[static_cast<std::size_t>(State::TimeWait)] = entries;

  if (entries != time_wait_.size()) return "the TIME-WAIT list and its pool disagree";
  if (indexed != index_.size()) return "the flow index holds references without a record";
  if (everything && with_ipv6 != addresses6_.in_use()) return "addresses of IPv6 flows are lost";
  if (everything && node_count != slices_.in_use()) return "slice nodes are lost";
  if (transfer_count != transfers_.in_use()) return "transfer blocks are lost";
  if (ready != ready_.size || output != output_.size) return "a list's length and its members disagree";
  if (unheard != unheard_) return "a listener's count of connections that its service has not heard of is wrong";
  for (std::size_t i = 0; i < unheard.size(); ++i) {
    if (unheard[i] > options_.listeners[i].accept_backlog) return "an accept backlog holds more than it may";
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (stats_.in_state(static_cast<State>(i)) != states[i]) return "the counters of connections by state are wrong";
  }
  if (stats_.value(Counter::Opened) != stats_.value(Counter::Closed) + connections_.in_use()) {
    return "opened != closed + live";
  }
  if (!everything) return "";
  for (const auto& [block, count] : holders) {
    if (block->refs != count) return "a block's count of holders is wrong";
  }
  const std::uint64_t inside = stats_.value(Counter::BuffersIn) - stats_.value(Counter::BuffersOut);
  if (inside != holders.size() + stash_.available() + stash_.released().size()) return "buffers are lost";
  return "";
}

std::uint64_t Shard::Impl::digest() const {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < connections_.high_water(); ++i) {
    if (!connections_.is_taken(i)) continue;
    const ConnectionRecord& record = connections_[i];
    sum += Digest(flow_of(record.key))
               .with(static_cast<std::uint64_t>(record.tcb.state()))
               .with(record.tcb.una.value())
               .with(record.tcb.nxt.value())
               .with(record.tcb.rcv_nxt.value())
               .with(record.tcb.wnd)
               .with(tcp::readable(record.tcb, transfers_))
               .with(tcp::unsent_and_unacked(record.tcb, transfers_))
               .value();
  }
  for (std::uint32_t i = 0; i < half_open_.high_water(); ++i) {
    if (!half_open_.is_taken(i)) continue;
    sum += Digest(flow_of(half_open_[i].key))
               .with(half_open_[i].tcp.irs.value())
               .with(half_open_[i].tcp.iss.value())
               .value();
  }
  for (std::uint32_t i = time_wait_.oldest(); i != kNoIndex; i = time_wait_.younger(i)) {
    const TimeWaitEntry& entry = time_wait_[i];
    sum += Digest(flow_of(entry.key)).with(entry.tcp.snd_nxt.value()).with(entry.tcp.rcv_nxt.value()).value();
  }
  return sum;
}

}  // namespace levee::shard
