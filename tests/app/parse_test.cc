// Words of the command line: what is read, and what is refused with which advice.
#include "apps/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace levee::apps {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ParseDuration, Grid) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("60s"), 60s);
  EXPECT_EQ(parse_duration("60"), 60s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("250us"), 250us);
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("0.1s"), 100ms);
  for (const char* bad :
       {"", "s", "-1s", "1 s", "1sec", "1S", "1e3s", "0x10", "nan", "inf", "500d", "9999999999s", " 1s", "1s "}) {
    EXPECT_THROW(static_cast<void>(parse_duration(bad)), BadWord) << bad;
  }
}

TEST(ParseSize, Grid) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("65536"), 65536U);
  EXPECT_EQ(parse_size("64k"), 65536U);
  EXPECT_EQ(parse_size("1.5m"), 1572864U);
  EXPECT_EQ(parse_size("2g"), 2147483648U);
  for (const char* bad : {"", "k", "-1", "1K", "1kb", "1.5", "0.3k", "1e3", "9999999g", "1 k"}) {
    EXPECT_THROW(static_cast<void>(parse_size(bad)), BadWord) << bad;
  }
}

TEST(ParseRate, Grid) {
  EXPECT_EQ(parse_rate("0"), 0U);
  EXPECT_EQ(parse_rate("1000"), 1000U);
  EXPECT_EQ(parse_rate("1k"), 1000U);
  EXPECT_EQ(parse_rate("1k/s"), 1000U);
  EXPECT_EQ(parse_rate("2.5k"), 2500U);
  EXPECT_EQ(parse_rate("3m/s"), 3000000U);
  for (const char* bad : {"", "k", "/s", "-1", "1K", "1.5", "1k/m", "1/s/s", "1 k", "1e3", "9999999m", "1g"}) {
    EXPECT_THROW(static_cast<void>(parse_rate(bad)), BadWord) << bad;
  }
}

TEST(ParseNumber, Grid) {
  EXPECT_EQ(parse_number("0", 0, 10), 0U);
  EXPECT_EQ(parse_number("10", 0, 10), 10U);
  for (const char* bad : {"", "11", "-1", "+1", "1.0", "1x", "99999999999999999999"}) {
    EXPECT_THROW(static_cast<void>(parse_number(bad, 0, 10)), BadWord) << bad;
  }
}

TEST(ParseAddress, Grid) {
  const EndpointAddress plain = parse_address("10.0.0.2/24");
  EXPECT_EQ(plain.address.v4().value, 0x0a000002U);
  EXPECT_EQ(plain.prefix_length, 24);
  EXPECT_EQ(plain.link, LinkId{});
  EXPECT_EQ(parse_address("10.0.0.2/24@1").link, (LinkId{.port = 1, .vlan = 0}));
  EXPECT_EQ(parse_address("10.0.0.2/24@1.100").link, (LinkId{.port = 1, .vlan = 100}));
  for (const char* bad :
       {"", "10.0.0.2", "10.0.0/24", "10.0.0.256/24", "10.0.0.2/33", "10.0.0.2/", "10.0.0.2/24@", "10.0.0.2/24@1.",
        "10.0.0.2/24@1.0", "10.0.0.2/24@1.4095", "10.0.0.2/24@70000", " 10.0.0.2/24", "10.0.0.2/24x"}) {
    EXPECT_THROW(static_cast<void>(parse_address(bad)), BadWord) << bad;
  }
}

// What BadWord says, or nothing.
template <typename Parse>
std::string complaint(Parse parse) {
  try {
    static_cast<void>(parse());
  } catch (const BadWord& bad) {
    return bad.what();
  }
  return "";
}

TEST(ParseAddress, Ipv6Grid) {
  const EndpointAddress plain = parse_address("fd00::2/64");
  EXPECT_EQ(plain.address, parse_ip("fd00::2"));
  EXPECT_EQ(plain.prefix_length, 64);
  EXPECT_EQ(plain.link, LinkId{});
  EXPECT_EQ(parse_address("fd00::2/128@1.100").link, (LinkId{.port = 1, .vlan = 100}));
  EXPECT_EQ(parse_address("fe80::2/64@0").link, LinkId{});
  const auto says = [](const char* word) { return complaint([&] { return parse_address(word); }); };
  EXPECT_THAT(says("fe80::2/64"), HasSubstr("name its port like fe80::2@0"));
  EXPECT_EQ(says("::ffff:10.0.0.2/24"), "'::ffff:10.0.0.2' is an IPv4 address in IPv6's notation, give 10.0.0.2");
  EXPECT_EQ(says("fd00::2/129"), "'129' is not a number of 0 to 128");
  EXPECT_EQ(says("fd00::2"), "the prefix length is missing, give one like 10.0.0.2/24 or fd00::2/64");
  EXPECT_EQ(says("fd00:::2/64"), "'fd00:::2' is no IP address, give one like 10.0.0.2 or fd00::2");
  for (const char* bad : {"[fd00::2]/64", "fd00::2%eth0/64", "fd00::2/64/64", "fd00::2/", "fd00::2/64@"}) {
    EXPECT_NE(says(bad), "") << bad;
  }
}

TEST(ParseRoute, Ipv6GatewayIsItsFamilysDefaultRoute) {
  const EndpointRoute gateway = parse_gateway("fd00::1");
  EXPECT_EQ(gateway.prefix, IpAddress(Ipv6Address{}));
  EXPECT_EQ(gateway.prefix_length, 0);
  EXPECT_EQ(gateway.next_hop, parse_ip("fd00::1"));
  EXPECT_EQ(parse_gateway("fe80::1@2.7").link, (LinkId{.port = 2, .vlan = 7}));
  const EndpointRoute route = parse_route("fd01::/16", "fd00::1");
  EXPECT_EQ(route.prefix, parse_ip("fd01::"));
  EXPECT_EQ(route.prefix_length, 16);
  EXPECT_THAT(complaint([] { return parse_gateway("fe80::1"); }), HasSubstr("name its port"));
  EXPECT_THAT(complaint([] { return parse_route("fd01::/16", "fe80::1"); }), HasSubstr("name its port"));
  EXPECT_THAT(complaint([] { return parse_gateway("::ffff:10.0.0.1"); }), HasSubstr("give 10.0.0.1"));
}

TEST(ParseListener, Ipv6StandsInBrackets) {
  const EndpointListener one = parse_listener("[fd00::2]:9/discard");
  EXPECT_EQ(one.local, (SocketAddress{parse_ip("fd00::2").value(), 9}));
  EXPECT_EQ(one.service, "discard");
  EXPECT_TRUE(parse_listener("[::]:80/http").local.address.is_unspecified());
  for (const char* bad : {"fd00::2:9/discard", "[10.0.0.2]:9/discard"}) {
    EXPECT_THAT(complaint([&] { return parse_listener(bad); }), HasSubstr("stands in brackets")) << bad;
  }
  for (const char* bad : {"[fd00::2]/discard", "[fd00::2]9/discard", "[fd00::2:9/discard", "fd00::2]:9/discard",
                          "[]:9/discard", "[fd00::2]:/discard", "[::ffff:10.0.0.2]:9/discard"}) {
    EXPECT_NE(complaint([&] { return parse_listener(bad); }), "") << bad;
  }
}

TEST(ParseRoute, GatewayIsTheDefaultRoute) {
  const EndpointRoute gateway = parse_gateway("10.0.0.1");
  EXPECT_EQ(gateway.prefix_length, 0);
  EXPECT_EQ(gateway.next_hop.v4().value, 0x0a000001U);
  EXPECT_EQ(gateway.link, std::nullopt);
  EXPECT_EQ(parse_gateway("10.0.0.1@2.7").link, (LinkId{.port = 2, .vlan = 7}));
  const EndpointRoute route = parse_route("172.16.0.0/12", "10.0.0.1");
  EXPECT_EQ(route.prefix.v4().value, 0xac100000U);
  EXPECT_EQ(route.prefix_length, 12);
  EXPECT_THROW(static_cast<void>(parse_gateway("10.0.0.1/24")), BadWord);
  EXPECT_THROW(static_cast<void>(parse_route("172.16.0.0", "10.0.0.1")), BadWord);
}

TEST(ParseListener, Grid) {
  const EndpointListener any = parse_listener("80/http");
  EXPECT_EQ(any.local, (SocketAddress{{}, 80}));
  EXPECT_EQ(any.service, "http");
  const EndpointListener one = parse_listener("10.0.0.2:7/echo");
  EXPECT_EQ(one.local, (SocketAddress{Ipv4Address{0x0a000002}, 7}));
  EXPECT_FALSE(one.server_first);
  const EndpointListener speaker = parse_listener("10.0.0.2:19/chargen/server_first");
  EXPECT_EQ(speaker.service, "chargen");
  EXPECT_TRUE(speaker.server_first);
  for (const char* bad : {"19/chargen/", "19/chargen/client_first", "19//server_first", "19/server_first/",
                          "19/chargen/server_first/server_first", "", "80", "80/", "/http", "0/http", "65536/http",
                          "70000/http", "x/http", "10.0.0:80/http", ":80/http", "-1/http"}) {
    EXPECT_THROW(static_cast<void>(parse_listener(bad)), BadWord) << bad;
  }
}

TEST(Split, KeepsEmptyWordsBetweenSeparators) {
  EXPECT_THAT(split("", ','), IsEmpty());
  EXPECT_THAT(split("a", ','), ElementsAre("a"));
  EXPECT_THAT(split("a,b", ','), ElementsAre("a", "b"));
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("a,", ','), ElementsAre("a", ""));
}

}  // namespace
}  // namespace levee::apps
