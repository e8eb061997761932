// Frames that nobody asked for, of every kind that a flood may be made of, with everything in them drawn at random
// that does not make them another kind.
#pragma once

#include <span>
#include <string_view>

#include "base/random.h"
#include "sim/packet.h"

namespace levee::proof {

struct Kind {
  std::string_view name;
  sim::Bytes (*make)(Random& random);
  bool is_syn = false;  // to a TCP port that listens: may be answered again by itself where state is kept
};

[[nodiscard]] std::span<const Kind> unsolicited_kinds();

}  // namespace levee::proof
