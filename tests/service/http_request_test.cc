// The head of a request (RFC 9112): what is taken, what is refused and with which status.
#include "service/http_request.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace levee::service {
namespace {

using Outcome = Parsed::Outcome;

Request ready(const std::string& bytes) {
  const Parsed parsed = parse_request(bytes);
  EXPECT_EQ(parsed.outcome, Outcome::Ready) << bytes << " " << static_cast<int>(parsed.refusal);
  EXPECT_EQ(parsed.length, bytes.size());
  return parsed.request;
}

int refusal(const std::string& bytes) {
  const Parsed parsed = parse_request(bytes);
  return parsed.outcome == Outcome::Refused ? static_cast<int>(parsed.refusal) : 0;
}

std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: levee\r\n" + fields + "\r\n"; }

TEST(HttpRequest, TellsMethodTargetAndVersion) {
  const std::string bytes = "HEAD /a/b?c=d HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n";
  const Parsed parsed = parse_request(bytes);
  ASSERT_EQ(parsed.outcome, Outcome::Ready);
  EXPECT_EQ(parsed.request.method, Method::Head);
  EXPECT_EQ(parsed.request.target, "/a/b?c=d");
  EXPECT_TRUE(parsed.request.http_1_1);
  EXPECT_FALSE(parsed.request.has_body);
}

TEST(HttpRequest, LengthEndsBehindTheEmptyLine) {
  const std::string one = get("");
  EXPECT_EQ(parse_request(one + "GET /next").length, one.size());
}

TEST(HttpRequest, TellsKnownMethodsFromUnknown) {
  for (const char* known : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"}) {
    EXPECT_EQ(ready(std::string(known) + " / HTTP/1.1\r\nHost: a\r\n\r\n").method, Method::Other) << known;
  }
  EXPECT_EQ(ready("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").method, Method::Unknown);
  EXPECT_EQ(ready("get / HTTP/1.1\r\nHost: a\r\n\r\n").method, Method::Unknown);  // RFC 9110 9.1: case-sensitive
}

TEST(HttpRequest, KeepAliveFollowsVersionAndConnection) {
  EXPECT_TRUE(ready(get("")).keep_alive);
  EXPECT_FALSE(ready(get("Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(ready(get("Connection: Keep-Alive, CLOSE\r\n")).keep_alive);
  EXPECT_FALSE(ready(get("Connection: keep-alive\r\nConnection: close\r\n")).keep_alive);
  EXPECT_TRUE(ready(get("Connection: Upgrade\r\nUpgrade: h2c\r\n")).keep_alive);
  EXPECT_FALSE(ready("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(ready("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(ready("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

TEST(HttpRequest, HostIsNeededOnceInHttp11) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400);
  ready("GET / HTTP/1.1\r\nHost:\r\n\r\n");  // RFC 9112 3.2: may be empty
  ready("GET / HTTP/1.1\r\nhOST: [fd00::2]:8080\r\n\r\n");
  ready("GET / HTTP/1.0\r\n\r\n");
}

TEST(HttpRequest, TellsThatThereIsABody) {
  EXPECT_FALSE(ready(get("Content-Length: 0\r\n")).has_body);
  EXPECT_TRUE(ready(get("Content-Length: 1\r\n")).has_body);
  EXPECT_TRUE(ready(get("Content-Length: 18446744073709551615\r\n")).has_body);
  EXPECT_TRUE(ready(get("Transfer-Encoding: chunked\r\n")).has_body);
}

TEST(HttpRequest, RefusesWhatBlursTheEndOfARequest) {
  EXPECT_EQ(refusal(get("Content-Length: 1\r\nContent-Length: 2\r\n")), 400);
  EXPECT_EQ(refusal(get("Content-Length: +1\r\n")), 400);
  EXPECT_EQ(refusal(get("Content-Length: \r\n")), 400);
  EXPECT_EQ(refusal(get("Content-Length: 18446744073709551616\r\n")), 400);
  EXPECT_EQ(refusal(get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refusal(get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refusal(get("Content-Length : 1\r\n")), 400);
  EXPECT_EQ(refusal(get("Transfer-Encoding: gzip\r\n")), 501);
  EXPECT_EQ(refusal(get("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(refusal(get("Transfer-Encoding: xchunked\r\n")), 501);
}

TEST(HttpRequest, RefusesOtherVersions) {
  EXPECT_EQ(refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(refusal("GET / HTTP/0.9\r\n\r\n"), 505);
  EXPECT_EQ(refusal("GET / HTTP/1.x\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/11\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / http/1.1\r\n\r\n"), 400);
}

TEST(HttpRequest, RefusesMalformed) {
  for (const std::string& bytes : {
           std::string("\x16\x03\x01\x02"),  // TLS
           std::string("GET /\r\n\r\n"),     // HTTP/0.9's request line
           std::string("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/1.1\nHost: a\n\n"),
           std::string("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
           get("no colon\r\n"),
           get(": no name\r\n"),
           get("na me: x\r\n"),
           get(std::string("nul: \0\r\n", 8)),
           get("Connection: (\r\n"),
       }) {
    EXPECT_EQ(refusal(bytes), 400) << bytes;
  }
}

TEST(HttpRequest, HeadOfExactlyTheLimitIsTaken) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nx: ";
  const std::string end = "\r\n\r\n";
  ready(start + std::string(kMaxHead - start.size() - end.size(), 'y') + end);
  EXPECT_EQ(refusal(start + std::string(kMaxHead - start.size() - end.size() + 1, 'y') + end), 431);
}

TEST(HttpRequest, TellsALongTargetFromLongFields) {
  EXPECT_EQ(refusal("GET /" + std::string(9000, 'a')), 414);
  EXPECT_EQ(refusal("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (many.size() < 10000) many += "field: value\r\n";
  EXPECT_EQ(refusal(many), 431);
  EXPECT_EQ(refusal(many + "\r\n"), 431);
}

TEST(HttpRequest, EveryStartOfARequestNeedsMore) {
  const std::string bytes = get("Accept: */*\r\nUser-Agent: x y/z (k)\r\nConnection: keep-alive\r\n");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(parse_request(bytes.substr(0, cut)).outcome, Outcome::NeedMore) << cut;
  }
  ready(bytes);
}

// A start that is refused is refused, with the same status, whatever follows it; a start that is taken stays taken.
TEST(HttpRequest, OutcomeDoesNotDependOnTheCut) {
  std::uint64_t state = 1;
  const auto random = [&state](std::size_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>((state >> 33) % below);
  };
  const std::string alphabet(
      "\r\n\t :/%.,;\"\\\0\x7f\xff"
      "GETHOSTHTTP/1.10Connection-Length",
      49);
  int refusals = 0;
  for (int run = 0; run < 3000; ++run) {
    std::string bytes =
        get("Content-Length: 0\r\nTransfer-Encoding: chunked\r\nConnection: close, x\r\nA: b\r\n c\r\n");
    for (std::size_t edits = 1 + random(4); edits > 0; --edits) bytes[random(bytes.size())] = alphabet[random(49)];
    Parsed last;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const Parsed now = parse_request(std::string_view(bytes).substr(0, cut));
      if (last.outcome != Outcome::NeedMore) {
        ASSERT_EQ(now.outcome, last.outcome) << bytes.substr(0, cut);
        ASSERT_EQ(now.refusal, last.refusal) << bytes.substr(0, cut);
        ASSERT_EQ(now.length, last.length);
      }
      last = now;
    }
    refusals += last.outcome == Outcome::Refused ? 1 : 0;
  }
  EXPECT_GT(refusals, 1000);
}

}  // namespace
}  // namespace levee::service
