// Output that waits for a neighbour: what hold_back arms must not outlive the wait.
#include <gtest/gtest.h>

#include "tcp/half_open.h"
#include "tcp/timeouts.h"

namespace levee::tcp {
namespace {

using namespace std::chrono_literals;

// A connection that owes an ACK and has nothing outstanding.
class HeldBack : public testing::Test {
 protected:
  HeldBack() {
    HalfOpen half_open;
    half_open.peer_mss = 1460;
    Segment ack;
    ack.seq = half_open.irs + 1;
    ack.ack = half_open.iss + 1;
    ack.window = 10000;
    establish(tcb, half_open, ack, {}, env);
    tcb.ack_now = true;
    hold_back(tcb, env);
  }
  // The timer's next expiry.
  void expire() {
    env.now = tcb.deadline();
    timeouts(tcb, env);
  }

  Stats stats;
  levee::TcpOptions options;
  IndexPool<Transfer> transfers{4};
  SlicePool slices{4};
  BlockStash blocks{4};
  Env env{.now = Instant(1h),
          .stats = stats,
          .options = options,
          .transfers = transfers,
          .slices = slices,
          .blocks = blocks};
  Tcb tcb;
};

TEST_F(HeldBack, NothingIsLeftOfItOnceOutputGoes) {
  const std::uint32_t window = tcb.congestion.cwnd;
  for (int n = 0; n < 5; ++n) expire();
  EXPECT_EQ(tcb.congestion.cwnd, window);  // nothing was lost
  release_hold(tcb);
  EXPECT_EQ(tcb.deadline(), kNever);
  EXPECT_EQ(tcb.backoff, 0);
}

TEST_F(HeldBack, ForEverEndsAtR2) {
  for (int n = 0; n <= options.max_retransmits; ++n) {
    ASSERT_EQ(tcb.state(), State::Established) << n;
    expire();
  }
  EXPECT_EQ(tcb.state(), State::Closed);
  EXPECT_EQ(tcb.cause, CloseCause::TimedOut);
}

}  // namespace
}  // namespace levee::tcp
