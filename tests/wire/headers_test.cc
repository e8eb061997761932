// Every header: golden bytes read and written field by field, and every truncation refused.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/ndp.h"
#include "wire/tcp.h"

namespace levee::wire {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> octets) {
  Bytes result;
  for (const int octet : octets) result.push_back(static_cast<std::byte>(octet));
  return result;
}

template <class H>
Bytes bytes_of(const H& header) {
  Bytes result(sizeof(H));
  std::memcpy(result.data(), &header, sizeof(H));
  return result;
}

// Copies of exactly the given length, so that a sanitizer sees any read past the end.
template <class H>
void expect_refused_when_truncated() {
  for (std::size_t length = 0; length < sizeof(H); ++length) {
    Bytes truncated(length);
    EXPECT_EQ(view<H>(std::span<const std::byte>(truncated)), nullptr) << length;
    EXPECT_EQ(view<H>(std::span<std::byte>(truncated)), nullptr) << length;
  }
  Bytes whole(sizeof(H));
  EXPECT_EQ(static_cast<const void*>(view<H>(std::span<const std::byte>(whole))), whole.data());
  EXPECT_EQ(static_cast<void*>(view<H>(std::span<std::byte>(whole))), whole.data());
}

TEST(Headers, AreRefusedAtEveryTruncation) {
  expect_refused_when_truncated<EthernetHeader>();
  expect_refused_when_truncated<VlanTag>();
  expect_refused_when_truncated<ArpPacket>();
  expect_refused_when_truncated<Ipv4Header>();
  expect_refused_when_truncated<IcmpHeader>();
  expect_refused_when_truncated<Ipv6Header>();
  expect_refused_when_truncated<Icmpv6Header>();
  expect_refused_when_truncated<NeighbourMessage>();
  expect_refused_when_truncated<LinkLayerOption>();
  expect_refused_when_truncated<TcpHeader>();
}

TEST(Headers, EthernetWithAndWithoutTag) {
  const EthernetHeader header{
      .destination = {{2, 0, 0, 0, 0, 1}}, .source = {{2, 0, 0, 0, 0, 2}}, .ether_type = be16(kEtherTypeVlan)};
  const Bytes golden = bytes({2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00});
  EXPECT_EQ(bytes_of(header), golden);
  const auto* read = view<EthernetHeader>(std::span<const std::byte>(golden));
  EXPECT_EQ(read->source, header.source);
  EXPECT_EQ(read->destination, header.destination);
  EXPECT_EQ(read->ether_type.value(), kEtherTypeVlan);

  const VlanTag tag{.tci = be16(0xe123), .ether_type = be16(kEtherTypeIpv4)};
  EXPECT_EQ(tag.id(), 0x123);
  EXPECT_EQ(bytes_of(tag), bytes({0xe1, 0x23, 0x08, 0x00}));
}

TEST(Headers, Arp) {
  ArpPacket packet{};
  packet.set_ipv4_over_ethernet();
  packet.operation = kArpReply;
  packet.sender_mac = {{2, 0, 0, 0, 0, 1}};
  packet.sender_address = 0x0a000001;
  packet.target_mac = {{2, 0, 0, 0, 0, 2}};
  packet.target_address = 0x0a000002;
  const Bytes golden = bytes({0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2});
  EXPECT_EQ(bytes_of(packet), golden);
  for (std::size_t i = 0; i < 6; ++i) {
    Bytes changed = golden;
    changed[i] ^= std::byte{1};
    EXPECT_FALSE(view<ArpPacket>(std::span<const std::byte>(changed))->is_ipv4_over_ethernet()) << i;
  }
  EXPECT_TRUE(view<ArpPacket>(std::span<const std::byte>(golden))->is_ipv4_over_ethernet());
}

TEST(Headers, Ipv4) {
  Ipv4Header header{};
  header.set_version_and_length(20);
  header.type_of_service = 0x02;
  header.set_total_length(1500);
  header.identification = 0x1c46;
  header.flags_and_offset = kDontFragment;
  header.ttl = 64;
  header.protocol = kProtocolTcp;
  header.checksum = 0xb1e6;
  header.set_source({0xac100a63});
  header.set_destination({0xac100a0c});
  EXPECT_EQ(bytes_of(header), bytes({0x45, 0x02, 0x05, 0xdc, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06,
                                     0xb1, 0xe6, 0xac, 0x10, 0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c}));
  EXPECT_EQ(header.version(), 4U);
  EXPECT_EQ(header.header_length(), 20U);
  EXPECT_EQ(header.total_length(), 1500U);
  EXPECT_EQ(header.source(), Ipv4Address{0xac100a63});
  EXPECT_EQ(header.destination(), Ipv4Address{0xac100a0c});
  EXPECT_TRUE(header.dont_fragment());
  EXPECT_FALSE(header.is_fragment());
  header.set_version_and_length(60);
  EXPECT_EQ(header.header_length(), 60U);
  EXPECT_EQ(header.version(), 4U);
}

TEST(Headers, AFragmentHasMoreFragmentsOrAnOffset) {
  Ipv4Header header{};
  for (const int word : {0x0000, 0x4000, 0x8000, 0xc000}) {
    header.flags_and_offset = static_cast<std::uint16_t>(word);
    EXPECT_FALSE(header.is_fragment()) << word;
  }
  for (const int word : {0x2000, 0x0001, 0x1000, 0x6000, 0x4001, 0x3fff}) {
    header.flags_and_offset = static_cast<std::uint16_t>(word);
    EXPECT_TRUE(header.is_fragment()) << word;
  }
}

TEST(Headers, Icmp) {
  const IcmpHeader header{
      .type = kEchoRequest, .code = 0, .checksum = be16(0x1234), .identifier = be16(0x5678), .sequence = be16(2)};
  EXPECT_EQ(bytes_of(header), bytes({8, 0, 0x12, 0x34, 0x56, 0x78, 0, 2}));
}

TEST(Headers, Ipv6) {
  Ipv6Header header{};
  header.set_class_and_flow(0xb9, 0xfabcde);  // a flow label has 20 bits
  header.payload_length = 1440;
  header.next_header = kProtocolTcp;
  header.hop_limit = 64;
  header.source = {{0xfd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}};
  header.destination = {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  const Bytes golden = bytes({0x6b, 0x9a, 0xbc, 0xde, 0x05, 0xa0, 6, 64, 0xfd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                              11,   12,   13,   14,   0xfd, 0,    0, 0,  0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
  EXPECT_EQ(bytes_of(header), golden);
  EXPECT_EQ(header.version(), 6U);
  EXPECT_EQ(header.traffic_class(), 0xb9);
  EXPECT_EQ(header.flow_label(), 0xabcdeU);
  EXPECT_EQ(header.total_length(), 1480U);
  header.payload_length = 0xffff;
  EXPECT_EQ(header.total_length(), 65575U);
}

// RFC 8200 4 and IANA's registry; nothing else is one.
TEST(Headers, TheExtensionHeadersOfIpv6) {
  std::vector<int> found;
  for (int number = 0; number < 256; ++number) {
    if (is_extension_header(static_cast<std::uint8_t>(number))) found.push_back(number);
  }
  EXPECT_EQ(found, (std::vector<int>{0, 43, 44, 50, 51, 59, 60, 135, 139, 140}));
}

TEST(Headers, Icmpv6) {
  Icmpv6Header header{.type = kIcmpv6EchoRequest, .code = 0, .checksum = be16(0x1234), .parameter = be32(0x56780002)};
  EXPECT_EQ(bytes_of(header), bytes({128, 0, 0x12, 0x34, 0x56, 0x78, 0, 2}));
  EXPECT_EQ(header.identifier(), 0x5678);
  EXPECT_EQ(header.sequence(), 2);
  EXPECT_FALSE(header.is_error());
  for (const std::uint8_t type :
       {kIcmpv6Unreachable, kIcmpv6PacketTooBig, kIcmpv6TimeExceeded, kIcmpv6ParameterProblem}) {
    header.type = type;
    EXPECT_TRUE(header.is_error()) << int{type};
  }
}

TEST(Headers, Tcp) {
  TcpHeader header{};
  header.source_port = 80;
  header.destination_port = 40000;
  header.sequence = 0x01020304;
  header.acknowledgment = 0xfffffffe;
  header.set_data_offset(32);
  header.flags = kPsh | kAck;
  header.window = 502;
  header.checksum = 0xbeef;
  header.urgent_pointer = 7;
  EXPECT_EQ(bytes_of(header), bytes({0x00, 0x50, 0x9c, 0x40, 0x01, 0x02, 0x03, 0x04, 0xff, 0xff,
                                     0xff, 0xfe, 0x80, 0x18, 0x01, 0xf6, 0xbe, 0xef, 0x00, 0x07}));
  EXPECT_TRUE(header.has(kPsh));
  EXPECT_FALSE(header.has(kSyn));
  for (std::size_t length = 20; length <= 60; length += 4) {
    header.set_data_offset(length);
    EXPECT_EQ(header.data_offset(), length);
    EXPECT_EQ(header.offset_and_reserved & 0x0f, 0);
  }
  header.offset_and_reserved = 0x5f;  // reserved bits set by a peer do not matter
  EXPECT_EQ(header.data_offset(), 20U);
}

}  // namespace
}  // namespace levee::wire
