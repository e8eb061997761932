// Signals and stop requests as file descriptors; see wakeup.h.
#include "runtime/wakeup.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>

#include "base/check.h"

namespace levee::runtime {

namespace {
sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}
}  // namespace

Wakeup::Wakeup() : stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(stop_event_ >= 0); }

Wakeup::~Wakeup() {
  release_signals();
  close(stop_event_);
}

void Wakeup::catch_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  CHECK(signals_ >= 0);
}

void Wakeup::release_signals() {
  if (signals_ < 0) return;
  close(signals_);
  signals_ = -1;
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Wakeup::Cause Wakeup::wait(Duration timeout) {
  std::array<pollfd, 2> watched{{{.fd = stop_event_, .events = POLLIN, .revents = 0},
                                 {.fd = signals_, .events = POLLIN, .revents = 0}}};  // a negative fd is skipped
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(std::max(timeout, Duration::zero())).count();
  // A TAP's signals interrupt this; an early timeout is harmless.
  if (poll(watched.data(), watched.size(), static_cast<int>(milliseconds)) <= 0) return Cause::Timeout;
  if (watched[1].revents != 0) {
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof(info)) == sizeof(info)) {
      signal_ = static_cast<int>(info.ssi_signo);
      return Cause::Signal;
    }
  }
  std::uint64_t count = 0;
  if (watched[0].revents != 0 && read(stop_event_, &count, sizeof(count)) == sizeof(count)) return Cause::Stop;
  return Cause::Timeout;
}

void Wakeup::stop() {
  const std::uint64_t one = 1;
  // It can fail only when it is already full of requests to stop.
  [[maybe_unused]] const ssize_t written = write(stop_event_, &one, sizeof(one));
}

}  // namespace levee::runtime
