// A command line and the flag file that it names, down to the options of an endpoint: read or refused with a sentence.
// See flag_file.h for how an input says it.
#include <gflags/gflags.h>

#include <algorithm>
#include <string>

#include "apps/command_line.h"
#include "apps/flags.h"
#include "base/check.h"
#include "fuzz/flag_file.h"
#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

const FlagFile flag_file;

// A line of a flag file loses the blanks at its end.
bool ends_in_blank(const std::string& word) { return word.find_last_not_of(" \t\r") + 1 != word.size(); }

// What is accepted is accepted again when it is printed as a flag file, and prints the same.
void check_round_trip() {
  const std::string printed = apps::print_config();
  flag_file.write(printed);
  try {
    static_cast<void>(apps::read_settings({flag_file.flag()}));
  } catch (const apps::UsageError& refused) {
    finding(std::string("what print_config printed is refused: ") + refused.what());
  }
  CHECK(apps::print_config() == printed);
}

}  // namespace

FUZZ_TARGET(command_line, input) {
  const std::string_view all = input.text(input.left());
  if (names_a_file(all)) return;
  const google::FlagSaver as_it_was;
  const std::vector<std::string> words = flag_file.read(all);
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
