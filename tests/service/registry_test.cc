// The table of services: names, factories, and what is said about settings that cannot work.
#include "service/registry.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "service/fake_connection.h"
#include "service/responses.h"
#include "service/temporary_directory.h"

namespace levee::service {
namespace {

TEST(Registry, NamesTheFourServices) {
  const std::vector<Entry> entries = builtin({});
  std::string names;
  for (const Entry& entry : entries) names += std::string(entry.name) + ' ';
  EXPECT_EQ(names, "http echo discard chargen ");
}

TEST(Registry, EachFactoryMakesAServiceThatEndsWithItsPeer) {
  for (const Entry& entry : builtin({.http_root = {}, .version = "1"})) {
    const std::unique_ptr<Service> service = entry.factory({.shard = 0, .snapshot = [] { return StatsSnapshot{}; }});
    ASSERT_TRUE(service);
    FakeConnection peer(*service);
    peer.opens();
    peer.sends_fin();
    peer.acknowledges_everything();
    EXPECT_EQ(peer.ended(), CloseCause::Normal) << entry.name;
  }
}

TEST(Registry, ServesFilesOfTheRootUnderItsVersion) {
  TemporaryDirectory root;
  root.write("a.txt", "abc");
  const Settings settings{.http_root = root.path().string(), .version = "9.9"};
  EXPECT_EQ(check(settings), "");
  const std::vector<Entry> entries = builtin(settings);
  const std::unique_ptr<Service> service = entries.front().factory({});
  FakeConnection peer(*service);
  peer.opens();
  peer.sends("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
  peer.acknowledges_everything();
  const Response response = read_response(peer.received);
  EXPECT_EQ(response.body, "abc");
  EXPECT_EQ(response.field("Server"), "levee/9.9");
}

TEST(Registry, RootThatIsNotThereIsExplained) {
  const Settings settings{.http_root = "/nonexistent/levee", .version = "1"};
  EXPECT_NE(check(settings).find("http_root '/nonexistent/levee'"), std::string::npos);
  EXPECT_THROW((void)builtin(settings), std::runtime_error);
}

}  // namespace
}  // namespace levee::service
