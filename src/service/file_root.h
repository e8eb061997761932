// Files below one directory, and never a byte from outside it: the kernel resolves each path beneath the directory's
// descriptor (openat2 with RESOLVE_BENEATH), so neither "..", an absolute path nor a symbolic link can leave, and no
// check can be raced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace levee::service {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// A regular file that is read once from its start. `size` is what it was when opened; a file that grows meanwhile is
// read up to there.
class File {
 public:
  File() = default;  // nothing left
  File(Descriptor descriptor, std::uint64_t size);

  [[nodiscard]] std::uint64_t left() const { return left_; }  // bytes not yet read
  // Reads at most `left()` and `to.size()` bytes; returns how many. 0 with something left: the file has shrunk or the
  // disk has failed, and there is no more to be had.
  [[nodiscard]] std::size_t read(std::span<std::byte> to);

 private:
  Descriptor descriptor_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;
};

enum class OpenError : std::uint8_t {
  None,
  NotFound,     // nothing to serve there: absent, not a regular file, unreadable, or outside
  Unavailable,  // out of descriptors or memory, or the tree changed during the look-up; may work later
};

struct OpenResult {
  OpenError error = OpenError::None;
  std::uint64_t size = 0;  // bytes
  File file;
};

// Callable from any thread once made.
class FileRoot {
 public:
  // Null if the directory cannot be used; `problem` then tells the operator why and what to change.
  [[nodiscard]] static std::shared_ptr<const FileRoot> open(const std::string& directory, std::string& problem);

  // `path` starts with '/'; one that ends with '/' means the index.html there.
  [[nodiscard]] OpenResult open_file(const std::string& path) const;

 private:
  explicit FileRoot(Descriptor directory);

  Descriptor directory_;
};

}  // namespace levee::service
