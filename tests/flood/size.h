// How much of a scenario is run: LEVEE_FLOOD_SIZE=full is what the figures are stated for and tests/nightly.sh runs,
// LEVEE_TEST_SIZE=small what a sanitizer can bear, and what lies between takes seconds.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace levee::flood {

[[nodiscard]] inline bool full_size() {
  const char* size = std::getenv("LEVEE_FLOOD_SIZE");
  return size != nullptr && std::string_view(size) == "full";
}

[[nodiscard]] inline std::uint64_t sized(std::uint64_t small, std::uint64_t usual, std::uint64_t full) {
  if (full_size()) return full;
  const char* size = std::getenv("LEVEE_TEST_SIZE");
  return size != nullptr && std::string_view(size) == "small" ? small : usual;
}

}  // namespace levee::flood
