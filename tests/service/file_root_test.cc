// Nothing outside the root can be opened, and nothing but regular files inside it.
#include "service/file_root.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <string>

#include "service/temporary_directory.h"

namespace levee::service {
namespace {

class FileRootTest : public testing::Test {
 protected:
  FileRootTest() {
    outside.write("secret", "secret");
    outside.write("root/index.html", "home");
    outside.write("root/dir/a.txt", "abc");
    outside.write("root/dir/index.html", "inner");
    outside.write("root/empty", "");
    std::filesystem::create_directory(outside.path("root/bare"));
    std::string problem;
    root = FileRoot::open(outside.path("root").string(), problem);
    EXPECT_TRUE(root) << problem;
  }

  // The file's text, or "-" if it cannot be opened.
  [[nodiscard]] std::string read(const std::string& path) const {
    OpenResult opened = root->open_file(path);
    if (opened.error != OpenError::None) return "-";
    std::string text;
    std::array<std::byte, 2> piece{};
    for (std::size_t got = opened.file.read(piece); got > 0; got = opened.file.read(piece)) {
      text.append(reinterpret_cast<const char*>(piece.data()), got);
    }
    EXPECT_EQ(text.size(), opened.size);
    return text;
  }

  TemporaryDirectory outside;
  std::shared_ptr<const FileRoot> root;
};

TEST_F(FileRootTest, ReadsFilesBelow) {
  EXPECT_EQ(read("/dir/a.txt"), "abc");
  EXPECT_EQ(read("/index.html"), "home");
  EXPECT_EQ(read("/empty"), "");
}

TEST_F(FileRootTest, DirectoryMeansItsIndex) {
  EXPECT_EQ(read("/"), "home");
  EXPECT_EQ(read("/dir/"), "inner");
  EXPECT_EQ(read("/bare/"), "-");
  EXPECT_EQ(read("/dir"), "-");
  EXPECT_EQ(read("/dir/a.txt/"), "-");
}

// The request's own checks refuse these before they come here; this is the second wall.
TEST_F(FileRootTest, NoPathLeavesTheRoot) {
  const std::string absolute = outside.path("secret").string();
  for (const std::string& path : {std::string("/../secret"), std::string("/dir/../../secret"), std::string("/.."),
                                  "/" + absolute, "//" + absolute, std::string("/dir/../../root/dir/a.txt"),
                                  std::string("secret"), std::string("../secret"), std::string()}) {
    EXPECT_EQ(read(path), "-") << path;
  }
}

TEST_F(FileRootTest, SymbolicLinksMayNotLeaveTheRoot) {
  namespace fs = std::filesystem;
  fs::create_symlink("../secret", outside.path("root/relative"));
  fs::create_symlink(outside.path("secret"), outside.path("root/absolute"));
  fs::create_symlink("..", outside.path("root/up"));
  fs::create_symlink("relative", outside.path("root/chain"));
  fs::create_symlink("loop", outside.path("root/loop"));
  fs::create_symlink("/proc/self/fd/0", outside.path("root/magic"));
  fs::create_symlink("dir/a.txt", outside.path("root/inside"));
  for (const char* path : {"/relative", "/absolute", "/up/secret", "/chain", "/loop", "/magic"}) {
    EXPECT_EQ(read(path), "-") << path;
  }
  EXPECT_EQ(read("/inside"), "abc");
}

TEST_F(FileRootTest, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(mkfifo(outside.path("root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(read("/fifo"), "-");  // and the open did not wait for a writer
  EXPECT_EQ(read("/bare"), "-");
}

TEST_F(FileRootTest, NothingToServe) {
  EXPECT_EQ(root->open_file("/none").error, OpenError::NotFound);
  EXPECT_EQ(root->open_file("/" + std::string(8000, 'a')).error, OpenError::NotFound);
}

TEST_F(FileRootTest, ReadsUpToTheSizeAtOpening) {
  OpenResult opened = root->open_file("/dir/a.txt");
  outside.write("root/dir/a.txt", "abcdef");
  std::array<std::byte, 10> all{};
  EXPECT_EQ(opened.file.read(all), 3U);
  EXPECT_EQ(opened.file.left(), 0U);
  EXPECT_EQ(opened.file.read(all), 0U);
}

TEST_F(FileRootTest, ReadingAShrunkFileEndsEarly) {
  OpenResult opened = root->open_file("/dir/a.txt");
  std::filesystem::resize_file(outside.path("root/dir/a.txt"), 1);
  std::array<std::byte, 10> all{};
  EXPECT_EQ(opened.file.read(all), 1U);
  EXPECT_EQ(opened.file.read(all), 0U);
  EXPECT_EQ(opened.file.left(), 2U);
}

TEST_F(FileRootTest, EveryDescriptorIsClosed) {
  const std::size_t before = open_descriptors();
  for (const char* path : {"/dir/a.txt", "/dir", "/none", "/../secret", "/"}) {
    for (int i = 0; i < 5; ++i) (void)read(path);
  }
  EXPECT_EQ(open_descriptors(), before);
  OpenResult held = root->open_file("/dir/a.txt");
  EXPECT_EQ(open_descriptors(), before + 1);
  held.file = File();
  EXPECT_EQ(open_descriptors(), before);
}

TEST(FileRoot, WhatIsNoDirectoryIsExplained) {
  TemporaryDirectory there;
  there.write("file", "x");
  for (const std::string& path : {there.path("none").string(), there.path("file").string()}) {
    std::string problem;
    EXPECT_EQ(FileRoot::open(path, problem), nullptr);
    EXPECT_NE(problem.find("http_root '" + path + "'"), std::string::npos) << problem;
  }
}

}  // namespace
}  // namespace levee::service
