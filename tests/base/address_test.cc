// The text forms of addresses: exactly the usual notation, nothing around it.
#include "levee/address.h"

#include <arpa/inet.h>
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

// RFC 5952 4 and 5, each rule with its own examples; and what was written is read back as the same address.
TEST(Address, Ipv6IsWrittenAsRfc5952Wants) {
  struct Case {
    const char *read, *written;
  };
  for (const Case& c : {Case{"fd00::2", "fd00::2"}, Case{"2001:0db8::0001", "2001:db8::1"},  // 4.1
                        Case{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},                       // 4.2.1
                        Case{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},                 // 4.2.2: not for one group
                        Case{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},                         // 4.2.3: the longest
                        Case{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of equals
                        Case{"2001:DB8::ABCD", "2001:db8::abcd"},              // 4.3
                        Case{"0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1"},  // 5
                        Case{"::ffff:c000:201", "::ffff:192.0.2.1"}, Case{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
                        Case{"::", "::"}, Case{"::1", "::1"}, Case{"1::", "1::"}, Case{"0:0:0:0:0:0:0:0", "::"},
                        Case{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"}, Case{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
                        Case{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"}, Case{"ff02::1:ff00:2", "ff02::1:ff00:2"},
                        Case{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}}) {
    const auto address = parse_ipv6(c.read);
    ASSERT_TRUE(address) << c.read;
    EXPECT_EQ(to_string(*address), c.written);
    EXPECT_EQ(parse_ipv6(c.written), address) << c.written;
  }
}

// Against the C library, over addresses in which every pattern of zero groups occurs.
TEST(Address, Ipv6AgreesWithTheCLibrary) {
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    Ipv6Address address;
    for (unsigned group = 0; group < 8; ++group) {
      if ((pattern >> group & 1) == 0) continue;
      address.octets[2 * group] = static_cast<std::uint8_t>(group % 3 == 0 ? 0 : 0x10 * group);
      address.octets[2 * group + 1] = static_cast<std::uint8_t>(group + 1);
    }
    char text[INET6_ADDRSTRLEN] = {};
    ASSERT_NE(inet_ntop(AF_INET6, &address, text, sizeof(text)), nullptr);
    EXPECT_EQ(parse_ipv6(text), address) << text;
    // The C library also writes IPv4-compatible addresses (RFC 4291 2.5.5.1, deprecated) in the mixed notation.
    if (!address.is_within({}, 96)) {
      EXPECT_EQ(to_string(address), text);
    }
  }
}

TEST(Address, Ipv6RefusesAnythingElse) {
  for (const char* text : {"",
                           ":",
                           ":::",
                           "1",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1::2::3",
                           "1:::2",
                           ":1::2",
                           "1::2:",
                           "12345::",
                           "g::",
                           "fd00::2/64",
                           "fd00::2%1",
                           " fd00::2",
                           "fd00::2 ",
                           "[fd00::2]",
                           "::1.2.3",
                           "::1.2.3.4.5",
                           "::1.2.3.4:5",
                           "::256.1.1.1",
                           "::01.2.3.4",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "1.2.3.4",
                           "1:2:3:4:5:1.2.3.4",
                           "+1::",
                           "-1::",
                           "0x1::"}) {
    EXPECT_FALSE(parse_ipv6(text)) << text;
  }
  EXPECT_FALSE(parse_ipv6(std::string_view("fd00::2\0", 8)));
}

TEST(Address, EitherFamilyIsReadButAMappedOneIsIpv4sOwn) {
  EXPECT_EQ(parse_ip("10.0.0.1"), IpAddress(Ipv4Address{0x0a000001}));
  EXPECT_EQ(parse_ip("fd00::2"), IpAddress(parse_ipv6("fd00::2").value()));
  EXPECT_EQ(parse_ip("::ffff:10.0.0.1"), std::nullopt);
  EXPECT_EQ(parse_ip("fd00::2/64"), std::nullopt);
  EXPECT_EQ(IpAddress(parse_ipv6("::ffff:10.0.0.1").value()), IpAddress(Ipv4Address{0x0a000001}));
  EXPECT_TRUE(IpAddress().is_v4());
  EXPECT_TRUE(IpAddress(Ipv6Address{}).is_v6());
  EXPECT_NE(IpAddress(), IpAddress(Ipv6Address{}));
}

TEST(Address, SocketAddressesRoundTrip) {
  for (const char* text : {"10.0.0.1:80", "[fd00::2]:80", "[::]:65535", "0.0.0.0:0"}) {
    const auto address = parse_socket_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  for (const char* text : {"", ":80", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:080", "10.0.0.1:80 ",
                           "[10.0.0.1]:80", "fd00::2:80", "[fd00::2]", "[fd00::2]80", "[fd00::2:80", "fd00::2]:80",
                           "[]:80", "[:80", "[::ffff:10.0.0.1]:80", "10.0.0.1:-1"}) {
    EXPECT_FALSE(parse_socket_address(text)) << text;
  }
}

// Each scope at both its edges (RFC 4291 2.4).
TEST(Address, Ipv6ScopesEndWhereTheRfcSays) {
  struct Case {
    const char* address;
    bool unspecified, loopback, multicast, link_local, mapped;
  };
  for (const Case& c :
       {Case{"::", true, false, false, false, false}, Case{"::1", false, true, false, false, false},
        Case{"::2", false, false, false, false, false}, Case{"1::", false, false, false, false, false},
        Case{"feff::1", false, false, false, false, false}, Case{"ff00::", false, false, true, false, false},
        Case{"ffff::1", false, false, true, false, false}, Case{"fe7f:ffff::1", false, false, false, false, false},
        Case{"fe80::", false, false, false, true, false}, Case{"febf:ffff::1", false, false, false, true, false},
        Case{"fec0::", false, false, false, false, false}, Case{"::ffff:0:0", false, false, false, false, true},
        Case{"::ffff:255.255.255.255", false, false, false, false, true},
        Case{"::fffe:0:0", false, false, false, false, false}, Case{"::1:ffff:0:0", false, false, false, false, false},
        Case{"2001:db8::1", false, false, false, false, false}}) {
    const Ipv6Address address = parse_ipv6(c.address).value();
    EXPECT_EQ(address.is_unspecified(), c.unspecified) << c.address;
    EXPECT_EQ(address.is_loopback(), c.loopback) << c.address;
    EXPECT_EQ(address.is_multicast(), c.multicast) << c.address;
    EXPECT_EQ(address.is_link_local(), c.link_local) << c.address;
    EXPECT_EQ(address.is_v4_mapped(), c.mapped) << c.address;
    // RFC 9293 3.9.2.3, MUST-63: such a source address is never answered.
    EXPECT_EQ(address.is_valid_source(), !c.unspecified && !c.loopback && !c.multicast && !c.mapped) << c.address;
    if (c.mapped) continue;  // it is IPv4's from here on
    const IpAddress either(address);
    EXPECT_EQ(either.is_unspecified(), c.unspecified) << c.address;
    EXPECT_EQ(either.is_loopback(), c.loopback) << c.address;
    EXPECT_EQ(either.is_multicast(), c.multicast) << c.address;
    EXPECT_EQ(either.is_link_local(), c.link_local) << c.address;
    EXPECT_EQ(either.is_valid_source(), address.is_valid_source()) << c.address;
  }
}

TEST(Address, AnIpv4AddressKeepsItsScopeInsideAnIpAddress) {
  const auto ip = [](const char* text) { return parse_ip(text).value(); };
  EXPECT_TRUE(ip("0.0.0.0").is_unspecified());
  EXPECT_TRUE(ip("127.0.0.1").is_loopback());
  EXPECT_TRUE(ip("239.1.2.3").is_multicast());
  EXPECT_TRUE(ip("169.254.0.1").is_link_local());
  EXPECT_FALSE(ip("169.253.255.255").is_link_local());
  EXPECT_TRUE(ip("10.0.0.1").is_valid_source());
  EXPECT_FALSE(ip("240.0.0.1").is_valid_source());
}

TEST(Address, APrefixIsComparedBitByBitAndWithinItsFamily) {
  Ipv6Address whole;
  whole.octets.fill(0xff);
  for (unsigned bit = 0; bit < 128; ++bit) {
    Ipv6Address other = whole;
    other.octets[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
    for (unsigned length = 0; length <= 128; ++length) {
      ASSERT_EQ(other.is_within(whole, length), bit >= length) << bit << " " << length;
    }
  }
  const IpAddress ours = parse_ip("10.1.2.3").value();
  EXPECT_TRUE(ours.is_within(parse_ip("10.1.0.0").value(), 16));
  EXPECT_FALSE(ours.is_within(parse_ip("10.2.0.0").value(), 16));
  EXPECT_TRUE(ours.is_within(parse_ip("0.0.0.0").value(), 0));
  EXPECT_FALSE(ours.is_within(Ipv6Address{}, 0));
  EXPECT_FALSE(IpAddress(whole).is_within(parse_ip("0.0.0.0").value(), 0));
  EXPECT_TRUE(IpAddress(whole).is_within(Ipv6Address{}, 0));
}

}  // namespace
}  // namespace levee
