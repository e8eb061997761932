// Neighbour discovery's messages in golden bytes, its multicast addresses, and its options: whatever the bytes are,
// they are read within their end, within a bound, or refused.
#include "wire/ndp.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/random.h"

namespace levee::wire {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> octets) {
  Bytes result;
  for (const int octet : octets) result.push_back(static_cast<std::byte>(octet));
  return result;
}

const Bytes kSource = bytes({1, 1, 2, 0, 0, 0, 0, 1});
const Bytes kTarget = bytes({2, 1, 2, 0, 0, 0, 0, 2});
const Bytes kMtu = bytes({5, 1, 0, 0, 0, 0, 5, 0xdc});

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(Ndp, AdvertisementInBytes) {
  NeighbourMessage message{};
  message.type = kNeighbourAdvertisement;
  message.checksum = 0x1234;
  message.flags = kNdpSolicited | kNdpOverride;
  message.target = {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  Bytes seen(sizeof(message));
  std::memcpy(seen.data(), &message, sizeof(message));
  EXPECT_EQ(seen, bytes({136, 0, 0x12, 0x34, 0x60, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}));
  EXPECT_TRUE(message.has(kNdpSolicited));
  EXPECT_FALSE(message.has(kNdpRouter));
}

// RFC 4291 2.7.1, RFC 2464 7.
TEST(Ndp, ASolicitationGoesToAGroupOfTheTargetsLastBits) {
  const Ipv6Address group = solicited_node(parse_ipv6("4037::1:800:200e:8c6c").value());
  EXPECT_EQ(to_string(group), "ff02::1:ff0e:8c6c");
  EXPECT_EQ(to_string(multicast_mac(group)), "33:33:ff:0e:8c:6c");
  EXPECT_EQ(to_string(kAllNodes), "ff02::1");
  EXPECT_EQ(to_string(multicast_mac(kAllNodes)), "33:33:00:00:00:01");
}

TEST(NdpOptions, AreFoundAmongOthers) {
  const auto none = parse_ndp_options({});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->source || none->target);
  const auto both = parse_ndp_options(joined({kMtu, kTarget, kSource}));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->source, (MacAddress{{2, 0, 0, 0, 0, 1}}));
  EXPECT_EQ(both->target, (MacAddress{{2, 0, 0, 0, 0, 2}}));
}

TEST(NdpOptions, OfARepeatedOneTheFirstCounts) {
  Bytes second = kSource;
  second[7] = std::byte{9};
  EXPECT_EQ(parse_ndp_options(joined({kSource, second}))->source, (MacAddress{{2, 0, 0, 0, 0, 1}}));
}

// RFC 2464 6: over Ethernet it has 8 bytes; a longer one is another link's.
TEST(NdpOptions, ALinkLayerAddressOfAnotherLengthIsSkipped) {
  Bytes longer = joined({kSource, bytes({0, 0, 0, 0, 0, 0, 0, 0})});
  longer[1] = std::byte{2};
  const auto found = parse_ndp_options(joined({longer, kTarget}));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->source);
  EXPECT_TRUE(found->target);
}

// RFC 4861 4.6, 7.1.1, 7.1.2: "all included options have a length that is greater than zero".
TEST(NdpOptions, ALengthThatCannotBeIsRefused) {
  EXPECT_FALSE(parse_ndp_options(bytes({1, 0, 2, 0, 0, 0, 0, 1})));
  EXPECT_FALSE(parse_ndp_options(joined({kTarget, bytes({9, 0, 0, 0, 0, 0, 0, 0})})));
  EXPECT_FALSE(parse_ndp_options(bytes({1, 2, 2, 0, 0, 0, 0, 1})));
  const Bytes whole = joined({kSource, kTarget});
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(parse_ndp_options(cut).has_value(), length % 8 == 0) << length;
  }
}

TEST(NdpOptions, AreBoundedInNumber) {
  Bytes many;
  for (std::size_t i = 0; i < kMaxNdpOptions; ++i) many.insert(many.end(), kMtu.begin(), kMtu.end());
  EXPECT_TRUE(parse_ndp_options(many));
  many.insert(many.end(), kMtu.begin(), kMtu.end());
  EXPECT_FALSE(parse_ndp_options(many));
}

// Copies of exactly the given length, so that a sanitizer sees any read past the end; lengths are often right.
TEST(NdpOptions, AnyBytesAreReadWithinTheirEnd) {
  Random random(1);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes any(random.below(64));
    random.fill(any);
    for (std::size_t at = 0; at + 1 < any.size(); at += 8) {
      if (random.chance(0.8)) any[at + 1] = std::byte{1};
    }
    const auto found = parse_ndp_options(any);
    if (!found) continue;
    ++accepted;
    EXPECT_EQ(any.size() % 8, 0U);
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace levee::wire
