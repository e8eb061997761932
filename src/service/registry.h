// The services that come with levee, by the name that `--listen=PORT/NAME` uses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "levee/service.h"

namespace levee::service {

struct Settings {
  std::string http_root;  // directory whose files `http` serves; empty: only the status page
  std::string version;    // shown by `http` in its Server field and on the status page
};

struct Entry {
  std::string_view name;
  ServiceFactory factory;  // callable from any worker, any number of times
};

// What is wrong with the settings, as one sentence that tells the operator what to change; empty if nothing is. Opens
// what `builtin` would open and closes it again.
[[nodiscard]] std::string check(const Settings& settings);

// "http", "echo", "discard", "chargen". The factories keep http_root open; throws std::runtime_error with the sentence
// of `check` where that is not empty.
[[nodiscard]] std::vector<Entry> builtin(const Settings& settings);

}  // namespace levee::service
