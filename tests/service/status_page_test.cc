// The status page and its JSON twin: complete, valid, and safe whatever the texts contain.
#define BOOST_BIND_GLOBAL_PLACEHOLDERS  // property_tree of Boost 1.74 includes a header that warns without it
#include "service/status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/property_tree/json_parser.hpp>
#include <sstream>

namespace levee::service {
namespace {

using boost::property_tree::ptree;
using testing::HasSubstr;
using testing::Not;

StatsSnapshot example() {
  StatsSnapshot stats;
  stats.counters[static_cast<std::size_t>(Counter::Opened)] = 12;
  stats.counters[static_cast<std::size_t>(Counter::Closed)] = 5;
  stats.counters[static_cast<std::size_t>(Counter::BytesAcked)] = 18446744073709551615U;
  stats.drops[static_cast<std::size_t>(Drop::OutOfWindow)] = 3;
  stats.drops[static_cast<std::size_t>(Drop::Paws)] = 4;
  stats.in_state[static_cast<std::size_t>(State::Established)] = 7;
  stats.entered[static_cast<std::size_t>(State::Established)] = 11;
  stats.closed_by[static_cast<std::size_t>(CloseCause::Reset)] = 2;
  return stats;
}

ptree json_of(const StatsSnapshot& stats, std::string_view version) {
  std::string text;
  write_status_json(text, stats, version);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  ptree tree;
  std::istringstream stream(text);
  boost::property_tree::read_json(stream, tree);
  return tree;
}

// The value at a path whose steps are separated by '/'.
std::string at(const ptree& tree, const std::string& path) {
  return tree.get<std::string>(ptree::path_type(path, '/'));
}

TEST(StatusJson, HasEveryFigure) {
  const ptree tree = json_of(example(), "1.2.3");
  EXPECT_EQ(at(tree, "version"), "1.2.3");
  EXPECT_EQ(at(tree, "connections/live"), "7");
  EXPECT_EQ(at(tree, "connections/opened"), "12");
  EXPECT_EQ(at(tree, "connections/closed"), "5");
  EXPECT_EQ(at(tree, "states/ESTABLISHED/now"), "7");
  EXPECT_EQ(at(tree, "states/ESTABLISHED/entered"), "11");
  EXPECT_EQ(at(tree, "states/TIME-WAIT/now"), "0");
  EXPECT_EQ(at(tree, "drops/total"), "7");
  EXPECT_EQ(tree.get_child("states").size(), kStateCount);
  EXPECT_EQ(tree.get_child("counters").size(), kCounterCount);
  EXPECT_EQ(tree.get_child("closed_by").size(), kCloseCauseCount);
  EXPECT_EQ(tree.get_child("drops.by_reason").size(), kDropCount);
  for (std::size_t i = 0; i < kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    EXPECT_EQ(at(tree, "counters/" + std::string(name(counter))), std::to_string(example()[counter]));
  }
  for (std::size_t i = 0; i < kDropCount; ++i) {
    const auto reason = static_cast<Drop>(i);
    EXPECT_EQ(at(tree, "drops/by_reason/" + std::string(name(reason))), std::to_string(example()[reason]));
  }
  EXPECT_EQ(at(tree, "closed_by/" + std::string(name(CloseCause::Reset))), "2");
}

TEST(StatusJson, EscapesText) {
  const std::string odd = "a\"b\\c\n\x01/d";
  EXPECT_EQ(at(json_of({}, odd), "version"), odd);
}

TEST(StatusJson, LiveConnectionsNeverWrapBelowZero) {
  StatsSnapshot stats;
  stats.counters[static_cast<std::size_t>(Counter::Closed)] = 1;  // another shard's opened was read before it counted
  EXPECT_EQ(at(json_of(stats, ""), "connections/live"), "0");
}

TEST(StatusPage, ShowsStatesAndWhatIsNotZero) {
  std::string page;
  write_status_page(page, example(), "1.2.3");
  for (std::size_t i = 0; i < kStateCount; ++i) EXPECT_THAT(page, HasSubstr(std::string(name(static_cast<State>(i)))));
  EXPECT_THAT(page, HasSubstr("<td>ESTABLISHED</td><td class=\"n\">7</td><td class=\"n\">11</td>"));
  EXPECT_THAT(page, HasSubstr("18446744073709551615"));
  std::string sentence;
  append_html(sentence, describe(Drop::OutOfWindow));
  EXPECT_FALSE(sentence.empty());
  EXPECT_THAT(page, HasSubstr(sentence));
  EXPECT_THAT(page, HasSubstr("<td>" + std::string(name(Drop::OutOfWindow)) + "</td><td class=\"n\">3</td>"));
  EXPECT_THAT(page, Not(HasSubstr("<td>" + std::string(name(Drop::BadTcpChecksum)) + "</td>")));
  EXPECT_THAT(page, Not(HasSubstr("<td>" + std::string(name(Counter::InSegs)) + "</td>")));
}

TEST(StatusPage, NeedsNothingFromElsewhere) {
  std::string page;
  write_status_page(page, example(), "1.2.3");
  for (const char* foreign : {"<script", "src=", "http://", "https://", "url(", "@import", "<link"}) {
    EXPECT_THAT(page, Not(HasSubstr(foreign)));
  }
  EXPECT_EQ(page.substr(0, 15), "<!doctype html>");
  EXPECT_THAT(page, HasSubstr("</html>"));
}

TEST(StatusPage, EscapesText) {
  std::string page;
  write_status_page(page, {}, "<b>\"&'");
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;&quot;&amp;&#39;"));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
}

}  // namespace
}  // namespace levee::service
