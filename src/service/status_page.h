// The live counters as a web page and as JSON. Both are self-contained: no script, no font, no picture from elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "levee/stats.h"

namespace levee::service {

// Appends an HTML page that reloads itself every two seconds: states, connections, and those counters and drops that
// are not zero, each with its sentence.
void write_status_page(std::string& out, const StatsSnapshot& stats, std::string_view version);

// Appends one JSON object on one line. Every state, close cause, counter and drop reason is present, zero or not:
// {"version", "connections": {"live", "opened", "closed"}, "states": {NAME: {"now", "entered"}}, "closed_by": {NAME:
// n}, "counters": {NAME: n}, "drops": {"total": n, "by_reason": {NAME: n}}}.
void write_status_json(std::string& out, const StatsSnapshot& stats, std::string_view version);

// `text` made safe inside HTML text and attributes, and inside a JSON string (RFC 8259 7; quotes not included).
void append_html(std::string& out, std::string_view text);
void append_json(std::string& out, std::string_view text);

}  // namespace levee::service
