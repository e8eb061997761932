// The text forms of addresses: exactly the usual notation, nothing around it.
#include "levee/address.h"

#include <gtest/gtest.h>

namespace levee {
namespace {

TEST(Address, Ipv4RoundTrips) {
  for (const char* text : {"0.0.0.0", "10.0.0.1", "192.168.100.254", "255.255.255.255", "1.20.255.0"}) {
    const auto address = parse_ipv4(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(parse_ipv4("10.0.0.1")->value, 0x0a000001U);
}

TEST(Address, Ipv4RefusesAnythingElse) {
  for (const char* text : {"",           "10",        "10.0.0",           "10.0.0.",    "10.0.0.1.", "10.0.0.1.2",
                           ".10.0.0.1",  "10..0.1",   "256.0.0.1",        "10.0.0.256", "10.0.0.01", "010.0.0.1",
                           "00.0.0.0",   "10.0.0.1 ", " 10.0.0.1",        "10.0.0.-1",  "+10.0.0.1", "10.0.0.1/24",
                           "0x0a.0.0.1", "10.0.0.a",  "4294967297.0.0.1", "10,0,0,1"}) {
    EXPECT_FALSE(parse_ipv4(text)) << text;
  }
  EXPECT_FALSE(parse_ipv4(std::string_view("10.0.0.1\0", 9)));
}

TEST(Address, MacRoundTripsInEitherCase) {
  const auto mac = parse_mac("02:0a:Bc:DE:f0:99");
  ASSERT_TRUE(mac);
  EXPECT_EQ(*mac, (MacAddress{{0x02, 0x0a, 0xbc, 0xde, 0xf0, 0x99}}));
  EXPECT_EQ(to_string(*mac), "02:0a:bc:de:f0:99");
}

TEST(Address, MacRefusesAnythingElse) {
  for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:01:", "02:00:00:00:00:1", "2:00:00:00:00:001",
                           "02-00-00-00-00-01", "02:00:00:00:00:0g", "02:00:00:00:00;01", "020000000001     ",
                           "02:00:00:00:00:01 ", " 2:00:00:00:00:01", "02:00:00:00:00:+1"}) {
    EXPECT_FALSE(parse_mac(text)) << text;
  }
}

TEST(Address, Ipv4IsWrittenAsItselfInsideAnIpAddress) {
  EXPECT_EQ(to_string(IpAddress(Ipv4Address{0x0a000001})), "10.0.0.1");
  EXPECT_EQ(to_string(SocketAddress{Ipv4Address{0x0a000001}, 80}), "10.0.0.1:80");
}

TEST(Address, Ipv6IsWrittenAsRfc5952Wants) {
  const IpAddress address({0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
  EXPECT_EQ(to_string(address), "fd00::2");
  EXPECT_EQ(to_string(SocketAddress{address, 9}), "[fd00::2]:9");
}

}  // namespace
}  // namespace levee
