// What the control thread waits for: signals, a stop from another thread, or time going by.
#pragma once

#include <csignal>

#include "levee/time.h"

namespace levee::runtime {

class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // From here on SIGINT and SIGTERM come out of `wait`, with `reload` SIGHUP as well. Call while there is one thread:
  // others inherit the mask.
  void catch_signals(bool reload);
  // Undoes catch_signals: the next signal kills the process, as it should while it is ending.
  void release_signals();

  enum class Cause { Timeout, Stop, Signal, Reload };
  // Waits at most `timeout`. With Signal, `signal()` says which; SIGHUP is Reload.
  [[nodiscard]] Cause wait(Duration timeout);
  [[nodiscard]] int signal() const { return signal_; }

  // From any thread, also before `wait`; makes one wait return Stop.
  void stop();

 private:
  int stop_event_ = -1;
  int signals_ = -1;
  int signal_ = 0;
  sigset_t caught_{};
};

}  // namespace levee::runtime
