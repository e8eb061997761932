// The names of counters and states are an interface: scripts read them, so they follow from the enumerators' own text.
#include "levee/stats.h"

#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace levee {
namespace {

// The enumerators of `enum class NAME` as include/levee/stats.h spells them, in order, without kCount.
std::vector<std::string> enumerators(const std::string& enum_name) {
  std::ifstream header(STATS_HEADER);
  std::vector<std::string> names;
  bool inside = false;
  for (std::string line; std::getline(header, line);) {
    std::istringstream words(line.substr(0, line.find("//")));
    if (line.starts_with("enum class " + enum_name + " ")) {
      inside = true;
    } else if (line.starts_with("};")) {
      inside = false;
    } else if (inside) {
      for (std::string word; std::getline(words >> std::ws, word, ',');) names.push_back(word);
    }
  }
  if (!names.empty() && names.back() == "kCount") names.pop_back();
  return names;
}

std::string snake_case(const std::string& camel_case) {
  std::string result;
  for (const char c : camel_case) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !result.empty()) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

TEST(Stats, DropNamesAreTheEnumeratorsInSnakeCase) {
  const std::vector<std::string> names = enumerators("Drop");
  ASSERT_EQ(names.size(), kDropCount);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(name(static_cast<Drop>(i)), snake_case(names[i]));
  EXPECT_EQ(name(Drop::BadTcpChecksum), "bad_tcp_checksum");
}

TEST(Stats, CounterNamesAreTheEnumerators) {
  const std::vector<std::string> names = enumerators("Counter");
  ASSERT_EQ(names.size(), kCounterCount);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(name(static_cast<Counter>(i)), names[i]);
}

TEST(Stats, EveryFigureHasASentenceOfItsOwn) {
  std::set<std::string_view> sentences;
  const auto check = [&](std::string_view sentence) {
    EXPECT_EQ(sentence.back(), '.') << sentence;
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(sentence.front())) != 0) << sentence;
    EXPECT_TRUE(sentences.insert(sentence).second) << sentence;
  };
  for (std::size_t i = 0; i < kDropCount; ++i) check(describe(static_cast<Drop>(i)));
  for (std::size_t i = 0; i < kCounterCount; ++i) check(describe(static_cast<Counter>(i)));
}

TEST(Stats, StatesAreSpeltAsInTheRfc) {
  EXPECT_EQ(name(State::Closed), "CLOSED");
  EXPECT_EQ(name(State::SynReceived), "SYN-RECEIVED");
  EXPECT_EQ(name(State::FinWait1), "FIN-WAIT-1");
  EXPECT_EQ(name(State::FinWait2), "FIN-WAIT-2");
  EXPECT_EQ(name(State::CloseWait), "CLOSE-WAIT");
  EXPECT_EQ(name(State::Closing), "CLOSING");
  EXPECT_EQ(name(State::LastAck), "LAST-ACK");
  EXPECT_EQ(name(State::TimeWait), "TIME-WAIT");
  EXPECT_EQ(name(CloseCause::Normal), "normal");
  EXPECT_EQ(name(CloseCause::TimedOut), "timed_out");
  EXPECT_EQ(name(CloseCause::NoResource), "no_resource");
}

TEST(Stats, SnapshotHoldsWhatWasCounted) {
  Stats stats;
  stats.count(Drop::Paws);
  stats.count(Drop::TooShort);
  stats.count(Drop::TooShort);
  stats.count(Counter::BytesAcked, 1000);
  stats.count(CloseCause::Reset);
  stats.enter(State::Established);
  stats.enter(State::Established);
  stats.leave(State::Established);
  StatsSnapshot snapshot = stats.snapshot();
  EXPECT_EQ(snapshot[Drop::TooShort], 2U);
  EXPECT_EQ(snapshot.total_drops(), 3U);
  EXPECT_EQ(snapshot[Counter::BytesAcked], 1000U);
  EXPECT_EQ(snapshot.closed_by[static_cast<std::size_t>(CloseCause::Reset)], 1U);
  EXPECT_EQ(snapshot.entered_state(State::Established), 2U);
  EXPECT_EQ(snapshot.now_in(State::Established), 1U);

  snapshot += stats.snapshot();
  EXPECT_EQ(snapshot[Drop::Paws], 2U);
  EXPECT_EQ(snapshot[Counter::BytesAcked], 2000U);
  EXPECT_EQ(snapshot.closed_by[static_cast<std::size_t>(CloseCause::Reset)], 2U);
  EXPECT_EQ(snapshot.entered_state(State::Established), 4U);
  EXPECT_EQ(snapshot.now_in(State::Established), 2U);
}

}  // namespace
}  // namespace levee
