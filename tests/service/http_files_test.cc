// Files over HTTP: bytes, types, and what happens to a file that changes or cannot be had.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <vector>

#include "service/content_type.h"
#include "service/http_player.h"
#include "service/temporary_directory.h"

namespace levee::service {
namespace {

class HttpFiles : public testing::Test {
 protected:
  HttpFiles() {
    for (int i = 0; big.size() < 300000; ++i) big += std::to_string(i) + ',';
    directory.write("big.bin", big);
    directory.write("a b.txt", "abc");
    directory.write("empty.css", "");
    directory.write("index.html", "<p>home");
    directory.write("dir/index.html", "<p>inner");
    directory.write("stats.json", "not this one");
    std::filesystem::create_symlink("/etc/passwd", directory.path("leak"));
    std::string problem;
    root = FileRoot::open(directory.path().string(), problem);
    EXPECT_TRUE(root) << problem;
  }

  TemporaryDirectory directory;
  std::string big;
  std::shared_ptr<const FileRoot> root;
};

TEST_F(HttpFiles, ArriveWholeWithTypeAndLength) {
  HttpPlayer player(root);
  const std::vector<Response> responses =
      read_responses(player.ask(get("/a%20b.txt") + get("/empty.css") + get("/big.bin") + get("/dir/")));
  ASSERT_EQ(responses.size(), 4U);
  EXPECT_EQ(responses[0].body, "abc");
  EXPECT_EQ(responses[0].field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_FALSE(responses[0].has("Cache-Control"));
  EXPECT_EQ(responses[1].body, "");
  EXPECT_EQ(responses[1].field("Content-Length"), "0");
  EXPECT_EQ(responses[1].field("Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(responses[2].body, big);
  EXPECT_EQ(responses[2].field("Content-Type"), "application/octet-stream");
  EXPECT_EQ(responses[3].body, "<p>inner");
  EXPECT_EQ(responses[3].field("Content-Type"), "text/html; charset=utf-8");
}

TEST_F(HttpFiles, OwnPagesWinOverFiles) {
  HttpPlayer player(root);
  const std::vector<Response> responses =
      read_responses(player.ask(get("/") + get("/stats.json") + get("/index.html")));
  ASSERT_EQ(responses.size(), 3U);
  EXPECT_EQ(responses[0].body.substr(0, 9), "<!doctype");
  EXPECT_EQ(responses[1].body.front(), '{');
  EXPECT_EQ(responses[2].body, "<p>home");
}

TEST_F(HttpFiles, HeadTellsTheLengthAndKeepsNothingOpen) {
  HttpPlayer player(root);
  const std::size_t before = open_descriptors();
  FakeConnection client(player.service);
  client.opens();
  client.sends(head("/big.bin") + get("/a%20b.txt"));
  EXPECT_EQ(open_descriptors(), before);
  client.acknowledges_everything();
  const std::vector<Response> responses = read_responses(client.received, {0});
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[0].field("Content-Length"), std::to_string(big.size()));
  EXPECT_EQ(responses[1].body, "abc");
}

TEST_F(HttpFiles, TrickleThroughATinySendBuffer) {
  HttpPlayer player(root);
  FakeConnection client(player.service, {.send_buffer = 1001, .block = 97});
  client.opens();
  client.sends(get("/big.bin") + get("/big.bin", "Connection: close\r\n"));
  client.sends_fin();
  client.acknowledges_everything();
  const std::vector<Response> responses = read_responses(client.received);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[0].body, big);
  EXPECT_EQ(responses[1].body, big);
  EXPECT_EQ(client.ended(), CloseCause::Normal);
}

TEST_F(HttpFiles, OneDescriptorPerConnectionAtMostAndNoneAfterwards) {
  HttpPlayer player(root);
  const std::size_t before = open_descriptors();
  std::deque<FakeConnection> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(player.service, Room{.send_buffer = 1000});
    clients.back().opens();
    clients.back().sends(get("/big.bin") + get("/big.bin"));
  }
  EXPECT_EQ(open_descriptors(), before + 10);
  for (FakeConnection& client : clients) client.resets();
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(HttpFiles, ServiceThatGoesAwayClosesItsFiles) {
  const std::size_t before = open_descriptors();
  {
    HttpPlayer player(root);
    FakeConnection client(player.service, {.send_buffer = 1000});
    client.opens();
    client.sends(get("/big.bin"));
    EXPECT_EQ(open_descriptors(), before + 1);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(HttpFiles, ShrunkFileAbortsTheConnection) {
  HttpPlayer player(root);
  const std::size_t before = open_descriptors();
  FakeConnection client(player.service, {.send_buffer = 1000});
  client.opens();
  client.sends(get("/big.bin"));
  std::filesystem::resize_file(directory.path("big.bin"), 2000);
  client.acknowledges_everything();
  EXPECT_TRUE(client.rst_received());
  EXPECT_EQ(client.ended(), CloseCause::Aborted);
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(player.service.sessions(), 0U);
}

TEST_F(HttpFiles, GrownFileEndsAtItsPromisedLength) {
  HttpPlayer player(root);
  FakeConnection client(player.service, {.send_buffer = 1000});
  client.opens();
  client.sends(get("/big.bin") + get("/a%20b.txt"));
  directory.write("big.bin", big + "and more");
  client.acknowledges_everything();
  const std::vector<Response> responses = read_responses(client.received);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[0].body, big);
}

TEST_F(HttpFiles, WhatIsNotThereOrOutsideIsNotFound) {
  HttpPlayer player(root);
  for (const char* target : {"/none", "/dir", "/dir/none", "/leak", "/a%20b.txt/", "/a%20b.txt/x", "/%252e%252e/x"}) {
    EXPECT_EQ(read_response(player.ask(get(target))).status, 404) << target;
  }
  for (const char* target : {"/../x", "/dir/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/..%5cx"}) {
    EXPECT_EQ(read_response(player.ask(get(target))).status, 400) << target;
  }
}

TEST_F(HttpFiles, OutOfDescriptorsIsUnavailableAndPasses) {
  HttpPlayer player(root);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::string starved = player.ask(get("/big.bin"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(read_response(starved).status, 503);
  EXPECT_EQ(read_response(player.ask(get("/big.bin"))).body, big);
}

TEST(ContentType, FollowsTheExtension) {
  EXPECT_EQ(content_type("/a.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type("/a.HTM"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type("/x/y.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(content_type("/a.json"), "application/json");
  EXPECT_EQ(content_type("/a.png"), "image/png");
  EXPECT_EQ(content_type("/a.svg"), "image/svg+xml");
  EXPECT_EQ(content_type("/a.tar.gz"), "application/gzip");
  EXPECT_EQ(content_type("/a.wasm"), "application/wasm");
  EXPECT_EQ(content_type("/a.b/c"), "application/octet-stream");
  EXPECT_EQ(content_type("/a."), "application/octet-stream");
  EXPECT_EQ(content_type("/html"), "application/octet-stream");
  EXPECT_EQ(content_type("/a.htmlx"), "application/octet-stream");
  EXPECT_EQ(content_type(""), "application/octet-stream");
}

}  // namespace
}  // namespace levee::service
