// levee-nc's command line as settings, and what is said about one that is wrong.
#include "apps/nc_flags.h"

#include <gflags/gflags.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "apps/command_line.h"

namespace levee::apps {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// gflags keeps values from one parse to the next.
class NcFlags : public testing::Test {
 protected:
  static std::string refusal(const std::vector<std::string>& words) {
    try {
      static_cast<void>(read_nc_settings(words));
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }
  google::FlagSaver saver_;
};

TEST_F(NcFlags, HostAndPortMakeAClient) {
  const NcSettings settings =
      read_nc_settings({"-m", "64", "--", "--address=10.0.0.2/24", "10.0.0.1", "--receive_buffer=64k", "7"});
  EXPECT_EQ(to_string(settings.remote), "10.0.0.1:7");
  EXPECT_THAT(settings.endpoint.clients, ElementsAre(kNcService));
  EXPECT_TRUE(settings.endpoint.listeners.empty());
  EXPECT_THAT(settings.endpoint.eal_arguments, ElementsAre("-m", "64"));
  EXPECT_EQ(settings.endpoint.active.receive_buffer, 65536U);
  EXPECT_FALSE(settings.endpoint.announce);
}

TEST_F(NcFlags, AHostOfEitherFamily) { EXPECT_EQ(to_string(read_nc_settings({"fd00::1", "7"}).remote), "[fd00::1]:7"); }

TEST_F(NcFlags, ListeningTakesAPortAlone) {
  const NcSettings settings = read_nc_settings({"-l", "--send_buffer=8k", "9000"});
  EXPECT_EQ(settings.remote.tcp_port, 0);
  EXPECT_TRUE(settings.endpoint.clients.empty());
  ASSERT_EQ(settings.endpoint.listeners.size(), 1U);
  EXPECT_EQ(settings.endpoint.listeners[0].local.tcp_port, 9000);
  EXPECT_TRUE(settings.endpoint.listeners[0].server_first);
  EXPECT_EQ(settings.endpoint.listeners[0].tcp.send_buffer, 8192U);
}

// RFC 9293 3.6, case 1: the end of stdin is a half-close, and the answer to it may take any time.
TEST_F(NcFlags, AHalfCloseHasNoBound) {
  EXPECT_EQ(read_nc_settings({"10.0.0.1", "7"}).endpoint.active.fin_wait_2_timeout, Duration::zero());
  EXPECT_EQ(read_nc_settings({"-l", "9000"}).endpoint.listeners.at(0).tcp.fin_wait_2_timeout, Duration::zero());
}

// RFC 9293 3.8.4, MUST-25, MUST-27, MUST-28: off unless it is asked for, its times can be set, two hours by default.
TEST_F(NcFlags, KeepaliveIsAskedForAndItsTimesAreSet) {
  const TcpOptions silent = read_nc_settings({"10.0.0.1", "7"}).endpoint.active;
  EXPECT_FALSE(silent.keepalive);
  EXPECT_EQ(silent.keepalive_idle, std::chrono::hours(2));
  EXPECT_EQ(silent.keepalive_interval, std::chrono::seconds(75));
  EXPECT_EQ(silent.keepalive_probes, 10);
  const TcpOptions probing = read_nc_settings({"--keepalive", "--keepalive_idle=1s", "--keepalive_interval=500ms",
                                               "--keepalive_probes=3", "10.0.0.1", "7"})
                                 .endpoint.active;
  EXPECT_TRUE(probing.keepalive);
  EXPECT_EQ(probing.keepalive_idle, std::chrono::seconds(1));
  EXPECT_EQ(probing.keepalive_interval, std::chrono::milliseconds(500));
  EXPECT_EQ(probing.keepalive_probes, 3);
}

TEST_F(NcFlags, OperandsThatAreMissing) {
  EXPECT_THAT(refusal({}), HasSubstr("give HOST PORT"));
  EXPECT_THAT(refusal({"10.0.0.1"}), HasSubstr("give HOST PORT"));
  EXPECT_THAT(refusal({"-l"}), HasSubstr("give PORT"));
}

TEST_F(NcFlags, OperandsTooMany) {
  EXPECT_THAT(refusal({"10.0.0.1", "7", "8"}), HasSubstr("'8'"));
  EXPECT_THAT(refusal({"-l", "10.0.0.1", "7"}), HasSubstr("no HOST"));
}

TEST_F(NcFlags, OperandsThatAreWrong) {
  EXPECT_THAT(refusal({"example.org", "7"}), HasSubstr("'example.org' is no IP address"));
  EXPECT_THAT(refusal({"10.0.0.1", "0"}), HasSubstr("1 to 65535"));
  EXPECT_THAT(refusal({"10.0.0.1", "http"}), HasSubstr("'http'"));
}

// levee's own flags are not levee-nc's.
TEST_F(NcFlags, OtherProgramsFlagsAreUnknown) {
  EXPECT_THAT(refusal({"--syn_cookies=always", "10.0.0.1", "7"}), HasSubstr("unknown flag --syn_cookies"));
}

TEST_F(NcFlags, HelpNamesEveryFlagAndNeedsNoOperand) {
  EXPECT_EQ(read_nc_settings({"--help"}).task, Task::Help);
  for (const char* name : {"--dev", "--address", "--gateway", "--route", "--l=", "--mtu", "--mac", "--poll"}) {
    EXPECT_THAT(nc_help_text(), HasSubstr(name));
  }
}

}  // namespace
}  // namespace levee::apps
