// A flag file that exists in memory only, and the words that name it: for targets that read command lines.
//
// In an input the byte 1 stands for --flagfile= and the file's path; inputs that spell it out are left alone, as they
// could name any file of the machine.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "apps/parse.h"
#include "base/check.h"

namespace levee::fuzz {

class FlagFile {
 public:
  [[nodiscard]] const std::string& flag() const { return flag_; }

  void write(std::string_view text) const {
    const std::string content = with_path(text);
    CHECK(ftruncate(file_, 0) == 0);
    CHECK(pwrite(file_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  }
  // The words in front of the first NUL, one a line; what is behind it becomes the file.
  [[nodiscard]] std::vector<std::string> read(std::string_view input) const {
    const std::size_t end = input.find('\0');
    write(end == std::string_view::npos ? std::string_view() : input.substr(end + 1));
    std::vector<std::string> words;
    for (const std::string_view word : apps::split(input.substr(0, end), '\n')) words.push_back(with_path(word));
    return words;
  }

 private:
  [[nodiscard]] std::string with_path(std::string_view text) const {
    std::string result;
    for (const char c : text) {
      if (c == 1) {
        result += flag_;
      } else {
        result += c;
      }
    }
    return result;
  }

  int file_ = memfd_create("flags", MFD_CLOEXEC);
  std::string flag_ = "--flagfile=/proc/self/fd/" + std::to_string(file_);
};

[[nodiscard]] inline bool names_a_file(std::string_view input) {
  return input.find("flagfile") != std::string_view::npos || input.size() > 4096;
}

}  // namespace levee::fuzz
