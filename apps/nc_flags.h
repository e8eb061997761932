// levee-nc's command line: its flags, then HOST PORT, or PORT alone with -l.
#pragma once

#include <string>
#include <vector>

#include "apps/flags.h"
#include "levee/endpoint.h"

namespace levee::apps {

// The one service of levee-nc.
inline constexpr const char* kNcService = "nc";

struct NcSettings {
  Task task = Task::Run;
  SocketAddress remote{};  // to connect to; port 0: it listens
  EndpointOptions endpoint;
};

// Reads argv without the program's name. Throws UsageError.
[[nodiscard]] NcSettings read_nc_settings(const std::vector<std::string>& words);

[[nodiscard]] std::string nc_help_text();

}  // namespace levee::apps
