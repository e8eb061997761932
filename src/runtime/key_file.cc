// Reads a key file; see key_file.h. Everything is asked of the open file, so that nobody can change it in between.
#include "runtime/key_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "device/startup_error.h"

namespace levee::runtime {

namespace {

constexpr std::size_t kDigits = 32;

class File {
 public:
  // Not blocking: a FIFO must be refused, not waited for.
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

std::optional<unsigned> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// The first 16 digits are the key's first word, the most significant digit first.
std::optional<MasterKey> parse_key(std::string_view text) {
  if (text.size() != kDigits + 1 || text.back() != '\n') return std::nullopt;
  MasterKey key{};
  for (std::size_t i = 0; i < kDigits; ++i) {
    const std::optional<unsigned> digit = digit_of(text[i]);
    if (!digit) return std::nullopt;
    key[i / 16] = key[i / 16] << 4 | *digit;
  }
  return key;
}

// What is wrong with who may read the file; empty if nothing is.
std::string fault_of(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "it is not a regular file, give one";
  if (status.st_uid != geteuid()) {
    return fmt::format("it belongs to user {}, chown it to user {} as whom levee runs", status.st_uid, geteuid());
  }
  if (const unsigned mode = status.st_mode & 07777; mode != 0600) {
    return fmt::format("its mode is {:04o}, chmod it to 0600", mode);
  }
  return {};
}

}  // namespace

MasterKey read_key_file(const std::string& path) {
  const auto refuse = [&path](const std::string& why) {
    return device::StartupError(device::kExitUsage, fmt::format("--cookie_key_file={}: {}", path, why));
  };
  const File file(path);
  if (file.fd() < 0 && errno == ELOOP) throw refuse("it is a symbolic link, give the file itself");
  if (file.fd() < 0) throw refuse(fmt::format("cannot read the file: {}; give another path", std::strerror(errno)));
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) throw refuse(fmt::format("cannot read the file: {}", std::strerror(errno)));
  if (const std::string fault = fault_of(status); !fault.empty()) throw refuse(fault);

  std::array<char, kDigits + 2> text{};  // one byte more than is right, so that a longer file shows
  const ssize_t length = read(file.fd(), text.data(), text.size());
  if (length < 0) throw refuse(fmt::format("cannot read the file: {}", std::strerror(errno)));
  const auto key = parse_key(std::string_view(text.data(), static_cast<std::size_t>(length)));
  if (!key) throw refuse("give exactly 32 hexadecimal digits and a newline, as `openssl rand -hex 16` writes them");
  return *key;
}

}  // namespace levee::runtime
