// argv before gflags sees it: cut at the first bare "--", flag files unfolded, every flag known. gflags by itself
// ignores unknown keys in flag files, and exits with 1 where levee says 2.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace levee::apps {

// One sentence for stderr; the program exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct CommandLine {
  std::vector<std::string> eal;       // what stood before "--", untouched
  std::vector<std::string> operands;  // words that are no flags, in order
  std::vector<std::string> flags;     // "--name=value" each, in order, those of flag files in place
};

enum class FlagKind { Unknown, Boolean, Valued };
// What a flag is called and whether it takes a value; `name` has underscores.
using FlagLookup = std::function<FlagKind(std::string_view name)>;

// `words` is argv without the program's name. More operands than `most_operands` are refused. Throws UsageError.
[[nodiscard]] CommandLine read_command_line(const std::vector<std::string>& words, const FlagLookup& lookup,
                                            std::size_t most_operands = 0);

}  // namespace levee::apps
