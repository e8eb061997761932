// EAL's log and usage text, kept out of the operator's way; see log.h.
#include "dpdk/log.h"

#include <rte_log.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/check.h"

namespace levee::dpdk {

namespace {
constexpr std::size_t kKeptBytes = 4096;
// What net_memif says wherever there are no secondary processes: it would stand before the line that explains a
// failure.
constexpr std::string_view kHarmless = "Failed to register mp action callback";

std::string first_line_of(const std::string& text) {
  const std::size_t from = text.find_first_not_of("\r\n ");
  if (from == std::string::npos) return {};
  const std::size_t to = text.find_first_of("\r\n", from);
  std::string line = text.substr(from, to == std::string::npos ? to : to - from);
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}
}  // namespace

Log::Log() {
  cookie_io_functions_t functions{};
  functions.write = &Log::write;
  stream_ = fopencookie(this, "w", functions);
  CHECK(stream_ != nullptr);
  std::setvbuf(stream_, nullptr, _IOLBF, 512);
  rte_openlog_stream(stream_);
}

Log::~Log() {
  rte_openlog_stream(stderr);
  std::fclose(stream_);
}

void Log::forward_to_stderr() {
  const std::lock_guard lock(mutex_);
  keeping_ = false;
  kept_.clear();
}

void Log::keep() {
  const std::lock_guard lock(mutex_);
  keeping_ = true;
}

std::string Log::take_first_line() {
  std::fflush(stream_);
  const std::lock_guard lock(mutex_);
  std::string line = first_line_of(kept_);
  kept_.clear();
  return line;
}

ssize_t Log::write(void* cookie, const char* text, std::size_t size) {
  auto* log = static_cast<Log*>(cookie);
  if (std::string_view(text, size).find(kHarmless) != std::string_view::npos) return static_cast<ssize_t>(size);
  const std::lock_guard lock(log->mutex_);
  if (log->keeping_) {
    if (log->kept_.size() < kKeptBytes) log->kept_.append(text, size);
  } else {
    std::fwrite(text, 1, size, stderr);
  }
  return static_cast<ssize_t>(size);
}

CapturedOutput::CapturedOutput() {
  std::fflush(nullptr);
  memory_ = memfd_create("levee-output", MFD_CLOEXEC);
  stdout_ = dup(STDOUT_FILENO);
  stderr_ = dup(STDERR_FILENO);
  if (memory_ < 0) return;  // then the text goes where it always went
  dup2(memory_, STDOUT_FILENO);
  dup2(memory_, STDERR_FILENO);
}

CapturedOutput::~CapturedOutput() {
  std::fflush(nullptr);
  if (stdout_ >= 0) dup2(stdout_, STDOUT_FILENO);
  if (stderr_ >= 0) dup2(stderr_, STDERR_FILENO);
  for (const int descriptor : {memory_, stdout_, stderr_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

std::string CapturedOutput::first_line() {
  std::fflush(nullptr);
  std::array<char, kKeptBytes> text{};
  const ssize_t length = memory_ < 0 ? 0 : pread(memory_, text.data(), text.size(), 0);
  return length <= 0 ? std::string{} : first_line_of(std::string(text.data(), static_cast<std::size_t>(length)));
}

}  // namespace levee::dpdk
