// Compares what the model predicts with what a shard did.
#pragma once

#include <string>

#include "model/scene.h"

namespace levee::model {

// What differs, in words; empty if nothing does. The ISS of a passive open is the implementation's choice.
[[nodiscard]] std::string differences(const Variables& before, Outcome predicted, const Observation& seen);

}  // namespace levee::model
