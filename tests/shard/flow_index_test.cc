// The flow index against a plain map, and where it is attacked: many flows in one home bucket.
#include "shard/flow_index.h"

#include <gtest/gtest.h>

#include <unordered_map>
#include <vector>

#include "base/random.h"

namespace levee::shard {
namespace {

constexpr std::uint32_t kBucketSlots = 10, kProbedBuckets = 8;
constexpr std::uint32_t kReach = kBucketSlots * kProbedBuckets;  // entries that one home bucket can have at most
constexpr std::uint64_t kFewestBuckets = 16;

FlowRef ref(std::uint32_t index) { return {RecordKind::Connection, index}; }

// Finds the record itself, as a comparison of keys would.
FlowRef find(const FlowIndex& index, std::uint64_t hash, FlowRef wanted) {
  return index.find(hash, [&](FlowRef candidate) { return candidate == wanted; });
}

// How many keys a miss would have to compare.
int comparisons(const FlowIndex& index, std::uint64_t hash) {
  int count = 0;
  static_cast<void>(index.find(hash, [&](FlowRef) { return ++count < 0; }));
  return count;
}

TEST(FlowRef, KeepsKindAndIndex) {
  const FlowRef last(RecordKind::HalfOpen, 0x3fffffff);
  EXPECT_EQ(last.kind(), RecordKind::HalfOpen);
  EXPECT_EQ(last.index(), 0x3fffffffU);
  EXPECT_TRUE(FlowRef(RecordKind::Connection, 0));
  EXPECT_FALSE(FlowRef());
  EXPECT_EQ(FlowRef().kind(), RecordKind::None);
}

TEST(FlowIndex, AgreesWithAMap) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    FlowIndex index(100);
    // Few hashes, so that equal ones and neighbouring homes abound; some of them differ in the tag only.
    std::vector<std::uint64_t> hashes;
    for (int n = 0; n < 24; ++n) hashes.push_back(random.below(kFewestBuckets) | random.below(3) << 48);
    std::unordered_map<std::uint32_t, std::uint64_t> oracle;  // bits of the index -> hash
    std::uint32_t next = 0;
    for (int step = 0; step < 4000; ++step) {
      const std::uint64_t action = random.below(4);
      if (action < 2 || oracle.empty()) {
        const std::uint64_t hash = hashes[random.below(hashes.size())];
        if (index.insert(hash, ref(next))) oracle.emplace(next, hash);
        ++next;
      } else {
        auto victim = oracle.begin();
        std::advance(victim, static_cast<std::ptrdiff_t>(random.below(oracle.size())));
        const auto [known, hash] = std::pair(victim->first, victim->second);
        oracle.erase(victim);
        if (action == 2) {
          index.erase(hash, ref(known));
        } else {
          index.replace(hash, ref(known), ref(next));
          oracle.emplace(next++, hash);
        }
        ASSERT_FALSE(find(index, hash, ref(known)));
      }
      ASSERT_EQ(index.size(), oracle.size());
      if (step % 16 != 0) continue;
      for (const auto& entry : oracle) ASSERT_EQ(find(index, entry.second, ref(entry.first)), ref(entry.first));
    }
    for (const auto& entry : oracle) index.erase(entry.second, ref(entry.first));
    EXPECT_EQ(index.size(), 0U);
    for (const std::uint64_t hash : hashes) EXPECT_EQ(comparisons(index, hash), 0);
  }
}

// Filled to the three quarters that it is sized for, eight probes refuse about one flow in ten thousand.
TEST(FlowIndex, RefusesFewWhenFullToItsSize) {
  constexpr std::uint32_t kRecords = 122860;  // just below a power of two of buckets: nothing is rounded up
  Random random(5);
  FlowIndex index(kRecords);
  std::uint32_t refused = 0;
  for (std::uint32_t n = 0; n < kRecords; ++n) refused += index.insert(random.next(), ref(n)) ? 0 : 1;
  EXPECT_LT(refused, kRecords / 2000);
}

TEST(FlowIndex, OneHomeBucketIsProbedOnlySoFarThenRefused) {
  for (const std::uint64_t home : {std::uint64_t{0}, std::uint64_t{7}, kFewestBuckets - 1}) {  // the last one wraps
    SCOPED_TRACE(home);
    FlowIndex index(100);
    for (std::uint32_t n = 0; n < kReach; ++n) ASSERT_TRUE(index.insert(home, ref(n)));
    EXPECT_FALSE(index.insert(home, ref(kReach)));
    EXPECT_EQ(index.size(), kReach);
    for (std::uint32_t n = 0; n < kReach; ++n) EXPECT_EQ(find(index, home, ref(n)), ref(n));
    EXPECT_FALSE(find(index, home, ref(kReach)));
    // The bucket behind the four is not touched.
    const std::uint64_t behind = (home + kProbedBuckets) % kFewestBuckets;
    for (std::uint32_t n = 0; n < kBucketSlots; ++n) EXPECT_TRUE(index.insert(behind, ref(100 + n)));
    EXPECT_EQ(comparisons(index, behind), static_cast<int>(kBucketSlots));
    // One leaves, one gets in.
    index.erase(home, ref(17));
    EXPECT_TRUE(index.insert(home, ref(kReach)));
    EXPECT_FALSE(index.insert(home, ref(kReach + 1)));
    EXPECT_EQ(find(index, home, ref(kReach)), ref(kReach));
  }
}

// A miss looks into a second bucket only while entries of the home bucket live there, whatever else does.
TEST(FlowIndex, SpilledEntriesAreCounted) {
  constexpr std::uint64_t kHome = kFewestBuckets - 1;
  FlowIndex index(100);
  for (std::uint32_t n = 0; n < kBucketSlots; ++n) ASSERT_TRUE(index.insert(kHome, ref(n)));
  ASSERT_TRUE(index.insert(0, ref(50)));  // the same tag at home in the next bucket
  EXPECT_EQ(comparisons(index, kHome), static_cast<int>(kBucketSlots));
  ASSERT_TRUE(index.insert(kHome, ref(20)));
  ASSERT_TRUE(index.insert(kHome, ref(21)));
  EXPECT_EQ(comparisons(index, kHome), static_cast<int>(kBucketSlots) + 3);
  for (std::uint32_t n = 0; n < kBucketSlots; ++n) index.erase(kHome, ref(n));
  EXPECT_EQ(find(index, kHome, ref(21)), ref(21));  // no tombstone is needed to find it
  index.erase(kHome, ref(21));
  EXPECT_EQ(find(index, kHome, ref(20)), ref(20));
  index.erase(kHome, ref(20));
  EXPECT_EQ(comparisons(index, kHome), 0);
  EXPECT_EQ(find(index, 0, ref(50)), ref(50));
}

TEST(FlowIndex, ReplacingASpilledEntryKeepsItsPlace) {
  FlowIndex index(100);
  for (std::uint32_t n = 0; n <= kBucketSlots; ++n) ASSERT_TRUE(index.insert(3, ref(n)));
  const FlowRef entry(RecordKind::TimeWait, 4);
  index.replace(3, ref(kBucketSlots), entry);
  EXPECT_EQ(find(index, 3, entry), entry);
  EXPECT_EQ(index.size(), kBucketSlots + 1);
  index.erase(3, entry);
  EXPECT_EQ(comparisons(index, 3), static_cast<int>(kBucketSlots));
}

TEST(FlowIndex, TagsSaveComparisons) {
  FlowIndex index(100);
  ASSERT_TRUE(index.insert(5 | std::uint64_t{1} << 48, ref(1)));
  ASSERT_TRUE(index.insert(5 | std::uint64_t{2} << 48, ref(2)));
  EXPECT_EQ(comparisons(index, 5 | std::uint64_t{1} << 48), 1);
  EXPECT_EQ(comparisons(index, 5 | std::uint64_t{3} << 48), 0);
}

}  // namespace
}  // namespace levee::shard
