// Signals and stop requests as file descriptors; see wakeup.h.
#include "runtime/wakeup.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "base/check.h"

namespace levee::runtime {

Wakeup::Wakeup() : stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(stop_event_ >= 0); }

Wakeup::~Wakeup() {
  release_signals();
  close(stop_event_);
}

void Wakeup::catch_signals(bool reload) {
  sigemptyset(&caught_);
  sigaddset(&caught_, SIGINT);
  sigaddset(&caught_, SIGTERM);
  if (reload) sigaddset(&caught_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &caught_, nullptr);
  signals_ = signalfd(-1, &caught_, SFD_CLOEXEC | SFD_NONBLOCK);
  CHECK(signals_ >= 0);
}

void Wakeup::release_signals() {
  if (signals_ < 0) return;
  close(signals_);
  signals_ = -1;
  pthread_sigmask(SIG_UNBLOCK, &caught_, nullptr);
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
      if (info.ssi_signo == SIGHUP) return Cause::Reload;
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
