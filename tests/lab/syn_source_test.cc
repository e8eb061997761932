// The sender's SYNs are what they claim to be, or a rate measured with them would be a rate of something else.
#include "lab/syn_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/view.h"

namespace levee::lab {
namespace {

using testing::StrEq;

constexpr Ipv4Address kTarget{0x0a070002};
constexpr std::size_t kIpAt = sizeof(wire::EthernetHeader);
constexpr std::size_t kTcpAt = kIpAt + sizeof(wire::Ipv4Header);

SynTarget target() {
  return {.our_mac = *parse_mac("02:00:00:00:00:01"),
          .mac = *parse_mac("02:00:00:00:00:02"),
          .address = kTarget,
          .tcp_port = 80};
}

using Buffer = std::array<std::byte, SynSource::kFrameRoom>;

template <typename Header>
Header& at(std::span<std::byte> frame, std::size_t offset) {
  return *wire::view<Header>(frame.subspan(offset));
}

bool checksums_are_right(std::span<const std::byte> frame) {
  const auto& ip = *wire::view<wire::Ipv4Header>(frame.subspan(kIpAt));
  const auto segment = frame.subspan(kTcpAt);
  const std::uint64_t pseudo = wire::pseudo_header(ip.source(), ip.destination(), wire::kProtocolTcp,
                                                   static_cast<std::uint16_t>(segment.size()));
  return ip.total_length() == frame.size() - kIpAt && wire::verifies(wire::sum(frame.subspan(kIpAt, sizeof(ip)))) &&
         wire::verifies(wire::sum(segment, pseudo));
}

TEST(SynSource, AMillionTuplesAreDistinctAndInTheBenchmarkingRange) {
  constexpr std::size_t kTuples = 1U << 20;
  SynSource source(target(), kTuples);
  Buffer buffer;
  std::vector<std::uint64_t> tuples;
  for (std::size_t i = 0; i < kTuples; ++i) {
    source.next(buffer.data());
    const std::uint32_t address = at<wire::Ipv4Header>(buffer, kIpAt).source().value;
    ASSERT_EQ(address >> 17, 0xc6120000U >> 17);
    tuples.push_back(std::uint64_t{address} << 16 | at<wire::TcpHeader>(buffer, kTcpAt).source_port.value());
    ASSERT_GE(tuples.back() & 0xffff, 1024U);
  }
  const std::uint64_t first = tuples.front();
  std::sort(tuples.begin(), tuples.end());
  EXPECT_EQ(std::adjacent_find(tuples.begin(), tuples.end()), tuples.end());
  source.next(buffer.data());
  EXPECT_EQ(std::uint64_t{at<wire::Ipv4Header>(buffer, kIpAt).source().value} << 16 |
                at<wire::TcpHeader>(buffer, kTcpAt).source_port.value(),
            first)
      << "then they come again";
}

TEST(SynSource, EverySynIsWellFormed) {
  SynSource source(target(), 10'000);
  for (int i = 0; i < 10'000; ++i) {
    Buffer buffer;
    const std::span<std::byte> frame = std::span(buffer).first(source.next(buffer.data()));
    ASSERT_TRUE(checksums_are_right(frame)) << "SYN " << i;
    const auto& tcp = at<wire::TcpHeader>(frame, kTcpAt);
    ASSERT_EQ(tcp.flags, wire::kSyn);
    ASSERT_EQ(tcp.data_offset(), frame.size() - kTcpAt);
    ASSERT_EQ(tcp.destination_port.value(), 80);
  }
}

TEST(SynSource, LayoutsAreMixedAsStacksAre) {
  constexpr int kSyns = 100'000;
  SynSource source(target(), kSyns);
  std::map<std::size_t, int> of_length;
  Buffer buffer;
  for (int i = 0; i < kSyns; ++i) ++of_length[source.next(buffer.data())];
  EXPECT_NEAR(of_length[74], 0.60 * kSyns, 0.01 * kSyns) << "Linux";
  EXPECT_NEAR(of_length[66], 0.25 * kSyns, 0.01 * kSyns) << "Windows";
  EXPECT_NEAR(of_length[78], 0.10 * kSyns, 0.01 * kSyns) << "Apple";
  EXPECT_EQ(of_length.size(), 6U);
}

// The reply that a right server sends, made of the SYN itself.
class Reply : public testing::Test {
 protected:
  Reply() : frame_(std::span(buffer_).first(source_.next(buffer_.data()))) {
    auto& ethernet = at<wire::EthernetHeader>(frame_, 0);
    std::swap(ethernet.source, ethernet.destination);
    std::swap(ip().source_address, ip().destination_address);
    std::swap(tcp().source_port, tcp().destination_port);
    tcp().acknowledgment = tcp().sequence.value() + 1;
    tcp().sequence = 0x12345678;
    tcp().flags = wire::kSyn | wire::kAck;
  }
  wire::Ipv4Header& ip() { return at<wire::Ipv4Header>(frame_, kIpAt); }
  wire::TcpHeader& tcp() { return at<wire::TcpHeader>(frame_, kTcpAt); }
  const char* fault() {
    tcp().checksum = 0;
    const auto segment = frame_.subspan(kTcpAt);
    const std::uint64_t pseudo = wire::pseudo_header(ip().source(), ip().destination(), wire::kProtocolTcp,
                                                     static_cast<std::uint16_t>(segment.size()));
    tcp().checksum = wire::finish(wire::sum(segment, pseudo));
    return source_.fault_of(frame_, true);
  }

  SynSource source_{target(), 16};
  Buffer buffer_{};
  std::span<std::byte> frame_;
};

TEST_F(Reply, ARightOneHasNoFault) { EXPECT_EQ(fault(), nullptr); }

TEST_F(Reply, AnotherAcknowledgmentNumberIsSeen) {
  tcp().acknowledgment = tcp().acknowledgment.value() + 1;
  EXPECT_THAT(fault(), StrEq("a wrong acknowledgment number"));
}

TEST_F(Reply, AnotherTupleIsSeen) {
  tcp().destination_port = static_cast<std::uint16_t>(tcp().destination_port.value() ^ 1);
  EXPECT_THAT(fault(), StrEq("a wrong acknowledgment number"));
}

TEST_F(Reply, AnRstIsSeen) {
  tcp().flags = wire::kRst | wire::kAck;
  EXPECT_THAT(fault(), StrEq("no SYN-ACK"));
}

TEST_F(Reply, ABadChecksumIsSeenUnlessItIsLeftToACard) {
  EXPECT_EQ(fault(), nullptr);
  tcp().window = static_cast<std::uint16_t>(tcp().window.value() ^ 1);
  EXPECT_THAT(source_.fault_of(frame_, true), StrEq("a bad TCP checksum"));
  EXPECT_EQ(source_.fault_of(frame_, false), nullptr);
}

TEST_F(Reply, ACutFrameIsSeen) {
  EXPECT_EQ(fault(), nullptr);
  for (std::size_t length = 0; length < frame_.size(); ++length) {
    EXPECT_NE(source_.fault_of(frame_.first(length), true), nullptr) << length << " bytes";
  }
}

}  // namespace
}  // namespace levee::lab
