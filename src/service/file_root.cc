// openat2(2) came with Linux 5.6 and has no wrapper in glibc 2.36.
#include "service/file_root.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace levee::service {
namespace {

Descriptor open_beneath(int directory, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return Descriptor(static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how)));
}

OpenError classify(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:  // a rename during the look-up: the kernel cannot tell whether the path stayed inside
      return OpenError::Unavailable;
    default:
      return OpenError::NotFound;
  }
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

File::File(Descriptor descriptor, std::uint64_t size) : descriptor_(std::move(descriptor)), left_(size) {}

std::size_t File::read(std::span<std::byte> to) {
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), left_));
  if (wanted == 0) return 0;
  ssize_t got = 0;
  do {
    got = pread(descriptor_.get(), to.data(), wanted, static_cast<off_t>(offset_));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return 0;
  offset_ += static_cast<std::uint64_t>(got);
  left_ -= static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

FileRoot::FileRoot(Descriptor directory) : directory_(std::move(directory)) {}

std::shared_ptr<const FileRoot> FileRoot::open(const std::string& directory, std::string& problem) {
  Descriptor root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.open()) {
    problem = fmt::format("http_root '{}' cannot be opened ({}): name a directory that exists and may be read.",
                          directory, std::strerror(errno));
    return nullptr;
  }
  if (!open_beneath(root.get(), ".", O_RDONLY | O_DIRECTORY).open()) {
    problem = errno == ENOSYS || errno == EPERM
                  ? fmt::format(
                        "http_root '{}' needs the system call openat2, which Linux has from 5.6 on and which "
                        "this system refuses: leave http_root away or allow the call.",
                        directory)
                  : fmt::format("http_root '{}' cannot be read ({}): name a directory that this user may read.",
                                directory, std::strerror(errno));
    return nullptr;
  }
  return std::shared_ptr<const FileRoot>(new FileRoot(std::move(root)));
}

OpenResult FileRoot::open_file(const std::string& path) const {
  if (path.empty() || path.front() != '/') return {.error = OpenError::NotFound, .size = 0, .file = {}};
  std::string relative = path.substr(1);
  if (path.back() == '/') relative += "index.html";
  // O_NONBLOCK: opening a FIFO would otherwise wait for its writer, and the worker with it.
  Descriptor descriptor = open_beneath(directory_.get(), relative.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!descriptor.open()) return {.error = classify(errno), .size = 0, .file = {}};
  struct stat status {};
  if (fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return {.error = OpenError::NotFound, .size = 0, .file = {}};
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  return {.error = OpenError::None, .size = size, .file = File(std::move(descriptor), size)};
}

}  // namespace levee::service
