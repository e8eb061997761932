// The scoreboard against an oracle that keeps the fate of every single octet, with random operations.
#include "tcp/scoreboard.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "base/random.h"

namespace levee::tcp {
namespace {

// What is known of one octet. Once the scoreboard is full it may know less than this, but never more.
struct Octet {
  Fate fate = Fate::Sent;
  std::uint32_t sent_us = 0;
  bool resent = false;
};

class Oracle {
 public:
  explicit Oracle(std::uint32_t seed)
      : random_(seed), una_(0xffffff00U + seed % 512), nxt_(una_), crowded_(seed % 2 == 0) {}

  void step() {
    now_us_ += static_cast<std::uint32_t>(random_.below(50));
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2:
        send();
        break;
      case 3:
        sack();
        break;
      case 4:
        acknowledge();
        break;
      case 5:
        lose();
        break;
      case 6:
        resend();
        break;
      default:
        if (!crowded_ && random_.below(20) == 0) lose_all();
        if (random_.below(40) == 0) forget();
    }
    check();
  }

  Scoreboard board;
  bool was_full = false;

 private:
  void send() {
    if (octets_.size() > 4000) return;
    const auto length = static_cast<std::uint32_t>(1 + random_.below(crowded_ ? 20 : 60));
    if (board.runs() >= Scoreboard::kMaxRuns) was_full = true;
    board.sent(nxt_, nxt_ + length, now_us_, 0);
    nxt_ += length;
    octets_.insert(octets_.end(), length, Octet{Fate::Sent, now_us_, false});
    if (was_full) adopt();
  }

  void sack() {
    if (octets_.size() < 2) return;
    const auto left = static_cast<std::uint32_t>(1 + random_.below(octets_.size() - 1));
    const auto right =
        static_cast<std::uint32_t>(left + 1 + random_.below(std::min<std::size_t>(40, octets_.size() - left)));
    const std::uint32_t before = board.sacked();
    if (board.runs() + 2 > Scoreboard::kMaxRuns - Scoreboard::kReserve) was_full = true;
    Delivery delivery;
    board.sack(una_ + left, una_ + right, delivery);
    std::uint32_t fresh = 0;
    for (std::uint32_t i = left; i < right; ++i) {
      if (octets_[i].fate == Fate::Sacked) continue;
      octets_[i].fate = Fate::Sacked;
      ++fresh;
    }
    EXPECT_EQ(board.sacked() - before, delivery.bytes);
    if (was_full) {
      EXPECT_LE(delivery.bytes, fresh);  // less may be remembered than was said
      adopt();
    } else {
      EXPECT_EQ(delivery.bytes, fresh);
    }
  }

  void acknowledge() {
    if (octets_.empty() || (crowded_ && octets_.size() < 3000)) return;
    const auto count = static_cast<std::uint32_t>(1 + random_.below(std::min<std::size_t>(200, octets_.size())));
    Delivery delivery;
    board.acknowledge(una_ + count, delivery);
    std::uint32_t fresh = 0, known = 0;
    for (std::uint32_t i = 0; i < count; ++i) (octets_[i].fate == Fate::Sacked ? known : fresh) += 1;
    EXPECT_EQ(delivery.bytes, fresh);
    EXPECT_EQ(delivery.acked_sacked, known);
    octets_.erase(octets_.begin(), octets_.begin() + count);
    una_ += count;
  }

  void lose() {
    if (board.empty()) return;
    const auto i = static_cast<std::uint32_t>(random_.below(board.runs()));
    if (board.run(i).fate != Fate::Sent) return;
    const std::uint32_t from = board.run(i).begin - una_;
    const std::uint32_t length = board.length(i);
    board.lose(i);
    board.join_lost();
    for (std::uint32_t at = from; at < from + length; ++at) octets_[at].fate = Fate::Lost;
  }

  void resend() {
    if (board.lost() == 0) return;
    const std::uint32_t i = board.first_lost();
    const Seq begin = board.run(i).begin;
    const auto length = static_cast<std::uint32_t>(1 + random_.below(board.length(i)));
    if (board.runs() >= Scoreboard::kMaxRuns - 1) was_full = true;
    board.resent(begin, begin + length, now_us_, 0);
    for (std::uint32_t at = begin - una_; at < begin - una_ + length; ++at) octets_[at] = {Fate::Sent, now_us_, true};
    if (was_full) adopt();
  }

  void lose_all() {
    board.lose_all();
    for (Octet& octet : octets_) {
      if (octet.fate == Fate::Sent) octet.fate = Fate::Lost;
    }
    EXPECT_EQ(board.pipe(), 0U);
  }

  void forget() {
    board.forget_sacks();
    for (Octet& octet : octets_) {
      if (octet.fate == Fate::Sacked) octet.fate = Fate::Lost;
    }
    EXPECT_EQ(board.sacked(), 0U);
  }

  // The scoreboard was full: the oracle goes on with what it says, after a look at what it may not say.
  void adopt() {
    for (std::uint32_t i = 0; i < board.runs(); ++i) {
      for (Seq at = board.run(i).begin; at < board.end_of(i); at += 1) {
        Octet& octet = octets_[at - una_];
        // Never delivered that was not, never a time before the real one.
        if (board.run(i).fate == Fate::Sacked) {
          ASSERT_EQ(octet.fate, Fate::Sacked);
        }
        octet.fate = board.run(i).fate;
      }
    }
  }

  void check() {
    std::uint32_t sacked = 0, lost = 0;
    for (const Octet& octet : octets_) {
      sacked += octet.fate == Fate::Sacked ? 1 : 0;
      lost += octet.fate == Fate::Lost ? 1 : 0;
    }
    ASSERT_EQ(board.sacked(), sacked);
    ASSERT_EQ(board.lost(), lost);
    ASSERT_EQ(board.pipe(), octets_.size() - sacked - lost);
    ASSERT_LE(board.runs(), Scoreboard::kMaxRuns);
    ASSERT_EQ(board.empty(), octets_.empty());
    Seq at = una_;
    for (std::uint32_t i = 0; i < board.runs(); ++i) {
      const Run& run = board.run(i);
      ASSERT_EQ(run.begin, at) << "a gap before run " << i;
      at = board.end_of(i);
      ASSERT_GT(at - run.begin, 0U);
      for (std::uint32_t offset = run.begin - una_; offset < at - una_; ++offset) {
        ASSERT_EQ(octets_[offset].fate, run.fate);
        if (!was_full && run.fate == Fate::Sent) {
          ASSERT_EQ(octets_[offset].sent_us, run.sent_us);
          ASSERT_EQ(octets_[offset].resent, run.resent);
        }
      }
    }
    if (!octets_.empty()) {
      ASSERT_EQ(at, nxt_);
    }
    if (lost > 0) {
      const Run& first = board.run(board.first_lost());
      for (std::uint32_t offset = 0; offset < first.begin - una_; ++offset) {
        ASSERT_NE(octets_[offset].fate, Fate::Lost);
      }
      ASSERT_EQ(first.fate, Fate::Lost);
    }
  }

  Random random_;
  Seq una_, nxt_;
  bool crowded_;  // little is acknowledged and nothing is lost as a whole
  std::uint32_t now_us_ = 0xffff0000U;
  std::deque<Octet> octets_;
};

TEST(Scoreboard, AgreesWithOneEntryPerOctet) {
  int full = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    Oracle oracle(seed);
    for (int step = 0; step < 600; ++step) {
      oracle.step();
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << step;
    }
    full += oracle.was_full ? 1 : 0;
  }
  EXPECT_GT(full, 5);  // both ways were taken
  EXPECT_LT(full, 60);
}

TEST(Scoreboard, SegmentsOfOneTimeShareARun) {
  Scoreboard board;
  for (std::uint32_t n = 0; n < 100; ++n) board.sent(Seq(1 + 1000 * n), Seq(1001 + 1000 * n), 7 + n / 50, 1);
  EXPECT_EQ(board.runs(), 1U);
  board.sent(Seq(100'001), Seq(101'001), 100, 1);
  EXPECT_EQ(board.runs(), 2U);
  EXPECT_EQ(board.pipe(), 101'000U);
}

// THREATS: a peer that acknowledges every other octet takes no run from what is sent, and what it says is not believed
// beyond what can be remembered.
TEST(Scoreboard, EveryOtherOctetIsBounded) {
  Scoreboard board;
  board.sent(Seq(0), Seq(10'000), 1, 0);
  Delivery delivery;
  for (std::uint32_t at = 1; at < 9'000; at += 2) board.sack(Seq(at), Seq(at + 1), delivery);
  EXPECT_LE(board.runs(), Scoreboard::kMaxRuns - Scoreboard::kReserve);
  EXPECT_LT(board.sacked(), 100U);
  for (std::uint32_t n = 0; n < 1000; ++n) {
    board.sent(Seq(10'000 + n), Seq(10'001 + n), 2 + n, 0);
    ASSERT_LE(board.runs(), Scoreboard::kMaxRuns);
  }
  board.acknowledge(Seq(11'000), delivery);
  EXPECT_TRUE(board.empty());
  EXPECT_EQ(board.pipe(), 0U);
}

// Where there is no run for new ones, those that are there may still grow, join and swallow others.
TEST(Scoreboard, AFullOneStillRemembersWhatTakesNoRun) {
  Scoreboard board;
  board.sent(Seq(0), Seq(10'000), 1, 0);
  Delivery delivery;
  for (std::uint32_t at = 10; at < 9'000; at += 10) board.sack(Seq(at), Seq(at + 1), delivery);
  const std::uint32_t full = board.runs(), sacked = board.sacked();
  board.sack(Seq(9'005), Seq(9'006), delivery);
  EXPECT_EQ(board.sacked(), sacked);  // no run for it
  board.sack(Seq(10), Seq(15), delivery);
  EXPECT_EQ(board.sacked(), sacked + 4);
  EXPECT_EQ(board.runs(), full);
  board.sack(Seq(8), Seq(11), delivery);
  EXPECT_EQ(board.sacked(), sacked + 6);
  EXPECT_EQ(board.runs(), full);
  board.sack(Seq(15), Seq(20), delivery);  // two of them become one
  EXPECT_EQ(board.sacked(), sacked + 11);
  EXPECT_EQ(board.runs(), full - 2);
  EXPECT_EQ(delivery.bytes, board.sacked());
}

// RFC 8985 6.2, step 3: delivered after what was sent later, and not because it was sent again.
TEST(Scoreboard, ToldReorderingFromRetransmission) {
  for (const bool again : {false, true}) {
    Scoreboard board;
    board.sent(Seq(0), Seq(100), 1, 0);
    board.sent(Seq(100), Seq(200), 2, 0);
    Delivery first;
    board.sack(Seq(100), Seq(200), first);
    EXPECT_FALSE(first.reordered);
    if (again) {
      board.lose_first(100);
      board.resent(Seq(0), Seq(100), 3, 0);
    }
    Delivery second;
    board.acknowledge(Seq(200), second);
    EXPECT_EQ(second.reordered, !again);
    EXPECT_EQ(second.bytes, 100U);
    EXPECT_EQ(second.acked_sacked, 100U);
  }
}

}  // namespace
}  // namespace levee::tcp
