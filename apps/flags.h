// levee's flags: their values as options, their help, their print-out.
#pragma once

#include <string>
#include <vector>

#include "levee/endpoint.h"
#include "service/registry.h"

namespace levee::apps {

inline constexpr const char* kVersion = "0.1.0";

enum class Task { Run, CheckConfig, PrintConfig, Help, Version };

struct Settings {
  Task task = Task::Run;
  EndpointOptions endpoint;
  service::Settings services;
};

// Reads argv without the program's name. Throws UsageError.
[[nodiscard]] Settings read_settings(const std::vector<std::string>& words);

// Help for people: what levee is, examples, every flag with its default.
[[nodiscard]] std::string help_text();
// Every flag with the value that holds after read_settings, as a flag file with a comment for each.
[[nodiscard]] std::string print_config();

}  // namespace levee::apps
