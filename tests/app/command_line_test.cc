// argv: the cut at "--", flag files in place, and every word accounted for.
#include "apps/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace levee::apps {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CommandLine read(const std::vector<std::string>& words) {
  return read_command_line(words, [](std::string_view name) {
    if (name == "json") return FlagKind::Boolean;
    return name == "mtu" || name == "time_wait" ? FlagKind::Valued : FlagKind::Unknown;
  });
}

std::string refusal(const std::vector<std::string>& words) {
  try {
    read(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

class FlagFile : public testing::Test {
 protected:
  ~FlagFile() override { std::filesystem::remove_all(directory_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }
  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("levee-flags-" + std::to_string(getpid()));
};

TEST(CommandLine, IsCutAtTheFirstBareDashes) {
  const CommandLine line = read({"-l", "0", "--no-pci", "--", "--mtu=1400", "--json"});
  EXPECT_THAT(line.eal, ElementsAre("-l", "0", "--no-pci"));
  EXPECT_THAT(line.flags, ElementsAre("--mtu=1400", "--json"));
  EXPECT_THAT(read({"--mtu=1400"}).eal, IsEmpty());
  EXPECT_THAT(read({"-l", "0", "--"}).flags, IsEmpty());
}

TEST(CommandLine, SpellingsOfAFlagBecomeOne) {
  EXPECT_THAT(read({"-mtu", "1400", "--time-wait=1s", "--nojson", "--json=yes"}).flags,
              ElementsAre("--mtu=1400", "--time_wait=1s", "--nojson", "--json=yes"));
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(refusal({"--nonsense=1"}), HasSubstr("unknown flag --nonsense"));
  EXPECT_THAT(refusal({"--nomtu"}), HasSubstr("unknown flag --nomtu"));
  EXPECT_THAT(refusal({"word"}), HasSubstr("'word' is not a flag"));
  EXPECT_THAT(refusal({"---mtu=1"}), HasSubstr("is not a flag"));
  EXPECT_THAT(refusal({"--mtu=1", "--", "--mtu=1", "--"}), HasSubstr("is not a flag"));
  EXPECT_THAT(refusal({"--mtu"}), HasSubstr("--mtu needs a value"));
  EXPECT_THAT(refusal({"--json=perhaps"}), HasSubstr("true or false"));
}

TEST_F(FlagFile, IsUnfoldedInPlace) {
  const std::string inner = write("inner", "--json\n");
  const std::string outer = write("outer", "# a comment\n\n  --mtu=1300  \n--flagfile=" + inner + "\n");
  EXPECT_THAT(read({"--mtu=1", "--flagfile=" + outer, "--time_wait=2s"}).flags,
              ElementsAre("--mtu=1", "--mtu=1300", "--json", "--time_wait=2s"));
  EXPECT_THAT(read({"--flagfile", outer, "--mtu=9"}).flags, ElementsAre("--mtu=1300", "--json", "--mtu=9"));
}

// gflags by itself ignores both.
TEST_F(FlagFile, UnknownKeysAndBareLinesAreRefusedWithTheirLine) {
  EXPECT_THAT(refusal({"--flagfile=" + write("a", "--mtu=1\n--nonsense=1\n")}),
              HasSubstr("a:2: unknown flag --nonsense"));
  EXPECT_THAT(refusal({"--flagfile=" + write("b", "levee\n")}), HasSubstr("b:1: 'levee' is not a flag"));
  EXPECT_THAT(refusal({"--flagfile=" + write("c", "--mtu\n--json\n")}), HasSubstr("c:1: --mtu needs a value"));
}

TEST_F(FlagFile, MissingFilesAndCirclesAreRefused) {
  EXPECT_THAT(refusal({"--flagfile=" + (directory_ / "none").string()}), HasSubstr("cannot read the file"));
  EXPECT_THAT(refusal({"--flagfile=/"}), HasSubstr("cannot read the file"));
  EXPECT_THAT(refusal({"--flagfile"}), HasSubstr("give the path"));
  const std::string self = write("self", "--flagfile=" + (directory_ / "self").string() + "\n");
  EXPECT_THAT(refusal({"--flagfile=" + self}), HasSubstr("too deeply"));
}

}  // namespace
}  // namespace levee::apps
