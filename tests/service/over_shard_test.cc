// The services behind a real shard: what a peer on the wire gets from each, frame by frame.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "service/chargen.h"
#include "service/registry.h"
#include "service/responses.h"
#include "service/temporary_directory.h"
#include "sim/conversation.h"

namespace levee::service {
namespace {

using sim::ack;
using sim::Conversation;
using sim::ConversationOptions;
using sim::data;
using sim::fin;
using sim::Peer;

ConversationOptions serving(const std::string& name, const Settings& settings = {}) {
  ConversationOptions options;
  for (const Entry& entry : builtin(settings)) {
    if (entry.name == name) options.services.push_back(entry.factory({}));
  }
  options.checks_invariants = false;  // after each burst below instead: these transfers are long
  return options;
}

// A client that reads in order, acknowledges each burst and adds up what it got.
class Client {
 public:
  explicit Client(ConversationOptions options) : talk_(std::move(options)), peer_(talk_.peer()) {
    talk_.ignores_the_rest();
    peer_.opens();
    take();
  }
  ~Client() { EXPECT_EQ(talk_.shard().check_invariants(), ""); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void sends(std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 1460))) {
      peer_.sends(data(bytes.substr(0, 1460)));
      take();
    }
  }
  void sends_fin() { peer_.sends(fin()); }

  // One round: takes what was sent and acknowledges it. False if there was nothing.
  bool reads() {
    take();
    EXPECT_EQ(talk_.shard().check_invariants(), "");
    if (!fresh_) return false;
    fresh_ = false;
    peer_.sends(ack());
    return true;
  }
  // Until nothing comes any more; a delayed ACK or Nagle's last piece would need time and none is given.
  void reads_everything() {
    while (reads()) {
    }
  }

  std::string received;
  bool fin_received = false, rst_received = false;

  [[nodiscard]] StatsSnapshot stats() { return talk_.stats(); }
  Conversation& talk() { return talk_; }

 private:
  void take() {
    while (const std::optional<sim::Bytes> frame = talk_.next_frame()) {
      const sim::Dissected parts = sim::dissect(*frame);
      if (!parts.tcp) continue;
      rst_received = rst_received || parts.tcp->has(sim::kRst);
      if (parts.tcp->length() == 0 || parts.tcp->sequence != peer_.rcv_nxt) continue;
      peer_.rcv_nxt += parts.tcp->length();
      received += sim::to_text(parts.tcp->payload);
      fin_received = fin_received || parts.tcp->has(sim::kFin);
      fresh_ = true;
    }
  }

  Conversation talk_;
  Peer& peer_;
  bool fresh_ = false;
};

std::string numbers(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

TEST(EchoOverShard, EverythingComesBackThenFin) {
  Client client(serving("echo"));
  const std::string text = numbers(200000);
  client.sends(text);
  client.sends_fin();
  client.reads_everything();
  EXPECT_EQ(client.received.size(), text.size());
  EXPECT_TRUE(client.received == text);
  EXPECT_TRUE(client.fin_received);
  EXPECT_EQ(client.talk().shard().connections(), 0U);
  EXPECT_EQ(client.stats()[Counter::RetransSegs], 0U);
}

TEST(DiscardOverShard, TakesEverythingAndClosesWithThePeer) {
  Client client(serving("discard"));
  client.sends(numbers(300000));
  client.sends_fin();
  client.reads_everything();
  EXPECT_EQ(client.received, "");
  EXPECT_TRUE(client.fin_received);
  EXPECT_EQ(client.stats()[Counter::BytesDelivered], 300000U);
}

TEST(ChargenOverShard, GoesOnUntilThePeerCloses) {
  Client client(serving("chargen"));
  while (client.received.size() < 400000) ASSERT_TRUE(client.reads());
  EXPECT_FALSE(client.fin_received);
  client.sends_fin();
  client.reads_everything();
  EXPECT_TRUE(client.fin_received);
  const auto pattern = chargen_pattern();
  for (std::size_t i = 0; i < client.received.size(); ++i) {
    ASSERT_EQ(client.received[i], pattern[i % pattern.size()]) << "byte " << i;
  }
}

TEST(HttpOverShard, KeepAliveThenClose) {
  Client client(serving("http", {.http_root = "", .version = "1"}));
  client.sends("GET / HTTP/1.1\r\nHost: levee\r\n\r\n");
  client.reads_everything();
  EXPECT_FALSE(client.fin_received);
  client.sends("GET /stats.json HTTP/1.1\r\nHost: levee\r\nConnection: close\r\n\r\n");
  client.reads_everything();
  EXPECT_TRUE(client.fin_received);
  client.sends("anything");  // read and dropped: no RST that would overtake the response
  client.sends_fin();
  client.reads_everything();
  const std::vector<Response> responses = read_responses(client.received);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[1].status, 200);
  EXPECT_FALSE(client.rst_received);
  EXPECT_EQ(client.talk().shard().time_wait(), 1U);  // it closed first
}

TEST(HttpOverShard, LargeFileArrivesWhole) {
  TemporaryDirectory root;
  const std::string text = numbers(2000000);
  root.write("large.txt", text);
  Client client(serving("http", {.http_root = root.path().string(), .version = "1"}));
  client.sends("GET /large.txt HTTP/1.1\r\nHost: levee\r\n\r\nGET /none HTTP/1.1\r\nHost: levee\r\n\r\n");
  client.sends_fin();
  client.reads_everything();
  const std::vector<Response> responses = read_responses(client.received);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_TRUE(responses[0].body == text);
  EXPECT_EQ(responses[1].status, 404);
  EXPECT_TRUE(client.fin_received);
}

TEST(HttpOverShard, LargeFileArrivesTwoBlanksAtATime) {
  TemporaryDirectory root;
  const std::string text = numbers(500000);
  root.write("large.txt", text);
  ConversationOptions options = serving("http", {.http_root = root.path().string(), .version = "1"});
  options.shard.limits.blanks = 66;  // two more than the shard keeps for control segments
  Client client(std::move(options));
  client.sends("GET /large.txt HTTP/1.1\r\nHost: levee\r\nConnection: close\r\n\r\n");
  client.reads_everything();
  EXPECT_TRUE(read_response(client.received).body == text);
  EXPECT_TRUE(client.fin_received);
}

TEST(HttpOverShard, ShrunkFileResets) {
  TemporaryDirectory root;
  root.write("large.txt", numbers(2000000));
  Client client(serving("http", {.http_root = root.path().string(), .version = "1"}));
  client.sends("GET /large.txt HTTP/1.1\r\nHost: levee\r\n\r\n");
  std::filesystem::resize_file(root.path("large.txt"), 1000);
  client.reads_everything();
  EXPECT_TRUE(client.rst_received);
  EXPECT_EQ(client.talk().shard().connections(), 0U);
}

}  // namespace
}  // namespace levee::service
