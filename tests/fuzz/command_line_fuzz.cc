// A command line and the flag file that it names, down to the options of an endpoint: read or refused with a sentence.
//
// The input: a word a line, the file's lines behind a NUL. The byte 1 stands for --flagfile= and the file's path, in
// either; inputs that spell it out are left alone, as they could name any file of the machine.
#include <gflags/gflags.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "apps/command_line.h"
#include "apps/flags.h"
#include "apps/parse.h"
#include "base/check.h"
#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

const int flag_file = memfd_create("flags", MFD_CLOEXEC);
const std::string kFlagFile = "--flagfile=/proc/self/fd/" + std::to_string(flag_file);

std::string with_path(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == 1) {
      result += kFlagFile;
    } else {
      result += c;
    }
  }
  return result;
}

void write_file(std::string_view text) {
  const std::string content = with_path(text);
  CHECK(ftruncate(flag_file, 0) == 0);
  CHECK(pwrite(flag_file, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
}

// A line of a flag file loses the blanks at its end.
bool ends_in_blank(const std::string& word) { return word.find_last_not_of(" \t\r") + 1 != word.size(); }

// What is accepted is accepted again when it is printed as a flag file, and prints the same.
void check_round_trip() {
  const std::string printed = apps::print_config();
  write_file(printed);
  try {
    static_cast<void>(apps::read_settings({kFlagFile}));
  } catch (const apps::UsageError& refused) {
    finding(std::string("what print_config printed is refused: ") + refused.what());
  }
  CHECK(apps::print_config() == printed);
}

}  // namespace

FUZZ_TARGET(command_line, input) {
  const std::string_view all = input.text(input.left());
  if (all.find("flagfile") != std::string_view::npos || all.size() > 4096) return;
  const google::FlagSaver as_it_was;
  const std::size_t end = all.find('\0');
  write_file(end == std::string_view::npos ? std::string_view() : all.substr(end + 1));
  std::vector<std::string> words;
  for (const std::string_view word : apps::split(all.substr(0, end), '\n')) words.push_back(with_path(word));
  try {
    const apps::Settings settings = apps::read_settings(words);
    if (settings.task == apps::Task::Help) CHECK(!apps::help_text().empty());
    const bool blanks = std::any_of(words.begin(), words.end(), ends_in_blank);
    if (settings.task == apps::Task::Run && !blanks) check_round_trip();
  } catch (const apps::UsageError& refused) {
    CHECK(!std::string_view(refused.what()).empty());
  }
}

}  // namespace levee::fuzz
