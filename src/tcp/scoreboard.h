// What became of the octets between SND.UNA and SND.NXT (RFC 6675 3, RFC 8985 5): a sorted array of runs, each of them
// contiguous sequence space with one fate. Segments sent at about the same time share a run, and so do neighbours that
// were selectively acknowledged or lost, so a flight without loss needs a few dozen runs however large it is.
//
// The work of each call is bounded by kMaxRuns. When no run is left, what a split would tell is forgotten in the safe
// direction: a SACKed octet counts as not SACKed, a sending time as later than it was.
#pragma once

#include <array>
#include <cstdint>

#include "levee/time.h"
#include "tcp/seq.h"

namespace levee::tcp {

// The clock of sending times: microseconds, 32 bits, compared modulo 2^32. Times live for a few RTOs at most.
[[nodiscard]] inline std::uint32_t microsecond_clock(Instant now) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(to_nanoseconds(now)) / 1000);
}

enum class Fate : std::uint8_t {
  Sent,    // on the road, as far as we know
  Sacked,  // with the peer, beyond a hole
  Lost,    // to be sent again
};

struct Run {
  Seq begin;                  // it ends where the next one begins, the last one at SND.NXT
  std::uint32_t sent_us = 0;  // when the first of it was sent the last time
  Fate fate = Fate::Sent;
  bool resent = false;  // sent more than once: its ACK does not say which of them arrived (Karn)
};

// The most recently sent of some runs (RFC 8985 6.2, step 2).
struct LatestSent {
  bool any = false;
  std::uint32_t sent_us = 0;
  Seq end;
};

// What one ACK has delivered that was not known to be delivered before.
struct Delivery {
  std::uint32_t bytes = 0;
  LatestSent original, resent;     // of those sent once, and of the others
  std::uint32_t oldest_us = 0;     // with original.any: the earliest sending time of those sent once
  std::uint32_t acked_sacked = 0;  // bytes that SND.UNA passed and that were SACKed already
  bool reordered = false;          // something sent once was delivered after what was sent behind it (RFC 8985 6.2, 3)
};

class Scoreboard {
 public:
  static constexpr std::uint32_t kMaxRuns = 128;
  // Runs that SACK blocks may not take, so that what is sent finds one.
  static constexpr std::uint32_t kReserve = 8;

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint32_t runs() const { return count_; }
  [[nodiscard]] const Run& run(std::uint32_t i) const { return runs_[first_ + i]; }
  [[nodiscard]] Seq end_of(std::uint32_t i) const { return i + 1 < count_ ? run(i + 1).begin : end_; }
  [[nodiscard]] std::uint32_t length(std::uint32_t i) const { return end_of(i) - run(i).begin; }
  [[nodiscard]] Seq end() const { return end_; }
  // Octets by fate.
  [[nodiscard]] std::uint32_t sacked() const { return sacked_; }
  [[nodiscard]] std::uint32_t lost() const { return lost_; }
  // RFC 6675's pipe: what is believed to be on the road.
  [[nodiscard]] std::uint32_t pipe() const { return count_ == 0 ? 0 : (end_ - runs_[first_].begin) - sacked_ - lost_; }
  // Separate SACKed runs, counted up to `limit`.
  [[nodiscard]] std::uint32_t sacked_runs(std::uint32_t limit) const;
  // The number of the first lost run. Only while lost() > 0.
  [[nodiscard]] std::uint32_t first_lost() const;

  void clear() { first_ = count_ = sacked_ = lost_ = lost_hint_ = 0; }
  // [begin, end) was sent for the first time; `begin` is end(), or the scoreboard is empty. Joins the last run if that
  // was sent at most `tolerance_us` before.
  void sent(Seq begin, Seq end, std::uint32_t now_us, std::uint32_t tolerance_us);
  // [begin, end), which lies within one run that is not SACKed, was sent again.
  void resent(Seq begin, Seq end, std::uint32_t now_us, std::uint32_t tolerance_us);
  // SND.UNA is `una` now, at most end().
  void acknowledge(Seq una, Delivery& delivery);
  // The peer holds [left, right), which lies within (SND.UNA, SND.NXT].
  void sack(Seq left, Seq right, Delivery& delivery);
  // Run `i` is lost. Call join_lost() after a number of these.
  void lose(std::uint32_t i);
  void join_lost();
  // The first octets, at most `bytes` of them, of a first run that is not SACKed are lost.
  void lose_first(std::uint32_t bytes);
  void lose_all();
  // Nothing was lost after all: what was not sent again is on the road.
  void unlose();
  // The peer may have thrown away what it had SACKed (RFC 2018 8): lost, until it is acknowledged.
  void forget_sacks();

 private:
  [[nodiscard]] Run& at(std::uint32_t i) { return runs_[first_ + i]; }
  [[nodiscard]] std::uint32_t find(Seq point, std::uint32_t low) const;
  [[nodiscard]] bool split(Seq point, std::uint32_t limit);
  void replace(std::uint32_t i, std::uint32_t removed, std::uint32_t added);
  void insert(std::uint32_t i, const Run& run);
  void erase(std::uint32_t i, std::uint32_t count);
  void make_room();
  void set_fate(std::uint32_t i, Fate fate);
  void deliver(std::uint32_t i, Seq begin, Seq end, Delivery& delivery);

  Seq end_;
  Seq highest_;  // the end of the highest octet known to be delivered (RFC 8985's RACK.fack)
  std::uint32_t sacked_ = 0, lost_ = 0;
  std::uint32_t first_ = 0, count_ = 0;  // the runs in use are [first_, first_ + count_) of the array
  mutable std::uint32_t lost_hint_ = 0;  // no run below this number is lost
  std::array<Run, kMaxRuns> runs_;
};

}  // namespace levee::tcp
