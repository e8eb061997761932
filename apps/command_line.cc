// argv and flag files; see command_line.h.
#include "apps/command_line.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "apps/parse.h"

namespace levee::apps {

namespace {

constexpr unsigned kDeepestFlagFile = 8;  // a file that names itself ends here

// As gflags reads them.
bool is_truth_value(std::string_view word) {
  constexpr std::array<std::string_view, 10> kValues{"1", "t", "true", "y", "yes", "0", "f", "false", "n", "no"};
  return std::find(kValues.begin(), kValues.end(), word) != kValues.end();
}

class Reader {
 public:
  Reader(const FlagLookup& lookup, CommandLine& line, std::size_t most_operands)
      : lookup_(lookup), line_(line), flags_(line.flags), most_operands_(most_operands) {}

  void read_words(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (!words[i].starts_with('-') && line_.operands.size() < most_operands_) {
        line_.operands.push_back(words[i]);
        continue;
      }
      const std::string* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
      if (read_flag(words[i], next, "")) ++i;
    }
  }

 private:
  // True if the next word was its value. `where` says which line of which file this is.
  bool read_flag(const std::string& word, const std::string* next, const std::string& where) {
    const std::size_t dashes = std::min(word.find_first_not_of('-'), word.size());
    if (dashes == 0 || dashes > 2 || dashes == word.size()) {
      throw UsageError(fmt::format("{}'{}' is not a flag; write --name=value, --help lists them", where, word));
    }
    const std::size_t equals = word.find('=');
    std::string name = word.substr(dashes, equals == std::string::npos ? equals : equals - dashes);
    std::replace(name.begin(), name.end(), '-', '_');
    const bool has_value = equals != std::string::npos;

    if (name == "flagfile") {
      if (!has_value && next == nullptr) throw UsageError(where + "--flagfile: give the path of a file");
      for (const std::string_view path : split(has_value ? std::string_view(word).substr(equals + 1) : *next, ',')) {
        read_file(std::string(path));
      }
      return !has_value;
    }
    FlagKind kind = lookup_(name);
    if (kind == FlagKind::Unknown && name.rfind("no", 0) == 0 && !has_value &&
        lookup_(std::string_view(name).substr(2)) == FlagKind::Boolean) {
      kind = FlagKind::Boolean;
    }
    if (kind == FlagKind::Unknown) {
      throw UsageError(fmt::format("{}unknown flag --{}; --help lists the flags", where, name));
    }
    if (has_value && kind == FlagKind::Boolean && !is_truth_value(word.substr(equals + 1))) {
      throw UsageError(fmt::format("{}{}: give true or false", where, word));
    }
    if (has_value) {
      flags_.push_back("--" + name + word.substr(equals));
    } else if (kind == FlagKind::Boolean) {
      flags_.push_back("--" + name);
    } else {
      if (next == nullptr) throw UsageError(fmt::format("{}--{} needs a value; write --{}=VALUE", where, name, name));
      flags_.push_back("--" + name + "=" + *next);
      return true;
    }
    return false;
  }

  void read_file(const std::string& path) {
    if (depth_ == kDeepestFlagFile)
      throw UsageError(fmt::format("--flagfile={}: files name each other too deeply", path));
    std::ifstream file(path);
    if (!file || std::filesystem::is_directory(path)) {
      throw UsageError(fmt::format("--flagfile={}: cannot read the file: {}; give another path", path,
                                   file ? "it is a directory" : std::strerror(errno)));
    }
    ++depth_;
    std::string line;
    for (unsigned number = 1; std::getline(file, line); ++number) {
      const std::size_t from = line.find_first_not_of(" \t\r");
      if (from == std::string::npos || line[from] == '#') continue;
      const std::size_t to = line.find_last_not_of(" \t\r");
      const std::string where = fmt::format("{}:{}: ", path, number);
      read_flag(line.substr(from, to - from + 1), nullptr, where);
    }
    --depth_;
  }

  const FlagLookup& lookup_;
  CommandLine& line_;
  std::vector<std::string>& flags_;
  std::size_t most_operands_;
  unsigned depth_ = 0;
};

}  // namespace

CommandLine read_command_line(const std::vector<std::string>& words, const FlagLookup& lookup,
                              std::size_t most_operands) {
  CommandLine line;
  const auto cut = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> ours = words;
  if (cut != words.end()) {
    line.eal.assign(words.begin(), cut);
    ours.assign(cut + 1, words.end());
  }
  Reader(lookup, line, most_operands).read_words(ours);
  return line;
}

}  // namespace levee::apps
