// Where levee differs from the model on purpose, and what it does there. The grid and the simulator use the same list:
// a difference without an entry fails, an entry that no cell of the grid needs fails.
#pragma once

#include <span>
#include <string_view>

#include "model/model.h"

namespace levee::model {

struct Exception {
  std::string_view name;
  std::string_view reason;  // with the section of the RFC
  // Whether it speaks of this segment in this state; `predicted` is the model's outcome so far.
  bool (*applies)(const Variables& before, const Segment& segment, const Outcome& predicted);
  // What levee does: changes the outcome.
  void (*levee)(const Variables& before, const Segment& segment, Outcome& outcome);
};

[[nodiscard]] std::span<const Exception> exceptions();

// The model's outcome, changed by the exceptions in their order. `used(index)` is called for each that changed it.
template <typename Used>
[[nodiscard]] Outcome levee_outcome(const Variables& before, const Segment& segment, Used&& used) {
  Outcome outcome = segment_arrives(before, segment);
  const std::span<const Exception> all = exceptions();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].applies(before, segment, outcome)) continue;
    const Outcome unchanged = outcome;
    all[i].levee(before, segment, outcome);
    if (!(outcome == unchanged)) used(i);
  }
  return outcome;
}
[[nodiscard]] inline Outcome levee_outcome(const Variables& before, const Segment& segment) {
  return levee_outcome(before, segment, [](std::size_t) {});
}

}  // namespace levee::model
