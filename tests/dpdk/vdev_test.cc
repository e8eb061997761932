// Device shorthands and EAL's command line: text in, text out, no EAL.
#include "dpdk/vdev.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dpdk/eal.h"

namespace levee::dpdk {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;

TEST(Vdev, ShorthandsBecomeDriversAndArguments) {
  EXPECT_EQ(parse_vdev("tap:levee0", 3).name, "net_tap_levee3");
  EXPECT_EQ(parse_vdev("tap:levee0", 3).arguments, "iface=levee0");
  EXPECT_EQ(parse_vdev("ring", 0).name, "net_ring_levee0");
  EXPECT_EQ(parse_vdev("memif:/run/s", 0).arguments, "socket=/run/s,role=client,socket-abstract=no");
  EXPECT_EQ(parse_vdev("memif:/run/s,server", 0).arguments, "socket=/run/s,role=server,socket-abstract=no");
  EXPECT_EQ(parse_vdev("virtio:/run/s", 0).arguments, "path=/run/s");
}

TEST(Vdev, APcapWithoutOutputHasNone) {
  const Vdev one = parse_vdev("pcap:/dev/null", 0);
  EXPECT_EQ(one.arguments, "rx_pcap=/dev/null");
  EXPECT_TRUE(one.finite);
  EXPECT_EQ(parse_vdev("pcap:/dev/null,/tmp/out", 0).arguments, "rx_pcap=/dev/null,tx_pcap=/tmp/out");
}

// A socket at `path` that a process has left behind, or that somebody listens at.
class LocalSocket {
 public:
  explicit LocalSocket(const std::string& path) : file_(socket(AF_UNIX, SOCK_SEQPACKET, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~LocalSocket() { close(file_); }
  LocalSocket(const LocalSocket&) = delete;
  LocalSocket& operator=(const LocalSocket&) = delete;
  void listen() const { EXPECT_EQ(::listen(file_, 1), 0); }

 private:
  int file_;
};

TEST(Vdev, AMemifServersSocketGoesOnlyIfNobodyListensThere) {
  const std::string path = testing::TempDir() + "levee-memif-" + std::to_string(getpid());
  {
    const LocalSocket socket(path);
    socket.listen();
    remove_stale_socket(parse_vdev("memif:" + path + ",server", 0));
    EXPECT_TRUE(std::filesystem::exists(path)) << "somebody listens";
  }
  remove_stale_socket(parse_vdev("memif:" + path, 0));
  EXPECT_TRUE(std::filesystem::exists(path)) << "a client's is the server's";
  remove_stale_socket(parse_vdev("memif:" + path + ",server", 0));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Vdev, AMemifServerRemovesNothingButASocket) {
  const std::string path = testing::TempDir() + "levee-file-" + std::to_string(getpid());
  std::ofstream(path) << "precious";
  remove_stale_socket(parse_vdev("memif:" + path + ",server", 0));
  EXPECT_TRUE(std::filesystem::remove(path));
}

std::vector<std::string> command_line(const std::vector<std::string>& words, std::uint64_t huge) {
  const std::vector<int> cpus{0, 2};
  return eal_command_line(words, huge, 42, cpus);
}

TEST(EalCommandLine, WithoutWordsEverythingIsChosen) {
  EXPECT_THAT(command_line({}, 0),
              ElementsAre("levee", "--no-huge", "-m", "512", "--no-shconf", "--no-pci", "--no-telemetry",
                          "--log-level=*:warning", "--file-prefix=levee-42", "--lcores=0@(0,2)"));
}

TEST(EalCommandLine, FreeHugePagesAreUsed) {
  EXPECT_THAT(command_line({}, 1ULL << 30), Contains("--in-memory"));
  EXPECT_THAT(command_line({}, 1ULL << 30), Not(Contains("--no-huge")));
}

TEST(EalCommandLine, TheOperatorsWordsStandAndAreNotContradicted) {
  EXPECT_THAT(command_line({"-l", "0-1", "-m1024", "-a", "0000:03:00.0", "--file-prefix=x"}, 0),
              ElementsAre("levee", "-l", "0-1", "-m1024", "-a", "0000:03:00.0", "--file-prefix=x", "--no-telemetry",
                          "--log-level=*:warning"));
}

TEST(EalCommandLine, AnOptionIsNotTakenForAnother) {
  // --main-lcore is no -m, --no-hpet no --no-huge.
  const auto words = command_line({"--main-lcore=0", "--no-hpet"}, 0);
  EXPECT_THAT(words, Contains("--no-huge"));
  EXPECT_THAT(words, Not(Contains(StartsWith("--lcores"))));
}

}  // namespace
}  // namespace levee::dpdk
