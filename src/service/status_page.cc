// Only text is written here; which figures exist, their names and their sentences come from levee/stats.h.
#include "service/status_page.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace levee::service {
namespace {

constexpr std::string_view kPageStart = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>levee</title>
<style>
:root { color-scheme: light dark; --line: #8884; --dim: #777; --tile: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h1 small { font-weight: normal; font-size: 1rem; color: var(--dim); }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } p { color: var(--dim); margin: .2rem 0 1.2rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .7rem; margin: 0; }
dl div { background: var(--tile); border-radius: .5rem; padding: .6rem .9rem; }
dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; } tr { border-bottom: 1px solid var(--line); }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; vertical-align: top; }
th { color: var(--dim); font-weight: normal; font-size: .85rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; width: 8rem; }
td.s { color: var(--dim); } td:first-child { width: 14rem; } tr.zero { color: var(--dim); }
</style>
</head>
<body>
)";

constexpr std::string_view kPageEnd = R"(<p>The same as JSON: <a href="/stats.json">/stats.json</a></p>
</body>
</html>
)";

void tile(std::string& out, std::string_view label, std::uint64_t value) {
  fmt::format_to(std::back_inserter(out), "<div><dt>{}</dt><dd>{}</dd></div>\n", label, value);
}

void row(std::string& out, std::string_view label, std::uint64_t value, std::string_view sentence) {
  out += "<tr><td>";
  append_html(out, label);
  fmt::format_to(std::back_inserter(out), "</td><td class=\"n\">{}</td><td class=\"s\">", value);
  append_html(out, sentence);
  out += "</td></tr>\n";
}

void summary(std::string& out, const StatsSnapshot& stats) {
  const std::uint64_t opened = stats[Counter::Opened], closed = stats[Counter::Closed];
  out += "<dl>\n";
  // Shards are read one after the other: for a moment more may have closed than had opened.
  tile(out, "live connections", opened > closed ? opened - closed : 0);
  tile(out, "half-open", stats.now_in(State::SynReceived));
  tile(out, "in TIME-WAIT", stats.now_in(State::TimeWait));
  tile(out, "opened", opened);
  tile(out, "closed", closed);
  tile(out, "frames received", stats[Counter::FramesReceived]);
  tile(out, "frames sent", stats[Counter::FramesSent]);
  tile(out, "frames dropped", stats.total_drops());
  tile(out, "bytes delivered", stats[Counter::BytesDelivered]);
  tile(out, "bytes acknowledged", stats[Counter::BytesAcked]);
  out += "</dl>\n";
}

void states(std::string& out, const StatsSnapshot& stats) {
  out += "<h2>States</h2>\n<table>\n<tr><th>state</th><th class=\"n\">now</th><th class=\"n\">entered</th></tr>\n";
  for (std::size_t i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<State>(i);
    const std::uint64_t now = stats.now_in(state), entered = stats.entered_state(state);
    fmt::format_to(std::back_inserter(out), "<tr{}><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                   now + entered == 0 ? " class=\"zero\"" : "", name(state), now, entered);
  }
  out += "</table>\n";
}

void closes(std::string& out, const StatsSnapshot& stats) {
  out += "<h2>Closed by</h2>\n<table>\n";
  for (std::size_t i = 0; i < kCloseCauseCount; ++i) {
    if (stats.closed_by[i] != 0) row(out, name(static_cast<CloseCause>(i)), stats.closed_by[i], "");
  }
  out += "</table>\n";
}

void drops(std::string& out, const StatsSnapshot& stats) {
  out += "<h2>Drops by reason</h2>\n<table>\n";
  for (std::size_t i = 0; i < kDropCount; ++i) {
    const auto reason = static_cast<Drop>(i);
    if (stats[reason] != 0) row(out, name(reason), stats[reason], describe(reason));
  }
  out += "</table>\n";
}

void counters(std::string& out, const StatsSnapshot& stats) {
  out += "<h2>Counters</h2>\n<table>\n";
  for (std::size_t i = 0; i < kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (stats[counter] != 0) row(out, name(counter), stats[counter], describe(counter));
  }
  out += "</table>\n";
}

// "name":
void key(std::string& out, std::string_view name) {
  out += '"';
  append_json(out, name);
  out += "\":";
}

// "name":value, comma first unless it is the first of its object
void member(std::string& out, bool first, std::string_view name, std::uint64_t value) {
  if (!first) out += ',';
  key(out, name);
  fmt::format_to(std::back_inserter(out), "{}", value);
}

}  // namespace

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

void append_json(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
}

void write_status_page(std::string& out, const StatsSnapshot& stats, std::string_view version) {
  out += kPageStart;
  out += "<h1>levee <small>";
  append_html(out, version);
  out += "</small></h1>\n<p>A TCP endpoint in user space. This page came through it.</p>\n";
  summary(out, stats);
  states(out, stats);
  drops(out, stats);
  closes(out, stats);
  counters(out, stats);
  out += kPageEnd;
}

void write_status_json(std::string& out, const StatsSnapshot& stats, std::string_view version) {
  const std::uint64_t opened = stats[Counter::Opened], closed = stats[Counter::Closed];
  out += '{';
  key(out, "version");
  out += '"';
  append_json(out, version);
  out += "\",";
  key(out, "connections");
  fmt::format_to(std::back_inserter(out), "{{\"live\":{},\"opened\":{},\"closed\":{}}},",
                 opened > closed ? opened - closed : 0, opened, closed);

  key(out, "states");
  out += '{';
  for (std::size_t i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<State>(i);
    if (i > 0) out += ',';
    key(out, name(state));
    fmt::format_to(std::back_inserter(out), "{{\"now\":{},\"entered\":{}}}", stats.now_in(state),
                   stats.entered_state(state));
  }
  out += "},";

  key(out, "closed_by");
  out += '{';
  for (std::size_t i = 0; i < kCloseCauseCount; ++i) {
    member(out, i == 0, name(static_cast<CloseCause>(i)), stats.closed_by[i]);
  }
  out += "},";

  key(out, "counters");
  out += '{';
  for (std::size_t i = 0; i < kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    member(out, i == 0, name(counter), stats[counter]);
  }
  out += "},";

  key(out, "drops");
  fmt::format_to(std::back_inserter(out), "{{\"total\":{},\"by_reason\":{{", stats.total_drops());
  for (std::size_t i = 0; i < kDropCount; ++i) {
    const auto reason = static_cast<Drop>(i);
    member(out, i == 0, name(reason), stats[reason]);
  }
  out += "}}}\n";
}

}  // namespace levee::service
