// HTTP conversations: statuses, framing, keep-alive, pipelining, cuts at every byte, and every way to end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/http_player.h"

namespace levee::service {
namespace {

using testing::HasSubstr;

TEST(Http, StatusPageIsHtml) {
  HttpPlayer player;
  const Response response = read_response(player.ask(get("/")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.reason, "OK");
  EXPECT_EQ(response.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(response.field("Server"), "levee/1.2.3");
  EXPECT_EQ(response.field("Cache-Control"), "no-store");
  EXPECT_FALSE(response.has("Date"));  // RFC 9110 6.6.1: no clock
  EXPECT_THAT(response.body, HasSubstr("</html>"));
}

TEST(Http, StatsAreJson) {
  HttpPlayer player;
  const Response response = read_response(player.ask(get("/stats.json?x=1")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.field("Content-Type"), "application/json");
  EXPECT_EQ(response.body.substr(0, 20), "{\"version\":\"1.2.3\",\"");
}

TEST(Http, AbsoluteFormIsServed) {
  HttpPlayer player;
  EXPECT_EQ(read_response(player.ask(get("http://levee/stats.json"))).status, 200);
}

TEST(Http, HeadHasTheFieldsOfGetAndNoBody) {
  HttpPlayer player;
  for (const char* target : {"/", "/stats.json", "/none"}) {
    const Response with = read_response(player.ask(get(target)));
    const Response without = read_response(player.ask(head(target)), true);
    EXPECT_EQ(with.status, without.status) << target;
    EXPECT_EQ(with.fields, without.fields) << target;
    EXPECT_GT(with.body.size(), 0U);
  }
}

struct Case {
  const char* name;
  std::string request;
  int status;
  bool stays;
};

class HttpStatus : public testing::TestWithParam<Case> {};

TEST_P(HttpStatus, FollowsTheRequest) {
  const Case& one = GetParam();
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  client.sends(one.request);
  client.acknowledges_everything();
  const Response response = read_response(client.received);
  EXPECT_EQ(response.status, one.status);
  EXPECT_NE(response.reason, "Unknown");
  EXPECT_EQ(client.fin_received(), !one.stays);
  EXPECT_EQ(response.field("Connection"), one.stays ? "" : "close");
  EXPECT_EQ(response.field("Allow"), one.status == 405 ? "GET, HEAD" : "");
  client.sends(get("/stats.json"));
  client.acknowledges_everything();
  EXPECT_EQ(read_responses(client.received).size(), one.stays ? 2U : 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Grid, HttpStatus,
    testing::Values(
        Case{"Page", get("/"), 200, true}, Case{"NoFile", get("/none"), 404, true},
        Case{"NoRoot", get("/index.html"), 404, true},
        Case{"Post", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, true},
        Case{"Options", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, true},
        Case{"PostWithBody", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405, false},
        Case{"PostChunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 405,
             false},
        Case{"Unknown", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true},
        Case{"GetWithBody", get("/", "Content-Length: 3\r\n") + "abc", 400, false},
        Case{"ExpectWithBody", get("/", "Expect: 100-continue\r\nContent-Length: 3\r\n"), 400, false},
        Case{"Smuggle", get("/", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400, false},
        Case{"Coding", get("/", "Transfer-Encoding: gzip\r\n"), 501, false},
        Case{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400, false}, Case{"Climb", get("/../etc/passwd"), 400, false},
        Case{"ClimbEscaped", get("/%2e%2e/etc/passwd"), 400, false}, Case{"Asterisk", get("*"), 400, false},
        Case{"BadEscape", get("/%zz"), 400, false},
        Case{"Garbage", std::string("\x16\x03\x01\x02\x00\x01", 6), 400, false},
        Case{"BareLineFeed", "GET / HTTP/1.0\n\n", 400, false}, Case{"Version", "GET / HTTP/3.0\r\n\r\n", 505, false},
        Case{"LongTarget", "GET /" + std::string(10000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, false},
        Case{"LongFields", get("/", "x: " + std::string(10000, 'a') + "\r\n"), 431, false},
        Case{"Close", get("/", "Connection: close\r\n"), 200, false},
        Case{"Old", "GET / HTTP/1.0\r\n\r\n", 200, false}),
    [](const auto& one) { return one.param.name; });

TEST(Http, OldClientIsToldThatTheConnectionStays) {
  HttpPlayer player;
  const std::string ask = "GET /stats.json HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
  const std::vector<Response> responses = read_responses(player.ask(ask + ask));
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[1].field("Connection"), "keep-alive");
}

TEST(Http, PipelinedRequestsAreAnsweredInOrder) {
  HttpPlayer player;
  const std::string pipeline = get("/stats.json") + head("/") + "\r\n\r\n" + get("/none") + get("/") +
                               get("/", "Connection: close\r\n") + get("/");
  const std::vector<Response> responses = read_responses(player.ask(pipeline), {1});
  ASSERT_EQ(responses.size(), 5U);  // what follows "close" is not answered
  EXPECT_EQ(responses[0].field("Content-Type"), "application/json");
  EXPECT_EQ(responses[1].field("Content-Length"), std::to_string(responses[3].body.size()));
  EXPECT_EQ(responses[2].status, 404);
  EXPECT_EQ(responses[4].field("Connection"), "close");
}

TEST(Http, PipelineWaitsForItsResponsesAndGoesOnWithoutNewData) {
  HttpPlayer player;
  FakeConnection client(player.service, {.send_buffer = 3000});
  client.opens();
  const std::string one = get("/stats.json");
  std::string pipeline;
  for (int i = 0; i < 20; ++i) pipeline += one;
  client.sends(pipeline);
  EXPECT_GE(client.unread(), 18 * one.size());  // requests behind a full send buffer stay unread
  client.acknowledges_everything();
  EXPECT_EQ(client.unread(), 0U);
  EXPECT_EQ(read_responses(client.received).size(), 20U);
}

TEST(Http, OneEventRendersAPageOnce) {
  HttpPlayer player;
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += head("/");
  player.ask(pipeline);
  EXPECT_EQ(player.snapshots, 1);
  player.ask(get("/"));
  EXPECT_EQ(player.snapshots, 2);
}

// The same bytes, whole, cut in two at every place, and one by one, in a roomy and in a tight send buffer.
TEST(Http, ResponsesDoNotDependOnCutsOrRoom) {
  const std::string inputs[] = {
      get("/stats.json") + head("/") + get("/none", "Accept: */*\r\n") + get("/", "Connection: close\r\n") + get("/"),
      "\r\n\r\n" + get("/none") + "\r\nGET / HTTP/4.2\r\n\r\n",
      get("/none") + "GET / HTTP/1.1\r\nBad Field\r\n\r\n" + get("/"),
      get("/none") + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" + get("/"),
      "\r\r\n" + get("/"),
  };
  for (const std::string& input : inputs) {
    HttpPlayer player;
    const std::string whole = player.ask(input);
    EXPECT_FALSE(whole.empty());
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
      FakeConnection client(player.service, {.send_buffer = 100 + cut, .block = 64});
      client.opens();
      client.sends(input.substr(0, cut));
      client.sends(input.substr(cut));
      client.acknowledges_everything();
      ASSERT_EQ(client.received, whole) << "cut " << cut;
      client.resets();
    }
    FakeConnection client(player.service, {.send_buffer = 1});
    client.opens();
    for (const char c : input) client.sends(std::string_view(&c, 1));
    client.acknowledges_everything();
    ASSERT_EQ(client.received, whole) << "byte by byte";
    client.resets();
    EXPECT_EQ(player.service.sessions(), 0U);
  }
}

TEST(Http, HeadMayLieAcrossManyPieces) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  const std::string request = get("/none", "x: " + std::string(7000, 'y') + "\r\n");
  for (std::size_t at = 0; at < request.size(); at += 100) client.sends_without_event(request.substr(at, 100));
  client.sends("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
  client.acknowledges_everything();
  EXPECT_EQ(read_responses(client.received).size(), 2U);
}

TEST(Http, GarbageIsAnsweredAtOnce) {
  HttpPlayer player;
  EXPECT_EQ(read_response(player.ask("\x16")).status, 400);
}

TEST(Http, HeadWithoutEndIsRefusedAtTheLimit) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\nx: ");
  while (client.connection().state() == State::Established && client.unread() < 10000) client.sends("y");
  client.acknowledges_everything();
  EXPECT_EQ(read_response(client.received).status, 431);
  EXPECT_EQ(client.unread(), 0U);
}

TEST(Http, IdleClientThatClosesIsClosed) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  EXPECT_EQ(client.nagle(), false);
  client.sends(get("/none"));
  client.acknowledges_everything();
  EXPECT_FALSE(client.fin_received());
  client.sends_fin();
  EXPECT_EQ(client.ended(), CloseCause::Normal);
  EXPECT_EQ(player.service.sessions(), 0U);
}

TEST(Http, HalfClosedClientGetsAllItsResponses) {
  HttpPlayer player;
  FakeConnection client(player.service, {.send_buffer = 500});
  client.opens();
  client.sends(get("/") + get("/none"));
  client.sends_fin();
  client.acknowledges_everything();
  EXPECT_EQ(read_responses(client.received).size(), 2U);
  EXPECT_EQ(client.ended(), CloseCause::Normal);
}

TEST(Http, HalfARequestBeforeFinIsBad) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  client.sends(get("/none") + "GET / HTT");
  client.sends_fin();
  client.acknowledges_everything();
  const std::vector<Response> responses = read_responses(client.received);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[1].status, 400);  // RFC 9112 8
  EXPECT_EQ(client.ended(), CloseCause::Normal);
}

TEST(Http, StrayCarriageReturnBeforeFinIsNoRequest) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  client.sends("\r\n\r");
  client.sends_fin();
  client.acknowledges_everything();
  EXPECT_EQ(client.received, "");
  EXPECT_EQ(client.ended(), CloseCause::Normal);
}

TEST(Http, WhatFollowsTheLastResponseIsReadAndDropped) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 100; ++i) client.sends(std::string(1000, 'x'));
  EXPECT_EQ(client.unread(), 0U);
  client.acknowledges_everything();
  EXPECT_EQ(read_response(client.received).status, 405);
  client.sends_fin();
  EXPECT_EQ(client.ended(), CloseCause::Normal);
}

TEST(Http, ResetInTheMiddleFreesTheSession) {
  HttpPlayer player;
  for (int i = 0; i < 3; ++i) {
    FakeConnection client(player.service, {.send_buffer = 10});
    client.opens();
    client.sends(get("/") + get("/"));
    EXPECT_EQ(player.service.sessions(), 1U);
    client.resets();
    EXPECT_EQ(player.service.sessions(), 0U);
  }
}

TEST(Http, LateEventsOfADeadConnectionDoNothing) {
  HttpPlayer player;
  FakeConnection client(player.service);
  client.opens();
  client.resets();
  player.service.on_data(client.connection());
  player.service.on_writable(client.connection());
  player.service.on_peer_closed(client.connection());
  EXPECT_EQ(client.held(), 0U);
}

TEST(Http, ManyConnectionsKeepTheirOwnPlaces) {
  HttpPlayer player;
  std::deque<FakeConnection> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(player.service, Room{.send_buffer = 50});
    clients.back().opens();
    clients.back().sends(get("/none") + "GET /stats.js");
  }
  for (int i = 0; i < 50; i += 2) clients[static_cast<std::size_t>(i)].resets();
  EXPECT_EQ(player.service.sessions(), 25U);
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(player.service, Room{.send_buffer = 50});
    clients.back().opens();
    clients.back().sends("GET /stats.js");
  }
  for (std::size_t i = 1; i < 50; i += 2) {
    clients[i].sends("on HTTP/1.1\r\nHost: a\r\n\r\n");
    clients[i].acknowledges_everything();
    const std::vector<Response> responses = read_responses(clients[i].received);
    ASSERT_EQ(responses.size(), 2U);
    EXPECT_EQ(responses[1].status, 200);
  }
}

}  // namespace
}  // namespace levee::service
