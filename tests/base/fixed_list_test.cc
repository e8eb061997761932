// The list of fixed capacity: what goes in comes out in order, at the same place, until it is cleared.
#include "base/fixed_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace levee {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int> contents(const FixedList<int>& list) { return {list.elements().begin(), list.elements().end()}; }

TEST(FixedList, BeginsEmpty) {
  const FixedList<int> list(3);
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.full());
  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(list.capacity(), 3U);
  EXPECT_THAT(contents(list), IsEmpty());
}

TEST(FixedList, KeepsTheOrderOfWhateverWayElementsCome) {
  FixedList<int> list(6);
  list.push_back(1);
  list.append(std::array{2, 3});
  int* const free = list.free();
  free[0] = 4;
  free[1] = 5;
  EXPECT_EQ(list.size(), 3U);  // not before filled() says so
  list.filled(2);
  list.push_back(6);
  EXPECT_THAT(contents(list), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(list.full());
}

TEST(FixedList, NothingMoves) {
  FixedList<int> list(100);
  list.push_back(0);
  const int* const first = list.elements().data();
  for (int i = 1; i < 100; ++i) list.push_back(i);
  EXPECT_EQ(list.elements().data(), first);
  EXPECT_EQ(list.elements().back(), 99);
}

TEST(FixedList, ClearedItIsFilledAnew) {
  FixedList<int> list(2);
  for (int round = 0; round < 3; ++round) {
    list.append(std::array{round, round + 1});
    EXPECT_TRUE(list.full());
    EXPECT_THAT(contents(list), ElementsAre(round, round + 1));
    list.clear();
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.capacity(), 2U);
  }
}

TEST(FixedList, NothingMayBeAppendedToAFullOne) {
  FixedList<int> list(1);
  list.push_back(1);
  list.append({});
  list.filled(0);
  EXPECT_THAT(contents(list), ElementsAre(1));
}

}  // namespace
}  // namespace levee
