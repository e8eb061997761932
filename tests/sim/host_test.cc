// A simulated NIC's receive-side scaling: both families by their own tuple, everything else to the first queue.
#include "sim/host.h"

#include <gtest/gtest.h>

#include <array>

#include "sim/packet.h"

namespace levee::sim {
namespace {

constexpr std::array<std::uint8_t, 52> kKey{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                            0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                            0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                            0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

TcpPacket between(const char* source, std::uint16_t source_port, const char* destination, std::uint16_t port) {
  TcpPacket packet;
  packet.source = parse_ip(source).value();
  packet.destination = parse_ip(destination).value();
  packet.source_port = source_port;
  packet.destination_port = port;
  packet.flags = kSyn;
  return packet;
}

// One of the published vectors of each family (Microsoft, "Verifying the RSS hash calculation").
TEST(RssHash, IsANicsForTcpOverEitherFamily) {
  const Toeplitz toeplitz(kKey);
  EXPECT_EQ(rss_hash(toeplitz, build(between("66.9.149.187", 2794, "161.142.100.80", 1766))), 0x51ccc178u);
  EXPECT_EQ(rss_hash(toeplitz, build(between("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766))), 0x40207d3du);
}

TEST(RssHash, IsZeroForEverythingElse) {
  const Toeplitz toeplitz(kKey);
  const Bytes v6 = build(between("fd00::2", 40000, "fd00::1", 80));
  EXPECT_NE(rss_hash(toeplitz, v6), 0u);
  EXPECT_EQ(rss_hash(toeplitz, with_extension_header(v6, 44)), 0u);
  EXPECT_EQ(rss_hash(toeplitz, std::span(v6).first(14 + 40 + 19)), 0u);
  EXPECT_EQ(rss_hash(toeplitz, std::span(v6).first(14 + 39)), 0u);
  EXPECT_EQ(rss_hash(toeplitz, std::span(v6).first(13)), 0u);
  EXPECT_EQ(rss_hash(toeplitz, build(ArpMessage{})), 0u);
  NdpMessage solicitation;
  EXPECT_EQ(rss_hash(toeplitz, build(solicitation)), 0u);
  Bytes wrong_version = v6;
  wrong_version[14] = std::byte{0x40};
  EXPECT_EQ(rss_hash(toeplitz, wrong_version), 0u);
}

}  // namespace
}  // namespace levee::sim
