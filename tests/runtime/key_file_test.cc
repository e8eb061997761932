// The cookie key file: what is read, and everything that is refused.
#include "runtime/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "device/startup_error.h"

namespace levee::runtime {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kDigits = "000102030405060708090a0b0c0d0e0f";

class KeyFile : public testing::Test {
 protected:
  KeyFile() { std::filesystem::create_directories(directory_); }
  ~KeyFile() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name = "key") const { return directory_ / name; }
  void write(const std::string& text) const {
    std::ofstream(path(), std::ios::binary) << text;
    ASSERT_EQ(chmod(path().c_str(), 0600), 0);
  }
  // Why the file is refused; empty if it is read.
  [[nodiscard]] static std::string refusal(const std::string& path) {
    try {
      static_cast<void>(read_key_file(path));
    } catch (const device::StartupError& error) {
      EXPECT_EQ(error.exit_code(), device::kExitUsage);
      EXPECT_THAT(error.what(), AllOf(StartsWith("--cookie_key_file=" + path + ": "), Not(HasSubstr("\n"))));
      return error.what();
    }
    return "";
  }

  std::filesystem::path directory_ = std::filesystem::temp_directory_path() / ("levee-key-" + std::to_string(getpid()));
};

TEST_F(KeyFile, DigitsAreReadFromTheMostSignificantOfEachWord) {
  write(std::string(kDigits) + "\n");
  EXPECT_EQ(read_key_file(path()), (MasterKey{0x0001020304050607, 0x08090a0b0c0d0e0f}));
  write("FFEEDDCCBBAA99887766554433221100\n");
  EXPECT_EQ(read_key_file(path()), (MasterKey{0xffeeddccbbaa9988, 0x7766554433221100}));
}

TEST_F(KeyFile, AnythingButDigitsAndANewlineIsRefusedAndNotQuoted) {
  const std::string digits = kDigits;
  for (const std::string& text :
       {std::string(), std::string("\n"), digits, digits + "\r\n", digits + "\n\n", digits + " \n", " " + digits + "\n",
        digits + "\nx", digits + "0", digits.substr(1) + "\n", digits + "0\n", "0x" + digits.substr(2) + "\n",
        digits.substr(1) + "g\n", digits.substr(1) + std::string(1, '\0') + "\n", digits + std::string(1 << 20, '0')}) {
    write(text);
    EXPECT_THAT(refusal(path()), AllOf(HasSubstr("32 hexadecimal digits"), Not(HasSubstr("0102")))) << text.size();
  }
}

TEST_F(KeyFile, OfAllModesOnly0600IsAccepted) {
  write(std::string(kDigits) + "\n");
  for (unsigned mode = 0; mode <= 07777; ++mode) {
    ASSERT_EQ(chmod(path().c_str(), mode), 0);
    EXPECT_EQ(refusal(path()).empty(), mode == 0600) << mode;
  }
  ASSERT_EQ(chmod(path().c_str(), 0640), 0);
  EXPECT_THAT(refusal(path()), HasSubstr("its mode is 0640, chmod it to 0600"));
}

TEST_F(KeyFile, AnotherUsersIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "giving a file away needs root";
  write(std::string(kDigits) + "\n");
  ASSERT_EQ(chown(path().c_str(), 65534, 65534), 0);
  EXPECT_THAT(refusal(path()), HasSubstr("belongs to user 65534"));
}

TEST_F(KeyFile, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  write(std::string(kDigits) + "\n");
  std::filesystem::create_symlink(path(), path("link"));
  EXPECT_THAT(refusal(path("link")), HasSubstr("symbolic link"));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(refusal(path("fifo")), HasSubstr("not a regular file"));
  ASSERT_EQ(mkdir(path("directory").c_str(), 0600), 0);
  EXPECT_THAT(refusal(path("directory")), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal(path("none")), HasSubstr("cannot read the file: No such file"));
}

}  // namespace
}  // namespace levee::runtime
