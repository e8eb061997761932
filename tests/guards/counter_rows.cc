// Prints one line per drop reason and counter: kind, name and sentence, separated by tabs. tests/guards/counters.py
// makes docs/counters.md of them.
#include <cstddef>
#include <cstdio>

#include "levee/stats.h"

namespace {

template <typename Kind>
void print_rows(const char* kind, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = levee::name(static_cast<Kind>(i));
    const auto sentence = levee::describe(static_cast<Kind>(i));
    std::printf("%s\t%.*s\t%.*s\n", kind, static_cast<int>(name.size()), name.data(), static_cast<int>(sentence.size()),
                sentence.data());
  }
}

}  // namespace

int main() {
  print_rows<levee::Drop>("drop", levee::kDropCount);
  print_rows<levee::Counter>("counter", levee::kCounterCount);
  return 0;
}
