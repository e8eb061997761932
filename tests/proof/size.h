// How much is proved in one run: LEVEE_PROOF_SIZE=full is what the issue names and takes minutes; the usual size takes
// seconds; LEVEE_TEST_SIZE=small is for sanitizers.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace levee::proof {

struct Sizes {
  std::uint64_t small, usual, full;
};

[[nodiscard]] inline bool environment_says(const char* variable, std::string_view value) {
  const char* said = std::getenv(variable);
  return said != nullptr && said == value;
}

[[nodiscard]] inline std::uint64_t chosen(Sizes sizes) {
  if (environment_says("LEVEE_PROOF_SIZE", "full")) return sizes.full;
  return environment_says("LEVEE_TEST_SIZE", "small") ? sizes.small : sizes.usual;
}

}  // namespace levee::proof
