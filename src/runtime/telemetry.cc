// Counters as text; see telemetry.h.
#include "runtime/telemetry.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace levee::runtime {

namespace {

double seconds_of(Duration time) { return std::chrono::duration<double>(time).count(); }

// "12.3k", "4.5M": three figures, so that a line keeps its width.
std::string short_figure(double value) {
  constexpr std::string_view kUnits[] = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}{}", value, kUnits[unit]);
}

// Appends `"title":{"name":value,...}` with the values that are not 0.
template <typename Enum>
void append_json(std::string& to, std::string_view title, const auto& values) {
  fmt::format_to(std::back_inserter(to), ",\"{}\":{{", title);
  std::string_view comma;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    fmt::format_to(std::back_inserter(to), "{}\"{}\":{}", comma, name(static_cast<Enum>(i)), values[i]);
    comma = ",";
  }
  to += '}';
}

std::string json_object(Duration elapsed, const StatsSnapshot& now, bool totals) {
  std::string text = fmt::format("{{\"seconds\":{:.3f},\"totals\":{}", seconds_of(elapsed), totals);
  append_json<State>(text, "states", now.in_state);
  append_json<State>(text, "entered", now.entered);
  append_json<Counter>(text, "counters", now.counters);
  append_json<CloseCause>(text, "closed_by", now.closed_by);
  append_json<Drop>(text, "drops", now.drops);
  return text + "}";
}

template <typename Enum>
void append_text(std::string& to, std::string_view title, const auto& values) {
  bool any = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    if (!any) fmt::format_to(std::back_inserter(to), "\n  {}:", title);
    any = true;
    fmt::format_to(std::back_inserter(to), "\n    {:<22} {}", name(static_cast<Enum>(i)), values[i]);
  }
}

}  // namespace

std::string Telemetry::line(Duration elapsed, const StatsSnapshot& now) {
  const double interval = seconds_of(elapsed - last_);
  const auto rate = [&](Counter counter, double factor = 1) {
    const auto difference = static_cast<double>(now[counter] - before_[counter]);
    return short_figure(interval > 0 ? difference * factor / interval : 0);
  };
  std::string text;
  if (json_) {
    text = json_object(elapsed, now, false);
  } else {
    text = fmt::format(
        "{:.0f} s: {} established, {} half-open, {} in TIME-WAIT | in {} frames/s {}bit/s | out {} frames/s {}bit/s | "
        "opened {}/s | retransmitted {} | dropped {}",
        seconds_of(elapsed), now.now_in(State::Established), now.now_in(State::SynReceived),
        now.now_in(State::TimeWait), rate(Counter::FramesReceived), rate(Counter::BytesReceived, 8),
        rate(Counter::FramesSent), rate(Counter::BytesSent, 8), rate(Counter::Opened), now[Counter::RetransSegs],
        now.total_drops());
  }
  last_ = elapsed;
  before_ = now;
  return text;
}

std::string Telemetry::totals(Duration elapsed, const StatsSnapshot& now) const {
  if (json_) return json_object(elapsed, now, true);
  std::string text = fmt::format("totals after {:.1f} s: opened {}, closed {}, dropped {}", seconds_of(elapsed),
                                 now[Counter::Opened], now[Counter::Closed], now.total_drops());
  append_text<State>(text, "entered", now.entered);
  append_text<Counter>(text, "counters", now.counters);
  append_text<CloseCause>(text, "closed by", now.closed_by);
  append_text<Drop>(text, "drops", now.drops);
  return text;
}

}  // namespace levee::runtime
