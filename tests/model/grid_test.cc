// The whole of SEGMENT ARRIVES, cell by cell: a real shard against the model and its named exceptions. Beside the grid
// of all states stand two smaller ones for what it leaves out, a closed window and timestamps.
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <string>

#include "model/compare.h"
#include "model/exceptions.h"
#include "model/grid.h"

namespace levee::model {
namespace {

constexpr int kShownPerTest = 10;
static_assert(kStateCount * kCells == 52'800);

// SEG.TSval against TS.Recent, where timestamps were agreed upon.
enum class Stamp : std::uint8_t { Newer, Equal, Older, Missing };
constexpr std::array kStamps = {Stamp::Newer, Stamp::Equal, Stamp::Older, Stamp::Missing};
constexpr std::array kStampNames = {"newer TSval", "equal TSval", "older TSval", "no timestamps"};

struct Variation {
  Scene::Options scene;
  Stamp stamp = Stamp::Missing;
  bool any_ack = true;  // otherwise SEG.ACK = SND.NXT only
};

Segment make_segment(const Cell& one, const Variation& variation, const Variables& before) {
  Segment segment = segment_of(one, before);
  if (variation.stamp == Stamp::Newer) segment.ts_value = before.ts_recent + 1;
  if (variation.stamp == Stamp::Equal) segment.ts_value = before.ts_recent;
  if (variation.stamp == Stamp::Older) segment.ts_value = before.ts_recent - 1;
  return segment;
}

void compare_cells(const Place& place, const Variation& variation) {
  int compared = 0, different = 0;
  for (std::uint32_t number = 0; number < kCells; ++number) {
    const Cell one = cell(number);
    if (!variation.any_ack && one.ack != AckAt::Next) continue;
    Scene scene(place, variation.scene);
    const Variables before = scene.variables();
    ASSERT_EQ(before.state, place.state);
    ASSERT_EQ(before.rcv_wnd == 0, variation.scene.closed_window);
    const Segment segment = make_segment(one, variation, before);
    const Observation seen = scene.receives(segment);
    const std::string wrong = differences(before, levee_outcome(before, segment), seen);
    ++compared;
    if (wrong.empty() || ++different > kShownPerTest) continue;
    ADD_FAILURE() << name(place) << ": " << describe(one) << ", "
                  << kStampNames[static_cast<std::size_t>(variation.stamp)] << "\n  " << wrong << "\n"
                  << scene.transcript();
  }
  EXPECT_EQ(different, 0) << "of " << compared << " cells of " << name(place);
}

class Grid : public testing::TestWithParam<Place> {};

// RFC 9293 3.10.7; MUST-11, MUST-12; RFC 5961 3 to 5 (MAY-12); RFC 1337; RFC 6191 2 (MAY-2); SHLD-31, MAY-13
TEST_P(Grid, EveryCellIsAsTheModelSays) { compare_cells(GetParam(), {}); }

// CVE-2023-52881: SEG.ACK below SND.UNA is below the ISS, too.
TEST(FreshConnection, EveryCellIsAsTheModelSays) { compare_cells({State::Established}, {.scene = {.fresh = true}}); }

class ClosedWindow : public testing::TestWithParam<Place> {};

// RFC 9293 3.10.7.4, MUST-66: with RCV.WND = 0 the ACK, URG and RST of a segment at RCV.NXT still count.
TEST_P(ClosedWindow, EveryCellIsAsTheModelSays) { compare_cells(GetParam(), {.scene = {.closed_window = true}}); }

class WithTimestamps : public testing::TestWithParam<Place> {};

// RFC 7323 3.2, 5.3 (PAWS); RFC 6191 2, SHLD-4
TEST_P(WithTimestamps, EveryCellIsAsTheModelSays) {
  for (const Stamp stamp : kStamps) {
    compare_cells(GetParam(), {.scene = {.timestamps = true}, .stamp = stamp, .any_ack = false});
  }
}

std::string test_name(const testing::TestParamInfo<Place>& info) {
  std::string text;
  for (const char letter : name(info.param)) {
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0) text += letter;
  }
  return text;
}

std::vector<Place> places_from(State first, State last) {
  std::vector<Place> found;
  for (const Place& place : places()) {
    if (place.state >= first && place.state <= last) found.push_back(place);
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(AllStates, Grid, testing::ValuesIn(places()), test_name);
INSTANTIATE_TEST_SUITE_P(StatesThatTakeText, ClosedWindow,
                         testing::ValuesIn(places_from(State::Established, State::FinWait2)), test_name);
INSTANTIATE_TEST_SUITE_P(StatesOf3_10_7_4, WithTimestamps,
                         testing::ValuesIn(places_from(State::SynReceived, State::TimeWait)), test_name);

// MUST-10: the grid has SYN-RECEIVED of both origins as soon as levee has.
TEST(Places, SimultaneousOpenIsAmongThemIfLeveeHasIt) {
  Scene scene({State::SynSent});
  const Variables before = scene.variables();
  Segment syn;
  syn.seq = before.rcv_nxt;
  syn.flags = kSyn;
  const Observation seen = scene.receives(syn);
  EXPECT_EQ(seen.after.state, kSimultaneousOpen ? State::SynReceived : State::SynSent);
}

// An exception that no cell needs speaks of a levee that is gone.
TEST(Exceptions, EachIsNeeded) {
  std::vector<std::uint32_t> cells(exceptions().size());
  const auto count = [&](const Place& place, const Variation& variation) {
    const Variables before = Scene(place, variation.scene).variables();
    for (std::uint32_t number = 0; number < kCells; ++number) {
      const Segment segment = make_segment(cell(number), variation, before);
      static_cast<void>(levee_outcome(before, segment, [&](std::size_t used) { ++cells[used]; }));
    }
  };
  for (const Place& place : places()) count(place, {});
  count({State::Established}, {.scene = {.fresh = true}});
  for (const Place& place : places_from(State::Established, State::FinWait2)) {
    count(place, {.scene = {.closed_window = true}});
  }
  for (const Place& place : places_from(State::SynReceived, State::TimeWait)) {
    for (const Stamp stamp : kStamps) count(place, {.scene = {.timestamps = true}, .stamp = stamp});
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    RecordProperty("exception_" + std::to_string(i), std::to_string(cells[i]));
    EXPECT_GT(cells[i], 0U) << exceptions()[i].name;
  }
}

}  // namespace
}  // namespace levee::model
