// Where EAL's and the drivers' log lines go: while starting they are kept, so that a failure can be told in one
// sentence; while running they go to stderr, without the copy to syslog that EAL would make.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>

namespace levee::dpdk {

class Log {
 public:
  Log();
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void forward_to_stderr();
  void keep();
  // The first line kept since the last call, or what stands for it; empty if nothing was said.
  [[nodiscard]] std::string take_first_line();

 private:
  static ssize_t write(void* cookie, const char* text, std::size_t size);

  std::mutex mutex_;  // drivers log from EAL's interrupt thread, too
  std::string kept_;
  bool keeping_ = true;
  std::FILE* stream_ = nullptr;
};

// Keeps what the process writes to stdout and stderr in memory while it lives: rte_eal_init prints a hundred lines of
// usage about a bad option.
class CapturedOutput {
 public:
  CapturedOutput();
  ~CapturedOutput();
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;

  // The first line that was written to either; empty if none was.
  [[nodiscard]] std::string first_line();

 private:
  int memory_ = -1;
  int stdout_ = -1;
  int stderr_ = -1;
};

}  // namespace levee::dpdk
