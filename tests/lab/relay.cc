// A bad link in real time between two TAPs, with the simulator's model of one: what Linux's own TCP makes of the same
// loss, delay, rate and queue can so be set beside levee's figures. It makes the TAPs in the network namespace that it
// is started in; the caller moves each to where it is wanted and ends the relay with SIGTERM.
//
//   relay TAP TAP --rtt_us=N --rate=BITS_PER_SECOND --queue=FRAMES --loss=SHARE --seconds=N [--seed=N]
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "device/impaired.h"

namespace {

using namespace levee;

constexpr std::size_t kBuffers = 8192;
constexpr std::uint32_t kBufferSize = 2048;
constexpr int kBurst = 64;  // frames read from a TAP before time goes on

volatile std::sig_atomic_t told_to_end = 0;
void end(int /*signal*/) { told_to_end = 1; }

struct Options {
  std::array<std::string, 2> taps;
  device::Impairment forward, back;
  double seconds = 10;
  std::uint64_t seed = 1;
};

Options parse(int argc, char** argv) {
  static const option kOptions[] = {{"rtt_us", required_argument, nullptr, 't'},
                                    {"rate", required_argument, nullptr, 'r'},
                                    {"queue", required_argument, nullptr, 'q'},
                                    {"loss", required_argument, nullptr, 'l'},
                                    {"seconds", required_argument, nullptr, 's'},
                                    {"seed", required_argument, nullptr, 'n'},
                                    {nullptr, 0, nullptr, 0}};
  Options options;
  for (int found = 0; (found = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (found == 't') options.forward.delay = options.back.delay = std::chrono::microseconds(std::stoll(optarg)) / 2;
    if (found == 'r') options.forward.bits_per_second = std::stoull(optarg);
    if (found == 'q') options.forward.queue_limit = std::stoull(optarg);
    if (found == 'l') options.forward.loss = std::stod(optarg);
    if (found == 's') options.seconds = std::stod(optarg);
    if (found == 'n') options.seed = std::stoull(optarg);
    if (found == '?') throw std::invalid_argument("an option is not known");
  }
  if (argc - optind != 2) throw std::invalid_argument("say two TAPs");
  options.taps = {argv[optind], argv[optind + 1]};
  return options;
}

class Tap {
 public:
  explicit Tap(const std::string& name) : fd_(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("/dev/net/tun cannot be opened");
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    if (ioctl(fd_, TUNSETIFF, &request) != 0) throw std::runtime_error("no TAP can be made");
  }
  ~Tap() { close(fd_); }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Instant now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant{} + std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class Relay {
 public:
  explicit Relay(const Options& options)
      : taps_{Tap(options.taps[0]), Tap(options.taps[1])},
        pools_{{kBuffers, kBufferSize}, {kBuffers, kBufferSize}},
        link_(options.seed, {device::LinkEnd{&pools_[0], 1, {}}, device::LinkEnd{&pools_[1], 1, {}}},
              {options.forward, options.back}) {}

  void run(Duration time) {
    const Instant stop = now() + time;
    while (told_to_end == 0 && now() < stop) {
      wait(std::min(link_.next_arrival(), stop));
      for (std::size_t i = 0; i < 2; ++i) take_in(i);
      link_.advance(now());
      for (std::size_t i = 0; i < 2; ++i) put_out(i);
    }
  }

  void report() const {
    for (std::size_t i = 0; i < 2; ++i) {
      const device::LinkCounters& counters = link_.counters(i);
      std::fprintf(stderr, "from end %zu: %llu frames, %llu lost, %llu of them in front of a full queue\n", i,
                   static_cast<unsigned long long>(counters.sent), static_cast<unsigned long long>(counters.lost),
                   static_cast<unsigned long long>(counters.queue_full));
    }
  }

 private:
  void wait(Instant until) {
    pollfd ready[2] = {{taps_[0].fd(), POLLIN, 0}, {taps_[1].fd(), POLLIN, 0}};
    const auto left = std::max<Duration>(until - now(), Duration{});
    const auto bounded = std::min<Duration>(left, std::chrono::milliseconds(100));
    const timespec timeout{0, static_cast<long>(bounded / std::chrono::nanoseconds(1))};
    ppoll(ready, 2, &timeout, nullptr);
  }

  void take_in(std::size_t end) {
    for (int i = 0; i < kBurst; ++i) {
      Block* block = pools_[end].take();
      if (block == nullptr) return;
      const ssize_t length = read(taps_[end].fd(), block->base, kBufferSize);
      if (length <= 0) {  // nothing there, or the interface is down
        block->refs = 0;
        pools_[end].put(block);
        return;
      }
      shard::OutFrame frame;
      frame.head = block;
      frame.data = block->base;
      frame.length = static_cast<std::uint32_t>(length);
      static_cast<void>(link_.queue(end, 0).send(now(), std::span(&frame, 1)));
    }
  }

  void put_out(std::size_t end) {
    std::array<shard::Frame, 32> frames;
    while (const std::size_t count = link_.queue(end, 0).receive(frames).frames) {
      for (const shard::Frame& frame : std::span(frames).first(count)) {
        // What the kernel does not take is lost, as on any device.
        static_cast<void>(!write(taps_[end].fd(), frame.data, frame.length));
        frame.block->refs = 0;
        pools_[end].put(frame.block);
      }
    }
  }

  Tap taps_[2];
  device::SlabPool pools_[2];
  device::ImpairedLink link_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    struct sigaction action {};
    action.sa_handler = end;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    Relay relay(options);
    relay.run(std::chrono::milliseconds(static_cast<long long>(options.seconds * 1000)));
    relay.report();
    return EXIT_SUCCESS;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "relay: %s\n", problem.what());
    return EXIT_FAILURE;
  }
}
