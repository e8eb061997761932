// The large tables' memory: alignment, initial values, what becomes resident, and the pool's bookkeeping.
#include "base/index_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <set>
#include <vector>

#include "base/random.h"

namespace levee {
namespace {

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

TEST(HugeArray, IsValueInitialisedAndAligned) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{600'000}}) {
    HugeArray<std::uint64_t> array(size);
    ASSERT_EQ(array.size(), size);
    EXPECT_EQ(address(array.data()) % (size * 8 >= HugeMemory::kHugePage ? HugeMemory::kHugePage : 64), 0U);
    std::uint64_t sum = 0;
    for (std::uint64_t& value : array) {
      sum |= value;
      value = ~std::uint64_t{0};  // memory that is used again must be cleared again
    }
    EXPECT_EQ(sum, 0U);
  }
}

TEST(HugeArray, MovesWithoutCopying) {
  HugeArray<int> a(10);
  a[3] = 7;
  const int* data = a.data();
  HugeArray<int> b(std::move(a));
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(b[3], 7);
  HugeArray<int> c;
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.size(), 10U);
}

struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
  static inline int alive = 0;
};

TEST(HugeArray, DestroysWhatItHolds) {
  {
    HugeArray<Counted> array(5);
    EXPECT_EQ(Counted::alive, 5);
    HugeArray<Counted> other(std::move(array));
    EXPECT_EQ(Counted::alive, 5);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(IndexPool, GivesEachIndexOnceAndThenNone) {
  IndexPool<int> pool(100);
  std::set<std::uint32_t> taken;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(taken.insert(pool.take()).second);
  EXPECT_EQ(*taken.rbegin(), 99U);
  EXPECT_EQ(pool.take(), kNoIndex);
  EXPECT_EQ(pool.in_use(), 100U);
  pool.put(42);
  EXPECT_FALSE(pool.is_taken(42));
  EXPECT_EQ(pool.in_use(), 99U);
  EXPECT_EQ(pool.take(), 42U);
  EXPECT_EQ(pool.capacity(), 100U);
}

TEST(IndexPool, TakesTheLastOnePutBack) {
  IndexPool<int> pool(8);
  const std::uint32_t a = pool.take();
  const std::uint32_t b = pool.take();
  pool.put(a);
  pool.put(b);
  EXPECT_EQ(pool.take(), b);
  EXPECT_EQ(pool.take(), a);
}

TEST(IndexPool, InitialisesARecordOnceAndLeavesItToItsHoldersThen) {
  IndexPool<int> pool(2);
  const std::uint32_t index = pool.take();
  EXPECT_EQ(pool[index], 0);
  pool[index] = 5;
  pool.put(index);
  ASSERT_EQ(pool.take(), index);
  EXPECT_EQ(pool[index], 5);
}

TEST(IndexPool, DestroysOnlyRecordsThatWereEverTaken) {
  {
    IndexPool<Counted> pool(1000);
    const std::uint32_t first = pool.take();
    static_cast<void>(pool.take());
    pool.put(first);
    EXPECT_EQ(Counted::alive, 2);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(IndexPool, AgreesWithASetOverRandomUse) {
  IndexPool<std::uint32_t> pool(300);
  Random random(1);
  std::vector<std::uint32_t> held;
  for (int step = 0; step < 20'000; ++step) {
    if (random.chance(0.5)) {
      const std::uint32_t index = pool.take();
      ASSERT_EQ(index == kNoIndex, held.size() == 300);
      if (index == kNoIndex) continue;
      pool[index] = index;
      held.push_back(index);
    } else if (!held.empty()) {
      std::swap(held[random.below(held.size())], held.back());
      ASSERT_TRUE(pool.is_taken(held.back()));
      ASSERT_EQ(pool[held.back()], held.back());
      pool.put(held.back());
      ASSERT_FALSE(pool.is_taken(held.back()));
      held.pop_back();
    }
    ASSERT_EQ(pool.in_use(), held.size());
  }
}

// 64 MiB of records, of which one is used: at most the huge page that holds it is resident.
TEST(IndexPool, LeavesUnusedRecordsOutOfMemory) {
  struct Record {
    std::uint64_t words[8];
  };
  constexpr std::uint32_t kRecords = 1 << 20;
  IndexPool<Record> pool(kRecords);
  Record* first = &pool[pool.take()];
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident(kRecords * sizeof(Record) / page);
  ASSERT_EQ(address(first) % page, 0U);
  ASSERT_EQ(::mincore(first, kRecords * sizeof(Record), resident.data()), 0);
  std::size_t bytes = 0;
  for (const unsigned char flags : resident) bytes += (flags & 1) * page;
  EXPECT_GE(bytes, page);
  EXPECT_LE(bytes, HugeMemory::kHugePage);
}

}  // namespace
}  // namespace levee
