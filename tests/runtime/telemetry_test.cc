// Counters as text: rates are per second since the last line, totals name what is not 0.
#include "runtime/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

StatsSnapshot some() {
  StatsSnapshot stats;
  stats.counters[static_cast<std::size_t>(Counter::FramesReceived)] = 2000;
  stats.counters[static_cast<std::size_t>(Counter::BytesReceived)] = 1'000'000;
  stats.counters[static_cast<std::size_t>(Counter::Opened)] = 3;
  stats.drops[static_cast<std::size_t>(Drop::BadTcpChecksum)] = 5;
  stats.in_state[static_cast<std::size_t>(State::Established)] = 2;
  return stats;
}

TEST(Telemetry, LineShowsRatesSinceTheLastOne) {
  Telemetry telemetry(false);
  EXPECT_THAT(telemetry.line(2s, some()), HasSubstr("2 s: 2 established"));
  StatsSnapshot later = some();
  later.counters[static_cast<std::size_t>(Counter::FramesReceived)] += 50;
  later.counters[static_cast<std::size_t>(Counter::BytesReceived)] += 1'000'000;
  const std::string line = telemetry.line(3s, later);
  EXPECT_THAT(line, HasSubstr("in 50 frames/s 8Mbit/s"));
  EXPECT_THAT(line, HasSubstr("dropped 5"));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
}

TEST(Telemetry, TotalsNameDropsByReason) {
  const std::string totals = Telemetry(false).totals(1500ms, some());
  EXPECT_THAT(totals, HasSubstr("totals after 1.5 s: opened 3, closed 0, dropped 5"));
  EXPECT_THAT(totals, HasSubstr("bad_tcp_checksum       5"));
  EXPECT_THAT(totals, Not(HasSubstr("bad_ip_checksum")));
}

TEST(Telemetry, JsonIsOneObjectALine) {
  Telemetry telemetry(true);
  EXPECT_EQ(telemetry.line(1s, some()),
            R"({"seconds":1.000,"totals":false,"states":{"ESTABLISHED":2},"entered":{},)"
            R"("counters":{"FramesReceived":2000,"BytesReceived":1000000,"Opened":3},"closed_by":{},)"
            R"("drops":{"bad_tcp_checksum":5}})");
  EXPECT_THAT(telemetry.totals(2s, some()), HasSubstr(R"("totals":true)"));
}

}  // namespace
}  // namespace levee::runtime
