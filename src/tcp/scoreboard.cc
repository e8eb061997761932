#include "tcp/scoreboard.h"

#include <algorithm>

#include "base/check.h"

namespace levee::tcp {
namespace {

bool sent_before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

// RFC 8985 6.2: of two sent at the same time the one with the higher end is the later one.
void consider(LatestSent& latest, std::uint32_t sent_us, Seq end) {
  if (latest.any && (sent_before(sent_us, latest.sent_us) || (sent_us == latest.sent_us && end <= latest.end))) return;
  latest = {true, sent_us, end};
}

// What two runs are when they must become one: whatever may be missing must not be forgotten.
Fate joined(Fate a, Fate b) {
  if (a == Fate::Lost || b == Fate::Lost) return Fate::Lost;
  return a == Fate::Sent || b == Fate::Sent ? Fate::Sent : Fate::Sacked;
}

}  // namespace

std::uint32_t Scoreboard::sacked_runs(std::uint32_t limit) const {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < count_ && found < limit; ++i) found += run(i).fate == Fate::Sacked ? 1U : 0U;
  return found;
}

std::uint32_t Scoreboard::first_lost() const {
  DCHECK(lost_ > 0);
  while (run(lost_hint_).fate != Fate::Lost) ++lost_hint_;
  return lost_hint_;
}

// The number of the run that holds `point`, which lies within [SND.UNA, SND.NXT) and not before run `low`.
std::uint32_t Scoreboard::find(Seq point, std::uint32_t low) const {
  const Run* const runs = runs_.data() + first_;
  for (std::uint32_t left = count_ - low; left > 1;) {
    const std::uint32_t half = left / 2;
    if (runs[low + half].begin <= point) low += half;
    left -= half;
  }
  return low;
}

// Of the runs from `i` on, `added` take the place of `removed`; the caller fills them in. One move of what is behind.
void Scoreboard::replace(std::uint32_t i, std::uint32_t removed, std::uint32_t added) {
  DCHECK(i + removed <= count_ && count_ - removed + added <= kMaxRuns);
  if (i == 0 && removed > added) {
    first_ += removed - added;
  } else if (removed != added) {
    if (first_ + count_ - removed + added > kMaxRuns) {
      std::copy(runs_.begin() + first_, runs_.begin() + first_ + count_, runs_.begin());
      first_ = 0;
    }
    const auto behind = runs_.begin() + first_ + i + removed, end = runs_.begin() + first_ + count_;
    if (removed > added) {
      std::copy(behind, end, behind - (removed - added));
    } else {
      std::copy_backward(behind, end, end + (added - removed));
    }
  }
  count_ = count_ - removed + added;
  if (count_ == 0) first_ = 0;
  if (lost_hint_ >= i + removed) {
    lost_hint_ = lost_hint_ - removed + added;
  } else if (lost_hint_ > i) {
    lost_hint_ = i;
  }
}

void Scoreboard::insert(std::uint32_t i, const Run& run) {
  const Run inserted = run;  // which may be one of those that move
  replace(i, 0, 1);
  at(i) = inserted;
}

void Scoreboard::erase(std::uint32_t i, std::uint32_t count) { replace(i, count, 0); }

// A run begins at `point`, if no more than `limit` of them are needed for that.
bool Scoreboard::split(Seq point, std::uint32_t limit) {
  const std::uint32_t i = find(point, 0);
  if (run(i).begin == point) return true;
  if (count_ >= limit) return false;
  Run second = run(i);
  second.begin = point;
  insert(i + 1, second);
  return true;
}

void Scoreboard::set_fate(std::uint32_t i, Fate fate) {
  Run& run = at(i);
  const std::uint32_t bytes = length(i);
  if (run.fate == Fate::Sacked) sacked_ -= bytes;
  if (run.fate == Fate::Lost) lost_ -= bytes;
  if (fate == Fate::Sacked) sacked_ += bytes;
  if (fate == Fate::Lost) {
    lost_ += bytes;
    lost_hint_ = std::min(lost_hint_, i);
  }
  run.fate = fate;
}

// Joins the two neighbours whose difference is worth least.
void Scoreboard::make_room() {
  if (count_ < kMaxRuns) return;
  std::uint32_t best = 0, least = 0xffffffff;
  for (std::uint32_t i = 0; i + 1 < count_ && least > 0; ++i) {
    const Fate fate = joined(run(i).fate, run(i + 1).fate);
    const std::uint32_t cost = (run(i).fate == fate ? 0 : length(i)) + (run(i + 1).fate == fate ? 0 : length(i + 1));
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  const Fate fate = joined(run(best).fate, run(best + 1).fate);
  set_fate(best, fate);
  set_fate(best + 1, fate);
  const Run& second = run(best + 1);
  if (sent_before(at(best).sent_us, second.sent_us)) at(best).sent_us = second.sent_us;
  at(best).resent |= second.resent;
  erase(best + 1, 1);
}

void Scoreboard::sent(Seq begin, Seq end, std::uint32_t now_us, std::uint32_t tolerance_us) {
  if (count_ == 0) {
    clear();
    highest_ = begin;
  } else {
    DCHECK(begin == end_);
    const Run& last = run(count_ - 1);
    if (last.fate == Fate::Sent && !last.resent && now_us - last.sent_us <= tolerance_us) {
      end_ = end;
      return;
    }
    make_room();
  }
  end_ = end;
  insert(count_, {begin, now_us, Fate::Sent, false});
}

void Scoreboard::resent(Seq begin, Seq end, std::uint32_t now_us, std::uint32_t tolerance_us) {
  std::uint32_t i = find(begin, 0);
  if (run(i).begin != begin) {
    make_room();
    static_cast<void>(split(begin, kMaxRuns));
    i = find(begin, 0);
  }
  if (end < end_of(i)) {
    make_room();  // may join runs before this one
    static_cast<void>(split(end, kMaxRuns));
    i = find(begin, 0);
  }
  set_fate(i, Fate::Sent);
  at(i).resent = true;
  at(i).sent_us = now_us;
  // What was sent again just before this takes it in.
  if (i == 0) return;
  const Run& before = run(i - 1);
  if (before.fate == Fate::Sent && before.resent && now_us - before.sent_us <= tolerance_us) erase(i, 1);
}

// [begin, end) of run `i` has arrived.
void Scoreboard::deliver(std::uint32_t i, Seq begin, Seq end, Delivery& delivery) {
  const Run& run = at(i);
  delivery.bytes += end - begin;
  if (run.resent) {
    consider(delivery.resent, run.sent_us, end);
    return;
  }
  if (!delivery.original.any || sent_before(run.sent_us, delivery.oldest_us)) delivery.oldest_us = run.sent_us;
  consider(delivery.original, run.sent_us, end);
  if (end < highest_) delivery.reordered = true;
}

void Scoreboard::acknowledge(Seq una, Delivery& delivery) {
  std::uint32_t passed = 0;  // whole runs
  for (; passed < count_ && run(passed).begin < una; ++passed) {
    const Seq begin = run(passed).begin;
    const Seq end = earlier(end_of(passed), una);
    switch (run(passed).fate) {
      case Fate::Sacked:
        sacked_ -= end - begin;
        delivery.acked_sacked += end - begin;
        break;
      case Fate::Lost:
        lost_ -= end - begin;
        deliver(passed, begin, end, delivery);
        break;
      case Fate::Sent:
        deliver(passed, begin, end, delivery);
        break;
    }
    if (end_of(passed) > una) {
      at(passed).begin = una;
      break;
    }
  }
  if (passed > 0) erase(0, passed);
  highest_ = later(highest_, una);
}

// Two searches and one move of the runs behind, whatever the block says; each run that it swallows was paid for by what
// made it.
void Scoreboard::sack(Seq left, Seq right, Delivery& delivery) {
  std::uint32_t first = find(left, 0);
  // What is known already must cost nothing, nor take a run.
  if (run(first).fate == Fate::Sacked) {
    if (right <= end_of(first)) return;
    left = run(first).begin;
  }
  std::uint32_t last = find(right - 1, first);
  if (run(last).fate == Fate::Sacked) right = end_of(last);
  // What stays of the runs that [left, right) cuts takes a run each. Where there is none, less is SACKed.
  bool left_stays = run(first).begin < left, right_stays = right < end_of(last);
  const auto joins_left = [&] { return !left_stays && first > 0 && run(first - 1).fate == Fate::Sacked; };
  const auto joins_right = [&] { return !right_stays && last + 1 < count_ && run(last + 1).fate == Fate::Sacked; };
  const auto too_many = [&] {
    const std::uint32_t removed = last - first + 1 + (joins_left() ? 1 : 0) + (joins_right() ? 1 : 0);
    const std::uint32_t added = 1 + (left_stays ? 1 : 0) + (right_stays ? 1 : 0);
    return added > removed && count_ - removed + added > kMaxRuns - kReserve;
  };
  if (left_stays && too_many()) {
    left = end_of(first);
    if (left >= right) return;
    ++first;
    left_stays = false;
  }
  if (right_stays && too_many()) {
    right = run(last).begin;
    if (left >= right) return;
    --last;
    right_stays = false;
  }

  for (std::uint32_t i = first; i <= last; ++i) {
    if (run(i).fate == Fate::Sacked) continue;
    const Seq begin = later(run(i).begin, left), end = earlier(end_of(i), right);
    deliver(i, begin, end, delivery);
    sacked_ += end - begin;
    if (run(i).fate == Fate::Lost) lost_ -= end - begin;
  }
  highest_ = later(highest_, right);

  const Run left_rest = run(first), right_rest = run(last);
  const bool joined = joins_left();
  const std::uint32_t place = joined ? first - 1 : first;
  const std::uint32_t removed = last + (joins_right() ? 1 : 0) - place + 1;
  Run sacked = run(place);
  sacked.fate = Fate::Sacked;
  if (!joined) sacked.begin = left;
  replace(place, removed, 1 + (left_stays ? 1U : 0U) + (right_stays ? 1U : 0U));
  std::uint32_t next = place;
  if (left_stays) at(next++) = left_rest;
  at(next++) = sacked;
  if (!right_stays) return;
  at(next) = right_rest;
  at(next).begin = right;
}

void Scoreboard::lose(std::uint32_t i) {
  DCHECK(run(i).fate == Fate::Sent);
  set_fate(i, Fate::Lost);
}

void Scoreboard::join_lost() {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 1; i < count_; ++i) {
    if (run(i).fate == Fate::Lost && run(kept).fate == Fate::Lost) continue;
    at(++kept) = run(i);
  }
  count_ = count_ == 0 ? 0 : kept + 1;
  lost_hint_ = 0;
}

void Scoreboard::lose_first(std::uint32_t bytes) {
  if (count_ == 0 || run(0).fate != Fate::Sent) return;
  if (bytes < length(0)) {
    make_room();
    static_cast<void>(split(run(0).begin + bytes, kMaxRuns));
  }
  if (run(0).fate == Fate::Sent) lose(0);
  join_lost();
}

void Scoreboard::lose_all() {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (run(i).fate == Fate::Sent) lose(i);
  }
  join_lost();
}

void Scoreboard::unlose() {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (run(i).fate == Fate::Lost) set_fate(i, Fate::Sent);
  }
}

void Scoreboard::forget_sacks() {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (run(i).fate == Fate::Sacked) {
      set_fate(i, Fate::Lost);
      at(i).resent = true;
    }
  }
  join_lost();
}

}  // namespace levee::tcp
