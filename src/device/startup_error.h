// What start-up throws when the operator has to change something: one sentence for stderr and the exit code that goes
// with it. Only cold paths throw; Endpoint::run turns it into its result.
#pragma once

#include <stdexcept>
#include <string>

namespace levee::device {

// Exit codes of levee's programs.
inline constexpr int kExitFailedVerdict = 1;  // a leak, or counters that do not add up
inline constexpr int kExitUsage = 2;          // a flag, an address or a file is wrong
inline constexpr int kExitDevice = 3;         // EAL or a device could not be started

class StartupError : public std::runtime_error {
 public:
  StartupError(int exit_code, const std::string& sentence) : std::runtime_error(sentence), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace levee::device
