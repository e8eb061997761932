// CHECK stops the program and says what did not hold.
#include "base/check.h"

#include <gtest/gtest.h>

namespace {

TEST(Check, PassesWhatHoldsAndEvaluatesItOnce) {
  int evaluations = 0;
  CHECK(++evaluations > 0);
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckDeathTest, NamesTheExpressionAndThePlace) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "check_test.cc:[0-9]+: 1 \\+ 1 == 3 does not hold");
}

}  // namespace
