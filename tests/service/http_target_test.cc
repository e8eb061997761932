// Request targets: forms, escapes, and every known way to climb out of a directory.
#include "service/http_target.h"

#include <gtest/gtest.h>

#include <string>

namespace levee::service {
namespace {

TEST(HttpTarget, OriginFormIsDecodedWithoutItsQuery) {
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a/b.txt"), "/a/b.txt");
  EXPECT_EQ(path_of("/a/"), "/a/");
  EXPECT_EQ(path_of("/a?b=../c#"), std::nullopt);
  EXPECT_EQ(path_of("/a?b=../c"), "/a");
  EXPECT_EQ(path_of("/?"), "/");
  EXPECT_EQ(path_of("/a%20b%C3%a4"), "/a b\xc3\xa4");
  EXPECT_EQ(path_of("/a%3Fb"), "/a?b");
  EXPECT_EQ(path_of("/%2541"), "/%41");  // decoded once
}

TEST(HttpTarget, AbsoluteFormIsAccepted) {
  EXPECT_EQ(path_of("http://10.0.0.1/a"), "/a");
  EXPECT_EQ(path_of("HTTP://levee:80/a/b?c"), "/a/b");
  EXPECT_EQ(path_of("https://levee"), "/");
  EXPECT_EQ(path_of("http://levee?x"), "/");
  EXPECT_EQ(path_of("http://"), std::nullopt);
  EXPECT_EQ(path_of("http:///a"), std::nullopt);
  EXPECT_EQ(path_of("http://levee/../a"), std::nullopt);
}

TEST(HttpTarget, OtherFormsAreRefused) {
  for (const char* target : {"", "*", "levee:443", "a", "ftp://a/b", "file:///etc/passwd", "?a", "#", "/a#b"}) {
    EXPECT_EQ(path_of(target), std::nullopt) << target;
  }
}

TEST(HttpTarget, DotSegmentsAreRefusedHoweverWritten) {
  for (const char* target : {
           "/..",
           "/../",
           "/../etc/passwd",
           "/a/..",
           "/a/../b",
           "/a/../../etc/passwd",
           "/.",
           "/./a",
           "/a/.",
           "/a/./b",
           "/%2e%2e/etc/passwd",
           "/%2E%2e/",
           "/.%2e/a",
           "/%2e./a",
           "/a/%2e%2e%2fb",
           "/..%2fetc",
           "/a%2f..%2f..%2fb",
           "/%2e",
           "/a/%2e/b",
           "/..\\a",
           "/..%5ca",
           "/a\\..\\b",
           "/%5c..%5c",
           "//..",
           "/..//a",
           "/../?x",
           "/..?x",
       }) {
    EXPECT_EQ(path_of(target), std::nullopt) << target;
  }
}

TEST(HttpTarget, OnlyWholeDotSegmentsAreRefused) {
  EXPECT_EQ(path_of("/..."), "/...");
  EXPECT_EQ(path_of("/..a"), "/..a");
  EXPECT_EQ(path_of("/a.."), "/a..");
  EXPECT_EQ(path_of("/.well-known/x"), "/.well-known/x");
  EXPECT_EQ(path_of("/%252e%252e/a"), "/%2e%2e/a");  // a file of that name, if there is one
}

TEST(HttpTarget, EmptySegmentsAreRefused) {
  for (const char* target : {"//", "//etc/passwd", "/a//b", "/%2fetc/passwd", "/a/%2f", "http://levee//a"}) {
    EXPECT_EQ(path_of(target), std::nullopt) << target;
  }
}

TEST(HttpTarget, BrokenEscapesAndControlCharactersAreRefused) {
  for (const char* target : {"/%", "/%4", "/%4g", "/%g4", "/a%", "/%%41", "/%00", "/a%00.html", "/%0a", "/%0d%0aX: y",
                             "/%7f", "/%1f", "/%u002e"}) {
    EXPECT_EQ(path_of(target), std::nullopt) << target;
  }
  EXPECT_EQ(path_of(std::string_view("/a\0b", 4)), std::nullopt);
}

}  // namespace
}  // namespace levee::service
